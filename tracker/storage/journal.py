"""The format of a history segment, and nothing else: bytes in, bytes out.

docs/formats.md describes the lines. A segment has one writer and only grows, so
whatever kills the writer leaves whole lines and perhaps one torn line at the end,
which readers ignore. Every other irregularity is damage: an error that names file
and line, or, when asked for, a list of the damaged lines beside the readable rest.

Values go in as `tracker.values.scalars.plain` gives them and come back equal: NaN
and the infinities, integers of any size and every float are exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from tracker.values.scalars import NestedKey
from vcs.errors import FormatError, StoreError

FORMAT = 1

# After this many sets of keys the table begins anew, so that keys made of counters cost no memory.
MAX_SCHEMAS = 4096

# The positions of a row before its values: schema, step, milliseconds.
STEP, MS, VALUES = 1, 2, 3

_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
# A dict with one of these as its only key means something else; such a dict of the user's is wrapped.
_RESERVED = ("float", "dict")
_CHUNK_BYTES = 1 << 22

# What msgspec raises for bytes that are not what they should be.
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_encoder = msgspec.json.Encoder()
_row_decoder = msgspec.json.Decoder(list[Any])


class Header(msgspec.Struct, kw_only=True):
    """The first line of a segment.

    Attributes:
        session: Number of the session; negative for rows that a fork took over.
        rank: "0" is the run's own; others are further processes of it.
        start: When the clock of the rows begins, in seconds since 1970.
        from_step: Rows of earlier sessions with this step or a later one are masked.
    """

    format: int = FORMAT
    run: str
    session: int
    rank: str = "0"
    start: float
    from_step: int

    @property
    def start_ms(self) -> int:
        """The start in whole milliseconds: what the rows count from."""
        return round(self.start * 1000)


class _Format(msgspec.Struct):
    """The only field of a header that every format has."""

    format: int


@dataclass(frozen=True, slots=True)
class SetMark:
    """An explicit change of the summary: keys that are set."""

    values: dict[str, Any]
    time_s: float


@dataclass(frozen=True, slots=True)
class UnsetMark:
    """An explicit change of the summary: keys that are removed."""

    keys: tuple[str, ...]
    time_s: float


@dataclass(frozen=True, slots=True)
class RewindMark:
    """Rows written so far with this step or a later one are masked."""

    step: int
    time_s: float


Mark = SetMark | UnsetMark | RewindMark


@dataclass(frozen=True, slots=True)
class RichRow:
    """A row that holds more than numbers and text: lists, or dicts with `_type`."""

    step: int
    time_s: float
    values: dict[str, Any]


SimpleRow = tuple[int, float, tuple[str, ...], tuple[Any, ...]]
"""A row of None, bool, int, float and str: step, time in seconds, keys, values."""


class SegmentEncoder:
    """Turns rows and marks into lines; remembers which schemas were declared."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self._start_ms = header.start_ms
        self._schemas: dict[tuple[str, ...], int] = {}
        self._next_schema = 0

    def head(self) -> bytes:
        """Return the first line."""
        return _encoder.encode(self.header) + b"\n"

    def encode(self, items: Iterable[SimpleRow | RichRow | Mark]) -> bytes:
        """Return the lines of a batch, in order; the cheapest for simple rows of few schemas."""
        lines: list[Any] = []
        schemas, start_ms = self._schemas, self._start_ms
        for item in items:
            if type(item) is tuple:
                step, time_s, keys, values = item
                number = schemas.get(keys)
                if number is None:
                    number = self._declare(keys, lines)
                lines.append((number, step, round(time_s * 1000) - start_ms, *values))
            else:
                self._add(item, lines)  # type: ignore[arg-type]
        return _encode_lines(lines)

    def forget(self) -> None:
        """Declare schemas anew from now on: lines of the last batch were not written."""
        self._schemas.clear()

    def _declare(self, keys: tuple[str, ...], lines: list[Any]) -> int:
        if len(self._schemas) >= MAX_SCHEMAS:
            self._schemas.clear()
        number = self._schemas[keys] = self._next_schema
        self._next_schema += 1
        lines.append({"schema": number, "keys": [_key_out(key) for key in keys]})
        return number

    def _add(self, item: RichRow | Mark, lines: list[Any]) -> None:
        ms = round(item.time_s * 1000) - self._start_ms
        if isinstance(item, RichRow):
            keys = tuple(item.values)
            number = self._schemas.get(keys)
            if number is None:
                number = self._declare(keys, lines)
            lines.append((number, item.step, ms, *map(_exact, item.values.values())))
        elif isinstance(item, SetMark):
            lines.append({"set": {_text(key): _exact(value) for key, value in item.values.items()}, "t": ms})
        elif isinstance(item, UnsetMark):
            lines.append({"unset": [_text(key) for key in item.keys], "t": ms})
        else:
            lines.append({"rewind": item.step, "t": ms})


def _encode_lines(lines: list[Any]) -> bytes:
    try:
        data = _encoder.encode_lines(lines)
    except (ValueError, OverflowError):
        # Text that UTF-8 does not have, or an integer of thousands of digits, somewhere in the batch.
        return _encoder.encode_lines([_exact_line(line) for line in lines])
    # msgspec writes NaN and the infinities as null. Looking for that in the text is a hundred times
    # cheaper than looking at every value, and rows that really hold None are rare.
    if b"null" in data:
        return _encoder.encode_lines([_exact_line(line) for line in lines])
    return data


def _exact_line(line: Any) -> Any:
    # Lines that are dicts, and the values of rich rows, are exact already.
    if isinstance(line, dict):
        return line
    return tuple(value if type(value) in (dict, list) else _exact(value) for value in line)


def _exact(value: Any) -> Any:
    """Return what JSON can say without loss for a value of `plain`."""
    kind = type(value)
    if kind is float:
        if math.isfinite(value):
            return value
        return {"float": "nan" if value != value else "inf" if value > 0 else "-inf"}
    if kind is str:
        return _text(value)
    if kind is int:
        # Python itself refuses to print or read integers of more than 4300 digits.
        return value if value.bit_length() < 14_000 else hex(value)
    if kind is list:
        return [_exact(item) for item in value]
    if kind is dict:
        exact = {_text(key): _exact(item) for key, item in value.items()}
        return {"dict": exact} if len(exact) == 1 and next(iter(exact)) in _RESERVED else exact
    return value


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return str.__str__(text)


def _key_out(key: str) -> str | list[str]:
    return [_text(part) for part in key.parts] if isinstance(key, NestedKey) else _text(key)


def restore(value: Any) -> Any:
    """Undo the spelling of special numbers in a decoded value."""
    if type(value) is dict:
        if len(value) == 1:
            ((name, inner),) = value.items()
            if name == "float" and type(inner) is str and inner in _SPECIAL:
                return _SPECIAL[inner]
            if name == "dict" and type(inner) is dict:
                return {key: restore(item) for key, item in inner.items()}
        return {key: restore(item) for key, item in value.items()}
    return [restore(item) for item in value] if type(value) is list else value


class _Object(msgspec.Struct):
    """A line that is no row: one of its four kinds."""

    schema: int | None = None
    keys: list[str | list[str]] | None = None
    set: dict[str, Any] | None = None
    unset: list[str] | None = None
    rewind: int | None = None
    t: int = 0


_object_decoder = msgspec.json.Decoder(_Object)


@dataclass(frozen=True)
class Damage:
    """A line that could not be read."""

    path: Path
    line: int
    reason: str

    def error(self) -> FormatError:
        """Return the error that tells of it."""
        return FormatError(
            f"{self.path}, line {self.line}: {self.reason}",
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
    """

    path: Path
    header: Header
    keys: dict[int, tuple[str, ...]] = field(default_factory=dict)
    rows: list[list[Any]] = field(default_factory=list)
    marks: list[tuple[int, Mark]] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)


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
    return _parse_header(path, line) if line.endswith(b"\n") else None


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
    segment = Segment(path, _parse_header(path, data[:first]))
    _Reader(segment, data, strict).read(first, end)
    return segment


def _parse_header(path: Path, line: bytes) -> Header:
    try:
        number = msgspec.json.decode(line, type=_Format).format
        if number <= FORMAT:
            return msgspec.json.decode(line, type=Header)
    except _UNREADABLE as error:
        raise FormatError(f"{path}, line 1: not the header of a history file: {error}") from error
    raise FormatError(
        f"{path} has format {number}; this version reads up to {FORMAT}",
        hint="install a newer version of tracker",
    )


class _Reader:
    """One pass over the lines after the header."""

    def __init__(self, segment: Segment, data: bytes, strict: bool) -> None:
        self._segment = segment
        self._data = data
        self._strict = strict

    def read(self, start: int, end: int) -> None:
        """Lines that begin with `{` are few; what lies between them are rows, decoded in bulk."""
        data = self._data
        while start < end:
            if data[start] == 0x7B:
                after = data.index(b"\n", start) + 1
                self._object(start, after)
            else:
                found = data.find(b"\n{", start, min(end, start + _CHUNK_BYTES))
                if found < 0 and end - start > _CHUNK_BYTES:
                    found = data.index(b"\n", start + _CHUNK_BYTES - 1)
                after = end if found < 0 else found + 1
                self._rows(start, after)
            start = after

    def _rows(self, start: int, end: int) -> None:
        chunk = self._data[start:end]
        try:
            rows = _row_decoder.decode_lines(chunk)
            kinds = {(row[0], len(row), type(row[STEP]), type(row[MS])) for row in rows}
            sound = all(self._problem(*kind) is None for kind in kinds)
        except (*_UNREADABLE, IndexError, TypeError):
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
                row = _row_decoder.decode(self._data[start:after])
                types = [type(item) for item in row[:VALUES]]
                problem = self._problem(row[0], len(row), *types[1:]) if len(types) == VALUES else "not a row"
            except _UNREADABLE as error:
                problem = str(error)
            if problem is None:
                self._segment.rows.append(restore(row))
            else:
                self._damage(start, problem)
            start = after

    def _object(self, start: int, end: int) -> None:
        try:
            line = _object_decoder.decode(self._data[start:end])
        except _UNREADABLE as error:
            self._damage(start, str(error))
            return
        segment = self._segment
        time_s = (segment.header.start_ms + line.t) / 1000
        mark: Mark
        if line.schema is not None and line.keys is not None:
            segment.keys[line.schema] = tuple(k if isinstance(k, str) else NestedKey(k) for k in line.keys)
            return
        if line.set is not None:
            mark = SetMark({key: restore(value) for key, value in line.set.items()}, time_s)
        elif line.unset is not None:
            mark = UnsetMark(tuple(line.unset), time_s)
        elif line.rewind is not None:
            mark = RewindMark(line.rewind, time_s)
        else:
            self._damage(start, "a line of unknown kind")
            return
        segment.marks.append((len(segment.rows), mark))

    def _damage(self, start: int, reason: str) -> None:
        line = self._data.count(b"\n", 0, start) + 1
        damage = Damage(self._segment.path, line, reason)
        if self._strict:
            raise damage.error()
        self._segment.damaged.append(damage)
