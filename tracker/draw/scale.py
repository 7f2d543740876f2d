"""Axes: where values fall between 0 and 1, and which of them get a mark."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

# The smallest number above zero.
_LEAST = 5e-324

AxisKind = Literal["number", "duration", "time"]

_TIMES_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800)


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`."""

    low: float
    high: float
    log: bool = False
    kind: AxisKind = "number"

    def share(self, value: float) -> float:
        """Return where a value falls, 0 at `low` and 1 at `high`; NaN for what has no place."""
        if not math.isfinite(value) or (self.log and value <= 0):
            return math.nan
        if self.log:
            return (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        # Halves: the difference of two huge numbers may be infinite.
        return (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)

    def value(self, share: float) -> float:
        """Return what lies at a share of the way; `share` the other way round."""
        if self.log:
            first, last = math.log10(self.low), math.log10(self.high)
            return float(10 ** (first + share * (last - first)))
        return (self.low / 2 + share * (self.high / 2 - self.low / 2)) * 2

    def ticks(self, most: int) -> list[float]:
        """Return at most about so many round values within the axis."""
        if self.log and math.log10(self.high) - math.log10(self.low) > 1:
            return _decades(self.low, self.high, most)
        span = self.high - self.low
        if not math.isfinite(span):
            return [self.low, self.high]
        if self.kind != "number" and span > 4:
            step = float(
                next((s for s in _TIMES_S if span / s <= most), math.ceil(span / most / 604800) * 604800)
            )
        else:
            step = _round_step(span / max(most, 1))
        first = math.ceil(self.low / step - 1e-9)
        count = math.floor(self.high / step + 1e-9) - first + 1
        marks = ((first + number) * step for number in range(max(0, min(count, 2 * most + 2))))
        return [mark for mark in marks if math.isfinite(mark)]

    def text(self, value: float) -> str:
        """Return the mark of a value."""
        if self.kind == "duration":
            return _duration(value)
        if self.kind == "time":
            moment = datetime.fromtimestamp(value, UTC)
            return f"{moment:%H:%M:%S}" if self.high - self.low < 86400 else f"{moment:%m-%d %H:%M}"
        return short_number(value)


def scale_of(values: Iterable[Sequence[float]], *, log: bool = False, kind: AxisKind = "number") -> Scale:
    """Return the axis on which all finite values lie; with `log` those above zero."""
    low, high = math.inf, -math.inf
    for part in values:
        fitting = [v for v in part if math.isfinite(v) and (v > 0 or not log)]
        if fitting:
            low, high = min(low, min(fitting)), max(high, max(fitting))
    if low > high:
        low, high = (1.0, 10.0) if log else (0.0, 1.0)
    # What rounding makes of a constant is no movement.
    constant = high / 2 - low / 2 <= 1e-12 * max(abs(low), abs(high))
    if log and constant:
        low, high = max(low / 2, _LEAST), min(high * 2, sys.float_info.max)
    elif constant:
        room = abs(low) * 0.05 or 0.5
        low, high = max(low - room, -sys.float_info.max), min(high + room, sys.float_info.max)
    return Scale(low, high, log, kind)


def widened(scale: Scale, share: float = 0.05) -> Scale:
    """Return the axis with room beyond both ends, so that no line lies on the frame."""
    if scale.log:
        first, last = math.log10(scale.low), math.log10(scale.high)
        room = (last - first) * share
        # Beyond these powers there are no numbers.
        if first - room < -307 or last + room > 308:
            return scale
        return Scale(10 ** (first - room), 10 ** (last + room), True, scale.kind)
    room = (scale.high / 2 - scale.low / 2) * 2 * share
    low, high = scale.low - room, scale.high + room
    return Scale(low, high, False, scale.kind) if math.isfinite(low) and math.isfinite(high) else scale


def short_number(value: float) -> str:
    """Return a number for a mark: 0.001, 12k, 3.5M, 1e-07."""
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size >= 1e12 or 0 < size < 1e-4:
        return f"{value:.3g}"
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            return f"{value / (limit if unit != 'k' else 1e3):.4g}{unit}"
    return f"{value:.4g}"


def _round_step(rough: float) -> float:
    """Return the next of 1, 2, 5, 10, … times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 0.0
    if power == 0.0:
        return 1.0
    return next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= rough * (1 - 1e-9))


def _decades(low: float, high: float, most: int) -> list[float]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    every = max(1, math.ceil((last - first + 1) / max(most, 1)))
    return [10.0**power for power in range(first, last + 1, every)]


def _duration(seconds: float) -> str:
    if not 60 <= abs(seconds) < 1e9:
        return f"{short_number(seconds)}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h" if not minutes else f"{hours}h{minutes:02}"
    return f"{minutes}m" if not rest else f"{minutes}m{rest:02}"
