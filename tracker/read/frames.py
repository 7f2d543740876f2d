"""Rows as data frames, and fewer rows where fewer are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from vcs.errors import UsageError

Row = dict[str, Any]

_PLAIN = frozenset({float, int, str, bool, type(None), list})


def thin(rows: Sequence[Row], samples: int) -> list[Row]:
    """Return `samples` of the rows, evenly spaced, the first and the last among them.

    The same rows at each call. All of them if there are no more.
    """
    if samples < 1:
        raise ValueError(f"a number of samples is positive, not {samples}")
    count = len(rows)
    if count <= samples:
        return list(rows)
    if samples == 1:
        return [rows[-1]]
    return [rows[place * (count - 1) // (samples - 1)] for place in range(samples)]


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return every key of the rows, in the order of their first appearance."""
    found: dict[str, None] = {}
    for row in rows:
        found.update(dict.fromkeys(row))
    return list(found)


def has_pandas() -> bool:
    """Whether pandas can be imported; imports it."""
    try:
        import pandas  # noqa: F401
    except ImportError:
        return False
    return True


def to_pandas(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> Any:
    """Return rows as a pandas data frame; NaN stands where a row lacks a value.

    Raises:
        UsageError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise UsageError("a data frame needs pandas", hint="pip install pandas") from error
    return pandas.DataFrame.from_records(
        list(rows), columns=list(columns_of(rows) if columns is None else columns)
    )


def to_polars(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return rows as a polars data frame; null stands where a row lacks a value.

    Raises:
        UsageError: polars is not installed.
    """
    try:
        polars = import_module("polars")
    except ImportError as error:
        raise UsageError("a polars data frame needs polars", hint="pip install polars") from error
    return polars.DataFrame(list(rows), schema=columns_of(rows), infer_schema_length=None)


def flatten(values: Mapping[str, Any], prefix: str = "") -> Row:
    """Return one level of a nested mapping, its keys joined by dots; media records stay whole."""
    if not prefix and _PLAIN.issuperset(map(type, values.values())):
        return dict(values)
    flat: Row = {}
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and value and "_type" not in value:
            flat |= flatten(value, f"{path}.")
        else:
            flat[path] = value
    return flat
