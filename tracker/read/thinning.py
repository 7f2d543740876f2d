"""Fewer points for a drawing in which nothing that can be seen is lost.

The range of x is cut into equal columns, as the pixels of a screen are, and of the points
in a column the first, the lowest, the highest and the last are kept. A line through them
covers the same pixels as a line through all: no spike is lost. Kept points are recorded
points; nothing is averaged.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise
from operator import le
from typing import Any

# Of one column: first, lowest, highest, last.
PER_COLUMN = 4
# From so many points on numpy, where it is installed, is worth its import.
_MANY = 50_000


@dataclass(frozen=True)
class Window:
    """What is to be drawn.

    Attributes:
        columns: Into how many the width is cut.
        low, high: The range of x; None for all there is.
        log: Whether columns are equally wide in the logarithm of x.
    """

    columns: int = 800
    low: float | None = None
    high: float | None = None
    log: bool = False


def thin_line(
    xs: Sequence[float], ys: Sequence[float], window: Window, *, ordered: bool | None = None
) -> list[int]:
    """Return the places of the points to draw, in order; all of the range if they are few.

    One point beyond each end of the range is among them, so that the line leaves the
    picture where it should. Values that are no numbers are never lowest or highest.
    Where x goes back and forth, columns have equally many points instead; `ordered` says
    so where it is known.
    """
    if ordered is None:
        ordered = is_ordered(xs)
    start, end = _range(xs, window, ordered)
    if end - start <= PER_COLUMN * window.columns:
        return list(range(start, end))
    kept: list[int] = []
    find = _extremes if end - start < _MANY else _numpy_extremes(ys) or _extremes
    for first, after in pairwise(_borders(xs, start, end, window) if ordered else _even(start, end, window)):
        if after - first <= PER_COLUMN:
            kept += range(first, after)
        else:
            kept += find(ys, first, after)
    return kept


def is_ordered(xs: Sequence[float]) -> bool:
    """Whether x never goes back."""
    return all(map(le, xs, islice(xs, 1, None)))


def smooth(ys: Sequence[float], weight: float) -> array[float]:
    """Return the exponential moving average, corrected for its beginning.

    `weight` is that of what was before: 0 leaves all as it is, 0.99 is very smooth. What
    is no number counts as if it were not there.
    """
    if weight <= 0:
        return array("d", ys)
    if len(ys) >= _MANY and (fast := _numpy_smooth(ys, weight)) is not None:
        return fast
    rest = 1 - weight

    def step(before: float, value: float) -> float:
        return before * weight + value * rest if value - value == 0 else before

    # The weights of what was seen so far add up to less than 1 in the beginning.
    seen = accumulate((1.0 if y - y == 0 else math.nan for y in ys), step, initial=0.0)
    sums = accumulate(ys, step, initial=0.0)
    next(seen), next(sums)
    return array("d", (total / whole if whole else math.nan for total, whole in zip(sums, seen, strict=True)))


def _numpy_smooth(ys: Sequence[float], weight: float) -> array[float] | None:
    """Return the same ten times as fast; None without numpy, or if not all values are finite.

    The sum over all values before is made of sums over two, four, eight of them, and so on,
    until what is further away weighs nothing.
    """
    try:
        import numpy
    except ImportError:
        return None
    sums: Any = numpy.array(ys, dtype=float) * (1 - weight)
    if not math.isfinite(float(sums.sum())):
        return None
    reach = 1
    while reach < len(sums) and weight**reach > 1e-18:
        sums[reach:] += sums[:-reach] * weight**reach
        reach *= 2
    first = min(len(sums), math.ceil(math.log(1e-18) / math.log(weight)))
    # The weights of what was seen so far add up to less than 1 in the beginning.
    sums[:first] /= 1 - weight ** numpy.arange(1, first + 1)
    return array("d", sums.tobytes())


def _range(xs: Sequence[float], window: Window, ordered: bool) -> tuple[int, int]:
    if not ordered:
        return 0, len(xs)
    start = 0 if window.low is None else max(0, bisect_left(xs, window.low) - 1)
    end = len(xs) if window.high is None else min(len(xs), bisect_right(xs, window.high) + 1)
    return start, max(start, end)


def _borders(xs: Sequence[float], start: int, end: int, window: Window) -> Iterator[int]:
    """Yield where columns begin, and the end."""
    low, high = xs[start], xs[end - 1]
    log = window.log and high > 0
    if log and low <= 0:
        low = xs[min(bisect_right(xs, 0.0), end - 1)]
    place = start
    yield start
    for number in range(1, window.columns):
        share = number / window.columns
        border = low * (high / low) ** share if log else low + (high - low) * share
        place = bisect_left(xs, border, place, end)
        yield place
    yield end


def _even(start: int, end: int, window: Window) -> Iterator[int]:
    for number in range(window.columns + 1):
        yield start + (end - start) * number // window.columns


def _extremes(ys: Sequence[float], first: int, after: int) -> list[int]:
    values = ys[first:after]
    low, high = min(values), max(values)
    if not math.isfinite(low) or not math.isfinite(high) or math.isnan(sum(values)):
        numbers = [value for value in values if math.isfinite(value)]
        if not numbers:
            return [first, after - 1]
        low, high = min(numbers), max(numbers)
    return sorted({first, first + values.index(low), first + values.index(high), after - 1})


def _numpy_extremes(ys: Sequence[float]) -> Callable[[Sequence[float], int, int], list[int]] | None:
    """Return what does the same as `_extremes` ten times as fast; None without numpy."""
    try:
        import numpy
    except ImportError:
        return None
    values: Any = numpy.frombuffer(ys) if isinstance(ys, array) else numpy.asarray(ys, dtype=float)

    def find(ys: Sequence[float], first: int, after: int) -> list[int]:
        column = values[first:after]
        low, high = int(column.argmin()), int(column.argmax())
        # argmin stops at a NaN, and an infinity is an extreme to it.
        if not (math.isfinite(column[low]) and math.isfinite(column[high])):
            return _extremes(ys, first, after)
        return sorted({first, first + low, first + high, after - 1})

    return find
