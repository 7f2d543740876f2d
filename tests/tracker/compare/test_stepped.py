"""Histories that are compared some rows at a time."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracker.storage.build import layout, row, write
from tracker.compare.metrics import compare_rows
from tracker.compare.stepped import RunRows
from tracker.storage import long_segment
from tracker.storage.history import read_rows
from vcs.layout import RunLayout

ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.dictionaries(st.sampled_from("abc"), st.floats(-2, 2), min_size=1)),
    max_size=8,
)


def written(folder: str, name: str, rows: list[tuple[int, dict[str, Any]]]) -> RunLayout:
    run = layout(Path(folder), name)
    write(run, 0, [row(step, **values) for step, values in rows])
    return run


@given(old=ROWS, new=ROWS, whole=st.booleans(), piece_bytes=st.integers(1, 200))
@settings(deadline=None)
def test_it_is_as_if_all_rows_were_in_memory(old: Any, new: Any, whole: bool, piece_bytes: int) -> None:
    """Also of runs that logged to earlier steps."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        runs = [written(folder, name, rows) for name, rows in (("old", old), ("new", new))]
        in_memory = compare_rows(read_rows(runs[0]), read_rows(runs[1]), old_is_whole=whole)
        patch.setattr(long_segment, "LONG_BYTES", 0)
        patch.setattr(long_segment, "_PIECE_BYTES", piece_bytes)
        older, newer = map(RunRows, runs)

        assert compare_rows(older, newer, old_is_whole=whole) == in_memory
        assert older.last_step == max((step for step, _ in old), default=None)
        assert set(newer.logged()) == {key for _, values in new for key in values}


def test_who_checks_can_end_it(tmp_path: Path) -> None:
    run = written(str(tmp_path), "run", [(0, {"a": 1.0})])
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise KeyError("enough")

    rows = RunRows(run, check)
    with pytest.raises(KeyError, match="enough"):
        list(rows)
