"""How the files of a history segment are called: `0-0.jsonl` while it grows, `0-0.columns` for good."""

from __future__ import annotations

from pathlib import Path

LINES, COLUMNS = ".jsonl", ".columns"


def columns_beside(lines: Path) -> Path:
    """Return where the compacted form of a file of lines lies."""
    return lines.with_name(lines.name.removesuffix(LINES) + COLUMNS)


def session_of(path: Path, written: int) -> int:
    """Return the session of a segment, whose header says `written`.

    The name counts where it has a number: a merge with another clone, in which the run went
    on as well, may have given the session a new one.
    """
    number = path.name.partition("-")[0]
    return int(number) if number.isdecimal() else written
