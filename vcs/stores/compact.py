"""Which objects finished packs have, in 36 bytes an object instead of the 200 of a dictionary.

Most questions are about objects that are in none of them; these cost a look at one bit.
"""

from __future__ import annotations

import mmap
import struct
from bisect import bisect_left

from vcs.stores.packs import SortedDigests

_DIGEST_BYTES = 32
_FIRST_BITS = 1 << 22
# One question in so many finds the bit of another object, and has to search.
_BITS_AN_OBJECT = 16


class CompactDigests:
    """Digests by the name of their pack. One thread at a time."""

    def __init__(self) -> None:
        self._packs: list[tuple[str, mmap.mmap, SortedDigests]] = []
        self._bits = bytearray(_FIRST_BITS // 8)
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._packs)

    def add(self, name: str, data: bytes) -> None:
        """Take in the objects of a pack: their digests, end to end and sorted."""
        count = len(data) // _DIGEST_BYTES
        # Memory of its own goes back to the system when it is done with, out of the midst of others too.
        memory = mmap.mmap(-1, len(data), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory[:] = data
        self._packs.append((name, memory, SortedDigests(memory, 0, count)))
        self._count += count
        if self._count * _BITS_AN_OBJECT <= 8 * len(self._bits):
            self._mark(data)
            return
        size = len(self._bits)
        while self._count * _BITS_AN_OBJECT > 8 * size:
            size *= 2
        self._bits = bytearray(size)
        for _, every, _ in self._packs:
            self._mark(every)

    def home(self, raw: bytes) -> str | None:
        """Return the name of the pack that has an object."""
        bits = self._bits
        at = int.from_bytes(raw[:8], "little") % (8 * len(bits))
        if not bits[at >> 3] >> (at & 7) & 1:
            return None
        for name, _, digests in self._packs:
            number = bisect_left(digests, raw)
            if number < len(digests) and digests[number] == raw:
                return name
        return None

    def _mark(self, data: bytes | mmap.mmap) -> None:
        bits, mask = self._bits, 8 * len(self._bits) - 1
        for (first,) in struct.iter_unpack("<Q24x", data):
            at = first & mask
            bits[at >> 3] |= 1 << (at & 7)
