"""Numbers of one width as byte planes: all first bytes, all second bytes, and so on.

The bytes of a number are of different kinds. Those of small integers are zero but the
lowest; the lower half of a double that was a float32 is zero, its exponent has few
values, its mantissa is noise. So each plane is stored in the way that suits it: one byte
for a plane of equal bytes, deflated where that is shorter, as it is otherwise. A double
that came from a float32 so takes 3.3 bytes without anybody asking where it came from.
"""

from __future__ import annotations

import struct
import zlib

from vcs.errors import FormatError

# How a plane is stored.
EQUAL, RAW, DEFLATED = 0, 1, 2
_HEAD = struct.Struct("<BI")
# Higher levels take twice the time for one part in a hundred.
_LEVEL = 1
# What a sample tells of a plane: noise is not even tried.
_SAMPLE = 2048
_WORTH = 0.97


def pack(data: bytes, width: int) -> bytes:
    """Return the planes of `data`, numbers of `width` bytes, the lowest byte first."""
    heads, bodies = bytearray(), []
    for place in range(width):
        how, body = _pack_plane(data[place::width])
        heads += _HEAD.pack(how, len(body))
        bodies.append(body)
    return b"".join((heads, *bodies))


def unpack(packed: bytes, count: int, width: int) -> bytearray:
    """Return the bytes of `count` numbers.

    Raises:
        FormatError: It is not what `pack` gives for so many.
    """
    data = bytearray(count * width)
    start = _HEAD.size * width
    if len(packed) < start:
        raise FormatError("byte planes are cut")
    for place in range(width):
        how, size = _HEAD.unpack_from(packed, place * _HEAD.size)
        body = packed[start : start + size]
        start += size
        if how == EQUAL and size == 1:
            if body != b"\0":
                data[place::width] = body * count
            continue
        plane = inflate(body, count) if how == DEFLATED else body
        if len(plane) != count or how not in (RAW, DEFLATED):
            raise FormatError("a byte plane is cut or of an unknown kind")
        data[place::width] = plane
    if start != len(packed):
        raise FormatError("byte planes are followed by something else")
    return data


def deflate(data: bytes) -> bytes:
    """Return `data` deflated."""
    return zlib.compress(data, _LEVEL)


def inflate(body: bytes, size: int) -> bytes:
    """Undo `deflate`; `size` is the length of what comes out, and never more is made.

    Raises:
        FormatError: It is something else.
    """
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(body, size + 1)
    except zlib.error as error:
        raise FormatError(f"compressed bytes are damaged: {error}") from error
    if len(data) != size or not stream.eof:
        raise FormatError("compressed bytes are of another length")
    return data


def _pack_plane(plane: bytes) -> tuple[int, bytes]:
    if plane.count(plane[:1]) == len(plane) and plane:
        return EQUAL, plane[:1]
    middle = len(plane) // 2
    sample = plane[middle : middle + _SAMPLE]
    if len(deflate(sample)) < _WORTH * len(sample):
        deflated = deflate(plane)
        if len(deflated) < len(plane):
            return DEFLATED, deflated
    return RAW, plane
