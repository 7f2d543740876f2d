"""The points of the metrics of one run, kept in memory and read on while the run is written.

What was decoded stays until the history changes in another way than by growing: a row
that is taken back, a new session or a compaction lets everything be read anew.
"""

from __future__ import annotations

import math
import os
import threading
from array import array
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import compress
from pathlib import Path
from typing import Any

from tracker.read.thinning import is_ordered
from tracker.storage.bulk import bulk
from tracker.storage.history import extend_columns
from tracker.storage.journal import VALUES
from tracker.storage.parts import MADE, Part, Which, load_parts
from tracker.storage.segment import Damage, Segment
from vcs.layout import RunLayout

Stamp = tuple[tuple[str, int, int], ...]

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


def stamp_of(run: RunLayout, which: Which = "history") -> Stamp:
    """Return what changes whenever rows were written; costs one look at each file."""
    found = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(_folder(run, which)) as entries:
        for entry in entries:
            if entry.name[0] != ".":
                with suppress(OSError):
                    about = entry.stat()
                    found.append((entry.name, about.st_size, about.st_mtime_ns))
    return tuple(sorted(found))


class RunSeries:
    """The series of one run. Safe to use from several threads."""

    def __init__(self, run: RunLayout, which: Which = "history", rank: str = "0") -> None:
        """Read nothing yet. `rank` is the process of a distributed run."""
        self._run = run
        self._ranks = (rank,)
        self._which = which
        self._lock = threading.RLock()
        self._stamp: Stamp | None = None
        self._shape: tuple[Any, ...] = ()
        self._parts: list[Part] = []
        self._kept: dict[Path, Segment] = {}
        self._series: dict[tuple[str, str], Series] = {}
        self.damaged: list[Damage] = []

    @property
    def size_bytes(self) -> int:
        """How much memory the points take."""
        with self._lock:
            return sum(series.size_bytes for series in self._series.values())

    def keys(self) -> list[str]:
        """Return every key of an unmasked row, in the order of their first appearance.

        Raises:
            FormatError, StoreError: As for `history.read_rows`.
        """
        with self._lock:
            self._refresh()
            found: dict[str, None] = {}
            for part in self._parts:
                for schema in part.schemas:
                    found.update(dict.fromkeys(map(str.__str__, part.segment.keys[schema])))
            return list(found)

    @bulk()
    def points(self, key: str, x: str = "_step") -> Series:
        """Return the points of a metric over an axis: `_step`, `_runtime`, `_timestamp` or another metric.

        Rows that lack one of them give no point. What is returned is not changed by later
        calls, but may be shared.

        Raises:
            FormatError, StoreError: As for `history.read_rows`.
        """
        with self._lock:
            self._refresh()
            series = self._series.get((key, x))
            if series is None:
                series = Series()
                for number, part in enumerate(self._parts):
                    _take(series, part, key, x, number)
            elif self._parts:
                series = _grown(series, self._parts[-1], key, x)
            series.taken = self._parts[-1].segment.count if self._parts else 0
            self._series[key, x] = series
            return series

    def forget(self) -> None:
        """Give the memory back."""
        with self._lock:
            self._series.clear()
            self._kept.clear()
            self._parts, self._stamp, self._shape = [], None, ()

    def _refresh(self) -> None:
        stamp = stamp_of(self._run, self._which)
        if stamp == self._stamp:
            return
        self.damaged = []
        try:
            self._parts = load_parts(self._run, self._ranks, self._which, self.damaged, kept=self._kept)
        except FileNotFoundError:  # compacted between the listing and the reading
            self._kept.clear()
            self._parts = load_parts(self._run, self._ranks, self._which, self.damaged)
        there = {part.segment.path for part in self._parts}
        self._kept = {path: segment for path, segment in self._kept.items() if path in there}
        shape = tuple(map(_shape_of, self._parts[:-1])) + tuple(map(_last_shape_of, self._parts[-1:]))
        if shape != self._shape:
            self._series.clear()
        self._shape, self._stamp = shape, stamp


def _folder(run: RunLayout, which: Which) -> Path:
    return run.history if which == "history" else run.system


def _shape_of(part: Part) -> tuple[Any, ...]:
    return part.segment.path, part.segment.count, tuple(part.surviving.spans)


def _last_shape_of(part: Part) -> tuple[Any, ...]:
    """Return what stays the same while the newest segment only grows."""
    spans = part.surviving.spans
    return part.segment.path, tuple(spans[:-1]), spans[-1][0], spans[-1][2]


def _take(series: Series, part: Part, key: str, x: str, number: int) -> None:
    """Add the points of a whole part."""
    before = len(series.ys)
    for piece in part.split():
        columns: dict[str, list[Any]] = {name: [] for name in dict.fromkeys((x, key))}
        if key in MADE:  # every row has it, but an axis made of rows alone would select all
            columns = {name: [] for name in dict.fromkeys((key, x))}
        extend_columns(columns, piece, complete=True)
        _append(series, columns[x], columns[key])
    if number and len(series.ys) > before:
        series.starts.append((before, part.segment.header.session))


def _append(series: Series, xs: Sequence[Any], ys: Sequence[Any]) -> None:
    if not (_NUMBER.issuperset(map(type, ys)) and _NUMBER.issuperset(map(type, xs))):
        fit = [type(x) in _NUMBER and type(y) in _NUMBER for x, y in zip(xs, ys, strict=True)]
        series.others += len(fit) - sum(fit)
        xs, ys = list(compress(xs, fit)), list(compress(ys, fit))
    new = array("d", map(_double, xs))
    if new:
        series.ordered = series.ordered and is_ordered(new) and not (series.xs and new[0] < series.xs[-1])
        finite = new if math.isfinite(sum(new)) else [x for x in new if math.isfinite(x)]
        series.low, series.high = (
            min(series.low, min(finite, default=math.inf)),
            max(series.high, max(finite, default=-math.inf)),
        )
    series.xs += new
    series.ys.extend(map(_double, ys))


def _double(value: float) -> float:
    """Return the nearest double; whole numbers of any size come out of JSON."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _grown(series: Series, part: Part, key: str, x: str) -> Series:
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
    _append(grown, xs, ys)
    return grown


def _getter(place: int | None) -> Any:
    return None if place is None else lambda row: row[place]
