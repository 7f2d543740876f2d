"""The framing of TensorBoard's event files: length, checksum, bytes, checksum.

Checksums are CRC-32C, rotated and shifted by a constant. Of records above 64 KiB
(images, graphs) only that of the length is checked: in Python it takes 0.2 s a megabyte.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from vcs.atomic import disk_error
from vcs.errors import FormatError

_CHECKED_BYTES = 64 << 10
_LARGEST = 1 << 30


def _table() -> tuple[int, ...]:
    made = []
    for index in range(256):
        crc = index
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        made.append(crc)
    return tuple(made)


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """Return the CRC-32C (Castagnoli) of some bytes."""
    crc = 0xFFFFFFFF
    table = _TABLE
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def masked_crc(data: bytes) -> int:
    """Return the checksum as the file has it."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(data: bytes) -> bytes:
    """Return a record as it stands in a file."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the records of a file; a record that is cut at the end is left out: it is being written.

    Raises:
        FormatError: A checksum is wrong. What was yielded before is right.
        StoreError: The file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            place = 0
            while len(head := stream.read(12)) == 12:
                length, check = struct.unpack("<QI", head)
                if masked_crc(head[:8]) != check or length > _LARGEST:
                    raise FormatError(f"{path}: damaged at byte {place}")
                data = stream.read(length + 4)
                if len(data) < length + 4:
                    return
                body = data[:length]
                if length <= _CHECKED_BYTES and struct.pack("<I", masked_crc(body)) != data[length:]:
                    raise FormatError(f"{path}: damaged at byte {place}")
                yield body
                place += 16 + length
    except OSError as error:
        raise disk_error(error, f"cannot read {path}") from error
