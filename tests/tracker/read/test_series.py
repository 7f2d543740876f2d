"""Points of a run that are kept in memory while it is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tracker.storage.build import START, row
from tracker.read.series import RunSeries
from tracker.storage.history import read_columns
from tracker.storage.journal import Header, RewindMark, RichRow, SegmentEncoder
from vcs.layout import RunLayout

Write = Callable[..., None]


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    return RunLayout(tmp_path / "run")


@pytest.fixture
def write(run: RunLayout) -> Write:
    """Append rows, or marks, to a session of the run."""
    encoders: dict[int, SegmentEncoder] = {}

    def append(items: list[Any], session: int = 0, from_step: int = 0) -> None:
        path = run.history_segment(session, "0")
        path.parent.mkdir(parents=True, exist_ok=True)
        head = b""
        if session not in encoders:
            encoders[session] = SegmentEncoder(
                Header(run="run", session=session, start=START + 100 * session, from_step=from_step)
            )
            head = encoders[session].head()
        with path.open("ab") as stream:
            stream.write(head + encoders[session].encode(items))

    return append


def rows(first: int, after: int, **values: Any) -> list[RichRow]:
    return [row(step, step, loss=step / 2, **values) for step in range(first, after)]


def as_read(run: RunLayout, key: str, x: str = "_step") -> tuple[list[float], list[float]]:
    columns = read_columns(run, dict.fromkeys([x, key]), complete=True)
    return columns[x], columns[key]


def check(series: RunSeries, run: RunLayout, key: str = "loss", x: str = "_step") -> None:
    found = series.points(key, x)
    assert (list(found.xs), list(found.ys)) == as_read(run, key, x)


@pytest.mark.parametrize("x", ["_step", "_runtime", "_timestamp", "epoch"])
def test_what_was_added_since_is_found(run: RunLayout, write: Write, x: str) -> None:
    series = RunSeries(run)
    write(rows(0, 5, epoch=0))
    check(series, run, x=x)
    for first in range(5, 50, 7):
        write(rows(first, first + 7, epoch=first))
        check(series, run, x=x)


def test_a_key_that_comes_later_is_found(run: RunLayout, write: Write) -> None:
    series = RunSeries(run)
    write(rows(0, 5))
    assert series.keys() == ["loss"]
    write(rows(5, 9, acc=0.5))

    assert series.keys() == ["loss", "acc"]
    check(series, run, "acc")
    check(series, run, "loss")


def test_half_a_line_is_no_point(run: RunLayout, write: Write) -> None:
    series = RunSeries(run)
    write(rows(0, 5))
    check(series, run)
    path = run.history_segment(0, "0")
    whole = path.read_bytes()
    line = whole.splitlines(keepends=True)[-1]
    for cut in range(1, len(line)):
        path.write_bytes(whole + line[:cut])
        assert len(series.points("loss").ys) == 5
    path.write_bytes(whole + line)
    assert len(series.points("loss").ys) == 6


def test_rows_that_were_taken_back_go(run: RunLayout, write: Write) -> None:
    series = RunSeries(run)
    write(rows(0, 10))
    check(series, run)
    write([RewindMark(4, START + 10), *rows(4, 6)])
    check(series, run)
    assert list(series.points("loss").xs) == [0, 1, 2, 3, 4, 5]
    write(rows(6, 9))
    check(series, run)


def test_a_new_session_is_told_apart(run: RunLayout, write: Write) -> None:
    series = RunSeries(run)
    write(rows(0, 10))
    check(series, run)
    write(rows(7, 12), session=1, from_step=7)
    check(series, run)
    found = series.points("loss")

    assert found.starts == [(7, 1)]
    assert found.ordered


def test_values_that_are_no_numbers_are_counted(run: RunLayout, write: Write) -> None:
    series = RunSeries(run)
    write(rows(0, 3))
    write([row(3, 3, loss="a text"), row(4, 4, loss=True), row(5, 5, loss=None)])
    found = series.points("loss")

    assert list(found.ys) == [0, 0.5, 1, 1]
    assert found.others == 2


def test_what_was_given_out_does_not_change(run: RunLayout, write: Write) -> None:
    series = RunSeries(run)
    write(rows(0, 3))
    before = series.points("loss")
    write(rows(3, 9))
    series.points("loss")

    assert len(before.ys) == 3
    assert before.high == 2


def test_a_damaged_line_leaves_the_rest(run: RunLayout, write: Write) -> None:
    series = RunSeries(run)
    write(rows(0, 3))
    check(series, run)
    with run.history_segment(0, "0").open("ab") as stream:
        stream.write(b"[0,nonsense\n")
    write(rows(3, 6))

    assert len(series.points("loss").ys) == 6
    assert len(series.damaged) == 1
