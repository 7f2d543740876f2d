"""The metric rows of two runs, compared row by row.

Rows belong together by their step; where a run has a step several times, by their order.
What a row says of time (`_runtime`, `_timestamp`) is not compared. The older run may have
ended early: then only what it has is compared, and its last row, which may be cut, only
in the keys that it has.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tracker.compare.values import ABSENT, EXACT, Apart, Change, Tolerance, compare_values, is_number

Row = Mapping[str, Any]

_TIMES = frozenset({"_step", "_runtime", "_timestamp"})


@dataclass
class KeyComparison:
    """One metric in all rows that were compared.

    Attributes:
        rows: In how many rows at least one run has it.
        unequal: In how many of them the values are not equal, or one is missing.
        outside: In how many of them they are further apart than the tolerance allows.
        first_unequal, first_outside: The step of the first of those.
        largest, largest_relative: The largest distance of two numbers.
        plain: Whether it is a number in every row, and not an image or a histogram.
    """

    key: str
    rows: int = 0
    unequal: int = 0
    outside: int = 0
    first_unequal: int | None = None
    first_outside: int | None = None
    largest: float = 0.0
    largest_relative: float = 0.0
    plain: bool = True

    def add(self, step: int, change: Change, apart: Apart | None) -> None:
        """Take the values of one row into account."""
        self.rows += 1
        self.plain = self.plain and all(
            is_number(side) for side in (change.old, change.new) if side is not ABSENT
        )
        if apart is None:
            return
        self.unequal += 1
        self.first_unequal = step if self.first_unequal is None else self.first_unequal
        self.largest = max(self.largest, apart.absolute or 0.0)
        self.largest_relative = max(self.largest_relative, apart.relative or 0.0)
        if not apart.within:
            self.outside += 1
            self.first_outside = step if self.first_outside is None else self.first_outside


@dataclass(frozen=True)
class Divergence:
    """The first step at which two runs are not the same, and what is not."""

    step: int
    values: dict[str, Change]

    @property
    def numbers_first(self) -> list[tuple[str, Change]]:
        """The values, numbers before images and histograms, which say less at a glance."""
        return sorted(self.values.items(), key=lambda item: not is_number(item[1].old))


@dataclass(frozen=True)
class MetricComparison:
    """What comparing the rows of two runs came to.

    Attributes:
        rows: How many rows were compared, with those that only one run has.
        keys: By name; those that `ignore` left out are not here.
        first_unequal: Where the runs stop being equal; None if they never do.
        first_outside: Where they stop being within the tolerance.
        only_old, only_new: Rows that only one run has.
        beyond: Rows of the newer run after the end of an older one that ended early.
    """

    rows: int
    keys: dict[str, KeyComparison] = field(default_factory=dict)
    first_unequal: Divergence | None = None
    first_outside: Divergence | None = None
    only_old: int = 0
    only_new: int = 0
    beyond: int = 0

    @property
    def identical(self) -> bool:
        """Whether every value that was compared is equal."""
        return self.first_unequal is None

    @property
    def within(self) -> bool:
        """Whether every value that was compared is within the tolerance."""
        return self.first_outside is None


def compare_rows(
    old: Sequence[Row],
    new: Sequence[Row],
    *,
    tolerance: Tolerance = EXACT,
    ignore: Sequence[str] = (),
    old_is_whole: bool = True,
) -> MetricComparison:
    """Compare the rows of two runs, as `history.read_rows` gives them.

    Args:
        old, new: The rows; the tolerance is relative to the old ones.
        tolerance: Beside it, what is exactly equal is always counted, too.
        ignore: Patterns (`time/*`) of keys that are not compared.
        old_is_whole: Whether the older run came to its end.
    """
    older, newer = _by_place(old), _by_place(new)
    beyond = 0
    last = max((place[0] for place in older), default=-1)
    if not old_is_whole:
        beyond = sum(place[0] > last for place in newer)
        newer = {place: row for place, row in newer.items() if place[0] <= last}
    comparer = _Comparer(tolerance, ignore)
    for place in sorted({**older, **newer}):
        a, b = older.get(place, {}), newer.get(place, {})
        cut = not old_is_whole and place[0] == last
        comparer.compare(place[0], a, {key: b[key] for key in b if key in a} if cut else b)
    return MetricComparison(
        rows=len({**older, **newer}),
        keys=comparer.keys,
        first_unequal=comparer.first_unequal,
        first_outside=comparer.first_outside,
        only_old=len(older.keys() - newer.keys()),
        only_new=len(newer.keys() - older.keys()),
        beyond=beyond,
    )


class _Comparer:
    """Goes through the rows and keeps what it has seen."""

    def __init__(self, tolerance: Tolerance, ignore: Sequence[str]) -> None:
        self.keys: dict[str, KeyComparison] = {}
        self.first_unequal: Divergence | None = None
        self.first_outside: Divergence | None = None
        self._tolerance = tolerance
        self._ignore = ignore

    def compare(self, step: int, old: Row, new: Row) -> None:
        unequal: dict[str, Change] = {}
        outside: dict[str, Change] = {}
        for key in _keys(old, new):
            seen = self.keys.get(key)
            if seen is None:
                if any(fnmatchcase(key, pattern) for pattern in self._ignore):
                    continue
                seen = self.keys[key] = KeyComparison(key)
            change = Change(old.get(key, ABSENT), new.get(key, ABSENT))
            apart = _apart(change, self._tolerance)
            seen.add(step, change, apart)
            if apart is not None:
                unequal[key] = change
                if not apart.within:
                    outside[key] = change
        # A row without keys that only one run has says nothing that could differ.
        if unequal and self.first_unequal is None:
            self.first_unequal = Divergence(step, unequal)
        if outside and self.first_outside is None:
            self.first_outside = Divergence(step, outside)


def _apart(change: Change, tolerance: Tolerance) -> Apart | None:
    if change.old is ABSENT or change.new is ABSENT:
        return Apart(within=False)
    return compare_values(change.old, change.new, tolerance)


def _keys(old: Row, new: Row) -> list[str]:
    return [key for key in {**old, **new} if key not in _TIMES]


def _by_place(rows: Iterable[Row]) -> dict[tuple[int, int], Row]:
    """Return rows by step and by how often the step was there before."""
    seen: Counter[int] = Counter()
    found: dict[tuple[int, int], Row] = {}
    for row in rows:
        step = row["_step"]
        found[step, seen[step]] = row
        seen[step] += 1
    return found


def distance_text(comparison: KeyComparison) -> str:
    """Return `1.2e-07 (relative 3.4e-06)`; empty where no two numbers differ."""
    if not comparison.largest:
        return ""
    relative = comparison.largest_relative
    return f"{comparison.largest:.2g}" + (f" (relative {relative:.2g})" if math.isfinite(relative) else "")
