"""The wire format of protocol buffers: fields by number, without schemas or generated code.

A message is read as a mapping from field number to the list of its values: whole numbers
for varints, bytes for everything else. What a number means is the caller's to know.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from vcs.errors import FormatError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class Message:
    """The fields of one message. Unknown fields are there too, and harm nothing."""

    def __init__(self, data: bytes | memoryview) -> None:
        """Read the fields; nested messages stay bytes until they are asked for.

        Raises:
            FormatError: The bytes are no message.
        """
        self._fields: dict[int, list[int | bytes]] = {}
        for number, value in _fields(memoryview(data)):
            self._fields.setdefault(number, []).append(value)

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def number(self, field: int, default: int = 0) -> int:
        """Return the last whole number of a field, signed as int32 and int64 are."""
        value = self._last(field)
        if value is None:
            return default
        if isinstance(value, bytes):
            raise FormatError(f"field {field} of a message is no number")
        return value - (1 << 64) if value >= 1 << 63 else value

    def raw(self, field: int) -> bytes:
        """Return the last bytes of a field; empty if it is absent."""
        value = self._last(field)
        if isinstance(value, int):
            raise FormatError(f"field {field} of a message has no bytes")
        return value or b""

    def text(self, field: int) -> str:
        """Return the last text of a field; empty if it is absent."""
        return self.raw(field).decode("utf-8", "replace")

    def float64(self, field: int, default: float = 0.0) -> float:
        """Return the last number of a `double` field."""
        data = self.raw(field)
        return _unpack("<d", data, field) if data else default

    def float32(self, field: int, default: float = 0.0) -> float:
        """Return the last number of a `float` field."""
        data = self.raw(field)
        return _unpack("<f", data, field) if data else default

    def message(self, field: int) -> Message:
        """Return the message in a field; an empty one if it is absent."""
        return Message(self.raw(field))

    def messages(self, field: int) -> Iterator[Message]:
        """Yield each message of a repeated field."""
        for data in self.all_raw(field):
            yield Message(data)

    def all_raw(self, field: int) -> list[bytes]:
        """Return the bytes of each occurrence of a field."""
        values = self._fields.get(field, [])
        if any(isinstance(value, int) for value in values):
            raise FormatError(f"field {field} of a message has no bytes")
        return [value for value in values if isinstance(value, bytes)]

    def texts(self, field: int) -> list[str]:
        """Return each text of a repeated field."""
        return [data.decode("utf-8", "replace") for data in self.all_raw(field)]

    def numbers(self, field: int) -> list[int]:
        """Return the whole numbers of a repeated field, packed or not."""
        found: list[int] = []
        for value in self._fields.get(field, []):
            if isinstance(value, int):
                found.append(value)
            else:
                view, place = memoryview(value), 0
                while place < len(view):
                    number, place = _varint(view, place)
                    found.append(number)
        return [value - (1 << 64) if value >= 1 << 63 else value for value in found]

    def floats(self, field: int, code: str) -> list[float]:
        """Return the numbers of a repeated field of `double` (code "d") or `float` ("f"), packed or not."""
        data = b"".join(self.all_raw(field))
        width = struct.calcsize(code)
        if len(data) % width:
            raise FormatError(f"field {field} of a message is cut")
        return list(struct.unpack(f"<{len(data) // width}{code}", data))

    def _last(self, field: int) -> int | bytes | None:
        values = self._fields.get(field)
        return values[-1] if values else None


def varint_field(number: int, value: int) -> bytes:
    """Return a field that holds a whole number."""
    return _encoded(number << 3 | _VARINT) + _encoded(value & ((1 << 64) - 1))


def bytes_field(number: int, data: bytes | str) -> bytes:
    """Return a field that holds bytes, text or a message."""
    data = data.encode() if isinstance(data, str) else data
    return _encoded(number << 3 | _BYTES) + _encoded(len(data)) + data


def double_field(number: int, value: float) -> bytes:
    """Return a `double` field."""
    return _encoded(number << 3 | _FIXED64) + struct.pack("<d", value)


def float_field(number: int, value: float) -> bytes:
    """Return a `float` field."""
    return _encoded(number << 3 | _FIXED32) + struct.pack("<f", value)


def packed_doubles(number: int, values: Iterable[float]) -> bytes:
    """Return a repeated `double` field."""
    found = list(values)
    return bytes_field(number, struct.pack(f"<{len(found)}d", *found))


def _fields(data: memoryview) -> Iterator[tuple[int, int | bytes]]:
    place, end = 0, len(data)
    while place < end:
        key, place = _varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, place = _varint(data, place)
            yield number, value
            continue
        if kind == _BYTES:
            length, place = _varint(data, place)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise FormatError(f"a message has a field of unknown kind {kind}")
        if place + length > end:
            raise FormatError("a message is cut")
        yield number, bytes(data[place : place + length])
        place += length


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(data) or shift > 63:
            raise FormatError("a message is cut, or is none")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def _encoded(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def _unpack(code: str, data: bytes, field: int) -> float:
    try:
        value: float = struct.unpack(code, data)[0]
    except struct.error:
        raise FormatError(f"field {field} of a message has the wrong length") from None
    return value
