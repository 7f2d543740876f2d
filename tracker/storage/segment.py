"""Reads a history segment of lines, which may still grow.

A torn last line is ignored. Every other irregularity is damage: an error that names file
and line, or, when asked for, a list of the damaged lines beside the readable rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any

from tracker.storage.journal import (
    MS,
    STEP,
    UNREADABLE,
    VALUES,
    Header,
    Mark,
    Schema,
    decode_row,
    decode_rows,
    parse_header,
    pieces,
    read_object,
    restore,
)
from vcs.errors import FormatError, StoreError


@dataclass(frozen=True)
class Damage:
    """A line that could not be read, or, with line 0, a part of a compacted file."""

    path: Path
    line: int
    reason: str

    def error(self) -> FormatError:
        """Return the error that tells of it."""
        place = f"{self.path}, line {self.line}" if self.line else str(self.path)
        return FormatError(
            f"{place}: {self.reason}",
            hint="the other rows can still be read; restore the file from another copy if there is one",
        )


@dataclass
class Segment:
    """What a segment holds, as written; nothing is masked here.

    Attributes:
        keys: The keys of each schema.
        rows: Schema number, step, milliseconds, then the values.
        marks: Each with the number of rows that stand before it.
        damaged: Lines that were skipped; empty unless asked for.
        end: Where in the file the last line ends that was read.
    """

    path: Path
    header: Header
    keys: dict[int, tuple[str, ...]] = field(default_factory=dict)
    rows: list[list[Any]] = field(default_factory=list)
    marks: list[tuple[int, Mark]] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)
    end: int = 0

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    @cached_property
    def schemas(self) -> list[int]:
        """The schema of each row."""
        return list(map(itemgetter(0), self.rows))

    @cached_property
    def steps(self) -> list[int]:
        """The step of each row."""
        return list(map(itemgetter(STEP), self.rows))

    @cached_property
    def times_ms(self) -> list[int]:
        """The milliseconds of each row."""
        return list(map(itemgetter(MS), self.rows))

    @property
    def last_ms(self) -> int:
        """The highest milliseconds of a row; 0 if none is higher."""
        return max(0, max(self.times_ms, default=0))

    @cached_property
    def schema_counts(self) -> dict[int, int]:
        """How many rows have each schema, in the order in which they appear."""
        return dict(Counter(self.schemas))

    def split(self) -> Iterator[Segment]:
        """Yield itself: it is in memory already."""
        yield self

    def values(self, schema: int, place: int) -> list[Any]:
        """Return the values of one key, by its place in a schema, in the rows of that schema."""
        rows = self.rows
        if len(self.schema_counts) > 1:
            rows = [row for row in rows if row[0] == schema]
        return list(map(itemgetter(VALUES + place), rows))


def read_header(path: Path) -> Header | None:
    """Read the first line only; None if no whole line was written.

    Raises:
        FormatError: The line is no header, or of a newer format.
        StoreError: The file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            line = stream.readline(1 << 20)
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    return parse_header(path, line) if line.endswith(b"\n") else None


def read_segment(path: Path, *, strict: bool = True) -> Segment | None:
    """Read a segment that may still grow; None if not even its header is whole.

    A torn last line is ignored. With `strict=False` damaged lines are skipped and
    listed in `damaged`.

    Raises:
        FormatError: A damaged line (file and line are named), or a newer format.
        StoreError: The file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    end = data.rfind(b"\n") + 1
    if not end:
        return None
    first = data.index(b"\n") + 1
    segment = Segment(path, parse_header(path, data[:first]), end=end)
    SegmentReader(segment, data, strict).read(first, end)
    return segment


def read_on(segment: Segment) -> None:
    """Add the lines that were written since the segment was read.

    Damaged lines are skipped and listed in `damaged`, counted from the first new one.

    Raises:
        StoreError: The file cannot be read.
    """
    try:
        with segment.path.open("rb") as stream:
            stream.seek(segment.end)
            data = stream.read()
    except OSError as error:
        raise StoreError(f"cannot read {segment.path}: {error.strerror}") from error
    end = data.rfind(b"\n") + 1
    if end:
        for made in ("schemas", "steps", "times_ms", "schema_counts"):
            segment.__dict__.pop(made, None)
        SegmentReader(segment, data, False).read(0, end)
        segment.end += end


class SegmentReader:
    """One pass over the lines after the header; `lines_before` are those that are not in `data`."""

    def __init__(self, segment: Segment, data: bytes, strict: bool, lines_before: int = 0) -> None:
        self._segment = segment
        self._data = data
        self._strict = strict
        self._lines_before = lines_before

    def read(self, start: int, end: int) -> None:
        """Read the lines between two places."""
        for is_object, begin, after in pieces(self._data, start, end):
            if is_object:
                self._object(begin, after)
            else:
                self._rows(begin, after)

    def _rows(self, start: int, end: int) -> None:
        chunk = self._data[start:end]
        try:
            rows = decode_rows(chunk)
            # One after the other in C: a loop in Python would take longer than the decoding.
            schemas = set(map(itemgetter(0), rows))
            if len(schemas) == 1:
                (schema,) = schemas
                shapes = {(schema, length) for length in set(map(len, rows))}
            else:
                shapes = set(zip(map(itemgetter(0), rows), map(len, rows), strict=True))
            whole = {int}.issuperset(map(type, map(itemgetter(STEP), rows)))
            whole = whole and {int}.issuperset(map(type, map(itemgetter(MS), rows)))
            sound = whole and all(self._problem(*shape, int, int) is None for shape in shapes)
        except (*UNREADABLE, IndexError, TypeError):
            sound = False
        if not sound:
            self._one_by_one(start, end)
            return
        if b'"float"' in chunk or b'"dict"' in chunk:
            rows = [restore(row) if dict in map(type, row) or list in map(type, row) else row for row in rows]
        self._segment.rows += rows

    def _problem(self, schema: Any, length: int, step: Any, ms: Any) -> str | None:
        if type(schema) is not int or step is not int or ms is not int:
            return "not a row: it begins with three whole numbers"
        keys = self._segment.keys.get(schema)
        if keys is None:
            return f"the schema {schema} was not declared before"
        if length != len(keys) + VALUES:
            return f"{length - VALUES} values for {len(keys)} keys"
        return None

    def _one_by_one(self, start: int, end: int) -> None:
        """Find what is wrong with a chunk, and keep the lines that are right."""
        while start < end:
            after = self._data.index(b"\n", start) + 1
            try:
                row = decode_row(self._data[start:after])
                types = [type(item) for item in row[:VALUES]]
                problem = self._problem(row[0], len(row), *types[1:]) if len(types) == VALUES else "not a row"
            except UNREADABLE as error:
                problem = str(error)
            if problem is None:
                self._segment.rows.append(restore(row))
            else:
                self._damage(start, problem)
            start = after

    def _object(self, start: int, end: int) -> None:
        segment = self._segment
        try:
            found = read_object(self._data[start:end], segment.header)
        except FormatError as error:
            self._damage(start, error.message)
            return
        if isinstance(found, Schema):
            segment.keys[found.number] = found.keys
        else:
            segment.marks.append((len(segment.rows), found))

    def _damage(self, start: int, reason: str) -> None:
        line = self._lines_before + self._data.count(b"\n", 0, start) + 1
        damage = Damage(self._segment.path, line, reason)
        if self._strict:
            raise damage.error()
        self._segment.damaged.append(damage)
