"""Lines on a terminal that are drawn again in place; piped, only what has changed is printed."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

import click


class LiveLines:
    """Draws a table that changes, on stdout."""

    def __init__(self) -> None:
        self._drawn = 0
        self._last: list[str] = []

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines in place of those shown before.

        What does not fit on the terminal is left out at the end: lines that have scrolled
        away cannot be drawn again.
        """
        if not sys.stdout.isatty():
            fresh = [line for line in lines if line not in self._last]
            self._last = list(lines)
            for line in fresh:
                click.echo(line)
            return
        room = max(2, shutil.get_terminal_size().lines - 1)
        shown = list(lines) if len(lines) <= room else [*lines[: room - 1], f"… {len(lines) - room + 1} more"]
        back = f"\x1b[{self._drawn}F\x1b[J" if self._drawn else ""
        click.echo(back + "\n".join(shown))
        self._drawn = len(shown)
