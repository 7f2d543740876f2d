"""Several runs as one curve: the mean of them, and the range in which they lie."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from tracker.read.points import Series


@dataclass
class Band:
    """A curve of several runs, as long as `xs`.

    Attributes:
        means: The mean over the runs of the mean of each run's points there.
        lows, highs: The lowest and the highest point of any run there.
        runs: How many runs have points.
    """

    xs: array[float] = field(default_factory=lambda: array("d"))
    means: array[float] = field(default_factory=lambda: array("d"))
    lows: array[float] = field(default_factory=lambda: array("d"))
    highs: array[float] = field(default_factory=lambda: array("d"))
    runs: int = 0


def band_of(
    series: Sequence[Series], columns: int, low: float | None = None, high: float | None = None
) -> Band:
    """Return the band of some runs.

    Where the runs have no more different x than `columns`, there is a value for each of
    them; else for each column of equal width, at its middle. A run that ended earlier
    counts no further, one whose x goes back and forth is left out, and so are values that
    are no numbers.
    """
    usable = [one for one in series if one.ordered and one.xs]
    band = Band(runs=len(usable))
    if not usable:
        return band
    first = min(one.low for one in usable) if low is None else low
    last = max(one.high for one in usable) if high is None else high
    borders, middles = _borders(usable, columns, first, last)
    places = [[bisect_left(one.xs, border) for border in borders] for one in usable]
    for number, middle in enumerate(middles):
        means, lows, highs = [], [], []
        for one, own in zip(usable, places, strict=True):
            values: Sequence[float] = one.ys[own[number] : own[number + 1]]
            if len(values) and not math.isfinite(sum(values)):
                values = [value for value in values if math.isfinite(value)]
            if len(values):
                means.append(math.fsum(values) / len(values))
                lows.append(min(values))
                highs.append(max(values))
        if means:
            band.xs.append(middle)
            band.means.append(math.fsum(means) / len(means))
            band.lows.append(min(lows))
            band.highs.append(max(highs))
    return band


def _borders(
    series: Sequence[Series], columns: int, first: float, last: float
) -> tuple[list[float], list[float]]:
    """Return where columns begin, and the end; and the x of each column."""
    different: set[float] = set()
    for one in series:
        different.update(one.xs[bisect_left(one.xs, first) :])
        if len(different) > columns * 4:
            break
    inside = sorted(x for x in different if first <= x <= last)
    if len(inside) <= columns:
        return [*inside, math.inf], inside
    width = (last - first) / columns
    borders = [first + width * number for number in range(columns)]
    return [*borders, math.nextafter(last, math.inf)], [border + width / 2 for border in borders]
