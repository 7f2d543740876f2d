"""How the files of a history segment are called: `0-0.jsonl` while it grows, `0-0.columns` for good."""

from __future__ import annotations

from pathlib import Path

LINES, COLUMNS = ".jsonl", ".columns"


def columns_beside(lines: Path) -> Path:
    """Return where the compacted form of a file of lines lies."""
    return lines.with_name(lines.name.removesuffix(LINES) + COLUMNS)
