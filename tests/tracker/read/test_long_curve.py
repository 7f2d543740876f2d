"""Curves of long histories: drawn from a sketch, or from what is read again, the same points."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tracker.storage.build import layout, rewind, row, write
from tests.tracker.storage.columns import compacted
from tracker.read import long_curve
from tracker.read.drawing import drawing_of
from tracker.read.series import RunSeries
from tracker.read.thinning import Window, smooth
from tracker.storage.journal import RichRow
from vcs.layout import RunLayout

pytest.importorskip("numpy")

PLACES = [None, (0.0, 1e9), (1000.0, 1500.0), (2990.0, 3005.0), (1234.5, 1234.6), (-9.0, -1.0), (9e9, 1e10)]


@pytest.fixture(autouse=True)
def _short_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_curve, "LONG_ROWS", 1000)


def rows(first: int, after: int, seed: int = 0) -> Iterator[RichRow]:
    generator = random.Random(seed)
    for step in range(first, after):
        more: dict[str, Any] = {"acc": step} if step % 10 == 0 else {}
        if step % 500 == 7:
            more["loss"] = "a text"
        yield row(step, step / 100, **{"loss": generator.gauss(0, 1), **more})


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """Two compacted sessions, the second of which takes something back, and one of lines."""
    run = layout(tmp_path)
    compacted(write(run, 0, rows(0, 3000)), block_lines=700)
    taken_back = [*rows(2900, 3500, 1), rewind(3400), *rows(3400, 5000, 2)]
    compacted(write(run, 1, taken_back, from_step=2900), block_lines=700)
    write(run, 2, rows(5000, 5100, 3), from_step=5000)
    return run


@pytest.mark.parametrize("x", ["_step", "_runtime", "_timestamp", "acc"])
@pytest.mark.parametrize("key", ["loss", "acc", "_step"])
def test_what_is_read_again_is_what_is_recorded(run: RunLayout, key: str, x: str) -> None:
    series = RunSeries(run)
    points = RunSeries(run).points(key, x)
    for place in PLACES:
        low, high = place or (None, None)
        if place and x == "_timestamp":
            low, high = place[0] / 100 + points.low, place[1] / 100 + points.low
        window = Window(5000, low, high)
        found, wanted = series.drawn(key, x, window), drawing_of(points, window)

        assert found == wanted
    assert not series._series


def test_a_view_of_all_has_the_extremes(run: RunLayout) -> None:
    points = RunSeries(run).points("loss")
    found = RunSeries(run).drawn("loss", "_step", Window(10))

    assert (min(found.ys), max(found.ys)) == (min(points.ys), max(points.ys))
    assert found.total == len(points.ys)
    assert len(found.ys) <= 60
    assert not found.exact
    assert [number for _, number in found.starts] == [1, 2]


def test_what_is_logged_meanwhile_is_drawn(run: RunLayout) -> None:
    series = RunSeries(run)
    before = series.drawn("loss", "_step", Window(10))
    lines = run.history_segment(2, "0")
    with lines.open("ab") as stream:
        stream.write(b"[1,5100,9999999,99.0]\n")
    after = series.drawn("loss", "_step", Window(10))

    assert after.total == before.total + 1
    assert max(after.ys) == 99
    assert max(before.ys) < 99


def test_a_smooth_curve_is_made_of_all_points(run: RunLayout) -> None:
    points = RunSeries(run).points("loss")
    window = Window(100, 2000, 2100)
    wanted = drawing_of(points, window, smooth(points.ys, 0.9))

    assert RunSeries(run).drawn("loss", "_step", window, 0.9) == wanted


def test_rows_taken_back_later_go(run: RunLayout) -> None:
    series = RunSeries(run)
    assert max(series.drawn("loss", "_step", Window(10)).xs) == 5099
    write(run, 3, rows(4000, 4001), from_step=4000)

    found = series.drawn("loss", "_step", Window(10))
    assert max(found.xs) == 4000
    assert found.total == len(RunSeries(run).points("loss").ys)


def test_an_axis_that_goes_back_is_drawn_in_the_order_of_logging(tmp_path: Path) -> None:
    run = layout(tmp_path)
    compacted(write(run, 0, (row(step, step, loss=step, angle=step % 360) for step in range(5000))))
    found = RunSeries(run).drawn("loss", "angle", Window(10, 5, 6))

    assert not found.ordered
    assert list(found.ys) == sorted(found.ys)
    assert (found.ys[0], found.ys[-1]) == (0, 4999)
