"""Reads a compacted history segment; what is not asked for is not decoded.

Checksums are looked at when bytes are read. With `strict=False` all are, at once, and
blocks that are damaged are left out and described.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from blake3 import blake3

from tracker.storage import column, planes
from tracker.storage.column import Stream
from tracker.storage.columnar import END, FOOTER, FORMAT, MAGIC, Block, Column, Index, render, unpack
from tracker.storage.journal import Header, Mark, Schema, parse_header, read_object
from tracker.storage.segment import Damage
from vcs.errors import FormatError, StoreError

_HINT = "restore the file from another copy if there is one; run.yaml has its digest"

T = TypeVar("T")

# Reads so many bytes from a place in the file.
_Read = Callable[[int, int], bytes]


class _Version(msgspec.Struct):
    """The only field of an index that every format has."""

    format: int


@dataclass(frozen=True)
class _Place:
    """Where a column of some rows lies."""

    start: int
    streams: Column
    count: int


@dataclass
class ColumnSegment:
    """What a segment holds, as written; it has what `segment.Segment` has.

    Attributes:
        keys: The keys of each schema.
        marks: Each with the number of rows that stand before it.
        damaged: Blocks that were left out; empty unless asked for.
    """

    path: Path
    header: Header
    index: Index
    keys: dict[int, tuple[str, ...]] = field(default_factory=dict)
    marks: list[tuple[int, Mark]] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)
    # The blocks that can be read, each with the place where its bytes begin.
    blocks: list[tuple[int, Block]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(block.count for _, block in self.blocks)

    @cached_property
    def schemas(self) -> list[int]:
        """The schema of each row."""
        return self._column(None, 0)

    @cached_property
    def steps(self) -> list[int]:
        """The step of each row."""
        return self._column(None, 1)

    @cached_property
    def times_ms(self) -> list[int]:
        """The milliseconds of each row."""
        return self._column(None, 2)

    @property
    def last_ms(self) -> int:
        """The highest milliseconds of a row; 0 if none is higher."""
        return self.index.last_ms

    @cached_property
    def schema_counts(self) -> dict[int, int]:
        """How many rows have each schema, in the order in which they appear."""
        counts: dict[int, int] = {}
        for _, block in self.blocks:
            for part in block.parts:
                counts[part.schema] = counts.get(part.schema, 0) + part.count
        return counts

    @cached_property
    def rows(self) -> list[tuple[Any, ...]]:
        """All rows: schema, step, milliseconds, then the values."""
        rows: list[tuple[Any, ...]] = []
        with _reading(self.path) as read:
            for start, block in self.blocks:
                rows += unpack(block, _streams(read, start, block))
        return rows

    def split(self) -> Iterator[ColumnSegment]:
        """Yield the rows as segments of one block each, in order, without their marks."""
        for place, block in self.blocks:
            yield ColumnSegment(self.path, self.header, self.index, self.keys, blocks=[(place, block)])
        if not self.blocks:
            yield self

    def values(self, schema: int, place: int) -> list[Any]:
        """Return the values of one key, by its place in a schema, in the rows of that schema."""
        return self._column(schema, place)

    def numbers(self, schema: int | None, number: int) -> Any | None:
        """Return a column as a numpy array; None where only `values` can: see `column.numbers`.

        With None as schema it is that of all rows: 0 schema, 1 step, 2 milliseconds.
        """
        found = []
        for made, count in self._decoded(schema, number, column.numbers):
            if made is None:
                return None
            if len(made) != count:
                raise FormatError(f"{self.path}: a column has another length than its rows", hint=_HINT)
            found.append(made)
        if len(found) == 1:
            return found[0]
        import numpy

        return numpy.concatenate(found) if found else numpy.empty(0)

    @cached_property
    def _places(self) -> dict[tuple[int | None, int], list[_Place]]:
        """Where the columns lie, by schema (None for those of all rows) and number."""
        places: dict[tuple[int | None, int], list[_Place]] = {}
        for start, block in self.blocks:
            groups = [
                (None, block.count, block.common),
                *((p.schema, p.count, p.columns) for p in block.parts),
            ]
            for schema, count, columns in groups:
                for number, streams in enumerate(columns):
                    places.setdefault((schema, number), []).append(_Place(start, streams, count))
                    start += _size(streams)
        return places

    def _column(self, schema: int | None, number: int) -> list[Any]:
        values: list[Any] = []
        for found, count in self._decoded(schema, number, column.decode):
            if len(found) != count:
                raise FormatError(f"{self.path}: a column has another length than its rows", hint=_HINT)
            values += found
        return values

    def _decoded(
        self, schema: int | None, number: int, decode: Callable[[Column, list[bytes]], T]
    ) -> Iterator[tuple[T, int]]:
        """Yield what the column of each block is decoded to, and how many rows have it."""
        with _reading(self.path) as read:
            for place in self._places.get((schema, number), ()):
                start, bodies = place.start, []
                for stream in place.streams:
                    bodies.append(column.check(stream, read(start, stream.size)))
                    start += stream.size
                yield decode(place.streams, bodies), place.count


def read_columns_file(path: Path, *, strict: bool = True) -> ColumnSegment:
    """Open a compacted segment; values are read when they are asked for.

    Raises:
        FormatError: It is cut, damaged or of a newer format; the file is named. Values
            that are damaged raise when they are read, or are left out: see the module.
        StoreError: The file cannot be read.
    """
    with _reading(path) as read:
        index, blocks_end = read_index(path)
        segment = ColumnSegment(path, parse_header(path, index.head.encode()), index)
        start = len(MAGIC)
        for block in index.blocks:
            segment.blocks.append((start, block))
            start += sum(map(_size, block.columns()))
        if start + _size(index.places) + _size(index.lines) != blocks_end:
            raise FormatError("the index does not fit the file")
        places, lines, _ = _other_lines(read, start, index)
        if not strict:
            places = _leave_out_damaged(segment, read, places)
        for place, line in zip(places, lines, strict=True):
            found = read_object(line, segment.header)
            if isinstance(found, Schema):
                segment.keys[found.number] = found.keys
            else:
                segment.marks.append((place, found))
    return segment


def to_jsonl(path: Path) -> Iterator[bytes]:
    """Yield the bytes of the file of lines from which a compacted segment was made.

    Raises:
        FormatError, StoreError: As for `read_columns_file`.
    """
    segment = read_columns_file(path)
    index = segment.index
    yield index.head.encode()
    with _reading(path) as read:
        end = len(MAGIC) + sum(_size(found) for block in index.blocks for found in block.columns())
        places, lines, torn = _other_lines(read, end, index)
        before, others = 0, list(zip(places, lines, strict=True))
        for start, block in segment.blocks:
            rows = unpack(block, _streams(read, start, block), as_written=True)
            here = [(place - before, line) for place, line in others if before <= place < before + len(rows)]
            yield from render(rows, here)
            before += len(rows)
        yield from (line for place, line in others if place >= before)
        yield torn


def read_index(path: Path) -> tuple[Index, int]:
    """Return the index of a compacted segment, and where it begins.

    Raises:
        FormatError, StoreError: As for `read_columns_file`.
    """
    with _reading(path) as read:
        size = os.stat(path).st_size
        if size < len(MAGIC) + FOOTER.size or read(0, len(MAGIC)) != MAGIC:
            raise FormatError("not a compacted history, or cut")
        length, digest, end = FOOTER.unpack(read(size - FOOTER.size, FOOTER.size))
        start = size - FOOTER.size - length
        data = read(start, length) if start >= len(MAGIC) else b""
        if end != END or blake3(data).digest() != digest:
            raise FormatError("its index is cut or damaged")
        try:
            number = msgspec.json.decode(data, type=_Version).format
            if number <= FORMAT:
                return msgspec.json.decode(data, type=Index), start
        except msgspec.MsgspecError as error:
            raise FormatError(f"its index cannot be read: {error}") from error
    raise FormatError(
        f"{path} has format {number}; this version reads up to {FORMAT}",
        hint="install a newer version of tracker",
    )


def _other_lines(read: _Read, start: int, index: Index) -> tuple[list[int], list[bytes], bytes]:
    """Return the lines that are no rows, the number of rows before each, and a torn line."""
    bodies = []
    for stream in (*index.places, *index.lines):
        bodies.append(column.check(stream, read(start, stream.size)))
        start += stream.size
    places = column.decode(index.places, bodies[: len(index.places)])
    if len(index.lines) != 1:
        raise FormatError("its index has no lines")
    *lines, torn = planes.inflate(bodies[-1], index.lines[0].length).split(b"\n")
    if len(lines) != len(places):
        raise FormatError("its index has another number of lines")
    return places, [line + b"\n" for line in lines], torn


def _leave_out_damaged(segment: ColumnSegment, read: _Read, places: list[int]) -> list[int]:
    """Keep the blocks that are sound; return the places of the other lines among what is left."""
    sound, left_out, before = [], [], 0
    for start, block in segment.blocks:
        body = _streams(read, start, block)
        try:
            for streams in block.columns():
                for _ in streams:
                    body()
            sound.append((start, block))
        except FormatError as error:
            reason = f"rows {before + 1} to {before + block.count}: {error.message}"
            segment.damaged.append(Damage(segment.path, 0, reason))
            left_out.append((before, block.count))
        before += block.count
    segment.blocks = sound
    return [place - sum(min(max(place - first, 0), count) for first, count in left_out) for place in places]


def _streams(read: _Read, start: int, block: Block) -> Callable[[], bytes]:
    """Return what gives the bytes of the streams of a block, one after the other."""

    def bodies() -> Iterator[bytes]:
        place = start
        for found in block.columns():
            for stream in found:
                yield column.check(stream, read(place, stream.size))
                place += stream.size

    return bodies().__next__


def _size(streams: list[Stream]) -> int:
    return sum(stream.size for stream in streams)


@contextmanager
def _reading(path: Path) -> Iterator[_Read]:
    """Open the file, and name it in every error."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    try:
        yield lambda start, size: os.pread(fd, size, start)
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    except FormatError as error:
        if str(path) in error.message:
            raise
        raise FormatError(f"{path}: {error.message}", hint=_HINT) from error
    finally:
        os.close(fd)
