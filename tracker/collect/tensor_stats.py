"""Statistics and histograms of many tensors, without waiting for a device.

A tensor on the CPU is measured at once, in pieces that stay in the processor's cache.
Tensors on another device are measured there: those of one size together, in as many
kernels as one of them would take, and nothing is read back. The few numbers travel to
pinned memory behind the kernels, and whoever asks for a result first (the thread that
writes) waits for them.

NaN and the infinities are counted and otherwise left out: of the bins, and of all
statistics. Half precision is widened first. `std` is that of the values themselves
(divided by their number, not by one less).
"""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

BINS = 64

# A megabyte of float32: five passes over it read memory once (benchmarks/bench_watch.py).
_CACHED = 1 << 18
# Values of a device that are looked at together, so that temporaries stay below 100 MB. Also far
# below 2**24, up to which float32, the type in which `histc` counts, has every whole number.
_TOGETHER = 1 << 22
# Rows together: the number of a bin, counted over all rows, has to be a float32 as well.
_ROWS = 1 << 16


@dataclass(frozen=True, slots=True)
class Moments:
    """What is known about the values of one tensor.

    Attributes:
        size: Number of elements, of which `nan` and `infinite` are left out of the rest.
        low, high, total: Of the finite values; without one, `low` > `high`.
        spread: Sum of the squared distances from the mean.
        counts: Values in each of equally wide bins from low to high; one bin if all are equal.
    """

    size: int
    nan: int
    infinite: int
    zeros: int
    low: float
    high: float
    total: float
    spread: float
    counts: tuple[int, ...]

    @property
    def finite(self) -> int:
        """Number of finite values."""
        return self.size - self.nan - self.infinite

    @property
    def norm(self) -> float:
        """Euclidean norm of the finite values."""
        mean = self.total / self.finite if self.finite else 0.0
        return math.sqrt(self.spread + mean * self.total)

    def with_zeros(self, number: int) -> Moments:
        """Return the moments after `number` more zeros; one zero at least is among the values already."""
        if number <= 0 or not self.finite:
            return self
        squares = self.spread + self.total * self.total / self.finite
        size = self.size + number
        spread = squares - self.total * self.total / (size - self.nan - self.infinite)
        counts = list(self.counts)
        counts[self._bin_of(0.0)] += number
        return replace(
            self, size=size, zeros=self.zeros + number, spread=max(spread, 0.0), counts=tuple(counts)
        )

    def _bin_of(self, value: float) -> int:
        if self.low == self.high:
            return 0
        half = self.high * 0.5 - self.low * 0.5
        return min(int((value * 0.5 - self.low * 0.5) / half * len(self.counts)), len(self.counts) - 1)

    def record(self) -> dict[str, Any]:
        """Return the histogram of docs/formats.md with the statistics beside it.

        Without a finite value there are no bins, and what is not defined is None.
        """
        finite = self.finite
        edges = _edges(self.low, self.high, len(self.counts)) if finite else []
        return {
            "_type": "histogram",
            "values": list(self.counts) if finite else [],
            "bins": edges,
            "count": self.size,
            "mean": self.total / finite if finite else None,
            "std": math.sqrt(self.spread / finite) if finite else None,
            "min": self.low if finite else None,
            "max": self.high if finite else None,
            "norm": self.norm if finite else None,
            "nan": self.nan,
            "inf": self.infinite,
            "zero_fraction": self.zeros / self.size,
        }


def _edges(low: float, high: float, bins: int) -> list[float]:
    # Nine digits tell any two float32 apart and take half the room of seventeen.
    inner = (low * (1 - i / bins) + high * (i / bins) for i in range(1, bins))
    return [low, *(float(f"{edge:.9g}") for edge in inner), high]


class Measured:
    """The measurement of one tensor, perhaps still on its way from a device."""

    __slots__ = ("_extra_zeros", "_index", "_source")

    def __init__(self, source: Moments | _Results, index: int = 0, extra_zeros: int = 0) -> None:
        self._source = source
        self._index = index
        self._extra_zeros = extra_zeros

    @property
    def is_ready(self) -> bool:
        """Whether `moments` answers without waiting."""
        return isinstance(self._source, Moments)

    def moments(self) -> Moments:
        """Return the numbers; waits for the device the first time. Safe from any thread."""
        source = self._source
        found = source if isinstance(source, Moments) else source.row(self._index)
        return found.with_zeros(self._extra_zeros)

    def to_record(self, sink: object = None) -> dict[str, Any]:
        """Return the histogram with its statistics; for the writer thread, since it may wait."""
        return self.moments().record()


class TotalNorm:
    """The norm of several tensors taken as one, as gradient clipping computes it.

    NaN where any value is NaN, infinite where one is infinite: unlike the norms of the
    single tensors this is the number that says that a step is lost.
    """

    __slots__ = ("_parts",)

    def __init__(self, parts: Iterable[Measured]) -> None:
        self._parts = tuple(parts)

    @property
    def is_ready(self) -> bool:
        """Whether the number is there without waiting."""
        return all(part.is_ready for part in self._parts)

    def __float__(self) -> float:
        moments = [part.moments() for part in self._parts]
        if any(one.nan for one in moments):
            return math.nan
        if any(one.infinite for one in moments):
            return math.inf
        return math.hypot(*(one.norm for one in moments))

    def to_record(self, sink: object = None) -> float:
        """Return the number; for the writer thread, since it may wait."""
        return float(self)


def measure(tensors: Mapping[str, Tensor], *, on_device: bool | None = None) -> dict[str, Measured]:
    """Measure tensors as they are now; what is done to them afterwards changes nothing.

    Leaves out what has no values: empty tensors, those on the meta device, parameters
    that are not materialised yet, quantised ones. Of a distributed tensor this process's
    part counts. Neither draws random numbers nor writes to a tensor. Waits only for the
    CPU; one exception: a sparse gradient on another device is brought into order first.

    Args:
        tensors: By name; the result has the same order.
        on_device: Whether to use the way without waiting. By default, for all but the CPU.

    Raises:
        RuntimeError: From torch: no memory, or a device without the operations needed.
    """
    import torch

    prepared = {name: found for name, tensor in tensors.items() if (found := _prepare(tensor)) is not None}
    result: dict[str, Measured] = {}
    waiting: defaultdict[Any, list[str]] = defaultdict(list)
    with torch.no_grad():
        for name, (values, extra_zeros) in prepared.items():
            if on_device is True or (on_device is None and values.device.type != "cpu"):
                waiting[values.device].append(name)
            else:
                result[name] = Measured(_measure_here(values), extra_zeros=extra_zeros)
        for names in waiting.values():
            results = _launch([prepared[name][0] for name in names])
            for index, name in enumerate(names):
                result[name] = Measured(results, index, prepared[name][1])
    return {name: result[name] for name in prepared}


def _prepare(tensor: Tensor) -> tuple[Tensor, int] | None:
    """Return the values as one real vector, and how many zeros a sparse tensor has beside them."""
    import torch

    if hasattr(tensor, "to_local"):
        tensor = tensor.to_local()
    if torch.nn.parameter.is_lazy(tensor) or tensor.device.type == "meta" or tensor.is_quantized:
        return None
    extra_zeros = 0
    tensor = tensor.detach()
    if tensor.layout is torch.sparse_coo:
        dense = tensor.coalesce().values()
        missing = tensor.numel() - dense.numel()
        # One zero goes in, so that the bins reach it; the others are added to the result.
        tensor = torch.cat((dense.reshape(-1), dense.new_zeros(1))) if missing else dense
        extra_zeros = max(missing - 1, 0)
    elif tensor.layout is not torch.strided:
        return None
    if tensor.numel() == 0:
        return None
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
        extra_zeros *= 2
    return tensor.reshape(-1), extra_zeros


def _widened(values: Tensor) -> Tensor:
    import torch

    return values if values.dtype in (torch.float32, torch.float64) else values.float()


# Tensors on the CPU


def _measure_here(values: Tensor) -> Moments:
    import torch

    pieces = values.split(_CACHED)
    nan = infinite = zeros = finite = 0
    low, high, total, squares = math.inf, -math.inf, 0.0, 0.0
    for raw in pieces:
        piece, lost, infinities = _finite_part(_widened(raw))
        nan, infinite = nan + lost, infinite + infinities
        if not piece.numel():
            continue
        least, most = torch.aminmax(piece)
        low, high = min(low, least.item()), max(high, most.item())
        finite += piece.numel()
        total += piece.sum().item()
        squares += torch.linalg.vector_norm(piece).item() ** 2
        zeros += piece.numel() - int(torch.count_nonzero(piece).item())
    spread = squares - total * total / finite if finite else 0.0
    # Far from zero the two squares cancel: then the distances themselves are summed.
    if finite and not spread > 1e-2 * squares:
        spread = _spread_here(pieces, total / finite)
    counts = _count_here(pieces, low, high) if low < high else (finite,)
    return Moments(values.numel(), nan, infinite, zeros, low, high, total, spread, counts)


def _finite_part(piece: Tensor) -> tuple[Tensor, int, int]:
    """Return the finite values, the number of NaN and of infinities."""
    import torch

    least, most = torch.aminmax(piece)
    if math.isfinite(least.item()) and math.isfinite(most.item()):
        return piece, 0, 0
    nan = int(torch.isnan(piece).sum().item())
    finite = piece[torch.isfinite(piece)]
    return finite, nan, piece.numel() - finite.numel() - nan


def _spread_here(pieces: Sequence[Tensor], mean: float) -> float:
    import torch

    parts = (_finite_part(_widened(piece))[0] for piece in pieces)
    return math.fsum(torch.linalg.vector_norm(part.double() - mean).item() ** 2 for part in parts)


def _count_here(pieces: Sequence[Tensor], low: float, high: float) -> tuple[int, ...]:
    import torch

    # histc multiplies the span with the number of bins, which must not overflow.
    scale = 1.0 if high - low < 1e36 else 2.0**-10
    counts = torch.zeros(BINS, dtype=torch.int64, device="cpu")
    for raw in pieces:
        piece = _finite_part(_widened(raw))[0]
        scaled = piece if scale == 1.0 else piece * scale
        counts += torch.histc(scaled, BINS, low * scale, high * scale).long()
    return tuple(counts.tolist())


# Tensors elsewhere: nothing in here may ask a tensor for a value


class _Results:
    """The numbers of one device, a row for each tensor, arriving behind its kernels."""

    def __init__(self, table: Tensor, lines: Sequence[int], sizes: Sequence[int]) -> None:
        """Start the way to memory; `lines[i]` is the line of the table for tensor i of `sizes[i]` values."""
        import torch

        self._lines = lines
        self._sizes = sizes
        self._lock = threading.Lock()
        self._rows: list[list[float]] | None = None
        self._arrival: Any = None
        self._table: Tensor | None = table
        if table.device.type == "cuda":
            self._table = torch.empty(table.shape, dtype=table.dtype, device="cpu", pin_memory=True)
            self._table.copy_(table, non_blocking=True)
            # Blocking: the thread that waits sleeps instead of burning a core.
            self._arrival = torch.cuda.Event(blocking=True)
            self._arrival.record()

    def row(self, index: int) -> Moments:
        """Return the numbers of a tensor, once they are there."""
        nan, infinite, zeros, low, high, total, spread, *counts = self._wait()[self._lines[index]]
        size = self._sizes[index]
        finite = size - int(nan) - int(infinite)
        bins = tuple(int(count) for count in counts) if low < high else (finite,)
        return Moments(size, int(nan), int(infinite), int(zeros), low, high, total, spread, bins)

    def _wait(self) -> list[list[float]]:
        with self._lock:
            if self._table is not None:
                if self._arrival is not None:
                    self._arrival.synchronize()
                self._rows = self._table.tolist()
                self._table = self._arrival = None
            return self._rows or []


def _launch(vectors: Sequence[Tensor]) -> _Results:
    """Measure vectors of one device, those of equal length and type together."""
    import torch

    groups: defaultdict[tuple[int, Any], list[int]] = defaultdict(list)
    for index, vector in enumerate(vectors):
        groups[(vector.numel(), vector.dtype)].append(index)
    tables: list[Tensor] = []
    lines = [0] * len(vectors)
    line = 0
    for (size, _), members in groups.items():
        together = min(max(1, _TOGETHER // size), _ROWS)
        for start in range(0, len(members), together):
            chosen = members[start : start + together]
            tables.append(_measure_rows([vectors[index] for index in chosen]))
            for index in chosen:
                lines[index] = line
                line += 1
    return _Results(torch.cat(tables), lines, [vector.numel() for vector in vectors])


def _measure_rows(rows: Sequence[Tensor]) -> Tensor:
    """Return a table with a line for each row: the columns of `_Results`, then the counts."""
    import torch

    # Several rows are few values altogether; a single one may be a whole embedding.
    pieces = [torch.stack(list(rows))] if len(rows) > 1 else [part[None] for part in rows[0].split(_TOGETHER)]
    wide = torch.float32 if rows[0].device.type == "mps" else torch.float64
    first = [_first_pass(_widened(piece), wide) for piece in pieces]
    nan, infinite, zeros, total = (torch.stack([one[i] for one in first]).sum(0) for i in range(4))
    low = torch.stack([one[4] for one in first]).amin(0)
    high = torch.stack([one[5] for one in first]).amax(0)
    mean = total / (rows[0].numel() - nan - infinite)
    spread, counts = torch.zeros_like(total), torch.zeros((len(rows), BINS), dtype=wide, device=total.device)
    for piece in pieces:
        part, counted = _second_pass(_widened(piece), mean, low, high, wide)
        spread, counts = spread + part, counts + counted
    columns = torch.stack([nan, infinite, zeros, low.to(wide), high.to(wide), total, spread], dim=1)
    return torch.cat([columns, counts], dim=1)


def _first_pass(x: Tensor, wide: Any) -> tuple[Tensor, ...]:
    import torch

    finite, nan = torch.isfinite(x), torch.isnan(x)
    nans = nan.sum(1, dtype=wide)
    infinite = x.shape[1] - finite.sum(1, dtype=wide) - nans
    zeros = (x == 0).sum(1, dtype=wide)
    total = torch.where(finite, x, 0.0).sum(1, dtype=wide)
    low = torch.where(finite, x, math.inf).amin(1)
    high = torch.where(finite, x, -math.inf).amax(1)
    return nans, infinite, zeros, total, low, high


def _second_pass(x: Tensor, mean: Tensor, low: Tensor, high: Tensor, wide: Any) -> tuple[Tensor, Tensor]:
    import torch

    finite = torch.isfinite(x)
    distance = torch.where(finite, x - mean.to(x.dtype)[:, None], 0.0)
    spread = distance.to(wide).square().sum(1)
    # Halved, so that the span of the largest and the smallest float is not infinite.
    start, span = low * 0.5, high * 0.5 - low * 0.5
    span = torch.where(span > 0, span, 1.0)
    place = ((x * 0.5 - start[:, None]) / span[:, None] * BINS).floor().clamp(0, BINS - 1)
    # A bin more for what is not finite; every row has bins of its own in one common histogram.
    place = torch.where(finite, place, float(BINS))
    row = torch.arange(x.shape[0], device=x.device, dtype=x.dtype)[:, None]
    counts = _count_places(place + row * (BINS + 1) + 0.5, x.shape[0] * (BINS + 1))
    return spread, counts.to(wide).view(-1, BINS + 1)[:, :BINS]


def _count_places(places: Tensor, bins: int) -> Tensor:
    import torch

    if not (torch.are_deterministic_algorithms_enabled() and places.device.type != "cpu"):
        return torch.histc(places, bins, 0, bins)
    # histc refuses there; sorting is slower and always the same.
    edges = torch.arange(bins + 1, device=places.device, dtype=places.dtype)
    return torch.searchsorted(places.reshape(-1).sort().values, edges).diff()
