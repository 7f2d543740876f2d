"""What is kept of a long curve shows all of it that can be seen."""

from __future__ import annotations

import math
import random
from array import array
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.read.sketch import BUCKET, Sketch, thin_points
from tracker.read.thinning import Window, thin_line

numpy = pytest.importorskip("numpy")

VALUES = st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), min_size=1, max_size=300)


def axis(count: int, seed: int) -> Any:
    gaps = random.Random(seed)
    return numpy.array(list(accumulate((float(gaps.randint(0, 3)) for _ in range(count - 1)), initial=0.0)))


@given(
    ys=VALUES,
    columns=st.integers(1, 20),
    seed=st.integers(0, 1000),
    ends=st.tuples(st.integers(-10, 700), st.integers(-10, 700)) | st.none(),
    log=st.booleans(),
)
def test_all_at_once_the_same_points_are_chosen(
    ys: list[float], columns: int, seed: int, ends: tuple[int, int] | None, log: bool
) -> None:
    xs = axis(len(ys), seed)
    low, high = sorted(ends) if ends else (None, None)
    window = Window(columns, low, high, log)

    assert thin_points(xs, numpy.array(ys), window).tolist() == thin_line(xs.tolist(), array("d", ys), window)


@settings(max_examples=30)
@given(
    parts=st.lists(st.integers(1, 3000), min_size=1, max_size=6),
    columns=st.integers(1, 30),
    seed=st.integers(0, 1000),
    is_noisy=st.booleans(),
)
def test_a_sketch_loses_no_spike(parts: list[int], columns: int, seed: int, is_noisy: bool) -> None:
    """Each is drawn where it is or a column beside it."""
    generator = numpy.random.default_rng(seed)
    xs = numpy.cumsum(generator.integers(0, 3, sum(parts))).astype("f8")
    ys = generator.standard_cauchy(sum(parts)) if is_noisy else numpy.sin(xs / 500)
    ys[generator.random(len(ys)) < 0.01] = math.nan
    sketch = Sketch()
    for part in numpy.split(numpy.arange(sum(parts)), numpy.cumsum(parts)[:-1]):
        sketch.add(xs[part], ys[part])
    found = sketch.thin(Window(columns))
    if found is None:
        return

    assert sketch.count == sum(parts)
    recorded = set(zip(xs.tolist(), ys.tolist(), strict=True))
    drawn = list(zip(*(one.tolist() for one in found), strict=True))
    assert all(point in recorded or math.isnan(point[1]) for point in drawn)
    assert list(found[0]) == sorted(found[0])
    width = (xs[-1] - xs[0]) / columns
    for column in range(columns):
        left = xs[0] + width * column
        there = ys[(xs >= left) & (xs < left + width) & numpy.isfinite(ys)]
        near = found[1][(found[0] >= left - width) & (found[0] <= left + 2 * width)]
        if len(there):
            assert numpy.nanmax(near) >= there.max()
            assert numpy.nanmin(near) <= there.min()


def test_a_view_of_few_buckets_is_left_to_the_points() -> None:
    xs = numpy.arange(100_000, dtype="f8")
    sketch = Sketch()
    sketch.add(xs, xs)

    assert sketch.thin(Window(100)) is not None
    assert sketch.thin(Window(100, low=500, high=500 + 50 * BUCKET)) is None
    assert sketch.thin(Window(100, log=True)) is None


def test_a_bucket_that_is_wider_than_a_column_is_left_to_the_points() -> None:
    """After a pause of a week a curve would lose its shape on both sides of it."""
    xs = numpy.arange(100_000, dtype="f8")
    xs[50_000:] += 1e6
    sketch = Sketch()
    sketch.add(xs, xs)

    assert sketch.thin(Window(100)) is None


def test_what_was_sketched_does_not_change_when_more_is_added() -> None:
    xs = numpy.arange(100_000, dtype="f8")
    before = Sketch()
    before.add(xs[:50_000], xs[:50_000])
    after = before.grown(xs[50_000:], xs[50_000:])

    assert (before.count, after.count) == (50_000, 100_000)
    assert before.xs[-1] == 49_999
    assert after.thin(Window(10))[0][-1] == 99_999
