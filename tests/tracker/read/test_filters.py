"""Filters in MongoDB's form, against a plain subject."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.read.fields import MISSING, dig, parse_field, parse_order, sort_by
from tracker.read.filters import compile_filter
from vcs.errors import UsageError


@dataclass
class Subject:
    """A run as a filter sees it."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)

    def plain_field(self, name: str) -> Any:
        return self.fields.get(name, MISSING)


RUN = Subject(
    {
        "id": "abc12345",
        "name": ["abc12345", "calm-otter-1"],
        "state": "finished",
        "tags": ["baseline", "night"],
        "job_type": "",
        "created_at": "2026-11-23T07:30:00.123Z",
        "dirty": True,
    },
    {"lr": 0.1, "layers": 3, "model": {"name": "lenet", "a.b": {"c": 1}}, "none": None, "sizes": [6, 16]},
    {"loss": 0.25, "val/acc": 0.9, "bad": math.nan, "acc": {"max": 0.95}, "x.y": 2},
)


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"state": "finished"},
        {"state": {"$eq": "finished"}},
        {"state": {"$ne": "running"}},
        {"config.lr": 0.1},
        {"config.lr.value": 0.1},
        {"config.lr": {"$gt": 0.01, "$lt": 1}},
        {"config.layers": {"$gte": 3}},
        {"config.layers": 3.0},
        {"config.model.name": "lenet"},
        {"config.model.a.b.c": 1},
        {"config.model": {"name": "lenet", "a.b": {"c": 1}}},
        {"config.none": None},
        {"config.missing": None},
        {"config.sizes": [6, 16]},
        {"config.sizes": 16},
        {"config.sizes": {"$gt": 10}},
        {"config.missing": {"$ne": 1}},
        {"config.missing": {"$exists": False}},
        {"config.none": {"$exists": True}},
        {"summary_metrics.loss": {"$lte": 0.25}},
        {"summary.val/acc": {"$gt": 0.5}},
        {"summary.acc.max": 0.95},
        {"summary.x.y": 2},
        {"summary.bad": math.nan},
        {"tags": "night"},
        {"tags": {"$in": ["night", "other"]}},
        {"tags": {"$nin": ["day"]}},
        {"tags": {"$ne": "day"}},
        {"tags": {"$not": {"$in": ["day"]}}},
        {"name": "calm-otter-1"},
        {"name": "abc12345"},
        {"name": {"$regex": "^calm"}},
        {"name": {"$regex": "OTTER", "$options": "i"}},
        {"name": re.compile("otter-[0-9]")},
        {"tags": {"$in": [re.compile("^base")]}},
        {"jobType": ""},
        {"dirty": True},
        {"created_at": {"$gt": "2026-11-23"}},
        {"createdAt": {"$lt": "2026-11-24T00:00:00Z"}},
        {"createdAt": {"$gte": datetime(2026, 11, 23, 7, 30, tzinfo=UTC), "$lt": date(2026, 11, 24)}},
        {"$and": [{"state": "finished"}, {"tags": "night"}]},
        {"$or": [{"state": "running"}, {"tags": "night"}]},
        {"$nor": [{"state": "running"}, {"tags": "day"}]},
        {"$not": {"state": "running"}},
        {"$or": [{"$and": [{"state": "x"}]}, {"config.lr": {"$not": {"$gt": 1}}}]},
    ],
    ids=str,
)
def test_a_filter_that_holds(filters: dict[str, Any]) -> None:
    """Each passes the run, and its denial does not."""
    assert compile_filter(filters)(RUN)
    assert not compile_filter({"$nor": [filters]})(RUN)


@pytest.mark.parametrize(
    "filters",
    [
        {"state": "running"},
        {"config.lr": "0.1"},
        {"config.lr": {"$gt": "0"}},
        {"config.model.name": {"$gt": 1}},
        {"config.missing": {"$gt": 0}},
        {"config.missing": {"$lt": 0}},
        {"config.missing": 1},
        {"config.missing": {"$in": [1]}},
        {"config.missing": {"$regex": ""}},
        {"config.missing": {"$exists": True}},
        {"summary.bad": {"$gt": 0}},
        {"summary.bad": {"$lte": 0}},
        {"summary.bad": 1},
        {"tags": "day"},
        {"tags": {"$ne": "night"}},
        {"tags": {"$nin": ["night"]}},
        {"config.lr": {"$regex": "0"}},
        {"state": {"$in": []}},
        {"created_at": {"$lt": "2026-11-23"}},
    ],
    ids=str,
)
def test_a_filter_that_does_not_hold(filters: dict[str, Any]) -> None:
    """Values of another sort, and values that are not there, match nothing."""
    assert not compile_filter(filters)(RUN)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"stat": "x"}, "no field 'stat'"),
        ({"lr": 1}, "config.lr"),
        ({"state": {"$gtt": 1}}, r"did you mean \$gt"),
        ({"$xor": []}, r"\$xor"),
        ({"$or": []}, "at least one"),
        ({"$or": {"state": "x"}}, "list of filters"),
        ({"state": {"$in": "finished"}}, "list of values"),
        ({"name": {"$regex": "("}}, "regular expression"),
        ({"name": {"$regex": 3}}, "takes a text"),
        ({"name": {"$regex": "x", "$options": "q"}}, "'q'"),
        ({"name": {"$options": "i"}}, "options"),
        ({"created_at": {"$gt": "yesterday"}}, "is a time"),
        ({"config.lr": {"$gt": None}}, "less or greater"),
        ({"config": 1}, "no field 'config'"),
        ([], "dictionary"),
    ],
    ids=str,
)
def test_a_filter_that_cannot_be_understood_is_refused(filters: Any, message: str) -> None:
    """Before any run is read; wandb finds nothing instead."""
    with pytest.raises(UsageError, match=message):
        compile_filter(filters)


plain = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.sampled_from(["a", "b", ""])


@given(plain, plain)
def test_comparisons_agree_with_each_other(value: Any, operand: Any) -> None:
    """`$gte` is `$gt` or equal, `$ne` denies `$eq`, `$nin` denies `$in`, whatever the types."""
    run = Subject(config={"x": value})

    def holds(condition: Any) -> bool:
        return compile_filter({"config.x": condition})(run)

    assert holds({"$eq": operand}) == holds(operand) == holds({"$in": [operand]})
    assert holds({"$ne": operand}) == (not holds(operand)) == holds({"$nin": [operand]})
    if operand is not None:
        assert holds({"$gte": operand}) == (holds({"$gt": operand}) or holds(operand))
        assert holds({"$lte": operand}) == (holds({"$lt": operand}) or holds(operand))
        assert not (holds({"$gt": operand}) and holds({"$lt": operand}))


def test_a_key_with_dots_is_found_before_a_path() -> None:
    """`log({"a.b": 1})` and `log({"a": {"b": 1}})` answer to the same name."""
    assert dig({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert dig({"a": {"b": 2}}, "a.b") == 2
    assert dig({"a.b": {"c": 1}}, "a.b.c") == 1
    assert dig({"a.b": {"d": 1}, "a": {"b.c": 2}}, "a.b.c") == 2
    assert dig({"a": 1}, "a.b") is MISSING


def test_wandb_s_names_mean_our_fields() -> None:
    """Scripts keep their filters."""
    assert parse_field("displayName").name == "display_name"
    assert parse_field("summary_metrics.loss") == parse_field("summary.loss")
    assert parse_field("username").name == "user"
    with pytest.raises(UsageError, match="did you mean state"):
        parse_field("stat")


def runs_of(*values: Any) -> list[Subject]:
    return [Subject({"id": str(i)}, {"x": value}) for i, value in enumerate(values)]


def ids(subjects: list[Subject]) -> str:
    return "".join(subject.fields["id"] for subject in subjects)


def test_runs_are_ordered_by_any_field() -> None:
    """Up, down, and by the second where the first is equal."""
    runs = runs_of(3, 1, 2)
    assert ids(sort_by(runs, parse_order("+config.x"))) == "120"
    assert ids(sort_by(runs, parse_order("config.x.value"))) == "120"
    assert ids(sort_by(runs, parse_order("-config.x"))) == "021"
    equal = runs_of(1, 1, 0)
    assert ids(sort_by(equal, parse_order("config.x, -id"))) == "210"
    assert ids(sort_by(equal, parse_order("-config.x"))) == "012"


def test_runs_without_a_value_come_last_in_either_direction() -> None:
    """NaN has no place either; texts come after numbers."""
    runs = [*runs_of(2, math.nan, "a", 1, None), Subject({"id": "5"})]
    assert ids(sort_by(runs, parse_order("config.x"))) == "302145"
    assert ids(sort_by(runs, parse_order("-config.x"))) == "203145"


def test_times_are_ordered_as_moments() -> None:
    """Whatever the offset they are written with."""
    runs = [
        Subject({"id": "0", "created_at": "2026-01-01T12:00:00+02:00"}),
        Subject({"id": "1", "created_at": "2026-01-01T11:00:00Z"}),
    ]
    assert ids(sort_by(runs, parse_order("created_at"))) == "01"


def test_an_order_by_nothing_is_refused() -> None:
    """With the name."""
    with pytest.raises(UsageError, match="'nothing'"):
        parse_order("-nothing")
