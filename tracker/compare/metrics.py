"""The metric rows of two runs, compared row by row.

Rows belong together by their step; where a run has a step several times, by their order.
What a row says of time (`_runtime`, `_timestamp`) is not compared. The older run may have
ended early: then only what it has is compared, and its last row, which may be cut, only
in the keys that it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from operator import itemgetter
from typing import Any, Protocol

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

    def add(self, step: int, old: Any, new: Any, apart: Apart | None) -> None:
        """Take the values of one row into account."""
        self.rows += 1
        self.plain = self.plain and all(is_number(side) for side in (old, new) if side is not ABSENT)
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


class SteppedRows(Protocol):
    """Rows in the order of their steps, which can be gone through once more."""

    @property
    def last_step(self) -> int | None: ...

    def __iter__(self) -> Iterator[Row]: ...


def compare_rows(
    old: Sequence[Row] | SteppedRows,
    new: Sequence[Row] | SteppedRows,
    *,
    tolerance: Tolerance = EXACT,
    ignore: Sequence[str] = (),
    old_is_whole: bool = True,
) -> MetricComparison:
    """Compare the rows of two runs; needs memory for one row of each and what is said of each key.

    Args:
        old, new: The rows, as `history.read_rows` gives them, or a piece at a time; the
            tolerance is relative to the old ones.
        tolerance: Beside it, what is exactly equal is always counted, too.
        ignore: Patterns (`time/*`) of keys that are not compared.
        old_is_whole: Whether the older run came to its end.
    """
    older, newer = (_Listed(rows) if isinstance(rows, Sequence) else rows for rows in (old, new))
    last = -1 if older.last_step is None else older.last_step
    comparer = _Comparer(tolerance, ignore)
    rows = only_old = only_new = beyond = 0
    for step, a, b in _side_by_side(older, newer):
        if a is None and not old_is_whole and step > last:
            beyond += 1
            continue
        rows += 1
        only_old += b is None
        only_new += a is None
        before, after = a or {}, b or {}
        if not old_is_whole and step == last:
            after = {key: after[key] for key in after if key in before}
        comparer.compare(step, before, after)
    return MetricComparison(
        rows=rows,
        keys=comparer.keys,
        first_unequal=comparer.first_unequal,
        first_outside=comparer.first_outside,
        only_old=only_old,
        only_new=only_new,
        beyond=beyond,
    )


class _Listed:
    """Rows that are in memory."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = sorted(rows, key=itemgetter("_step"))
        self.last_step: int | None = self._rows[-1]["_step"] if rows else None

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)


class _Comparer:
    """Goes through the rows and keeps what it has seen."""

    def __init__(self, tolerance: Tolerance, ignore: Sequence[str]) -> None:
        self.keys: dict[str, KeyComparison] = {}
        self.first_unequal: Divergence | None = None
        self.first_outside: Divergence | None = None
        self._tolerance = tolerance
        self._ignore = ignore

    def compare(self, step: int, old: Row, new: Row) -> None:
        """Compare two rows of a step."""
        # Only those of the first rows that differ are told, value by value.
        wanted = self.first_unequal is None or self.first_outside is None
        unequal: dict[str, Change] = {}
        outside: dict[str, Change] = {}
        for key in old if old.keys() >= new.keys() else {**old, **new}:
            if key in _TIMES:
                continue
            seen = self.keys.get(key)
            if seen is None:
                if any(fnmatchcase(key, pattern) for pattern in self._ignore):
                    continue
                seen = self.keys[key] = KeyComparison(key)
            a, b = old.get(key, ABSENT), new.get(key, ABSENT)
            if type(a) is float and a == b and type(b) is float:
                seen.rows += 1
                continue
            apart = _apart(a, b, self._tolerance)
            seen.add(step, a, b, apart)
            if wanted and apart is not None:
                unequal[key] = Change(a, b)
                if not apart.within:
                    outside[key] = unequal[key]
        # A row without keys that only one run has says nothing that could differ.
        if unequal and self.first_unequal is None:
            self.first_unequal = Divergence(step, unequal)
        if outside and self.first_outside is None:
            self.first_outside = Divergence(step, outside)


def _apart(old: Any, new: Any, tolerance: Tolerance) -> Apart | None:
    if old is ABSENT or new is ABSENT:
        return Apart(within=False)
    return compare_values(old, new, tolerance)


def _side_by_side(old: Iterable[Row], new: Iterable[Row]) -> Iterator[tuple[int, Row | None, Row | None]]:
    """Yield the rows that belong together, with their step; None where a run has none."""
    olds, news = _placed(old), _placed(new)
    a, b = next(olds, None), next(news, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a[0] < b[0]):
            assert a is not None
            yield a[0][0], a[1], None
            a = next(olds, None)
        elif a is None or b[0] < a[0]:
            yield b[0][0], None, b[1]
            b = next(news, None)
        else:
            yield a[0][0], a[1], b[1]
            a, b = next(olds, None), next(news, None)


def _placed(rows: Iterable[Row]) -> Iterator[tuple[tuple[int, int], Row]]:
    """Yield rows with their step and how often it was there before."""
    last, seen = None, 0
    for row in rows:
        step = row["_step"]
        seen = seen + 1 if step == last else 0
        last = step
        yield (step, seen), row
