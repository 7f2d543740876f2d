"""What is known about the values of one tensor, and its form in a record."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

BINS = 64


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
