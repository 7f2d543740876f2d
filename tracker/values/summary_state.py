"""The summary of a run, built from what happened in order: rows, explicit sets, removals.

Both sides use it: the live run, row by row, and readers, over the rows that are not
masked. So the two cannot disagree. Its rules are wandb's:
- a key's summary is its last value, or what `define_metric` asks for: the chosen
  aggregations as a dict, or nothing for `none`;
- an explicit value stands until the key is logged again, and ends the aggregation of
  that key;
- a nested key lies nested; where a number and a nested dict claim one place, the
  later wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tracker.values.metrics import Metric, MetricRules
from tracker.values.scalars import NestedKey, key_parts


class SummaryState:
    """Takes plain values (see `scalars.plain`); not thread-safe: the caller holds a lock."""

    def __init__(self, metrics: Iterable[Metric] = ()) -> None:
        self._rules = MetricRules()
        self._rules.restore(metrics)
        self._entries: dict[str, _Entry] = {}
        # The places that hold a nested dict, by path: a value there would hide what is below.
        self._folders: dict[tuple[str, ...], set[str]] = {}

    def row(self, row: Mapping[str, Any]) -> None:
        """Take a flat row: see `scalars.flatten`."""
        entries = self._entries
        for key, value in row.items():
            entry = entries.get(key)
            if entry is None:
                entry = self._add(key)
            entry.log(value)

    def set(self, values: Mapping[str, Any]) -> None:
        """Set keys explicitly; each replaces all that was under it, also a nested dict."""
        for key, value in values.items():
            self._remove(key_parts(key))
            for leaf, item in _leaves(key, value):
                self._add(leaf).set(item)

    def unset(self, keys: Iterable[str]) -> None:
        """Remove keys and what is nested below them; absent ones are fine."""
        for key in keys:
            self._remove(key_parts(key))
            # As text, a key with a dot in its name and a nested one are the same.
            self._remove(tuple(key.split(".")))

    def define(self, metric: Metric) -> bool:
        """Add a definition; return whether rows logged before would count differently.

        If so, the state is that of the rows from now on, and `history.summary_of` has
        the whole.
        """
        self._rules.restore([metric])
        late = False
        for key, entry in self._entries.items():
            if self._rules.of(key) == metric:
                late |= entry.aggregate(metric.summary)
        return late

    def aggregates(self, key: str) -> bool:
        """Whether more than the last value of the key matters."""
        metric = self._rules.of(key)
        return metric is not None and bool(metric.summary)

    def value(self) -> dict[str, Any]:
        """Return the summary, nested, our own keys last; a new dict each time, leaves shared."""
        nested: dict[str, Any] = {}
        for entry in sorted(self._entries.values(), key=lambda entry: entry.path[0][:1] == "_"):
            if entry.hidden:
                continue
            *folders, name = entry.path
            place = nested
            for folder in folders:
                place = place.setdefault(folder, {})
            place[name] = entry.value()
        return nested

    def _add(self, key: str) -> _Entry:
        path = key_parts(key)
        for depth in range(1, len(path)):
            self._remove_leaf(path[:depth])
            self._folders.setdefault(path[:depth], set()).add(key)
        if path in self._folders:
            self._remove(path)
        entry = self._entries[key] = _Entry(path)
        metric = self._rules.of(key)
        if metric is not None:
            entry.aggregate(metric.summary)
        return entry

    def _remove(self, path: tuple[str, ...]) -> None:
        """Remove the value at a path, or all values below it."""
        for key in list(self._folders.get(path, ())):
            self._remove_leaf(self._entries[key].path)
        self._remove_leaf(path)

    def _remove_leaf(self, path: tuple[str, ...]) -> None:
        key = ".".join(path)
        entry = self._entries.get(key)
        if entry is None or entry.path != path:
            return
        del self._entries[key]
        for depth in range(1, len(path)):
            below = self._folders.get(path[:depth])
            if below is not None:
                below.discard(key)
                if not below:
                    del self._folders[path[:depth]]


class _Entry:
    """One leaf of the summary."""

    __slots__ = ("_explicit", "_last", "_stats", "_wanted", "hidden", "path")

    def __init__(self, path: tuple[str, ...]) -> None:
        self.path = path
        self.hidden = False
        self._last: Any = None
        self._explicit = False
        self._wanted: tuple[str, ...] = ()
        self._stats: _Stats | None = None

    def aggregate(self, summary: tuple[str, ...]) -> bool:
        """Use these aggregations from now on; return whether that is a change."""
        if self._explicit or summary == self._wanted:
            return False
        self._wanted = summary
        self.hidden = "none" in summary
        self._stats = _Stats() if summary and not self.hidden else None
        return True

    def log(self, value: Any) -> None:
        self._last = value
        if self._stats is not None:
            self._stats.add(value)

    def set(self, value: Any) -> None:
        self._last = value
        self._explicit = True
        self._stats = None
        self.hidden = False

    def value(self) -> Any:
        if self._stats is None:
            return self._last
        chosen = {name: found for name in self._wanted if (found := self._stats.get(name)) is not None}
        return chosen or self._last


class _Stats:
    """Aggregations of the numbers of a metric; other values count for `last` and `first` only.

    NaN is neither smallest nor largest while there is a number; it does make the mean NaN.
    """

    __slots__ = ("_count", "_first", "_last", "_max", "_min", "_sum")

    def __init__(self) -> None:
        self._count = 0
        self._sum: float = 0
        self._min: float | None = None
        self._max: float | None = None
        self._first: Any = None
        self._last: Any = None

    def add(self, value: Any) -> None:
        if self._first is None:
            self._first = value
        self._last = value
        if type(value) is not float and type(value) is not int:
            return
        self._count += 1
        self._sum += value
        # `x != x` is true for NaN only.
        if self._min is None or value < self._min or self._min != self._min:
            self._min = value
        if self._max is None or value > self._max or self._max != self._max:
            self._max = value

    def get(self, name: str) -> Any:
        if name == "mean":
            return self._mean()
        return {"min": self._min, "max": self._max, "first": self._first, "last": self._last}.get(name)

    def _mean(self) -> float | None:
        if not self._count:
            return None
        try:
            return self._sum / self._count
        except OverflowError:  # integers beyond what a float holds
            return float("inf") if self._sum > 0 else float("-inf")


def _leaves(key: str, value: Any) -> Iterable[tuple[str, Any]]:
    """Yield what a set value consists of: itself, or the leaves of a nested dict."""
    if not isinstance(value, Mapping) or "_type" in value or not value:
        yield key, value
        return
    for name, item in value.items():
        yield from _leaves(NestedKey((*key_parts(key), str(name))), item)
