"""Rows of two runs, compared by step."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tracker.compare.metrics import compare_rows
from tracker.compare.values import ABSENT, Change, Tolerance


def rows(*values: dict[str, Any], start: int = 0) -> list[dict[str, Any]]:
    return [{"_step": start + i, "_runtime": i / 7, "_timestamp": i, **v} for i, v in enumerate(values)]


def losses(*values: float | None) -> list[dict[str, Any]]:
    return rows(*({} if value is None else {"loss": value} for value in values))


ROWS = st.lists(
    st.builds(
        lambda step, values: {"_step": step, **values},
        st.integers(0, 5),
        st.dictionaries(st.sampled_from("abc"), st.floats(-1e6, 1e6) | st.none() | st.just(math.nan)),
    ),
    max_size=8,
)


def test_equal_rows_are_identical_whatever_the_times() -> None:
    again = [{**row, "_runtime": 99.0, "_timestamp": 1e9} for row in losses(1, 0.5)]
    found = compare_rows(losses(1, 0.5), again)
    assert found.identical
    assert found.within
    assert found.rows == 2
    assert found.keys["loss"].rows == 2


def test_the_first_diverging_step_is_told_with_both_values() -> None:
    found = compare_rows(losses(1, 0.5, 0.25), losses(1, 0.625, 0.5))
    assert found.first_unequal is not None
    assert found.first_unequal.step == 1
    assert found.first_unequal.values == {"loss": Change(0.5, 0.625)}
    seen = found.keys["loss"]
    assert (seen.rows, seen.unequal, seen.first_unequal, seen.largest) == (3, 2, 1, 0.25)
    assert seen.largest_relative == 1


def test_a_tolerance_has_a_first_step_of_its_own() -> None:
    found = compare_rows(losses(1, 1, 1), losses(1, 1.01, 1.2), tolerance=Tolerance(rtol=0.1))
    assert found.first_unequal is not None
    assert found.first_outside is not None
    assert (found.first_unequal.step, found.first_outside.step) == (1, 2)
    assert not found.within


def test_ignored_keys_are_not_compared() -> None:
    old, new = rows({"loss": 1, "time/epoch": 3.2}), rows({"loss": 1, "time/epoch": 3.4})
    assert not compare_rows(old, new).identical
    found = compare_rows(old, new, ignore=["time/*"])
    assert found.identical
    assert list(found.keys) == ["loss"]


def test_a_row_that_only_one_run_has_differs() -> None:
    found = compare_rows(losses(1, 0.5), losses(1))
    assert found.first_unequal is not None
    assert found.first_unequal.values == {"loss": Change(0.5, ABSENT)}
    assert (found.only_old, found.only_new) == (1, 0)


def test_a_run_that_ended_early_is_compared_as_far_as_it_came() -> None:
    old = rows({"loss": 1}, {"loss": 0.5})
    new = rows({"loss": 1}, {"loss": 0.5, "acc": 0.9}, {"loss": 0.25})
    assert not compare_rows(old, new).identical
    found = compare_rows(old, new, old_is_whole=False)
    assert found.identical
    assert (found.rows, found.beyond) == (2, 1)
    # Its last row may be cut, the one before not.
    assert not compare_rows(rows({"loss": 1}, {}), new[:1] + new[1:], old_is_whole=True).identical


def test_a_newer_run_that_ended_early_differs_from_an_older_one_that_did_too() -> None:
    assert not compare_rows(losses(1, 0.5, 0.25), losses(1), old_is_whole=False).identical


def test_rows_of_one_step_are_compared_in_their_order() -> None:
    old = [{"_step": 3, "a": 1}, {"_step": 3, "a": 2}]
    assert compare_rows(old, list(old)).identical
    assert not compare_rows(old, old[::-1]).identical


def test_no_rows_are_identical_to_no_rows() -> None:
    assert compare_rows([], []).identical
    assert compare_rows([], losses(1), old_is_whole=False).identical


@given(ROWS)
def test_every_run_is_identical_to_itself(found: list[dict[str, Any]]) -> None:
    assert compare_rows(found, [dict(row) for row in found]).identical


@given(ROWS, ROWS)
def test_which_run_is_the_older_changes_nothing_about_being_identical(
    a: list[dict[str, Any]], b: list[dict[str, Any]]
) -> None:
    one, other = compare_rows(a, b), compare_rows(b, a)
    assert one.identical == other.identical
    first = (one.first_unequal, other.first_unequal)
    assert (first[0] and first[0].step) == (first[1] and first[1].step)


def test_numbers_are_shown_before_media() -> None:
    media = {"_type": "histogram", "values": [1], "bins": [0, 1]}
    other = {**media, "values": [2]}
    found = compare_rows(rows({"h": media, "loss": 1.0}), rows({"h": other, "loss": 1.0000000001}))
    assert found.first_unequal is not None
    assert [key for key, _ in found.first_unequal.numbers_first] == ["loss", "h"]
    assert (found.keys["loss"].plain, found.keys["h"].plain) == (True, False)
