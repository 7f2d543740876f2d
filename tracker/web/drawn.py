"""Curves as they were last thinned: small, while the points they stand for may have been given back.

A hundred curves of a million points are 1.6 GB of points and 5 MB on the screen. Whoever
opens the same page again, or comes back from a zoom, is answered from here.
"""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

LIMIT_BYTES = 64 << 20

Curve = tuple[Any, ...]


class Drawn:
    """The curves that were asked for last, within a limit. Safe to use from several threads."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._curves: OrderedDict[Hashable, Curve] = OrderedDict()
        self._bytes = 0

    def get(self, what: Hashable) -> Curve | None:
        """Return a head of its own, and the columns; None if it is not kept."""
        with self._lock:
            found = self._curves.get(what)
            if found is None:
                return None
            self._curves.move_to_end(what)
            return ({**found[0]}, *found[1:])

    def put(self, what: Hashable, curve: Curve) -> None:
        """Keep a curve, and forget those that were not asked for lately."""
        with self._lock:
            self._forget(what)
            self._curves[what] = ({**curve[0]}, *curve[1:])
            self._bytes += _size(curve)
            while self._bytes > self._limit_bytes:
                self._forget(next(iter(self._curves)))

    def _forget(self, what: Hashable) -> None:
        found = self._curves.pop(what, None)
        if found is not None:
            self._bytes -= _size(found)


def _size(curve: Curve) -> int:
    return sum(column.itemsize * len(column) for column in curve[1:] if isinstance(column, array))
