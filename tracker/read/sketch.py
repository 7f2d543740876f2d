"""A long curve in a few per cent of its memory, from which a whole view can be drawn exactly.

Of each bucket, some points that followed each other, the first, the lowest, the highest and
the last are kept. The extremes of buckets that stand side by side are among what is kept of
them, so columns of a drawing that begin where buckets do lose no spike. Whoever looks at
fewer points than that needs reads the recorded ones.

Needs numpy.
"""

from __future__ import annotations

from copy import copy
from typing import Any

from tracker.read.thinning import PER_COLUMN, Window

# Points in a bucket, of which four are kept: half a megabyte of a million, of 16.
BUCKET = 128


class Sketch:
    """Grows at its end; what was given out stays as it is.

    Attributes:
        count: How many points it stands for.
        xs, ys: What is kept of them, in order.
        ordered: Whether x never goes back.
    """

    def __init__(self) -> None:
        """Of no points."""
        import numpy

        self.count = 0
        self.ordered = True
        self.xs: Any = numpy.empty(0)
        self.ys: Any = numpy.empty(0)
        # Where in `xs` each bucket begins.
        self._firsts: Any = numpy.empty(0, "u4")
        self._new: list[tuple[Any, Any, Any]] = []
        self._kept = 0
        self._last: float | None = None

    @property
    def size_bytes(self) -> int:
        self._settle()
        return int(self.xs.nbytes + self.ys.nbytes + self._firsts.nbytes)

    def add(self, xs: Any, ys: Any) -> None:
        """Add points; a bucket never has points of two calls, so many are given at once."""
        import numpy

        if not len(xs):
            return
        self.ordered = (
            self.ordered
            and bool((xs[1:] >= xs[:-1]).all())
            and (self._last is None or bool(xs[0] >= self._last))
        )
        self._last = float(xs[-1])
        self.count += len(xs)
        rows = _padded(ys)
        places = _kept_of(rows, len(ys))
        new = numpy.diff(places, axis=1, prepend=-1) > 0
        chosen = places[new]
        firsts = self._kept + numpy.concatenate(([0], numpy.cumsum(new.sum(axis=1))[:-1]))
        self._new.append((xs[chosen], ys[chosen], firsts.astype("u4")))
        self._kept += len(chosen)

    def grown(self, xs: Any, ys: Any) -> Sketch:
        """Return one that has more points; this one stays as it is."""
        self._settle()
        more = copy(self)
        more._new = []
        more.add(xs, ys)
        return more

    def _settle(self) -> None:
        """Put what was added at the end of what is kept."""
        import numpy

        if self._new:
            for name, found in zip(("xs", "ys", "_firsts"), zip(*self._new, strict=True), strict=True):
                setattr(self, name, numpy.concatenate((getattr(self, name), *found)))
            self._new.clear()

    def thin(self, window: Window) -> tuple[Any, Any] | None:
        """Return the points to draw: as `thinning.thin_line`, but its columns begin where buckets do.

        None where that would be seen, because a bucket is wider than a column: then the
        points themselves must be read.
        """
        import numpy

        self._settle()
        if self.ordered and window.log:
            return None
        start, end = _range(self.xs, window) if self.ordered else (0, len(self.xs))
        # Whole buckets.
        first = max(0, int(numpy.searchsorted(self._firsts, start, "right")) - 1)
        after = int(numpy.searchsorted(self._firsts, end))
        if after - first < window.columns:
            return None
        start = int(self._firsts[first])
        end = int(self._firsts[after]) if after < len(self._firsts) else len(self.xs)
        firsts = self._firsts[first:after].astype("i8") - start
        xs, ys = self.xs[start:end], self.ys[start:end]
        if self.ordered:
            wide = xs[numpy.append(firsts[1:], len(xs)) - 1] - xs[firsts]
            if wide.max() > (xs[-1] - xs[0]) / window.columns:
                return None
        borders = columns_of(xs, window, ordered=self.ordered)
        at = numpy.searchsorted(firsts, borders)
        chosen = extremes(ys, numpy.unique(numpy.append(firsts, len(xs))[at]))
        return xs[chosen], ys[chosen]


def thin_points(xs: Any, ys: Any, window: Window) -> Any:
    """Return the places that `thin_line` returns of points whose x never goes back, at once."""
    import numpy

    start, end = _range(xs, window)
    if end - start <= PER_COLUMN * window.columns:
        return numpy.arange(start, end)
    borders = numpy.unique(columns_of(xs[start:end], window, ordered=True))
    return start + extremes(ys[start:end], borders)


def columns_of(xs: Any, window: Window, *, ordered: bool) -> Any:
    """Return the place of the first point of each column; points are there."""
    import numpy

    shares = numpy.arange(window.columns) / window.columns
    places: Any
    if not ordered:
        return (len(xs) * numpy.arange(window.columns)) // window.columns
    low, high = float(xs[0]), float(xs[-1])
    if window.log and high > 0:
        if low <= 0:
            low = float(xs[min(int(numpy.searchsorted(xs, 0.0, "right")), len(xs) - 1)])
        places = numpy.searchsorted(xs, low * (high / low) ** shares)
    else:
        places = numpy.searchsorted(xs, low + (high - low) * shares)
    places[0] = 0
    return places


def extremes(ys: Any, borders: Any) -> Any:
    """Return the places of the first, lowest, highest and last point of each column, in order.

    Of a column with as few points all are. Columns begin at `borders`, which differ; the first
    is 0. What is no number, or infinite, is never lowest or highest.
    """
    import numpy

    borders = borders[borders < len(ys)]
    widths = numpy.diff(borders, append=len(ys))
    column: Any = numpy.repeat(numpy.arange(len(borders)), widths)
    chosen = [borders, borders + widths - 1, numpy.flatnonzero(widths[column] <= PER_COLUMN)]
    finite = numpy.isfinite(ys)
    for least, beyond in ((numpy.minimum, numpy.inf), (numpy.maximum, -numpy.inf)):
        values = numpy.where(finite, ys, beyond)
        found = numpy.flatnonzero((values == least.reduceat(values, borders)[column]) & finite)
        # Of equal ones the first.
        _, first = numpy.unique(column[found], return_index=True)
        chosen.append(found[first])
    return numpy.unique(numpy.concatenate(chosen))


def _range(xs: Any, window: Window) -> tuple[int, int]:
    """Return which points lie in the range of the window, and one beyond each end."""
    import numpy

    low, high = window.low, window.high
    start = 0 if low is None else max(0, int(numpy.searchsorted(xs, low)) - 1)
    end = len(xs) if high is None else min(len(xs), int(numpy.searchsorted(xs, high, "right")) + 1)
    return start, max(start, end)


def _padded(ys: Any) -> Any:
    """Return the values in rows of a bucket each; the last one is there again where some are missing."""
    import numpy

    missing = -len(ys) % BUCKET
    return numpy.append(ys, numpy.full(missing, ys[-1])).reshape(-1, BUCKET)


def _kept_of(rows: Any, count: int) -> Any:
    """Return for each bucket the places, in order, of its four points; some may be the same."""
    import numpy

    firsts = numpy.arange(0, len(rows) * BUCKET, BUCKET)
    finite = numpy.isfinite(rows)
    if finite.all():
        low, high = rows.argmin(axis=1), rows.argmax(axis=1)
    else:
        low = numpy.where(finite, rows, numpy.inf).argmin(axis=1)
        high = numpy.where(finite, rows, -numpy.inf).argmax(axis=1)
    lasts = numpy.minimum(firsts + BUCKET, count) - 1
    places = numpy.stack((firsts, firsts + low, firsts + high, lasts), axis=1)
    places.sort(axis=1)
    return places
