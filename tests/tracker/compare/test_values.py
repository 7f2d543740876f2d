"""Recorded values: equal, close enough, different."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.compare.values import ABSENT, Change, Tolerance, changes, compare_values, exact_text

NUMBERS = st.floats() | st.integers()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0),
        (math.nan, math.nan),
        (math.inf, math.inf),
        (None, None),
        ("x", "x"),
        ([1, [2]], [1, [2]]),
        (
            {"_type": "image-file", "digest": "d", "path": "a"},
            {"_type": "image-file", "digest": "d", "path": "b"},
        ),
    ],
)
def test_equal_values_are_not_apart(a: Any, b: Any) -> None:
    assert compare_values(a, b) is None


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1.0, None),
        ("1", 1),
        (math.inf, -math.inf),
        (math.nan, 1.0),
        ([1], [1, 2]),
        ({"a": 1}, {"b": 1}),
        ({"_type": "image-file", "digest": "d"}, {"_type": "image-file", "digest": "e"}),
    ],
)
def test_values_that_are_no_two_numbers_are_never_within_a_tolerance(a: Any, b: Any) -> None:
    apart = compare_values(a, b, Tolerance(rtol=1e9, atol=1e9))
    assert apart is not None
    assert not apart.within


def test_the_tolerance_is_relative_to_the_older_value() -> None:
    tolerance = Tolerance(rtol=0.1)
    assert tolerance.allows(10.0, 11.0)
    assert not tolerance.allows(10.0, 11.1)
    assert not tolerance.allows(0.0, 1e-12)
    assert Tolerance(atol=1e-9).allows(0.0, 1e-12)


def test_a_distance_is_told_also_within_lists() -> None:
    apart = compare_values({"bins": [1.0, 2.0]}, {"bins": [1.0, 2.5]}, Tolerance(atol=1))
    assert apart is not None
    assert (apart.within, apart.absolute, apart.relative) == (True, 0.5, 0.25)


def test_integers_too_large_for_a_float_are_compared_exactly() -> None:
    assert compare_values(10**400, 10**400) is None
    apart = compare_values(2.0**60, 2**60 + 1)
    assert apart is not None
    assert not apart.within
    assert Tolerance(rtol=1e-9).allows(10**400, 10**400 + 1)
    assert compare_values(10**400, 1.0) is not None


@given(NUMBERS, NUMBERS, st.floats(0, 10), st.floats(0, 10))
def test_comparing_agrees_with_the_tolerance(a: float, b: float, rtol: float, atol: float) -> None:
    tolerance = Tolerance(rtol, atol)
    apart = compare_values(a, b, tolerance)
    assert (apart is None or apart.within) == tolerance.allows(a, b)
    assert (apart is None) == Tolerance().allows(a, b)


def test_changes_are_told_by_dotted_key() -> None:
    old = {"lr": 0.1, "model": {"width": 3, "depth": 2}, "gone": None}
    new = {"lr": 0.1, "model": {"width": 4, "depth": 2}, "new": 1}
    found = changes(old, new)
    assert found == {"gone": Change(None, ABSENT), "model.width": Change(3, 4), "new": Change(ABSENT, 1)}
    assert found["gone"].to_plain() == {"old": None}


def test_a_value_is_shown_with_all_its_digits_and_media_by_their_kind() -> None:
    assert exact_text(0.1 + 0.2) == "0.30000000000000004"
    assert exact_text({"_type": "histogram", "values": []}) == "<histogram>"
    assert exact_text(ABSENT) == "none"
    assert len(exact_text("x" * 500)) == 60
