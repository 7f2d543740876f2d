"""The framing of wandb's `.wandb` files: records in blocks of 32 KiB, as in LevelDB's log.

A file begins with `:W&B`, a magic number and a version. A record is one fragment, or
several where it meets the end of a block; each has a CRC-32 of its kind and bytes. A run
that was killed leaves a torn record at the end, which is left out. After damage the
reader goes on with the next block, as wandb's does.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from tracker.importers.found import Notes
from tracker.wire.protobuf import Message
from vcs.atomic import disk_error
from vcs.errors import FormatError

_HEAD = b":W&B\xe1\xbe\x00"
_BLOCK = 32 << 10
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
# Stands for what damage took away.
_GONE = 0


def read_log(path: Path, notes: Notes) -> Iterator[Message]:
    """Yield the records of a file; what is damaged is said in the notes.

    Raises:
        FormatError: It is no such file, or of another version.
        StoreError: It cannot be read.
    """
    for record in _records(path, notes):
        try:
            yield Message(record)
        except FormatError as error:
            notes.add(f"{path.name}: a record is left out: {error.message}")


def _records(path: Path, notes: Notes) -> Iterator[bytes]:
    parts: list[bytes] = []
    for kind, data in _fragments(path, notes):
        if kind in (_FULL, _FIRST):
            parts = []
        elif kind not in (_MIDDLE, _LAST) or not parts:
            # Of this record another part was in a block that is damaged.
            parts = []
            continue
        parts.append(data)
        if kind in (_FULL, _LAST):
            yield b"".join(parts)
            parts = []


def _fragments(path: Path, notes: Notes) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as stream:
            block = stream.read(_BLOCK)
            if block[: len(_HEAD)] != _HEAD:
                raise FormatError(f"{path} is no .wandb file of a version that can be read")
            place, is_last = len(_HEAD), False
            while block and not is_last:
                following = stream.read(_BLOCK)
                is_last = not following
                yield from _in_block(block, place, path, notes, torn_is_fine=is_last)
                block, place, is_last = following, 0, False
    except OSError as error:
        raise disk_error(error, f"cannot read {path}") from error


def _in_block(
    block: bytes, place: int, path: Path, notes: Notes, *, torn_is_fine: bool
) -> Iterator[tuple[int, bytes]]:
    while place + 7 <= len(block):
        check, length, kind = struct.unpack_from("<IHB", block, place)
        if not (check or length or kind):
            return  # The rest of a block that no record fits into.
        data = block[place + 7 : place + 7 + length]
        if len(data) < length and torn_is_fine:
            return
        if len(data) < length or zlib.crc32(bytes([kind]) + data) != check:
            notes.add(f"{path.name}: a damaged block of 32 KiB is left out")
            yield _GONE, b""
            return
        yield kind, data
        place += 7 + length
