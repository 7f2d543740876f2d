"""What is drawn of a series: a few of its points, and what is said of all of them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tracker.read.points import Series
from tracker.read.thinning import Window, thin_line


@dataclass
class Drawing:
    """The chosen points, and what is known of all.

    Attributes:
        total: How many points there are.
        others, ordered, low, high: As in `Series`.
        starts: The x with which each session but the first begins, and its number.
        exact: Whether no point in between was left out; those beyond the range are another matter.
    """

    xs: array[float] = field(default_factory=lambda: array("d"))
    ys: array[float] = field(default_factory=lambda: array("d"))
    total: int = 0
    others: int = 0
    ordered: bool = True
    low: float = math.inf
    high: float = -math.inf
    starts: list[tuple[float, int]] = field(default_factory=list)
    exact: bool = True

    @property
    def whole(self) -> bool:
        """Whether all points are there."""
        return len(self.xs) == self.total


def drawing_of(series: Series, window: Window, ys: Sequence[float] | None = None) -> Drawing:
    """Return what to draw of a series; with `ys` of these values, a smoothed curve, in place of its own."""
    xs, ys = series.xs, series.ys if ys is None else ys
    places = thin_line(xs, ys, window, ordered=series.ordered)
    return Drawing(
        array("d", map(xs.__getitem__, places)),
        array("d", map(ys.__getitem__, places)),
        total=len(xs),
        others=series.others,
        ordered=series.ordered,
        low=series.low,
        high=series.high,
        starts=[(xs[place], number) for place, number in series.starts],
        exact=is_gapless(places),
    )


def is_gapless(places: Any) -> bool:
    """Whether the places, in order, follow each other without a gap."""
    return bool(not len(places) or len(places) == places[-1] + 1 - places[0])
