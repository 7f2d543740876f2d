"""Axes: every value has its place, marks are round and few."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.draw.scale import Scale, scale_of, short_number, widened

numbers = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(numbers, max_size=30), st.booleans())
def test_every_value_falls_on_the_axis_or_nowhere(values: list[float], log: bool) -> None:
    """Also of the largest numbers there are, of a single one, of none."""
    for scale in (scale_of([values], log=log), widened(scale_of([values], log=log))):
        for value in values:
            share = scale.share(value)
            drawable = math.isfinite(value) and (value > 0 or not log)
            assert (-1e-9 <= share <= 1 + 1e-9) if drawable else math.isnan(share)


@given(
    st.lists(numbers, max_size=30), st.booleans(), st.integers(1, 12), st.sampled_from(["number", "duration"])
)
def test_marks_lie_on_the_axis_and_are_few(values: list[float], log: bool, most: int, kind: str) -> None:
    scale = scale_of([values], log=log, kind=kind)  # type: ignore[arg-type]
    marks = scale.ticks(most)
    assert len(marks) <= 2 * most + 2
    assert all(isinstance(scale.text(mark), str) for mark in marks)
    assert marks == sorted(marks)


def test_marks_are_round() -> None:
    assert [short_number(mark) for mark in Scale(0, 1).ticks(5)] == ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    assert Scale(0, 759).ticks(4) == [0, 200, 400, 600]
    assert [short_number(mark) for mark in Scale(1e-4, 1, log=True).ticks(5)] == [
        "0.0001",
        "0.001",
        "0.01",
        "0.1",
        "1",
    ]


def test_times_are_cut_at_minutes_and_hours() -> None:
    scale = Scale(0, 7200, kind="duration")
    assert [scale.text(mark) for mark in scale.ticks(4)] == ["0s", "30m", "1h", "1h30", "2h"]
    day = Scale(1_767_225_600, 1_767_312_000, kind="time")
    assert day.text(1_767_225_600 + 3600) == "01-01 01:00"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.001, "0.001"), (1e-7, "1e-07"), (12_000, "12k"), (3.5e6, "3.5M"), (-2e9, "-2G"), (9999, "9999")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert short_number(value) == text


def test_a_constant_lies_in_the_middle() -> None:
    """Also one that rounding has moved a little."""
    assert scale_of([[0.02, 0.02 + 1e-18, 0.02]]).share(0.02) == pytest.approx(0.5)
    assert scale_of([[0.3, 0.1 + 0.2]]).share(0.3) == pytest.approx(0.5)
