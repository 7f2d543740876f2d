"""One file against another: which of its bytes the other has too, and where.

Both are read once, side by side and at the same offsets, for most near-identical files
agree there: those that grew, and those in which something of equal length was replaced.
Where they stop to agree, the offset between them may have changed: by the difference of
their lengths (one insertion), by what the borders of tensors say, or by an amount that
is found by looking for bytes of the one in the neighbourhood in the other. Every byte
that is said to be the same was compared, so nothing here has to be trusted.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TypeAlias

from vcs.stores.ranges import RangeFile

BLOCK_BYTES = 512 << 10
# A block that differs is looked at in such steps; each may lie at another shift.
_STEP_BYTES = 32 << 10
_PAGE_BYTES = 4 << 10
# A shorter stretch between others costs more as a range than as bytes.
_MIN_RUN_BYTES = 512
_NEEDLE_BYTES = 64
# How far away moved bytes are looked for, and how often in vain.
_REACH_BYTES = 4 << 20
_MAX_VAIN_SEARCHES = 24
# The same for what lies between two stretches that were found, as columns of a table do.
_GAP_FROM_BYTES = 1 << 10
_GAP_REACH_BYTES = 128 << 10
_SPLIT_FROM_BYTES = 4 << 10
_MAX_VAIN_GAP_SEARCHES = 512

# Start and end in a block, of bytes that are the same.
Run = tuple[int, int]
# Gives bytes of a file at an offset; fewer at its end.
Read: TypeAlias = Callable[[int, int], bytes]


@dataclass
class Pieces:
    """A file as stretches, in order, that the base has, or that are new.

    Attributes:
        stretches: Offset in the base, or -1 for new bytes; and length.
        known_bytes: The sum of those that the base has.
    """

    stretches: list[tuple[int, int]] = field(default_factory=list)
    known_bytes: int = 0

    def add_known(self, offset: int, length: int) -> None:
        self.known_bytes += length
        if self.stretches:
            last, last_length = self.stretches[-1]
            if last >= 0 and last + last_length == offset:
                self.stretches[-1] = (last, last_length + length)
                return
        self.stretches.append((offset, length))

    def add_new(self, length: int) -> None:
        if self.stretches and self.stretches[-1][0] < 0:
            length += self.stretches.pop()[1]
        self.stretches.append((-1, length))


class Matcher:
    """Compares one file, given block by block, with a base."""

    def __init__(
        self,
        size: int,
        base: RangeFile,
        anchors: list[tuple[int, int]],
        write_new: Callable[[memoryview], object],
        *,
        read: Read,
        search: bool = True,
    ) -> None:
        """Begin; `anchors` are offsets in the file with the shift from there on, the first at 0.

        `read` gives bytes of the file, to look ahead. With `search`, bytes are looked for
        elsewhere in the base too; where borders are known, that is in vain.
        New bytes go to `write_new`, in order; what it raises ends the comparison.
        """
        self.pieces = Pieces()
        self._base = base
        self._anchors = anchors
        self._next_anchor = 0
        self._may_search = search
        self._tail_shift = base.size - size
        self._shift = self._expected_shift = 0
        self._write_new = write_new
        self._read = read
        self._inserted_until = 0
        self._buffer = bytearray(BLOCK_BYTES)
        self._agrees = True
        self._lost_steps = 0
        self._vain_searches = self._vain_gap_searches = 0

    def limit(self, position: int) -> int:
        """Return how long the block at `position` may be at most; may be asked while another is taken in."""
        following = bisect_right(self._anchors, position, key=itemgetter(0))
        if following < len(self._anchors):
            return min(BLOCK_BYTES, self._anchors[following][0] - position)
        return BLOCK_BYTES

    def feed(self, block: bytearray, count: int, position: int) -> None:
        """Take in the first `count` bytes of `block`, which lie at `position` of the file; in order.

        Raises:
            OSError, IntegrityError: The base cannot be read.
        """
        self._pass_anchors(position)
        end = self._read_base(0, count, position)
        self._agrees = end == count and self._is_same(block, count)
        if self._agrees:
            self.take_in(position, count)
            return
        for start in range(0, count, _STEP_BYTES):
            self._feed_step(block, start, min(start + _STEP_BYTES, count), position)

    def expected(self, position: int) -> tuple[int, int]:
        """Return where in the base what follows should lie, and how much; nothing after a difference."""
        self._pass_anchors(position)
        start = position + self._shift
        if not self._agrees or start < 0:
            return 0, 0
        end = self._base.size - self._shift
        if self._next_anchor < len(self._anchors):
            end = min(end, self._anchors[self._next_anchor][0])
        return start, max(0, end - position)

    def take_in(self, position: int, count: int) -> None:
        """Take in bytes that were compared, and lie where they are expected."""
        self._lost_steps = 0
        self.pieces.add_known(position + self._shift, count)

    def _pass_anchors(self, position: int) -> None:
        while self._next_anchor < len(self._anchors) and self._anchors[self._next_anchor][0] <= position:
            self._shift = self._expected_shift = self._anchors[self._next_anchor][1]
            self._next_anchor += 1
            self._agrees = True  # So it is hoped.

    def _feed_step(self, block: bytearray, start: int, stop: int, position: int) -> None:
        end = self._read_base(start, stop, position)
        done = self._feed_runs(block, start, start, end, position)
        if done < stop:
            self._look_ahead(position + done)
            done = self._realign(block, done, stop, position)
        if done < stop:
            self._lost_steps += 1
            self._feed_gap(block, done, stop, position)
        else:
            self._lost_steps = 0

    def _look_ahead(self, at: int) -> None:
        """See whether as much was inserted here as the file is longer: then no more of it is looked for.

        It costs a page of both files, where the searches would read a hundred megabytes of the
        base. The first step was searched for in vain: what is inserted is not what lies near.
        """
        longer = self._shift - self._tail_shift
        if self._may_search and self._lost_steps and longer > 0 and at >= self._inserted_until:
            page = self._read(at + longer, _PAGE_BYTES)
            is_plain = page.count(page[:1]) == len(page)
            if len(page) == _PAGE_BYTES and not is_plain and self._has(page, at + self._shift):
                self._inserted_until = at + longer

    def _is_same(self, block: bytearray, count: int) -> bool:
        if count == BLOCK_BYTES:
            return block == self._buffer
        return block[:count] == self._buffer[:count]

    def _read_base(self, start: int, end: int, position: int) -> int:
        """Read what should be the same as a part of the block; return up to where the base has bytes."""
        offset = position + start + self._shift
        if offset < 0 or offset >= self._base.size:
            return start
        return start + self._base.read_at(offset, memoryview(self._buffer)[start:end])

    def _feed_new(self, block: bytearray, start: int, end: int) -> None:
        self.pieces.add_new(end - start)
        self._write_new(memoryview(block)[start:end])

    def _feed_runs(self, block: bytearray, done: int, start: int, end: int, position: int) -> int:
        """Take in what is the same between `start` and `end`, and what is new before it; return up to where.

        Between these the buffer holds the base's bytes; up to `done` all is taken in already.
        """
        for first, last in equal_runs(block, start, end, self._buffer):
            touches = first == start or last == end
            if last - first < _MIN_RUN_BYTES and not touches:
                continue
            if first > done:
                self._feed_gap(block, done, first, position)
            self.pieces.add_known(position + first + self._shift, last - first)
            done = last
        return done

    def _feed_gap(self, block: bytearray, start: int, end: int, position: int) -> None:
        """Take in what lies between stretches that are known: the base may have it at a shift of its own.

        Looks for bytes of its middle, then of the middles of what is left.
        """
        middle = (start + end) // 2
        needle = bytes(memoryview(block)[middle : middle + _NEEDLE_BYTES])
        if (
            end - start < _GAP_FROM_BYTES
            or not self._may_search
            or position + middle < self._inserted_until
            or self._vain_gap_searches >= _MAX_VAIN_GAP_SEARCHES
            or needle.count(needle[:1]) == len(needle)
        ):
            self._feed_new(block, start, end)
            return
        at = position + middle
        from_ = max(0, at + self._shift - _GAP_REACH_BYTES)
        hay = bytearray(max(0, min(2 * _GAP_REACH_BYTES, self._base.size - from_)))
        self._base.read_at(from_, memoryview(hay))
        found = hay.find(needle)
        if found < 0:
            self._vain_gap_searches += 1
            if end - start < _SPLIT_FROM_BYTES:
                self._feed_new(block, start, end)
                return
            self._feed_gap(block, start, middle, position)
            self._feed_gap(block, middle, end, position)
            return
        self._vain_gap_searches = 0
        before, after = min(middle - start, found), min(end - middle, len(hay) - found)
        first = middle - _same_end(block[middle - before : middle], hay[found - before : found])
        last = middle + _same_start(block[middle : middle + after], hay[found : found + after])
        if first > start:
            self._feed_gap(block, start, first, position)
        self.pieces.add_known(from_ + found - (middle - first), last - first)
        if last < end:
            self._feed_gap(block, last, end, position)

    def _realign(self, block: bytearray, done: int, count: int, position: int) -> int:
        """The end of the block is not the same: see whether the base has it elsewhere.

        Return up to where all is taken in.
        """
        needle = bytes(memoryview(block)[max(done, count - _NEEDLE_BYTES) : count])
        if needle.count(needle[:1]) == len(needle):
            return done
        shift = self._find(needle, position + count - len(needle))
        if shift is None:
            return done
        self._shift = shift
        start = max(done, -(position + shift))
        end = self._read_base(start, count, position)
        return self._feed_runs(block, done, start, end, position)

    def _find(self, needle: bytes, at: int) -> int | None:
        """Return the shift to where the base has these bytes of the file."""
        for shift in (self._expected_shift, self._tail_shift):
            if shift != self._shift and self._has(needle, at + shift):
                return shift
        if not self._may_search or len(needle) < _NEEDLE_BYTES or at < self._inserted_until:
            return None
        return self._search(needle, at)

    def _has(self, needle: bytes, offset: int) -> bool:
        if offset < 0 or offset + len(needle) > self._base.size:
            return False
        found = bytearray(len(needle))
        self._base.read_at(offset, memoryview(found))
        return found == needle

    def _search(self, needle: bytes, at: int) -> int | None:
        """Look for bytes in the neighbourhood in the base; return the shift to them.

        Only the first, second, fourth, eighth step of new bytes are worth it, for they may go on.
        """
        lost = self._lost_steps
        if (lost & (lost + 1)) or self._vain_searches >= _MAX_VAIN_SEARCHES:
            return None
        start = max(0, at + self._shift - _REACH_BYTES)
        hay = bytearray(max(0, min(2 * _REACH_BYTES, self._base.size - start)))
        self._base.read_at(start, memoryview(hay))
        found = hay.find(needle)
        if found < 0:
            self._vain_searches += 1
            return None
        return start + found - at


def equal_runs(new: bytearray, start: int, end: int, base: bytearray) -> list[Run]:
    """Return the stretches in which two buffers agree between `start` and `end`, to the byte.

    Of two differences in one page, what lies between is not found.
    """
    runs: list[Run] = []
    since = start
    for at in range(start, end, _PAGE_BYTES):
        until = min(at + _PAGE_BYTES, end)
        if new[at:until] == base[at:until]:
            continue
        last = at + _common_start(new, base, at, until)
        if last > since:
            runs.append((since, last))
        since = until - _common_end(new, base, last, until)
    if end > since:
        runs.append((since, end))
    return runs


def _same_start(one: bytearray, other: bytearray) -> int:
    """How many bytes are the same from the beginning on; both are as long."""
    return _longest(len(one), lambda length: one[:length] == other[:length])


def _same_end(one: bytearray, other: bytearray) -> int:
    """The same up to the end."""
    size = len(one)
    return _longest(size, lambda length: one[size - length :] == other[size - length :])


def _longest(most: int, holds: Callable[[int], bool]) -> int:
    """Return the greatest length up to `most` for which it holds; it holds for all that are less."""
    if holds(most):
        return most
    low, high = 0, most
    while low + 1 < high:
        middle = (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low


def _common_start(new: bytearray, base: bytearray, start: int, end: int) -> int:
    """How many bytes from `start` on are the same; the range holds a difference."""
    if new[start] != base[start]:
        return 0
    low, high = start, end
    while low + 1 < high:
        middle = (low + high) // 2
        if new[low:middle] == base[low:middle]:
            low = middle
        else:
            high = middle
    return low - start


def _common_end(new: bytearray, base: bytearray, start: int, end: int) -> int:
    if new[end - 1] != base[end - 1]:
        return 0
    low, high = start, end
    while low + 1 < high:
        middle = (low + high) // 2
        if new[middle:high] == base[middle:high]:
            high = middle
        else:
            low = middle
    return end - high


def read_block(fd: int, block: bytearray, count: int, position: int) -> int:
    """Fill the beginning of a buffer from a file; return how much there was."""
    return os.preadv(fd, [memoryview(block)[:count]], position)
