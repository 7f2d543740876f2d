"""Large objects on their way to a remote, piece by piece, each read, hashed and put on a thread of a pool.

A piece becomes a part, whose name is known when it was hashed. So what an object is made
of refers to parts that get their names later.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from blake3 import blake3

from vcs.errors import IntegrityError
from vcs.sharing.inventory import BLOCK_BYTES, LargeEntry, PartEntry, PartRange, block_digests

if TYPE_CHECKING:
    from vcs.buckets.base import Bucket
    from vcs.stores.ranges import RangeFile

_Name = TypeVar("_Name")


@dataclass(eq=False, slots=True)
class NamedLater:
    """A part that a thread is about to name."""

    name: bytes | None = None


# Offset in a part, and length.
RangeToBe: TypeAlias = tuple[NamedLater, int, int]


@dataclass(frozen=True, slots=True)
class EntryToBe:
    """A large object, and the ranges of parts that it is made of."""

    size: int
    ranges: Sequence[RangeToBe]

    @classmethod
    def of(cls, entry: LargeEntry) -> EntryToBe:
        """Return what is there already."""
        return cls(entry.size, [(NamedLater(name), start, length) for name, start, length in entry.ranges])

    def entry(self) -> LargeEntry | None:
        """Return it with the names; None if some are not known yet."""
        ranges: list[PartRange] = []
        for part, start, length in self.ranges:
            if part.name is None:
                return None
            ranges.append((part.name, start, length))
        return LargeEntry(self.size, tuple(ranges))


class PieceSender:
    """Puts pieces, each part once. `send` is for any number of threads."""

    def __init__(self, bucket: Bucket, known: set[bytes], piece_bytes: int) -> None:
        """`known` are the names of the parts that are there."""
        self._bucket = bucket
        self._known = known
        self._buffer_bytes = BLOCK_BYTES if bucket.is_near else piece_bytes
        self._buffers: list[bytearray] = []
        self._lock = threading.Lock()
        self.on_their_way: set[bytes] = set()

    def send(self, source: RangeFile, start: int, length: int) -> tuple[PartEntry, bool] | None:
        """Make a part of a stretch of an object, and put it; return it, and whether it is new.

        What is not new is there, or is being put by another thread. None: the object is cut.
        """
        buffer = self._buffers.pop() if self._buffers else bytearray(self._buffer_bytes)
        view = memoryview(buffer)[:length]
        # A near bucket copies from the file: the bytes stay in the cache of the core that hashes them.
        step = 0 if self._bucket.is_near else 1
        blocks = []
        for at in range(0, length, BLOCK_BYTES):
            block = view[at * step : at * step + min(BLOCK_BYTES, length - at)]
            try:
                source.read_at(start + at, block)
            except IntegrityError:
                return None
            blocks.append(blake3(block).digest())
        entry = self._named(b"".join(blocks), length)
        is_new = self._claim(entry.name)
        if is_new and self._bucket.is_near:
            self._bucket.put_from(entry.key, source.stretches(start, length))
        elif is_new:
            self._bucket.put(entry.key, view)
        self._buffers.append(buffer)
        return entry, is_new

    def send_bytes(self, data: memoryview) -> tuple[PartEntry, bool]:
        """The same for bytes."""
        entry = self._named(block_digests(data), len(data))
        is_new = self._claim(entry.name)
        if is_new:
            self._bucket.put(entry.key, data)
        return entry, is_new

    def _named(self, blocks: bytes, size: int) -> PartEntry:
        return PartEntry(blake3(blocks).digest(), size, blocks)

    def _claim(self, name: bytes) -> bool:
        with self._lock:
            if name in self._known:
                return False
            self._known.add(name)
            self.on_their_way.add(name)
            return True


def slice_ranges(
    ranges: Sequence[tuple[_Name, int, int]], offset: int, length: int
) -> list[tuple[_Name, int, int]]:
    """Return the ranges that make up a stretch of an object."""
    found: list[tuple[_Name, int, int]] = []
    for name, start, whole in ranges:
        if length <= 0:
            break
        if offset < whole:
            taken = min(whole - offset, length)
            found.append((name, start + offset, taken))
            length -= taken
            offset = 0
        else:
            offset -= whole
    return found
