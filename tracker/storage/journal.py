"""The format of a history segment, and nothing else: bytes in, bytes out.

docs/formats.md describes the lines. A segment has one writer and only grows, so
whatever kills the writer leaves whole lines and perhaps one torn line at the end,
which readers ignore. `segment` reads whole files.

Values go in as `tracker.values.scalars.plain` gives them and come back equal: NaN
and the infinities, integers of any size and every float are exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tracker.values.scalars import NestedKey
from vcs.errors import FormatError

FORMAT = 1

# After this many sets of keys the table begins anew, so that keys made of counters cost no memory.
MAX_SCHEMAS = 4096

# The positions of a row before its values: schema, step, milliseconds.
STEP, MS, VALUES = 1, 2, 3

SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
# A dict with one of these as its only key means something else; such a dict of the user's is wrapped.
_RESERVED = ("float", "dict")
_CHUNK_BYTES = 1 << 22

# What msgspec raises for bytes that are not what they should be.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

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
        return value if math.isfinite(value) else spell_float(value)
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


def spell_float(value: float) -> dict[str, str]:
    """Return the spelling of NaN or an infinity."""
    return {"float": "nan" if value != value else "inf" if value > 0 else "-inf"}


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
            if name == "float" and type(inner) is str and inner in SPECIAL:
                return SPECIAL[inner]
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


def parse_header(path: Path, line: bytes) -> Header:
    try:
        number = msgspec.json.decode(line, type=_Format).format
        if number <= FORMAT:
            return msgspec.json.decode(line, type=Header)
    except UNREADABLE as error:
        raise FormatError(f"{path}, line 1: not the header of a history file: {error}") from error
    raise FormatError(
        f"{path} has format {number}; this version reads up to {FORMAT}",
        hint="install a newer version of tracker",
    )


@dataclass(frozen=True, slots=True)
class Schema:
    """The keys of the rows that begin with a number."""

    number: int
    keys: tuple[str, ...]


def read_object(line: bytes, header: Header) -> Schema | Mark:
    """Read a line that begins with `{`.

    Raises:
        FormatError: It is damaged, or of an unknown kind.
    """
    try:
        found = _object_decoder.decode(line)
    except UNREADABLE as error:
        raise FormatError(str(error)) from error
    time_s = (header.start_ms + found.t) / 1000
    if found.schema is not None and found.keys is not None:
        return Schema(found.schema, tuple(k if isinstance(k, str) else NestedKey(k) for k in found.keys))
    if found.set is not None:
        return SetMark({key: restore(value) for key, value in found.set.items()}, time_s)
    if found.unset is not None:
        return UnsetMark(tuple(found.unset), time_s)
    if found.rewind is not None:
        return RewindMark(found.rewind, time_s)
    raise FormatError("a line of unknown kind")


def pieces(data: bytes, start: int, end: int) -> Iterator[tuple[bool, int, int]]:
    """Yield (whether it is an object, begin, end) of each line that is one, and of the rows between two.

    Lines that begin with `{` are few; what lies between them are rows, which are decoded
    in bulk. The last line must be whole.
    """
    while start < end:
        is_object = data[start] == 0x7B
        if is_object:
            after = data.index(b"\n", start) + 1
        else:
            limit = min(end, start + _CHUNK_BYTES)
            # One byte is sought ten times as fast as two, and most files have none after their head.
            brace = data.find(b"{", start, limit)
            found = -1 if brace < 0 else data.find(b"\n{", brace - 1, limit)
            if found < 0 and end - start > _CHUNK_BYTES:
                found = data.index(b"\n", start + _CHUNK_BYTES - 1)
            after = end if found < 0 else found + 1
        yield is_object, start, after
        start = after


def decode_rows(lines: bytes) -> list[list[Any]]:
    """Return whole lines that are arrays, as they are written: nothing is restored or checked.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError, RecursionError: They are no arrays.
    """
    return _row_decoder.decode_lines(lines)


def decode_row(line: bytes) -> list[Any]:
    """Return one line that is an array; see `decode_rows`."""
    return _row_decoder.decode(line)
