"""One column of rows as compressed streams, exactly: every value comes back as it was.

Values are those of a decoded line, before `journal.restore`: None, booleans, numbers,
text, lists, dictionaries, and NaN and the infinities in their spelling `{"float":"nan"}`.
A column of one kind of value is one stream. In a mixed one a stream of kinds, one byte
a value, tells which of the other streams has it.

    ints      whole numbers of 64 bits, or the differences between neighbours, in planes
    doubles   floats, in planes; the special ones are numbers here too
    kinds     one character a value: null, true, false, int, double, json
    json      everything else, one JSON text a line, deflated
"""

from __future__ import annotations

import math
import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import sub
from typing import Any

import msgspec

from tracker.storage import planes
from tracker.storage.journal import SPECIAL, restore, spell_float
from vcs.errors import FormatError

# More in one stream is not ours: a few bytes of a damaged file could ask for all memory.
MAX_VALUES = 1 << 22

_NULL, _TRUE, _FALSE, _INT, _DOUBLE, _JSON = b"ntfidj"
_WIDTHS = ((1, "b"), (2, "h"), (4, "i"), (8, "q"))
_CODES = dict(_WIDTHS)
_LOW, _HIGH = -(1 << 63), (1 << 63) - 1
_PLAIN = {type(None): _NULL, int: _INT, float: _DOUBLE, str: _JSON, list: _JSON}
_VALUES = {_NULL: None, _TRUE: True, _FALSE: False}

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


class Stream(msgspec.Struct, array_like=True, frozen=True):
    """Describes the bytes of one stream; in the index of a file it is a list.

    Attributes:
        kind: See the module.
        count: How many values it has; with `first`, how many come after that.
        size, crc: Of its bytes.
        width: Bytes of a whole number.
        first: The first value, where the stream has the differences after it.
        length: Bytes of JSON before they were deflated.
        special: Whether NaN or an infinity is among the doubles.
    """

    kind: str
    count: int
    size: int
    crc: int
    width: int = 8
    first: int | None = None
    length: int = 0
    special: bool = False


Packed = tuple[Stream, bytes]


def encode(values: Sequence[Any]) -> list[Packed]:
    """Return the streams of a column, one after the other."""
    types = set(map(type, values))
    if types == {float}:
        return [_doubles(values, special=False)]
    if types == {int} and (ints := _ints(values)) is not None:
        return [ints]
    if types and types <= {str, list}:
        return [_json(values)]
    return _mixed(values)


def decode(streams: Sequence[Stream], bodies: Sequence[bytes], *, as_written: bool = False) -> list[Any]:
    """Return the values of a column; `as_written` leaves special numbers in their spelling.

    Raises:
        FormatError: The streams do not fit together; a checksum tells of damage before.
    """
    parts = {s.kind: _decode_stream(s, body, as_written) for s, body in zip(streams, bodies, strict=True)}
    kinds = parts.pop("kinds", None)
    if kinds is None:
        if len(parts) != 1:
            raise FormatError("a column has streams of several kinds, and none that orders them")
        return next(iter(parts.values()))
    sources: dict[int, Iterator[Any]] = {
        _INT: iter(parts.get("ints", ())),
        _DOUBLE: iter(parts.get("doubles", ())),
        _JSON: iter(parts.get("json", ())),
    }
    if len(set(kinds)) == 1 and kinds[0] in _VALUES:
        return [_VALUES[kinds[0]]] * len(kinds)
    try:
        return [_VALUES[kind] if kind in _VALUES else next(sources[kind]) for kind in kinds]
    except (StopIteration, KeyError, RuntimeError) as error:
        raise FormatError("a column has fewer values than its kinds say") from error


def text(data: bytes, count: int, kind: str = "text") -> Packed:
    """Return a stream of `count` lines, deflated; other than JSON it is no part of a column."""
    body = planes.deflate(data)
    return Stream(kind, count, len(body), zlib.crc32(body), length=len(data)), body


def check(stream: Stream, body: bytes) -> bytes:
    """Return the bytes of a stream if they are what was written.

    Raises:
        FormatError: They are not.
    """
    if len(body) != stream.size or zlib.crc32(body) != stream.crc:
        raise FormatError(f"{stream.count} values of a column are damaged: their checksum is another")
    return body


def _numbers(kind: str, numbers: array[Any], **more: Any) -> Packed:
    if sys.byteorder == "big":
        numbers.byteswap()
    body = planes.pack(numbers.tobytes(), numbers.itemsize)
    return Stream(kind, len(numbers), len(body), zlib.crc32(body), numbers.itemsize, **more), body


def _doubles(values: Sequence[float], *, special: bool) -> Packed:
    return _numbers("doubles", array("d", values), special=special)


def _ints(values: Sequence[int]) -> Packed | None:
    low, high = min(values), max(values)
    if low < _LOW or high > _HIGH:
        return None
    if low < high:
        steps = list(map(sub, values[1:], values))
        least, most = min(steps), max(steps)
        # Counters and clocks have small steps; of other numbers the steps are no smaller.
        if most - least < high - low and least >= _LOW and most <= _HIGH:
            return _numbers("ints", array(_code(least, most), steps), first=values[0])
    return _numbers("ints", array(_code(low, high), values))


def _code(low: int, high: int) -> str:
    return next(code for width, code in _WIDTHS if -(1 << 8 * width - 1) <= low and high < 1 << 8 * width - 1)


def _json(values: Sequence[Any]) -> Packed:
    return text(_encoder.encode_lines(values), len(values), "json")


def _mixed(values: Sequence[Any]) -> list[Packed]:
    kinds = bytes(map(_kind, values))
    body = planes.pack(kinds, 1)
    packed = [(Stream("kinds", len(kinds), len(body), zlib.crc32(body), 1), body)]
    by_kind = {
        kind: [value for value, found in zip(values, kinds, strict=True) if found == kind]
        for kind in set(kinds) - set(_VALUES)
    }
    if _INT in by_kind:
        ints = _ints(by_kind[_INT])
        assert ints is not None, "`_kind` gives larger ones to json"
        packed.append(ints)
    if _DOUBLE in by_kind:
        doubles = [value if type(value) is float else SPECIAL[value["float"]] for value in by_kind[_DOUBLE]]
        packed.append(_doubles(doubles, special=not all(map(math.isfinite, doubles))))
    if _JSON in by_kind:
        packed.append(_json(by_kind[_JSON]))
    # Floats of which some are special need no kinds.
    return packed[1:] if set(by_kind) == {_DOUBLE} == set(kinds) else packed


def _kind(value: Any) -> int:
    kind = type(value)
    if kind is bool:
        return _TRUE if value else _FALSE
    if kind is int:
        return _INT if _LOW <= value <= _HIGH else _JSON
    if kind is dict:
        return _DOUBLE if len(value) == 1 and value.get("float") in ("nan", "inf", "-inf") else _JSON
    return _PLAIN[kind]


def numbers(streams: Sequence[Stream], bodies: Sequence[bytes]) -> Any | None:
    """Return a column as one numpy array, without an object for each value.

    None where `decode` must be asked: not all values are plain numbers, or there is no numpy.

    Raises:
        FormatError: The streams are damaged.
    """
    try:
        import numpy
    except ImportError:
        return None
    if len(streams) != 1 or streams[0].kind not in ("ints", "doubles"):
        return None
    (stream,), (body,) = streams, bodies
    if not 0 <= stream.count <= MAX_VALUES:
        raise FormatError(f"a stream says that it has {stream.count} values")
    if stream.kind == "doubles":
        return numpy.frombuffer(planes.unpack(body, stream.count, 8), "<f8")
    if stream.width not in _CODES:
        raise FormatError(f"whole numbers of {stream.width} bytes")
    plain = numpy.frombuffer(planes.unpack(body, stream.count, stream.width), f"<i{stream.width}")
    if stream.first is None:
        return plain
    if not _LOW <= stream.first <= _HIGH:
        return None
    summed: Any = numpy.empty(stream.count + 1, "i8")
    summed[0] = stream.first
    summed[1:] = plain
    return numpy.cumsum(summed, out=summed)


def _decode_stream(stream: Stream, body: bytes, as_written: bool) -> list[Any]:
    if not 0 <= stream.count <= MAX_VALUES:
        raise FormatError(f"a stream says that it has {stream.count} values")
    values: list[Any]
    if stream.kind == "json":
        values = _decoder_lines(planes.inflate(body, stream.length))
        values = values if as_written else [restore(v) if type(v) in (dict, list) else v for v in values]
    elif stream.kind == "kinds":
        values = list(planes.unpack(body, stream.count, 1))
    elif stream.kind == "doubles":
        values = _array("d", stream, body)
        if stream.special and as_written:
            values = [v if math.isfinite(v) else spell_float(v) for v in values]
    elif stream.kind == "ints" and stream.width in _CODES:
        values = _array(_CODES[stream.width], stream, body)
        if stream.first is not None:
            return list(accumulate(values, initial=stream.first))
    else:
        raise FormatError(f"a stream of the unknown kind {stream.kind!r}")
    if len(values) != stream.count:
        raise FormatError("a stream has another number of values than it says")
    return values


def _decoder_lines(data: bytes) -> list[Any]:
    try:
        return _decoder.decode_lines(data)
    except msgspec.MsgspecError as error:
        raise FormatError(f"values of a column are no JSON: {error}") from error


def _array(code: str, stream: Stream, body: bytes) -> list[Any]:
    numbers = array(code)
    numbers.frombytes(planes.unpack(body, stream.count, numbers.itemsize))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()
