"""Statistics and histograms of many tensors, without waiting for a device.

A tensor on the CPU is measured at once, in pieces that stay in the processor's cache.
Tensors on another device are measured there (`device_stats`), and whoever asks for a
result first, the thread that writes, waits for it.

NaN and the infinities are counted and otherwise left out: of the bins, and of all
statistics. Half precision is widened first. `std` is that of the values themselves
(divided by their number, not by one less).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tracker.collect.device_stats import Results, launch, widened
from tracker.collect.moments import BINS, Moments

if TYPE_CHECKING:
    from torch import Tensor

# A megabyte of float32: five passes over it read memory once (benchmarks/bench_watch.py).
_CACHED = 1 << 18


class Measured:
    """The measurement of one tensor, perhaps still on its way from a device."""

    __slots__ = ("_extra_zeros", "_index", "_source")

    def __init__(self, source: Moments | Results, index: int = 0, extra_zeros: int = 0) -> None:
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
            results = launch([prepared[name][0] for name in names])
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


# Tensors on the CPU


def _measure_here(values: Tensor) -> Moments:
    import torch

    pieces: list[Tensor] = []
    nan = infinite = zeros = finite = 0
    low, high, total, squares = math.inf, -math.inf, 0.0, 0.0
    for raw in values.split(_CACHED):
        piece = widened(raw)
        least, most = (extreme.item() for extreme in torch.aminmax(piece))
        if not (math.isfinite(least) and math.isfinite(most)):
            lost = int(torch.isnan(piece).sum().item())
            piece = piece[torch.isfinite(piece)]
            nan, infinite = nan + lost, infinite + raw.numel() - piece.numel() - lost
            if not piece.numel():
                continue
            least, most = (extreme.item() for extreme in torch.aminmax(piece))
            raw = piece
        # Half precision is widened again later: all of it at once would take twice its memory.
        pieces.append(raw)
        low, high = min(low, least), max(high, most)
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


def _spread_here(pieces: Sequence[Tensor], mean: float) -> float:
    import torch

    return math.fsum(torch.linalg.vector_norm(piece.double() - mean).item() ** 2 for piece in pieces)


def _count_here(pieces: Sequence[Tensor], low: float, high: float) -> tuple[int, ...]:
    import torch

    # histc multiplies the span with the number of bins, which must not overflow.
    scale = 1.0 if high - low < 1e36 else 2.0**-10
    counts = torch.zeros(BINS, dtype=torch.int64, device="cpu")
    for raw in pieces:
        scaled = widened(raw) if scale == 1.0 else widened(raw) * scale
        counts += torch.histc(scaled, BINS, low * scale, high * scale).long()
    return tuple(counts.tolist())
