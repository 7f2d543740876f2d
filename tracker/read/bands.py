"""Several runs as one curve: the mean of them, and the range in which they lie."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tracker.read.points import Series


@dataclass
class Band:
    """A curve of several runs, as long as `xs`.

    Attributes:
        means: The mean over the runs of the mean of each run's points there.
        lows, highs: The lowest and the highest point of any run there.
        runs: How many runs have points that can be drawn.
        total: How many points all have.
    """

    xs: array[float] = field(default_factory=lambda: array("d"))
    means: array[float] = field(default_factory=lambda: array("d"))
    lows: array[float] = field(default_factory=lambda: array("d"))
    highs: array[float] = field(default_factory=lambda: array("d"))
    runs: int = 0
    total: int = 0


# Gives the points of one run; called twice, so that those of all need not be in memory at once.
Source = Callable[[], Series]


def band_of(
    sources: Sequence[Source], columns: int, low: float | None = None, high: float | None = None
) -> Band:
    """Return the band of some runs.

    Where the runs have no more different x than `columns`, there is a value for each of
    them; else for each column of equal width, at its middle. A run that ended earlier
    counts no further, one whose x goes back and forth is left out, and so are values that
    are no numbers.
    """
    extent = _Extent(columns, low)
    usable = [source for source in sources if extent.take(source())]
    band = Band(runs=len(usable), total=extent.points)
    if not usable:
        return band
    first = extent.low if low is None else low
    last = extent.high if high is None else high
    borders, middles = _borders(extent.different, columns, first, last)
    sums = [_Column() for _ in middles]
    for source in usable:
        _spread(source(), borders, sums)
    for middle, column in zip(middles, sums, strict=True):
        if column.means:
            band.xs.append(middle)
            band.means.append(math.fsum(column.means) / len(column.means))
            band.lows.append(column.low)
            band.highs.append(column.high)
    return band


class _Extent:
    """What must be known of all runs before columns can be told."""

    def __init__(self, columns: int, first: float | None) -> None:
        self._most = columns * 4
        self._first = first
        self.low, self.high = math.inf, -math.inf
        self.points = 0
        # Every x, or more than matter.
        self.different: set[float] = set()

    def take(self, one: Series) -> bool:
        """Return whether the run can be drawn."""
        self.points += len(one.ys)
        if not one.ordered or not one.xs:
            return False
        self.low, self.high = min(self.low, one.low), max(self.high, one.high)
        start = 0 if self._first is None else bisect_left(one.xs, self._first)
        for place in range(start, len(one.xs), self._most):
            if len(self.different) > self._most:
                break
            self.different.update(one.xs[place : place + self._most])
        return True


@dataclass
class _Column:
    """What the runs have in one column."""

    means: list[float] = field(default_factory=list)
    low: float = math.inf
    high: float = -math.inf


def _spread(one: Series, borders: Sequence[float], columns: Sequence[_Column]) -> None:
    """Add what one run has to the columns."""
    places = [bisect_left(one.xs, border) for border in borders]
    for column, (start, end) in zip(columns, pairwise(places), strict=True):
        values: Sequence[float] = one.ys[start:end]
        if len(values) and not math.isfinite(sum(values)):
            values = [value for value in values if math.isfinite(value)]
        if len(values):
            column.means.append(math.fsum(values) / len(values))
            column.low = min(column.low, min(values))
            column.high = max(column.high, max(values))


def _borders(
    different: set[float], columns: int, first: float, last: float
) -> tuple[list[float], list[float]]:
    """Return where columns begin, and the end; and the x of each column."""
    inside = sorted(x for x in different if first <= x <= last)
    if len(inside) <= columns:
        return [*inside, math.inf], inside
    width = (last - first) / columns
    borders = [first + width * number for number in range(columns)]
    return [*borders, math.nextafter(last, math.inf)], [border + width / 2 for border in borders]
