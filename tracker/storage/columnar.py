"""The format of a compacted history segment: its rows as columns, in one immutable file.

    magic       "TCOL0001"
    streams     see `column`, end to end, in the order in which the index names them
    index       JSON: see `Index`; it has the length and CRC-32 of each stream
    footer      u64 length of the index, BLAKE3 of the index, "TCOLEND1"; little-endian

A block is some ten thousand rows that followed each other; each of its columns is
decoded by itself, so who wants one metric reads little else. Lines that are no rows are
kept as they are, with the number of rows before each. So the file of lines can be made
again byte for byte, and `ColumnsWriter` refuses what would come back otherwise.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import compress, repeat
from operator import itemgetter
from typing import Any, BinaryIO

import msgspec
from blake3 import blake3

from tracker.storage import column
from tracker.storage.column import Stream
from tracker.storage.journal import MS, UNREADABLE, VALUES, Header, Schema, decode_rows, pieces, read_object
from vcs.errors import FormatError

FORMAT = 1
MAGIC = b"TCOL0001"
END = b"TCOLEND1"
FOOTER = struct.Struct("<Q32s8s")

# The columns that every row has: schema, step, milliseconds.
COMMON = VALUES

_encoder = msgspec.json.Encoder()

Column = list[Stream]


class Part(msgspec.Struct, array_like=True):
    """The columns of those rows of a block that have one schema, in the order of its keys."""

    schema: int
    count: int
    columns: list[Column]


class Block(msgspec.Struct, array_like=True):
    """Rows that follow each other.

    Attributes:
        common: Three columns over all rows: schema, step and milliseconds.
        parts: By schema, in the order in which the schemas appear.
    """

    count: int
    common: list[Column]
    parts: list[Part]

    def columns(self) -> Iterator[Column]:
        """Yield all columns in the order of their bytes."""
        yield from self.common
        for part in self.parts:
            yield from part.columns


class Index(msgspec.Struct, kw_only=True):
    """What a file has, and where.

    Attributes:
        source_size, source_digest: Of the file of lines.
        head: The header, as it is written there, with its newline.
        count: How many rows.
        last_ms: The highest milliseconds of a row; 0 if none is higher.
        places, lines: The other lines, end to end, and the number of rows before each;
            what comes after the last newline is a torn line. They lie behind the blocks.
    """

    format: int = FORMAT
    source_size: int
    source_digest: str
    head: str
    count: int = 0
    last_ms: int = 0
    blocks: list[Block] = []
    places: Column = []
    lines: Column = []


class ColumnsWriter:
    """Writes one file from lines, block by block; needs memory for one block."""

    def __init__(self, stream: BinaryIO, head: bytes, header: Header) -> None:
        """Begin; `head` is the first line, `header` the same line read."""
        self._stream = stream
        self._header = header
        # How many values the rows of each schema have.
        self._lengths: dict[int, int] = {}
        self._places: list[int] = []
        self._lines: list[bytes] = []
        self._digest = blake3(head)
        self._index = Index(source_size=len(head), source_digest="", head=head.decode())
        stream.write(MAGIC)

    def add(self, lines: bytes) -> None:
        """Write some whole lines.

        Raises:
            FormatError: They are damaged, or other bytes would come back; nothing was written.
        """
        rows: list[list[Any]] = []
        others: list[tuple[int, bytes]] = []
        for is_object, start, end in pieces(lines, 0, len(lines)):
            if is_object:
                self._note(lines[start:end])
                others.append((len(rows), lines[start:end]))
            else:
                rows += _sound_rows(lines[start:end], self._lengths)
        index = self._index
        again: Sequence[Sequence[Any]] = ()
        if rows:
            block, bodies = pack(rows)
            again = unpack(block, iter(bodies).__next__, as_written=True)
            if not all(_are_ints(found, place, rows) for place, found in enumerate(block.common)):
                raise FormatError("rows that do not begin with whole numbers")
            index.last_ms = max(index.last_ms, max(map(itemgetter(MS), rows)))
        if b"".join(render(again, others)) != lines:
            raise FormatError("lines that would come back with other bytes")
        if rows:
            self._stream.writelines(bodies)
            index.blocks.append(block)
        self._places += [index.count + place for place, _ in others]
        self._lines += [line for _, line in others]
        index.count += len(rows)
        self._count(lines)

    def finish(self, torn: bytes = b"") -> Index:
        """Write index and footer; `torn` is what comes after the last newline."""
        index = self._index
        self._count(torn)
        index.source_digest = self._digest.hexdigest()
        for name, packed in (
            ("places", column.encode(self._places)),
            ("lines", [column.text(b"".join((*self._lines, torn)), len(self._lines))]),
        ):
            setattr(index, name, [stream for stream, _ in packed])
            self._stream.writelines(body for _, body in packed)
        data = _encoder.encode(index)
        self._stream.write(data + FOOTER.pack(len(data), blake3(data).digest(), END))
        return index

    def _count(self, data: bytes) -> None:
        self._digest.update(data)
        self._index.source_size += len(data)

    def _note(self, line: bytes) -> None:
        found = read_object(line, self._header)
        if isinstance(found, Schema):
            self._lengths[found.number] = VALUES + len(found.keys)


def pack(rows: Sequence[Sequence[Any]]) -> tuple[Block, list[bytes]]:
    """Return rows, as they are written, as a block and the bytes of its streams."""
    bodies: list[bytes] = []

    def put(values: Sequence[Any]) -> Column:
        packed = column.encode(values)
        bodies.extend(body for _, body in packed)
        return [stream for stream, _ in packed]

    groups: list[list[tuple[Any, ...]]]
    schemas = set(map(itemgetter(0), rows))
    if len(schemas) == 1:
        groups = [list(zip(*rows, strict=True))]
        places = groups[0][:COMMON]
    else:
        places = [tuple(map(itemgetter(place), rows)) for place in range(COMMON)]
        groups = [
            list(zip(*(row for row in rows if row[0] == schema), strict=True))
            for schema in dict.fromkeys(places[0])
        ]
    common = [put(values) for values in places]
    parts = [Part(group[0][0], len(group[0]), [put(values) for values in group[COMMON:]]) for group in groups]
    return Block(len(rows), common, parts), bodies


def unpack(block: Block, read: Callable[[], bytes], *, as_written: bool = False) -> list[tuple[Any, ...]]:
    """Return the rows of a block; `read` gives the bytes of its streams, one after the other.

    Raises:
        FormatError: The streams are damaged, or are not those of so many rows.
    """

    def values(found: Column, count: int) -> list[Any]:
        made = column.decode(found, [read() for _ in found], as_written=as_written)
        if len(made) != count:
            raise FormatError("a column has another length than its rows")
        return made

    schemas, steps, times_ms = (values(found, block.count) for found in block.common)
    parts = {part.schema: [values(found, part.count) for found in part.columns] for part in block.parts}
    if len(parts) == 1:
        ((schema, columns),) = parts.items()
        return list(zip(repeat(schema), steps, times_ms, *columns))
    sources = {}
    for schema, columns in parts.items():
        mine = [found == schema for found in schemas]
        sources[schema] = zip(repeat(schema), compress(steps, mine), compress(times_ms, mine), *columns)
    try:
        return [next(sources[schema]) for schema in schemas]
    except (StopIteration, RuntimeError, KeyError) as error:
        raise FormatError("the rows of a block are not those that its columns have") from error


def render(rows: Sequence[Sequence[Any]], others: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    """Yield the lines of rows that are as written, with other lines between them."""
    start = 0
    for place, line in others:
        if place > start:
            yield _encoder.encode_lines(rows[start:place])
            start = place
        yield line
    if start < len(rows):
        yield _encoder.encode_lines(rows[start:] if start else rows)


def _sound_rows(lines: bytes, lengths: Mapping[int, int]) -> list[list[Any]]:
    try:
        rows = decode_rows(lines)
    except UNREADABLE as error:
        raise FormatError(str(error)) from error
    schemas: list[Any] = list(map(itemgetter(0), rows)) if all(rows) else [None]
    if not {int}.issuperset(map(type, schemas)):
        raise FormatError("rows that do not begin with a schema")
    if any(
        lengths.get(schema) != length for schema, length in set(zip(schemas, map(len, rows), strict=True))
    ):
        raise FormatError("rows whose schema was not declared, or with another number of values")
    return rows


def _are_ints(packed: Column, place: int, rows: Sequence[Sequence[Any]]) -> bool:
    """Whether a column has only whole numbers; nearly always its streams tell."""
    return [stream.kind for stream in packed] == ["ints"] or {int}.issuperset(
        map(type, map(itemgetter(place), rows))
    )
