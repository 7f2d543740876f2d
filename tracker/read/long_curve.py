"""A curve of a long compacted history: its sketch in memory, its points read where a drawing needs them.

Without numpy there are none: then all points are kept in memory, as those of short histories are.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from tracker.read.drawing import Drawing, is_gapless
from tracker.read.points import Series, take
from tracker.read.sketch import Sketch, thin_points
from tracker.read.thinning import Window, smooth, thin_line
from tracker.storage.parts import Part
from tracker.storage.point_columns import points_of
from tracker.storage.segment import Segment

# Fewer rows are decoded at once and kept.
LONG_ROWS = 100_000


def is_long(parts: Sequence[Part]) -> bool:
    """Whether a history has so many compacted rows that its curves should not be kept whole."""
    rows = sum(part.segment.count for part in parts if not isinstance(part.segment, Segment))
    return rows >= LONG_ROWS and find_spec("numpy") is not None


@dataclass(frozen=True)
class _Piece:
    """Some ten thousand rows that can be read again, and the x of the first and the last point."""

    part: Part
    first: float
    last: float


class LongCurve:
    """The curve of one metric over one axis."""

    def __init__(self, parts: Sequence[Part], key: str, x: str) -> None:
        """Read all points once; memory is needed for those of one part.

        Raises:
            FormatError, StoreError: As for `history.read_rows`.
        """
        self._key, self._x = key, x
        self._sketch = Sketch()
        self._pieces: list[_Piece] = []
        self._about = Drawing()
        session = parts[0].segment.header.session if parts else 0
        for part in parts:
            xs, ys, others = _points(part, key, x)
            number = part.segment.header.session
            self._about.others += others
            if len(xs):
                if number != session:
                    self._about.starts.append((float(xs[0]), number))
                session = number
                self._pieces.append(_Piece(part, float(xs[0]), float(xs[-1])))
                _widen(self._about, xs)
                self._sketch.add(xs, ys)
        # With the points of the part that still grows: that part, and all together.
        self._grown: tuple[Series | None, Sketch] = (None, self._sketch)

    @property
    def size_bytes(self) -> int:
        own = self._grown[1]
        return self._sketch.size_bytes + (own.size_bytes if own is not self._sketch else 0)

    def drawn(self, window: Window, tail: Series | None, smoothing: float = 0.0) -> Drawing:
        """Return what to draw; `tail` is what the part that still grows adds.

        What is smoothed is made of all points each time, and thinned then.

        Raises:
            FormatError, StoreError: As for `history.read_rows`.
        """
        if tail is not self._grown[0]:
            sketch = self._sketch if tail is None else self._sketch.grown(*_arrays(tail))
            self._grown = (tail, sketch)
        sketch = self._grown[1]
        made = self._described(tail, sketch)
        found = None if smoothing else sketch.thin(window)
        if found is None:
            found, made.exact = self._read(window, tail, sketch.ordered, smoothing)
        else:
            made.exact = False
        made.xs, made.ys = (array("d", one.tobytes()) for one in found)
        return made

    def _described(self, tail: Series | None, sketch: Sketch) -> Drawing:
        about = self._about
        made = Drawing(total=sketch.count, ordered=sketch.ordered, others=about.others)
        made.low, made.high, made.starts = about.low, about.high, list(about.starts)
        if tail is not None:
            made.others += tail.others
            made.low, made.high = min(made.low, tail.low), max(made.high, tail.high)
            made.starts += [(tail.xs[place], number) for place, number in tail.starts]
        return made

    def _read(
        self, window: Window, tail: Series | None, ordered: bool, smoothing: float
    ) -> tuple[tuple[Any, Any], bool]:
        """Return the points to draw, chosen of all in the range, and whether they are all of these."""
        import numpy

        # What is smoothed depends on all that was before.
        pieces = self._within(window, ordered) if not smoothing else self._pieces
        read = [_points(piece.part, self._key, self._x)[:2] for piece in pieces]
        read += [_arrays(tail)] if tail is not None else []
        read = read or [(numpy.empty(0), numpy.empty(0))]
        xs, ys = (numpy.concatenate(found) for found in zip(*read, strict=True))
        if smoothing:
            ys = numpy.array(smooth(ys, smoothing))
        if ordered:
            places = thin_points(xs, ys, window)
        else:
            places = thin_line(array("d", xs.tobytes()), array("d", ys.tobytes()), window, ordered=False)
        return (xs[places], ys[places]), is_gapless(places)

    def _within(self, window: Window, ordered: bool) -> Sequence[_Piece]:
        """Return the pieces with points in the range, and one beyond each end for its nearest point."""
        if not ordered:
            return self._pieces
        low = -math.inf if window.low is None else window.low
        high = math.inf if window.high is None else window.high
        inside = [at for at, piece in enumerate(self._pieces) if piece.last >= low and piece.first <= high]
        if not inside:
            before = [at for at, piece in enumerate(self._pieces) if piece.last < low]
            inside = before[-1:] or [0]
        return self._pieces[max(0, inside[0] - 1) : inside[-1] + 2]


def _points(part: Part, key: str, x: str) -> tuple[Any, Any, int]:
    """Return x and y of a part, and how many values are no numbers."""
    found = points_of(part, key, x)
    if found is not None:
        return (*found, 0)
    series = Series()
    take(series, part, key, x, 0)
    return (*_arrays(series), series.others)


def _arrays(series: Series) -> tuple[Any, Any]:
    import numpy

    # A copy: what is seen as an array of numpy cannot grow.
    return numpy.array(series.xs), numpy.array(series.ys)


def _widen(about: Drawing, xs: Any) -> None:
    import numpy

    finite = xs[numpy.isfinite(xs)]
    if len(finite):
        about.low = min(about.low, float(finite.min()))
        about.high = max(about.high, float(finite.max()))
