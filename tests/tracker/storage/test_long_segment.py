"""Files of lines that are read in pieces."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tracker.storage.build import layout, row, steps, write
from tests.tracker.storage.columns import compacted
from tracker.storage import long_segment
from tracker.storage.history import keys_of
from tracker.storage.long_segment import LongSegment
from tracker.storage.row_stream import RowStream
from vcs.errors import FormatError


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is long, and a piece is two lines."""
    monkeypatch.setattr(long_segment, "LONG_BYTES", 0)
    monkeypatch.setattr(long_segment, "_PIECE_BYTES", 30)


def test_the_rows_are_those_of_the_moment_when_it_was_looked_through(tmp_path: Path) -> None:
    """Also when more is written, and the lines are compacted and removed, in between."""
    path = write(layout(tmp_path), 0, [row(step, loss=0.5) for step in range(9)])
    segment = LongSegment(path, strict=True)
    with path.open("ab") as stream:
        stream.write(b"[0,9,0,1.5]\n[0,1")
    compacted(path)
    assert not path.exists()

    assert segment.count == 9
    assert [step for piece in segment.split() for step in piece.steps] == list(range(9))


def test_a_damaged_line_is_named_by_its_number_in_the_file(tmp_path: Path) -> None:
    run = layout(tmp_path)
    path = write(run, 0, [row(step, loss=0.5) for step in range(9)])
    lines = path.read_bytes().splitlines(keepends=True)
    lines[7] = b"[0,nonsense]\n"
    path.write_bytes(b"".join(lines))

    with pytest.raises(FormatError, match="line 8"):
        list(RowStream(run).rows())
    damaged: list[long_segment.Damage] = []
    assert keys_of(run, damaged=damaged) == ["loss"]
    assert [damage.line for damage in damaged] == [8]


def test_a_torn_last_line_is_not_there(tmp_path: Path) -> None:
    run = layout(tmp_path)
    path = write(run, 0, [row(step, loss=0.5) for step in range(4)])
    path.write_bytes(path.read_bytes()[:-3])

    assert steps([row for rows in RowStream(run).rows() for row in rows]) == [0, 1, 2]


def test_who_checks_can_end_it(tmp_path: Path) -> None:
    run = layout(tmp_path)
    write(run, 0, [row(step, loss=0.5) for step in range(9)])

    def stop() -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        list(RowStream(run).rows(check=stop))
