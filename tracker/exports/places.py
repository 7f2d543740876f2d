"""Where exported runs lie, and what of them was left out."""

from __future__ import annotations

from collections import Counter

from tracker.read.run_view import RunView


class LeftOut:
    """What a format has no place for, each said once."""

    def __init__(self) -> None:
        self._found: Counter[str] = Counter()

    def add(self, what: str) -> None:
        """Remark that something was left out."""
        self._found[what] += 1

    def lines(self) -> list[str]:
        """Return each remark, with how often it was made."""
        return [text if n == 1 else f"{text} ({n} times)" for text, n in self._found.items()]


def folder_of(run: RunView) -> str:
    """Return the name of a run's folder: what people call it, and its id, since names are not unique."""
    name = "".join(ch if ch.isalnum() or ch in "-_." else "_" for ch in run.name).strip(".")
    return run.id if name in ("", run.id) else f"{name[:80]}-{run.id}"
