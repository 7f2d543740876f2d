"""The points of the metrics of one run, kept in memory and read on while the run is written.

What was decoded stays until the history changes in another way than by growing: a row
that is taken back, a new session or a compaction lets everything be read anew.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from tracker.read.drawing import Drawing, drawing_of
from tracker.read.long_curve import LongCurve, is_long
from tracker.read.points import Series, grown, take
from tracker.read.thinning import Window, smooth
from tracker.storage.bulk import bulk
from tracker.storage.parts import Part, Which, load_parts
from tracker.storage.segment import Damage, Segment
from vcs.layout import RunLayout

Stamp = tuple[tuple[str, int, int], ...]


def stamp_of(run: RunLayout, which: Which = "history") -> Stamp:
    """Return what changes whenever rows were written; costs one look at each file."""
    found = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(_folder(run, which)) as entries:
        for entry in entries:
            if entry.name[0] != ".":
                with suppress(OSError):
                    about = entry.stat()
                    found.append((entry.name, about.st_size, about.st_mtime_ns))
    return tuple(sorted(found))


class RunSeries:
    """The series of one run. Safe to use from several threads."""

    def __init__(self, run: RunLayout, which: Which = "history", rank: str = "0") -> None:
        """Read nothing yet. `rank` is the process of a distributed run."""
        self._run = run
        self._ranks = (rank,)
        self._which = which
        self._lock = threading.RLock()
        self._stamp: Stamp | None = None
        self._shape: tuple[Any, ...] = ()
        self._parts: list[Part] = []
        self._kept: dict[Path, Segment] = {}
        self._series: dict[tuple[str, str], Series] = {}
        # Of long histories, and what their last part adds while it grows.
        self._long: dict[tuple[str, str], LongCurve] = {}
        self._tails: dict[tuple[str, str], Series] = {}
        self.damaged: list[Damage] = []

    @property
    def size_bytes(self) -> int:
        """How much memory the points take."""
        with self._lock:
            short = (*self._series.values(), *self._tails.values())
            return sum(one.size_bytes for one in short) + sum(one.size_bytes for one in self._long.values())

    def keys(self) -> list[str]:
        """Return every key of an unmasked row, in the order of their first appearance.

        Raises:
            FormatError, StoreError: As for `history.read_rows`.
        """
        with self._lock:
            self._refresh()
            found: dict[str, None] = {}
            for part in self._parts:
                for schema in part.schemas:
                    found.update(dict.fromkeys(map(str.__str__, part.segment.keys[schema])))
            return list(found)

    @bulk()
    def points(self, key: str, x: str = "_step", *, keep: bool = True) -> Series:
        """Return the points of a metric over an axis: `_step`, `_runtime`, `_timestamp` or another metric.

        Rows that lack one of them give no point. What is returned is not changed by later
        calls, but may be shared. Without `keep` those of a long compacted history are not
        kept for the next call.

        Raises:
            FormatError, StoreError: As for `history.read_rows`.
        """
        with self._lock:
            self._refresh()
            series = self._series.get((key, x))
            if series is None:
                series = Series()
                for number, part in enumerate(self._parts):
                    take(series, part, key, x, number)
            elif self._parts:
                series = grown(series, self._parts[-1], key, x)
            series.taken = self._parts[-1].segment.count if self._parts else 0
            if keep or not is_long(self._parts):
                self._series[key, x] = series
            return series

    @bulk()
    def drawn(self, key: str, x: str, window: Window, smoothing: float = 0.0) -> Drawing:
        """Return what to draw of the same points, smoothed before points are chosen if that is asked for.

        Of a long compacted history no more is kept than a sketch: see `long_curve`.

        Raises:
            FormatError, StoreError: As for `history.read_rows`.
        """
        with self._lock:
            self._refresh()
            if not is_long(self._parts):
                points = self.points(key, x)
                return drawing_of(points, window, smooth(points.ys, smoothing) if smoothing else None)
            curve = self._long.get((key, x))
            if curve is None:
                curve = self._long[key, x] = LongCurve(self._compacted(), key, x)
            last = self._parts[-1]
            tail = None
            if isinstance(last.segment, Segment):
                tail = self._tail(last, key, x)
            return curve.drawn(window, tail, smoothing)

    def _compacted(self) -> list[Part]:
        """Return all parts in pieces but the last if it still grows."""
        end = len(self._parts) - isinstance(self._parts[-1].segment, Segment)
        return [piece for part in self._parts[:end] for piece in part.split()]

    def _tail(self, part: Part, key: str, x: str) -> Series:
        tail = self._tails.get((key, x))
        if tail is None:
            tail = Series()
            take(tail, part, key, x, len(self._parts) - 1)
        else:
            tail = grown(tail, part, key, x)
        tail.taken = part.segment.count
        self._tails[key, x] = tail
        return tail

    def forget(self) -> None:
        """Give the memory back."""
        with self._lock:
            self._forget_points()
            self._kept.clear()
            self._parts, self._stamp, self._shape = [], None, ()

    def _refresh(self) -> None:
        stamp = stamp_of(self._run, self._which)
        if stamp == self._stamp:
            return
        self.damaged = []
        try:
            self._parts = load_parts(self._run, self._ranks, self._which, self.damaged, kept=self._kept)
        except FileNotFoundError:  # compacted between the listing and the reading
            self._kept.clear()
            self._parts = load_parts(self._run, self._ranks, self._which, self.damaged)
        there = {part.segment.path for part in self._parts}
        self._kept = {path: segment for path, segment in self._kept.items() if path in there}
        shape = tuple(map(_shape_of, self._parts[:-1])) + tuple(map(_last_shape_of, self._parts[-1:]))
        if shape != self._shape:
            self._forget_points()
        self._shape, self._stamp = shape, stamp

    def _forget_points(self) -> None:
        for held in (self._series, self._long, self._tails):
            held.clear()


def _folder(run: RunLayout, which: Which) -> Path:
    return run.history if which == "history" else run.system


def _shape_of(part: Part) -> tuple[Any, ...]:
    return part.segment.path, part.segment.count, tuple(part.surviving.spans)


def _last_shape_of(part: Part) -> tuple[Any, ...]:
    """Return what stays the same while the newest segment only grows."""
    spans = part.surviving.spans
    return part.segment.path, tuple(spans[:-1]), spans[-1][0], spans[-1][2]
