"""The points of a metric over an axis as two numpy arrays: no object is made for a value.

A million points of a compacted history take some 30 ms so. What is not a plain number, or
still a file of lines, is left to `history.extend_columns`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from tracker.storage.parts import MADE, Part
from tracker.storage.segment import Segment

# Arrays of numpy, which is imported where there is something to do.
Points = tuple[Any, Any]


def points_of(part: Part, key: str, x: str) -> Points | None:
    """Return x and y, as doubles, of the surviving rows of a part that have both; None: see the module.

    Raises:
        FormatError, StoreError: The file is damaged, or cannot be read.
    """
    segment = part.segment
    if isinstance(segment, Segment) or find_spec("numpy") is None:
        return None
    logged = {name for name in (key, x) if name not in MADE}
    chosen = [
        schema for schema in segment.schema_counts if all(name in segment.keys[schema] for name in logged)
    ]
    reader = _Reader(part, chosen)
    xs = reader.column(x)
    ys = None if xs is None else reader.column(key)
    if xs is None or ys is None:
        return None
    if part.surviving.whole or not chosen:
        return xs, ys
    keep = reader.surviving()
    return None if keep is None else (xs[keep], ys[keep])


class _Reader:
    """Columns of the rows that have some schemas, in the order of the rows."""

    def __init__(self, part: Part, chosen: Sequence[int]) -> None:
        self._part = part
        self._segment: Any = part.segment
        self._chosen = chosen
        # Of two equal keys the last counts, as in `history.extend_columns`.
        self._places = {
            schema: {key: place for place, key in enumerate(self._segment.keys[schema])} for schema in chosen
        }
        self._all = len(chosen) == len(self._segment.schema_counts)
        self._schemas: Any = None

    def column(self, name: str) -> Any | None:
        """Return a column as doubles; None if it is not of plain numbers."""
        import numpy

        if not self._chosen:
            return numpy.empty(0)
        if name in MADE:
            return self._made(name)
        columns = {}
        for schema in self._chosen:
            found = self._segment.numbers(schema, self._places[schema][name])
            if found is None:
                return None
            columns[schema] = found.astype("f8", copy=False)
        if len(columns) == 1:
            return next(iter(columns.values()))
        schemas = self._of_rows(0)
        if schemas is None:
            return None
        schemas = schemas[self._rows()]
        values = numpy.empty(len(schemas))
        for schema, found in columns.items():
            values[schemas == schema] = found
        return values

    def surviving(self) -> Any | None:
        """Return which of the rows survive; None if their steps are beyond 64 bits."""
        import numpy

        steps = self._of_rows(1)
        if steps is None:
            return None
        keep: Any = numpy.ones(len(steps), bool)
        for start, end, limit in self._part.surviving.spans:
            if limit != math.inf:
                keep[start:end] = steps[start:end] < limit
        return keep[self._rows()]

    def _made(self, name: str) -> Any | None:
        numbers = self._of_rows(1 if name == "_step" else 2)
        if numbers is None:
            return None
        numbers = numbers[self._rows()]
        if name == "_step":
            return numbers.astype("f8")
        since_ms = self._part.before_ms if name == "_runtime" else self._segment.header.start_ms
        return (numbers.astype("i8") + since_ms) / 1000

    def _rows(self) -> Any:
        """Return what chooses, of all rows, those that have one of the schemas."""
        import numpy

        if self._all:
            return slice(None)
        return numpy.isin(self._of_rows(0), self._chosen)

    def _of_rows(self, number: int) -> Any | None:
        if number:
            return self._segment.numbers(None, number)
        if self._schemas is None:
            self._schemas = self._segment.numbers(None, 0)
        return self._schemas
