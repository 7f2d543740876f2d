"""Measuring the tensors of a device without waiting for it.

Nothing in here asks a tensor for a value. Tensors of one size are measured together, in
as many kernels as one of them would take. The few numbers travel to pinned memory behind
the kernels, and whoever asks for one first waits for them.
"""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tracker.collect.moments import BINS, Moments

if TYPE_CHECKING:
    from torch import Tensor

# Values that are looked at together, so that temporaries stay below 100 MB. Also far below
# 2**24, up to which float32, the type in which `histc` counts, has every whole number.
_TOGETHER = 1 << 22
# Rows together: the number of a bin, counted over all rows, has to be a float32 as well.
_ROWS = 1 << 16


def widened(values: Tensor) -> Tensor:
    import torch

    return values if values.dtype in (torch.float32, torch.float64) else values.float()


class Results:
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


def launch(vectors: Sequence[Tensor]) -> Results:
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
    return Results(torch.cat(tables), lines, [vector.numel() for vector in vectors])


def _measure_rows(rows: Sequence[Tensor]) -> Tensor:
    """Return a table with a line for each row: the columns of `Results`, then the counts."""
    import torch

    # Several rows are few values altogether; a single one may be a whole embedding.
    pieces = [torch.stack(list(rows))] if len(rows) > 1 else [part[None] for part in rows[0].split(_TOGETHER)]
    wide = torch.float32 if rows[0].device.type == "mps" else torch.float64
    first = [_first_pass(widened(piece), wide) for piece in pieces]
    nan, infinite, zeros, total = (torch.stack([one[i] for one in first]).sum(0) for i in range(4))
    low = torch.stack([one[4] for one in first]).amin(0)
    high = torch.stack([one[5] for one in first]).amax(0)
    mean = total / (rows[0].numel() - nan - infinite)
    spread, counts = torch.zeros_like(total), torch.zeros((len(rows), BINS), dtype=wide, device=total.device)
    for piece in pieces:
        part, counted = _second_pass(widened(piece), mean, low, high, wide)
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
    return _count_sorted(places, bins)


def _count_sorted(places: Tensor, bins: int) -> Tensor:
    """Count where `histc` refuses: slower, and always in the same way."""
    import torch

    edges = torch.arange(bins + 1, device=places.device, dtype=places.dtype)
    return torch.searchsorted(places.reshape(-1).sort().values, edges).diff()
