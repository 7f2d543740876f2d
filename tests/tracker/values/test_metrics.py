"""define_metric: which definition counts, and what it adds to rows."""

from __future__ import annotations

import pytest

from tracker.errors import Error, UsageError
from tracker.values.metrics import (
    Metric,
    MetricRules,
    check_metric_name,
    metric_from_record,
    parse_summary,
)


def test_without_definitions_the_rules_are_not_active() -> None:
    assert MetricRules().active is False


def test_a_row_gets_the_last_seen_value_of_an_axis_that_it_lacks() -> None:
    rules = MetricRules()
    rules.define("val/acc", step_metric="epoch")
    first = {"epoch": 3}
    rules.complete(first)
    second = {"val/acc": 0.5}
    rules.complete(second)
    assert second == {"val/acc": 0.5, "epoch": 3}


def test_an_axis_that_was_never_logged_adds_nothing() -> None:
    rules = MetricRules()
    rules.define("acc", step_metric="epoch")
    row = {"acc": 1}
    rules.complete(row)
    assert row == {"acc": 1}


def test_an_axis_in_the_row_stays() -> None:
    rules = MetricRules()
    rules.define("acc", step_metric="epoch")
    rules.complete({"epoch": 1})
    row = {"acc": 1, "epoch": 2}
    rules.complete(row)
    assert row["epoch"] == 2


def test_step_sync_can_be_switched_off() -> None:
    rules = MetricRules()
    rules.define("acc", step_metric="epoch", step_sync=False)
    rules.complete({"epoch": 1})
    row = {"acc": 1}
    rules.complete(row)
    assert row == {"acc": 1}


def test_a_star_for_everything_does_not_make_an_axis_its_own_axis() -> None:
    """Lightning defines `*` with the axis trainer/global_step."""
    rules = MetricRules()
    rules.define("trainer/global_step")
    rules.define("*", step_metric="trainer/global_step", step_sync=True)
    rules.complete({"trainer/global_step": 7, "loss": 1})
    row = {"loss": 2}
    rules.complete(row)
    assert row == {"loss": 2, "trainer/global_step": 7}


def test_an_exact_definition_wins_over_a_glob() -> None:
    rules = MetricRules()
    rules.define("val/*", summary=("max",))
    rules.define("val/loss", summary=("min",))
    assert rules.of("val/loss") == Metric("val/loss", summary=("min",))
    assert rules.of("val/acc") == Metric("val/*", summary=("max",))


def test_a_longer_glob_wins_over_a_shorter_one() -> None:
    rules = MetricRules()
    rules.define("*", summary=("last",))
    rules.define("val/*", summary=("max",))
    found = rules.of("val/acc")
    assert found is not None
    assert found.summary == ("max",)


def test_keys_of_our_own_match_no_glob() -> None:
    rules = MetricRules()
    rules.define("*", summary=("max",))
    assert rules.of("_runtime") is None


def test_calls_for_one_name_add_up() -> None:
    rules = MetricRules()
    rules.define("acc", summary=("max",))
    assert rules.define("acc", step_metric="epoch") == Metric("acc", "epoch", True, False, ("max",))


def test_overwrite_forgets_what_was_said_before() -> None:
    rules = MetricRules()
    rules.define("acc", summary=("max",), hidden=True)
    assert rules.define("acc", step_metric="epoch", overwrite=True) == Metric("acc", "epoch", True)


def test_a_new_definition_counts_for_keys_that_were_seen() -> None:
    rules = MetricRules()
    assert rules.of("acc") is None
    rules.define("a*", summary=("min",))
    assert rules.of("acc") is not None


@pytest.mark.parametrize(
    "metric",
    [
        Metric("a"),
        Metric("a", "epoch", True),
        Metric("a", "epoch", False),
        Metric("v/*", None, False, True, ("min", "max")),
    ],
)
def test_a_definition_comes_back_from_its_record(metric: Metric) -> None:
    assert metric_from_record(metric.as_record()) == metric


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("max", ("max",)),
        ("min, max,min", ("min", "max")),
        ("MEAN,last,first,none", ("mean", "last", "first", "none")),
        ("copy", ("last",)),
        ("", ()),
    ],
)
def test_a_summary_is_a_comma_list(text: str | None, expected: tuple[str, ...] | None) -> None:
    assert parse_summary(text) == expected


def test_best_is_max_or_min_by_the_goal() -> None:
    assert parse_summary("best", "maximize") == ("max",)
    assert parse_summary("best", "minimize") == ("min",)


@pytest.mark.parametrize("text", ["median", "max;min", "best,worst"])
def test_an_unknown_summary_is_named(text: str) -> None:
    with pytest.raises(Error, match="unknown summary"):
        parse_summary(text)


@pytest.mark.parametrize("name", ["", "a*b", "**", 3, None])
def test_a_name_that_cannot_be_is_refused(name: object) -> None:
    with pytest.raises(UsageError):
        check_metric_name(name)


@pytest.mark.parametrize("name", ["a", "val/*", "*", "a.b"])
def test_a_name_and_a_glob_are_fine(name: str) -> None:
    assert check_metric_name(name) == name
