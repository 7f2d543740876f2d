"""The mean of several runs, and the range in which they lie."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable

import pytest

from tracker.read.bands import Source, band_of
from tracker.read.points import Series


def series(points: Iterable[tuple[float, float]]) -> Source:
    pairs = list(points)
    xs = array("d", [x for x, _ in pairs])
    return lambda: Series(xs, array("d", [y for _, y in pairs]), low=min(xs), high=max(xs))


def test_runs_with_the_same_steps_are_averaged_step_by_step() -> None:
    band = band_of([series((x, x) for x in range(5)), series((x, 3 * x) for x in range(5))], 100)

    assert list(band.xs) == [0, 1, 2, 3, 4]
    assert list(band.means) == [0, 2, 4, 6, 8]
    assert list(band.lows) == [0, 1, 2, 3, 4]
    assert list(band.highs) == [0, 3, 6, 9, 12]


def test_a_run_that_ended_counts_no_further() -> None:
    band = band_of([series((x, 1) for x in range(4)), series((x, 3) for x in range(2))], 100)

    assert list(band.means) == [2, 2, 1, 1]


def test_many_points_are_averaged_in_columns_and_no_spike_is_lost() -> None:
    long = series((x, 100.0 if x == 777 else 0.0) for x in range(1000))
    band = band_of([long, series((x, 2.0) for x in range(1000))], 10)

    assert len(band.xs) == 10
    assert max(band.highs) == 100
    assert band.means[7] == pytest.approx((1 + 2) / 2)
    assert set(band.lows) == {0}


def test_what_is_no_number_is_left_out() -> None:
    band = band_of([series([(0, 1), (1, math.nan), (2, 1)]), series([(0, 3), (1, 5), (2, math.inf)])], 10)

    assert list(band.means) == [2, 5, 1]


def test_a_part_of_the_range() -> None:
    band = band_of([series((x, x) for x in range(100))], 20, low=10, high=14)

    assert list(band.xs) == [10, 11, 12, 13, 14]


def test_no_points_make_no_band() -> None:
    assert list(band_of([Series], 10).xs) == []
