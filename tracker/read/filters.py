"""Which runs are meant: filters in MongoDB's form, as wandb takes them.

`{"state": "finished", "config.lr": {"$gt": 0.01}, "$or": [{"tags": "a"}, {"tags": "b"}]}`

A comparison is between values of one sort: a number is never less than a text, and
where a run has no value no comparison holds but those that deny. A field with several
values (tags) matches if one of them does, and is denied if none does.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from tracker.read.fields import MISSING, Field, Subject, parse_field, to_time
from vcs.errors import UsageError
from vcs.names import near

Predicate = Callable[[Subject], bool]
Test = Callable[[Any], bool]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_JOINS = ("$and", "$or", "$nor", "$not")
_OPERATORS = (*_ORDER, "$eq", "$ne", "$in", "$nin", "$exists", "$regex", "$options", "$not")


def compile_filter(filters: Mapping[str, Any] | None) -> Predicate:
    """Return the test that a filter stands for; an empty one lets every run pass.

    Raises:
        UsageError: An unknown field or operator, an operand of the wrong form, or a
            regular expression that cannot be read.
    """
    if filters is None:
        return _always
    if not isinstance(filters, Mapping):
        raise UsageError(f"a filter is a dictionary, not {type(filters).__name__}")
    return _all([_clause(str(name), operand) for name, operand in filters.items()])


def _clause(name: str, operand: Any) -> Predicate:
    if name not in _JOINS:
        if name.startswith("$"):
            raise UsageError(f"a filter has no {name!r} here", hint=near(name, [*_JOINS, *_OPERATORS]))
        return _field(parse_field(name), operand)
    if name == "$not":
        return _none([compile_filter(operand)])
    if isinstance(operand, (str, bytes, Mapping)) or not isinstance(operand, Sequence):
        raise UsageError(f"{name} takes a list of filters, not {type(operand).__name__}")
    parts = [compile_filter(part) for part in operand]
    if not parts:
        raise UsageError(f"{name} takes at least one filter")
    return {"$and": _all, "$or": _any, "$nor": _none}[name](parts)


def _field(field: Field, operand: Any) -> Predicate:
    test = _condition(field, operand)
    return lambda subject: test(field.of(subject))


def _condition(field: Field, operand: Any) -> Test:
    """Return the test of a value: of equality, or of all operators of a mapping."""
    if isinstance(operand, re.Pattern):
        return _each(_matches(operand))
    if not isinstance(operand, Mapping) or not any(str(name).startswith("$") for name in operand):
        return _equal(field, operand)
    tests = [_operator(field, str(name), value, operand) for name, value in operand.items()]
    return lambda value: all(test(value) for test in tests)


def _operator(field: Field, name: str, operand: Any, beside: Mapping[str, Any]) -> Test:
    if name in _ORDER:
        return _ordered(field, _ORDER[name], operand)
    if name == "$eq":
        return _equal(field, operand)
    if name == "$ne":
        return _deny(_equal(field, operand))
    if name in ("$in", "$nin"):
        test = _among(field, name, operand)
        return test if name == "$in" else _deny(test)
    if name == "$exists":
        return lambda value: (value is not MISSING) == bool(operand)
    if name == "$regex":
        return _each(_matches(_pattern(operand, beside.get("$options", ""))))
    if name == "$options" and "$regex" in beside:
        return lambda value: True
    if name == "$not":
        return _deny(_condition(field, operand))
    raise UsageError(f"a filter has no operator {name!r}", hint=near(name, _OPERATORS))


def _equal(field: Field, operand: Any) -> Test:
    if operand is None:
        return lambda value: value is MISSING or value is None
    if isinstance(operand, (list, tuple)):
        listed = list(operand)
        return lambda value: isinstance(value, (list, tuple)) and list(value) == listed
    return _each(_same(field, operand))


def _same(field: Field, operand: Any) -> Test:
    if field.kind == "time":
        moment = _moment(field, operand)
        return lambda value: to_time(value) == moment
    if isinstance(operand, float) and math.isnan(operand):
        return lambda value: isinstance(value, float) and math.isnan(value)
    return lambda value: bool(value == operand)


def _ordered(field: Field, compare: Callable[[Any, Any], bool], operand: Any) -> Test:
    if field.kind == "time":
        moment = _moment(field, operand)

        def later(value: Any) -> bool:
            found = to_time(value)
            return found is not None and compare(found, moment)

        return _each(later)
    sort = _sort_of(operand)
    if sort is None:
        raise UsageError(f"{field} cannot be less or greater than {operand!r}")
    return _each(lambda value: _sort_of(value) == sort and compare(value, operand))


def _among(field: Field, name: str, operand: Any) -> Test:
    if isinstance(operand, (str, bytes, Mapping)) or not isinstance(operand, (Sequence, set, frozenset)):
        raise UsageError(f"{name} takes a list of values, not {operand!r}")
    tests = [
        _each(_matches(item)) if isinstance(item, re.Pattern) else _equal(field, item) for item in operand
    ]
    return lambda value: any(test(value) for test in tests)


def _pattern(operand: Any, options: Any) -> re.Pattern[str]:
    if isinstance(operand, re.Pattern):
        return operand
    if not isinstance(operand, str):
        raise UsageError(f"$regex takes a text, not {operand!r}")
    flags = re.RegexFlag(0)
    for letter in str(options):
        flag = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}.get(letter)
        if flag is None:
            raise UsageError(f"$options of a regular expression are i, m, s and x, not {letter!r}")
        flags |= flag
    try:
        return re.compile(operand, flags)
    except re.error as error:
        raise UsageError(f"cannot read the regular expression {operand!r}: {error}") from error


def _matches(pattern: re.Pattern[str]) -> Test:
    return lambda value: isinstance(value, str) and pattern.search(value) is not None


def _each(test: Test) -> Test:
    """Let a test hold for a value, or for one of several."""
    return lambda value: (
        any(test(item) for item in value)
        if isinstance(value, (list, tuple))
        else value is not MISSING and test(value)
    )


def _deny(test: Test) -> Test:
    return lambda value: not test(value)


def _moment(field: Field, operand: Any) -> datetime:
    given = datetime(operand.year, operand.month, operand.day) if type(operand) is date else operand
    moment = to_time(given)
    if moment is None:
        raise UsageError(
            f"{field} is a time, and {operand!r} is none", hint="write it as 2026-11-23 or 2026-11-23T07:30"
        )
    return moment


def _sort_of(value: Any) -> str | None:
    if isinstance(value, (bool, int, float)):
        return "number"
    return "text" if isinstance(value, str) else None


def _always(subject: Subject) -> bool:
    return True


def _all(parts: Sequence[Predicate]) -> Predicate:
    return lambda subject: all(part(subject) for part in parts)


def _any(parts: Sequence[Predicate]) -> Predicate:
    return lambda subject: any(part(subject) for part in parts)


def _none(parts: Sequence[Predicate]) -> Predicate:
    return lambda subject: not any(part(subject) for part in parts)
