"""What a drawing keeps of many points."""

from __future__ import annotations

import math
import random
from array import array
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.read import thinning
from tracker.read.thinning import PER_COLUMN, Window, smooth, thin_line

VALUES = st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), min_size=1, max_size=300)


@given(ys=VALUES, columns=st.integers(1, 20), seed=st.integers(0, 1000))
def test_no_spike_is_lost(ys: list[float], columns: int, seed: int) -> None:
    """In every column of pixels the lowest and the highest recorded value are drawn."""
    gaps = random.Random(seed)
    xs = list(accumulate((float(gaps.randint(0, 3)) for _ in ys[1:]), initial=0.0))
    kept = thin_line(xs, ys, Window(columns))

    assert kept == sorted(set(kept))
    assert len(kept) <= PER_COLUMN * columns or len(kept) == len(ys)
    borders = [xs[-1] * (number / columns) for number in range(columns)]
    for low, high in pairwise([*borders, math.inf]):
        drawn = [ys[i] for i in kept if low <= xs[i] < high]
        finite = [y for x, y in zip(xs, ys, strict=True) if low <= x < high and math.isfinite(y)]
        if finite and xs[-1] > 0:
            assert min(finite) in drawn
            assert max(finite) in drawn


@given(ys=VALUES)
def test_numpy_finds_the_same_points(ys: list[float]) -> None:
    pytest.importorskip("numpy")
    doubles = array("d", ys)
    fast = thinning._numpy_extremes(doubles)
    assert fast is not None

    assert fast(doubles, 0, len(ys)) == thinning._extremes(doubles, 0, len(ys))


def test_one_spike_among_a_million_is_kept() -> None:
    xs, ys = array("d", map(float, range(1_000_000))), array("d", [0.0]) * 1_000_000
    ys[654_321] = 5.0

    kept = thin_line(xs, ys, Window(100))

    assert 654_321 in kept
    assert len(kept) <= 400


def test_a_range_keeps_one_point_beyond_each_end() -> None:
    xs = [float(x) for x in range(100)]

    assert thin_line(xs, xs, Window(50, low=10.5, high=20.5)) == list(range(10, 22))
    assert thin_line(xs, xs, Window(50, low=200, high=300)) == [99]


def test_an_axis_that_goes_back_is_drawn_in_the_order_of_logging() -> None:
    xs = [float(x % 10) for x in range(1000)]
    kept = thin_line(xs, xs, Window(20, low=2, high=3))

    assert kept[0] == 0
    assert kept[-1] == 999
    assert kept == sorted(kept)


def test_columns_of_a_logarithmic_axis_are_equally_wide_there() -> None:
    xs = [float(x) for x in range(100_000)]
    kept = thin_line(xs, xs, Window(50, log=True))

    per_decade = [sum(low <= i < high for i in kept) for low, high in pairwise([100, 1000, 10_000, 100_000])]
    assert max(per_decade) <= 2 * min(per_decade)


@given(ys=VALUES, weight=st.floats(0.01, 0.99))
def test_smoothing_stays_between_what_was_logged(ys: list[float], weight: float) -> None:
    seen: list[float] = []
    for value, found in zip(ys, smooth(ys, weight), strict=True):
        seen += [value] if math.isfinite(value) else []
        if seen:
            room = 1e-6 * max(map(abs, seen)) + 1e-300
            assert min(seen) - room <= found <= max(seen) + room
        else:
            assert math.isnan(found)


def test_smoothing_begins_with_the_first_value() -> None:
    assert smooth([4.0, 4.0, 4.0], 0.9)[0] == pytest.approx(4.0)
    assert list(smooth([1.0, 2.0], 0)) == [1.0, 2.0]
