"""The points of one metric in memory, and how the parts of a history add to them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import Any

from tracker.read.thinning import is_ordered
from tracker.storage.history import extend_columns
from tracker.storage.journal import VALUES
from tracker.storage.parts import MADE, Part
from tracker.storage.point_columns import points_of

_NUMBER = frozenset({float, int, bool})


@dataclass
class Series:
    """The points of a metric over an axis, in the order in which they were logged.

    Attributes:
        starts: The place of the first point of each session but the first, with its number.
        others: How many values were no numbers (media, texts), and are left out.
        ordered: Whether x never goes back.
        low, high: The range of x; of nothing if there is no finite x.
    """

    xs: array[float] = field(default_factory=lambda: array("d"))
    ys: array[float] = field(default_factory=lambda: array("d"))
    starts: list[tuple[int, int]] = field(default_factory=list)
    others: int = 0
    ordered: bool = True
    low: float = math.inf
    high: float = -math.inf
    # Rows of the newest segment that are in already.
    taken: int = 0

    @property
    def size_bytes(self) -> int:
        return 8 * (len(self.xs) + len(self.ys))


def take(series: Series, part: Part, key: str, x: str, number: int) -> None:
    """Add the points of a whole part."""
    before = len(series.ys)
    for piece in part.split():
        found = points_of(piece, key, x)
        if found is not None:
            ordered = bool((found[0][1:] >= found[0][:-1]).all())
            append_doubles(series, *(array("d", one.tobytes()) for one in found), ordered=ordered)
            continue
        columns: dict[str, list[Any]] = {name: [] for name in dict.fromkeys((x, key))}
        if key in MADE:  # every row has it, but an axis made of rows alone would select all
            columns = {name: [] for name in dict.fromkeys((key, x))}
        extend_columns(columns, piece, complete=True)
        append(series, columns[x], columns[key])
    if number and len(series.ys) > before:
        series.starts.append((before, part.segment.header.session))


def append(series: Series, xs: Sequence[Any], ys: Sequence[Any]) -> None:
    """Add values of any kind; what is no number is counted."""
    if not (_NUMBER.issuperset(map(type, ys)) and _NUMBER.issuperset(map(type, xs))):
        fit = [type(x) in _NUMBER and type(y) in _NUMBER for x, y in zip(xs, ys, strict=True)]
        series.others += len(fit) - sum(fit)
        xs, ys = list(compress(xs, fit)), list(compress(ys, fit))
    append_doubles(series, array("d", map(_double, xs)), array("d", map(_double, ys)))


def append_doubles(
    series: Series, new: array[float], ys: array[float], *, ordered: bool | None = None
) -> None:
    """Add points whose values are numbers; `ordered` says whether x never goes back, if that is known."""
    if new:
        ordered = is_ordered(new) if ordered is None else ordered
        series.ordered = series.ordered and ordered and not (series.xs and new[0] < series.xs[-1])
        finite: Sequence[float] = new
        if not math.isfinite(sum(new)):
            finite = [x for x in new if math.isfinite(x)]
        elif ordered:
            finite = (new[0], new[-1])
        series.low, series.high = (
            min(series.low, min(finite, default=math.inf)),
            max(series.high, max(finite, default=-math.inf)),
        )
    series.xs += new
    series.ys += ys


def _double(value: float) -> float:
    """Return the nearest double; whole numbers of any size come out of JSON."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def grown(series: Series, part: Part, key: str, x: str) -> Series:
    """Return the series with what was logged since; the old one stays as it is for who holds it."""
    segment = part.segment
    if segment.count == series.taken:
        return series
    xs: list[Any] = []
    ys: list[Any] = []
    made = {
        "_step": lambda row: row[1],
        "_runtime": lambda row: (part.before_ms + row[2]) / 1000,
        "_timestamp": lambda row: (segment.header.start_ms + row[2]) / 1000,
    }
    limit = part.surviving.spans[-1][2]
    getters: dict[int, tuple[Any, Any] | None] = {}
    for row in segment.rows[series.taken :]:
        schema = row[0]
        if schema not in getters:
            keys = segment.keys[schema]
            places = {name: VALUES + place for place, name in enumerate(keys)}
            found = [made.get(name) or _getter(places.get(name)) for name in (x, key)]
            getters[schema] = None if None in found else (found[0], found[1])
        pair = getters[schema]
        if pair is not None and row[1] < limit:
            xs.append(pair[0](row))
            ys.append(pair[1](row))
    grown = replace(series, xs=series.xs[:], ys=series.ys[:], starts=list(series.starts))
    append(grown, xs, ys)
    return grown


def _getter(place: int | None) -> Any:
    return None if place is None else lambda row: row[place]
