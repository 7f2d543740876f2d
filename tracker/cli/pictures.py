"""Curves on a terminal: how wide, with which characters, in color or not."""

from __future__ import annotations

import shutil
import sys

from tracker.draw.terminal import Screen

# What a pipe gets; people read it in a terminal, a log or a mail.
_PIPED = 80


def screen_of(rows: int = 8) -> Screen:
    """Return what standard output can show. Piped output is plain and 80 columns wide."""
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size((_PIPED, 24)).columns if terminal else _PIPED
    return Screen(width=max(20, width), rows=rows, color=terminal, braille=_has_braille())


def _has_braille() -> bool:
    try:
        "⣿│└─".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
