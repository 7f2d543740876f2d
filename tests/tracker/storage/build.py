"""Segments written by the real encoder, for tests that read them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tracker.storage.journal import Header, RewindMark, RichRow, SegmentEncoder, SetMark, UnsetMark
from tracker.values.scalars import flatten
from vcs.layout import RunLayout

START = 1_700_000_000.0


def layout(tmp_path: Path, run_id: str = "run1") -> RunLayout:
    """The files of a run in a temporary folder."""
    return RunLayout(tmp_path / "runs" / "p" / run_id)


def row(step: int, at_s: float = 0.0, **values: Any) -> RichRow:
    """A row `at_s` seconds after the start."""
    return RichRow(step, START + at_s, flatten(values))


def set_(at_s: float = 0.0, **values: Any) -> SetMark:
    """An explicit change of the summary."""
    return SetMark(values, START + at_s)


def unset(*keys: str) -> UnsetMark:
    """A removal from the summary."""
    return UnsetMark(keys, START)


def rewind(step: int) -> RewindMark:
    """Taking back the rows from `step` on."""
    return RewindMark(step, START)


def write(
    run: RunLayout,
    session: int,
    items: Iterable[Any],
    *,
    from_step: int = 0,
    rank: str = "0",
    start: float = START,
) -> Path:
    """Write a whole segment and return its path."""
    header = Header(run=run.folder.name, session=session, rank=rank, start=start, from_step=from_step)
    encoder = SegmentEncoder(header)
    path = run.history_segment(session, rank)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoder.head() + encoder.encode(items))
    return path


def steps(rows: Iterable[dict[str, Any]]) -> list[int]:
    """The steps of rows, in order."""
    return [found["_step"] for found in rows]
