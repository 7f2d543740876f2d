"""A large object of a remote as a file for reading, without fetching the rest of it.

What is read is fetched in blocks, each checked against the inventory; the digest of the
whole object cannot be checked so. Reading on and on fetches more at once.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from vcs.sharing.download import read_piece
from vcs.sharing.inventory import BLOCK_BYTES, LargeEntry, RemoteIndex
from vcs.stores.ranges import SeekableFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from vcs.buckets.base import Bucket

_MOST_AT_ONCE = 8


class RemoteFile(SeekableFile):
    """Seekable, read-only. Keeps the last stretch that it fetched. One thread at a time."""

    def __init__(self, bucket: Bucket, index: RemoteIndex, entry: LargeEntry) -> None:
        """The bucket is closed with the file."""
        super().__init__()
        self._bucket = bucket
        self._index = index
        self._ranges = entry.ranges
        self._starts = [0, *accumulate(length for _, _, length in entry.ranges)]
        self.size = entry.size
        self._kept: tuple[int, memoryview] = (0, memoryview(b""))
        self._blocks = 1

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        if not view or self._position >= self.size:
            return 0
        start, data = self._kept
        if not start <= self._position < start + len(data):
            self._blocks = min(self._blocks * 2, _MOST_AT_ONCE) if self._position == start + len(data) else 1
            start, data = self._kept = self._fetch(self._position)
        offset = self._position - start
        count = min(len(view), len(data) - offset)
        view[:count] = data[offset : offset + count]
        self._position += count
        return count

    def _fetch(self, position: int) -> tuple[int, memoryview]:
        """Return the blocks from that position on, as far as they lie in one range."""
        number = bisect_right(self._starts, position) - 1
        name, range_start, length = self._ranges[number]
        part = self._index.parts[name]
        at = range_start + position - self._starts[number]
        begin = max(range_start, at // BLOCK_BYTES * BLOCK_BYTES)
        end = min(range_start + length, (at // BLOCK_BYTES + self._blocks) * BLOCK_BYTES)
        return position - (at - begin), read_piece(self._bucket, part, begin, end - begin)

    def close(self) -> None:
        if not self.closed:
            self._bucket.close()
        super().close()
