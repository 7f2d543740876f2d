"""Histograms over the finite values of a sequence, array or tensor.

Bins are equally wide between the smallest and the largest finite value. A value
belongs to bin `floor((value - low) / (high - low) * bins)`, the largest to the last.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Any, ClassVar

from tracker.values.arrays import Array, TakenArray, is_array
from tracker.values.content import Media, Record
from tracker.values.sink import MediaSink

MAX_BINS = 512

# Above this many values numpy is worth its import; below, plain Python is as fast.
_PLAIN_LIMIT = 20_000
# Values looked at in one piece, so that memory stays bounded.
_PIECE = 1 << 20


class Histogram(Media):
    """How often values fall into each of a number of bins.

    The sequence is copied at once; the counting happens when the counts are first
    asked for, usually by the thread that writes. NaN and the infinities are left out
    of the bins and counted apart.

    Attributes:
        histogram: The number of values in each bin.
        bins: The edges, one more than there are bins; both empty without a finite
            value. If all values are equal there is one bin, and both edges are that value.
    """

    record_type: ClassVar[str] = "histogram"
    group_type: ClassVar[str] = "histograms"
    MAX_LENGTH = MAX_BINS

    def __init__(
        self,
        sequence: Iterable[float] | Any | None = None,
        np_histogram: tuple[Any, Any] | None = None,
        num_bins: int = 64,
    ) -> None:
        """Take the values, or counts and edges as `numpy.histogram` returns them.

        Raises:
            ValueError: More than 512 bins, less than one, edges that do not fit the
                counts, or neither of the two.
            TypeError: The sequence holds something that is no number.
        """
        self._values: list[float] | TakenArray | None = None
        self._counted: tuple[list[int | float], list[float]] | None = None
        self._not_finite = 0
        self._bin_count = num_bins
        if np_histogram is not None:
            self._counted = _check_counts(np_histogram)
            return
        if sequence is None:
            raise ValueError("a histogram needs a sequence of values, or np_histogram=(counts, edges)")
        if not 1 <= num_bins <= MAX_BINS:
            raise ValueError(f"a histogram has 1 to {MAX_BINS} bins, not {num_bins}")
        self._values = _take_values(sequence)

    @property
    def histogram(self) -> list[int | float]:
        """The number of values in each bin."""
        return self._count()[0]

    @property
    def bins(self) -> list[float]:
        """The edges of the bins."""
        return self._count()[1]

    @property
    def not_finite(self) -> int:
        """How many values are NaN or infinite, and so in no bin."""
        self._count()
        return self._not_finite

    def to_record(self, sink: MediaSink) -> Record:
        """Return counts and edges; nothing is put into the sink."""
        counts, edges = self._count()
        record: Record = {"_type": self.record_type, "values": counts, "bins": edges}
        if self._not_finite:
            record["not_finite"] = self._not_finite
        return record

    def _count(self) -> tuple[list[int | float], list[float]]:
        if self._counted is None:
            values = self._values
            if isinstance(values, TakenArray):
                counted, self._not_finite = count_array(values.numpy(), self._bin_count)
            else:
                counted, self._not_finite = count_plain(values or [], self._bin_count)
            self._counted = counted
            self._values = None
        return self._counted


Counted = tuple[tuple[list[int | float], list[float]], int]


def count_plain(values: Sequence[float], bins: int) -> Counted:
    """Count a sequence in plain Python; return (counts, edges) and how many are not finite."""
    finite = [value for value in values if math.isfinite(value)]
    left_out = len(values) - len(finite)
    if not finite:
        return ([], []), left_out
    low, high = min(finite), max(finite)
    if low == high:
        return ([len(finite)], [low, high]), left_out
    scale, span = _scale(low, high)
    counts: list[int | float] = [0] * bins
    start = low * scale
    for value in finite:
        counts[min(int((value * scale - start) / span * bins), bins - 1)] += 1
    return (counts, _edges(low, high, bins)), left_out


def count_array(array: Array, bins: int) -> Counted:
    """Count a numpy array of any shape, piece by piece, by the same rule as `count_plain`."""
    import numpy

    flat = array.reshape(-1)
    pieces = [_finite(flat[start : start + _PIECE]) for start in range(0, flat.size, _PIECE)]
    total = sum(piece.size for piece in pieces)
    left_out = flat.size - total
    if not total:
        return ([], []), left_out
    low = float(min(piece.min() for piece in pieces if piece.size))
    high = float(max(piece.max() for piece in pieces if piece.size))
    if low == high:
        return ([total], [low, high]), left_out
    scale, span = _scale(low, high)
    counts: Array = numpy.zeros(bins, dtype=numpy.int64)
    for piece in pieces:
        wide = piece.astype(numpy.float64)
        place = ((wide * scale - low * scale) / span * bins).astype(numpy.int64)
        counts += numpy.bincount(numpy.minimum(place, bins - 1), minlength=bins)
    return (counts.tolist(), _edges(low, high, bins)), left_out


def _finite(piece: Array) -> Array:
    import numpy

    if piece.dtype.kind != "f":
        return piece
    mask = numpy.isfinite(piece)
    return piece if mask.all() else piece[mask]


def _scale(low: float, high: float) -> tuple[float, float]:
    """Return a factor that keeps the span finite, and the span times the factor."""
    span = high - low
    return (1.0, span) if math.isfinite(span) else (0.5, high * 0.5 - low * 0.5)


def _edges(low: float, high: float, bins: int) -> list[float]:
    # Written so that it neither overflows nor misses the ends.
    return [low * (1 - i / bins) + high * (i / bins) for i in range(bins)] + [high]


def _take_values(sequence: Any) -> list[float] | TakenArray:
    if is_array(sequence):
        if "complex" in str(sequence.dtype):
            raise TypeError("a histogram is of real numbers, not complex ones")
        return TakenArray(sequence)
    values = list(sequence)
    if any(isinstance(value, (list, tuple)) or is_array(value) for value in values):
        return TakenArray([TakenArray(value).numpy() for value in values])
    if len(values) > _PLAIN_LIMIT and find_spec("numpy") is not None:
        return TakenArray(values)
    return [float(value) for value in values]


def _check_counts(np_histogram: tuple[Any, Any]) -> tuple[list[int | float], list[float]]:
    counts, edges = (part.tolist() if hasattr(part, "tolist") else list(part) for part in np_histogram)
    if len(edges) != len(counts) + 1:
        raise ValueError(
            f"np_histogram needs one edge more than counts, not {len(edges)} edges and {len(counts)} counts"
        )
    if len(counts) > MAX_BINS:
        raise ValueError(f"a histogram has 1 to {MAX_BINS} bins, not {len(counts)}")
    return counts, edges
