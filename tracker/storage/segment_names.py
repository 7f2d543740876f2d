"""How the files of a history segment are called: `0-0.jsonl` while it grows, `0-0.columns` for good."""

from __future__ import annotations

from pathlib import Path

LINES, COLUMNS = ".jsonl", ".columns"


def columns_beside(lines: Path) -> Path:
    """Return where the compacted form of a file of lines lies."""
    return lines.with_name(lines.name.removesuffix(LINES) + COLUMNS)


def ranks_in(folder: Path) -> list[str]:
    """Return the ranks that have segments in a folder of history, in order; none if it is missing."""
    try:
        names = [path.name for path in folder.iterdir() if path.name.endswith((LINES, COLUMNS))]
    except (FileNotFoundError, NotADirectoryError):
        return []
    ranks = {name.partition("-")[2].rpartition(".")[0] for name in names}
    return sorted((rank for rank in ranks if rank.isdecimal()), key=int)


def session_of(path: Path, written: int) -> int:
    """Return the session of a segment, whose header says `written`.

    The name counts where it has a number: a merge with another clone, in which the run went
    on as well, may have given the session a new one.
    """
    number = path.name.partition("-")[0]
    return int(number) if number.isdecimal() else written
