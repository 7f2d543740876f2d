"""The summary: last values, explicit values, aggregations, nesting."""

from __future__ import annotations

import math

from tracker.values.metrics import Metric
from tracker.values.scalars import flatten
from tracker.values.summary_state import SummaryState


def test_the_last_value_of_a_key_is_its_summary() -> None:
    """Also when rows have different keys."""
    state = SummaryState()
    state.row({"loss": 2, "acc": 0.1})
    state.row({"loss": 1})

    assert state.value() == {"loss": 1, "acc": 0.1}


def test_an_explicit_value_stands_until_the_key_is_logged_again() -> None:
    """wandb's rule."""
    state = SummaryState()
    state.row({"best": 1})
    state.set({"best": 9})
    assert state.value() == {"best": 9}
    state.row({"other": 1})
    assert state.value()["best"] == 9
    state.row({"best": 2})
    assert state.value()["best"] == 2


def test_aggregations_make_a_dict() -> None:
    """In the order in which they were asked for."""
    state = SummaryState([Metric("loss", summary=("min", "max", "mean", "first", "last"))])
    for value in (3, 1, 2):
        state.row({"loss": value})

    assert state.value() == {"loss": {"min": 1, "max": 3, "mean": 2.0, "first": 3, "last": 2}}


def test_none_hides_a_metric() -> None:
    """It stays in the history only."""
    state = SummaryState([Metric("loss", summary=("none",))])
    state.row({"loss": 1, "acc": 2})

    assert state.value() == {"acc": 2}


def test_an_explicit_value_ends_the_aggregation_and_shows_a_hidden_key() -> None:
    """As wandb does; later rows count as last values."""
    state = SummaryState([Metric("loss", summary=("min",)), Metric("acc", summary=("none",))])
    state.row({"loss": 1, "acc": 1})
    state.set({"loss": 7, "acc": 7})
    assert state.value() == {"loss": 7, "acc": 7}
    state.row({"loss": 5})
    assert state.value()["loss"] == 5


def test_a_glob_matches_what_begins_so_but_not_our_own_keys() -> None:
    """`*` does not make a dict of `_step`."""
    state = SummaryState([Metric("*", summary=("max",)), Metric("val/*", summary=("min",))])
    state.row({"val/loss": 1, "loss": 1, "_step": 0})
    state.row({"val/loss": 2, "loss": 2, "_step": 1})

    assert state.value() == {"val/loss": {"min": 1}, "loss": {"max": 2}, "_step": 1}


def test_a_definition_that_comes_late_says_so() -> None:
    """Then the caller builds the state anew from the history."""
    state = SummaryState()
    state.row({"loss": 1})

    assert state.define(Metric("loss", summary=("min",))) is True
    assert state.define(Metric("acc", summary=("min",))) is False
    assert state.define(Metric("loss", step_metric="epoch", summary=("min",))) is False


def test_nan_is_neither_smallest_nor_largest_while_there_is_a_number() -> None:
    """One diverging step does not hide the best value; the mean does tell of it."""
    state = SummaryState([Metric("loss", summary=("min", "max", "mean"))])
    for value in (math.nan, 2.0, math.nan, 1.0):
        state.row({"loss": value})
    summary = state.value()["loss"]

    assert (summary["min"], summary["max"]) == (1.0, 2.0)
    assert math.isnan(summary["mean"])


def test_only_nan_is_nan() -> None:
    """There is nothing else to say."""
    state = SummaryState([Metric("loss", summary=("min",))])
    state.row({"loss": math.nan})

    assert math.isnan(state.value()["loss"]["min"])


def test_values_that_are_no_numbers_have_no_extremes() -> None:
    """Text under an aggregated key shows as its last value."""
    state = SummaryState([Metric("note", summary=("min", "mean"))])
    state.row({"note": "a"})
    state.row({"note": "b"})

    assert state.value() == {"note": "b"}


def test_a_mean_beyond_what_a_float_holds_is_infinite() -> None:
    """Integers of any size are allowed in rows."""
    state = SummaryState([Metric("n", summary=("mean",))])
    state.row({"n": 10**400})

    assert state.value() == {"n": {"mean": math.inf}}


class TestNesting:
    """Keys that were nested lie nested; keys with a dot in them do not."""

    def test_nested_rows_lie_nested(self) -> None:
        """As they were logged."""
        state = SummaryState()
        state.row(flatten({"a": {"b": 1, "c": {"d": 2}}, "mAP_0.5": 3}))

        assert state.value() == {"a": {"b": 1, "c": {"d": 2}}, "mAP_0.5": 3}

    def test_a_number_replaces_a_dict_and_the_other_way_round(self) -> None:
        """One place holds one thing: the later."""
        state = SummaryState()
        state.row(flatten({"a": {"b": 1}}))
        state.row({"a": 5})
        assert state.value() == {"a": 5}
        state.row(flatten({"a": {"c": 2}}))
        assert state.value() == {"a": {"c": 2}}

    def test_an_explicit_dict_replaces_all_below_it(self) -> None:
        """`summary["a"] = {...}` means that dict and nothing else."""
        state = SummaryState()
        state.row(flatten({"a": {"b": 1, "c": 2}}))
        state.set({"a": {"d": {"e": 3}}, "empty": {}})

        assert state.value() == {"a": {"d": {"e": 3}}, "empty": {}}

    def test_a_key_with_a_dot_is_no_neighbour_of_a_nested_one(self) -> None:
        """Replacing `a` leaves the key `a.b` alone, which only looks nested."""
        state = SummaryState()
        state.row({"a.b": 1, "a": 2})

        assert state.value() == {"a.b": 1, "a": 2}

    def test_removal_takes_what_is_below(self) -> None:
        """By key, by nested path, and of what is not there."""
        state = SummaryState()
        state.row(flatten({"a": {"b": 1, "c": 2}, "x": 1, "y": {"z": 1}, "p.q": 1}))
        state.unset(["a", "x", "absent", "y.z", "p.q"])

        assert state.value() == {}

    def test_our_own_keys_come_last(self) -> None:
        """summary.yaml begins with what people look for."""
        state = SummaryState()
        state.row({"_step": 1, "loss": 2})

        assert list(state.value()) == ["loss", "_step"]
