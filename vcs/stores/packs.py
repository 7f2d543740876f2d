"""Packs: many small objects in one file.

A pack is written once, under a temporary name, and gets its name when it is whole:
magic, objects end to end, index, footer. The index is sorted by digest and read as
it lies; see docs/formats.md. So a crash leaves a temporary file, never half a pack,
and adding 100,000 files is a few long writes.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import threading
import time
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import overload

from blake3 import blake3

from vcs.errors import IntegrityError
from vcs.stores.small_files import Run, Taken

MAGIC = b"TPAK0002"
END = b"TPAKEND1"
SUFFIX = ".pack"

_HEAD = struct.Struct("<I4x256I")  # count, fan-out
_PLACE = struct.Struct("<II")  # offset, size
_FOOTER = struct.Struct("<Q32s8s")  # bytes of the index, its BLAKE3, END
_DIGEST_BYTES = 32
_MAX_BUFFERS = 512  # writev takes 1024.
SIZE_BITS = 32
_MAX_OFFSET = 1 << 32
_FLUSH_BYTES = 1 << 20
# Rows of an index that are made at once.
_AT_ONCE = 1 << 14
# An index above this is mapped instead of read.
_MAP_FROM_BYTES = 1 << 20
# How far from where it should lie a digest may be to be found without a bisection.
_NEAR = 40
# A search costs as much as looking at this many digests in a row (1.5 and 0.2 microseconds).
_SEARCH_COST = 7
# Descriptors kept open for reading.
_MAX_OPEN = 32
# Longer than the clock tick of any file system in use, FAT's two seconds included.
_SETTLED_NS = 3_000_000_000


def new_pack_name() -> str:
    """Return a name that no pack had: what is known of a pack by its name is true for ever."""
    return f"{os.urandom(16).hex()}{SUFFIX}"


def pack_in_memory(objects: Iterable[tuple[bytes, bytes | memoryview]]) -> tuple[bytes, bytes]:
    """Return the BLAKE3 of the index, and the bytes, of a pack of these objects, each given once."""
    parts: list[bytes | memoryview] = [MAGIC]
    places: dict[bytes, int] = {}
    end = len(MAGIC)
    for raw, data in objects:
        places[raw] = end << SIZE_BITS | len(data)
        end += len(data)
        parts.append(data)
    index = b"".join(_index_of(places))
    name = blake3(index).digest()
    return name, b"".join([*parts, index, _FOOTER.pack(len(index), name, END)])


def _index_of(places: Mapping[bytes, int]) -> tuple[bytes, bytes, bytes]:
    """Return the three parts of an index: its head, the sorted digests, and where their objects lie.

    Raises:
        ValueError: The pack is too long for an index.
    """
    digests = sorted(places)
    fan_out = [bisect_left(digests, bytes([first])) for first in range(1, 256)]
    mask = (1 << SIZE_BITS) - 1
    if places and max(places.values()) >> SIZE_BITS >= _MAX_OFFSET:
        raise ValueError("a pack of more than 4 GiB has no index")
    # What `_PLACE` would pack one by one; some at once, to have few numbers at a time.
    rows = array("Q")
    for at in range(0, len(digests), _AT_ONCE):
        lie = [places[raw] for raw in digests[at : at + _AT_ONCE]]
        rows.extend([(place & mask) << 32 | place >> SIZE_BITS for place in lie])
    if sys.byteorder == "big":
        rows.byteswap()
    head = _HEAD.pack(len(digests), *fan_out, len(digests))
    return head, b"".join(digests), rows.tobytes()


class PackWriter:
    """A pack in the making, in a temporary file. One thread at a time.

    The creator removes the file unless `finish` returned.

    Attributes:
        places: Offset and size of each object, in one number: `offset << SIZE_BITS | size`.
        end: The bytes of magic and objects so far.
    """

    def __init__(self, fd: int) -> None:
        """Write to `fd`, an empty file, which the caller closes."""
        self.places: dict[bytes, int] = {}
        self.end = len(MAGIC)
        self._fd = fd
        self._buffers: list[bytes | memoryview] = [MAGIC]
        # Where the buffers belong that are still to be written.
        self._flushed = 0

    def __len__(self) -> int:
        return len(self.places)

    def __contains__(self, raw: bytes) -> bool:
        return raw in self.places

    def append(self, raw: bytes, data: bytes) -> None:
        """Add an object that is not in it yet.

        Raises:
            OSError: The disk failed; the pack is lost.
        """
        size = len(data)
        end = self.end
        self.places[raw] = end << SIZE_BITS | size
        self.end = end = end + size
        self._buffers.append(data)
        if end - self._flushed >= _FLUSH_BYTES or len(self._buffers) >= _MAX_BUFFERS:
            self._flush()

    def reserve(
        self, files: Sequence[Taken | None], has: Callable[[bytes], bool] | None
    ) -> tuple[int, list[Run], bool]:
        """Give a place to those of many files that are not in it yet and not elsewhere, as `has` says.

        Without `has`, nothing is elsewhere. The bytes of the files lie end to end somewhere.
        Returns at which offset of the pack which stretches of them belong, one behind the
        other, and whether all of the files are in this pack now.

        Raises:
            OSError: The disk failed; the pack is lost.
        """
        self._flush()
        places, end, runs = self.places, self.end, []
        at = since = 0
        alone = True
        for file in files:
            if file is None:
                continue
            raw, size = file[0], file[1]
            if raw in places or (has is not None and has(raw)):
                alone = alone and raw in places
                if at > since:
                    runs.append((since, at))
                since = at + size
            else:
                places[raw] = end << SIZE_BITS | size
                end += size
            at += size
        if at > since:
            runs.append((since, at))
        offset, self.end, self._flushed = self.end, end, end
        return offset, runs, alone

    def write_at(self, offset: int, parts: list[memoryview]) -> None:
        """Write where room was reserved.

        Raises:
            OSError: The disk failed; the pack is lost.
        """
        _write_at(self._fd, offset, [*parts])

    def finish(self) -> None:
        """Write the index and the footer, and make all of it durable."""
        self.write_index()
        os.fsync(self._fd)

    def write_index(self) -> bytes:
        """Write the index and the footer, and return the sorted digests; `os.fsync` is left to do."""
        index, hasher = _index_of(self.places), blake3()
        for part in index:
            hasher.update(part)
        self._buffers += [*index, _FOOTER.pack(sum(map(len, index)), hasher.digest(), END)]
        self._flush()
        return index[1]

    def _flush(self) -> None:
        if self._buffers:
            buffers, self._buffers = self._buffers, []
            _write_at(self._fd, self._flushed, buffers)
        self._flushed = self.end


def _write_at(fd: int, offset: int, buffers: list[bytes | memoryview]) -> None:
    while buffers:
        written = os.pwritev(fd, buffers[:_MAX_BUFFERS], offset)
        offset += written
        done = 0
        while done < len(buffers) and written >= len(buffers[done]):
            written -= len(buffers[done])
            done += 1
        del buffers[:done]
        if written:
            buffers[0] = buffers[0][written:]


class SortedDigests:
    """Sorted digests that lie end to end as a sequence, for bisect."""

    def __init__(self, data: bytes | mmap.mmap, start: int, count: int) -> None:
        self._data = data
        self._start = start
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, number: int) -> bytes: ...
    @overload
    def __getitem__(self, number: slice) -> list[bytes]: ...
    def __getitem__(self, number: int | slice) -> bytes | list[bytes]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(self._count))]
        start = self._start + number * _DIGEST_BYTES
        return self._data[start : start + _DIGEST_BYTES]


class Pack:
    """The index of a sealed pack. Safe from any number of threads; holds no pack open."""

    def __init__(self, path: Path) -> None:
        """Read and check the index.

        Raises:
            IntegrityError: It is cut or damaged.
            OSError: It cannot be read.
        """
        self.path = path
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._data, self._base, self._data_end = self._load(fd)
        finally:
            os.close(fd)
        head = _HEAD.unpack_from(self._data, self._base)
        self.count: int = head[0]
        self._fan_out: tuple[int, ...] = head[1:]
        self._digests_at = self._base + _HEAD.size
        self._places_at = self._digests_at + self.count * _DIGEST_BYTES
        self._digests = SortedDigests(self._data, self._digests_at, self.count)

    def __contains__(self, raw: bytes) -> bool:
        return self._find(raw) >= 0

    def __iter__(self) -> Iterator[bytes]:
        end = self._digests_at + self.count * _DIGEST_BYTES
        for (raw,) in struct.iter_unpack("32s", self._data[self._digests_at : end]):
            yield raw

    def place(self, raw: bytes) -> tuple[int, int] | None:
        """Return offset and size of an object in the pack, or None."""
        number = self._find(raw)
        if number < 0:
            return None
        offset, size = _PLACE.unpack_from(self._data, self._places_at + number * _PLACE.size)
        if offset + size > self._data_end:
            raise IntegrityError(f"object {raw.hex()[:12]} does not lie where {self.path.name} says")
        return offset, size

    def places(self, wanted: Set[bytes]) -> Iterator[tuple[int, int, bytes]]:
        """Yield offset, size and digest of those objects that are here, in the order in which they lie.

        What is wanted is looked at before the first is yielded. Takes 50 bytes of memory an object.
        """
        found: list[int] = []
        if len(wanted) * _SEARCH_COST < self.count:
            for raw in wanted:
                place = self.place(raw)
                if place is not None:
                    found.append(place[0] << SIZE_BITS | self._find(raw))
        else:
            end = self._places_at + self.count * _PLACE.size
            places = _PLACE.iter_unpack(self._data[self._places_at : end])
            for number, (raw, (offset, size)) in enumerate(zip(self, places, strict=True)):
                if raw in wanted and offset + size <= self._data_end:
                    found.append(offset << SIZE_BITS | number)
        found.sort()
        mask = (1 << SIZE_BITS) - 1
        for one in found:
            number = one & mask
            _, size = _PLACE.unpack_from(self._data, self._places_at + number * _PLACE.size)
            yield one >> SIZE_BITS, size, self._digests[number]

    def _find(self, raw: bytes) -> int:
        first = raw[0]
        low = self._fan_out[first - 1] if first else 0
        high = self._fan_out[first]
        # Digests are spread evenly, so it lies close to where it should, if it is here.
        guess = low + ((high - low) * int.from_bytes(raw[1:5], "big") >> 32)
        start, end = max(low, guess - _NEAR), min(high, guess + _NEAR)
        near = self._data[self._digests_at + start * _DIGEST_BYTES : self._digests_at + end * _DIGEST_BYTES]
        at = near.find(raw)
        if at >= 0 and at % _DIGEST_BYTES == 0:
            return start + at // _DIGEST_BYTES
        if (
            at < 0
            and (start == low or near[:_DIGEST_BYTES] < raw)
            and (end == high or near[-_DIGEST_BYTES:] > raw)
        ):
            return -1
        number = bisect_left(self._digests, raw, low, high)
        return number if number < high and self._digests[number] == raw else -1

    def _load(self, fd: int) -> tuple[bytes | mmap.mmap, int, int]:
        """Return what holds the index, where it begins there, and where the objects end."""
        total = os.fstat(fd).st_size
        footer = os.pread(fd, _FOOTER.size, max(0, total - _FOOTER.size))
        if total < len(MAGIC) + _HEAD.size + _FOOTER.size or os.pread(fd, len(MAGIC), 0) != MAGIC:
            raise self._damaged("it is cut, or no pack of this version")
        length, digest, end = _FOOTER.unpack(footer)
        start = total - _FOOTER.size - length
        if end != END or start < len(MAGIC) or length < _HEAD.size:
            raise self._damaged("its end is cut or damaged")
        data: bytes | mmap.mmap
        if length >= _MAP_FROM_BYTES:
            base = start % mmap.ALLOCATIONGRANULARITY
            data = mmap.mmap(fd, base + length, access=mmap.ACCESS_READ, offset=start - base)
        else:
            base = 0
            data = os.pread(fd, length, start)
        if blake3(memoryview(data)[base : base + length]).digest() != digest:
            raise self._damaged("its index does not have the digest that its footer names")
        count = _HEAD.unpack_from(data, base)[0]
        if length != _HEAD.size + count * (_DIGEST_BYTES + _PLACE.size):
            raise self._damaged("its index has the wrong length")
        return data, base, start

    def _damaged(self, why: str) -> IntegrityError:
        return IntegrityError(f"the pack {self.path.name} is damaged: {why}")


class OpenFile:
    """An open descriptor that closes with its last user, so that threads may share it."""

    def __init__(self, path: Path) -> None:
        """Open for reading; may raise OSError."""
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            os.close(self.fd)


class PackFolder:
    """All sealed packs of a folder, also those that other processes seal later.

    A damaged pack is set aside and named in `damaged`: what else is there stays usable.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged: dict[str, IntegrityError] = {}
        self._packs: dict[str, Pack] = {}
        self._seen_mtime_ns = -1
        self._lock = threading.Lock()
        self._open: OrderedDict[Path, OpenFile] = OrderedDict()
        self._where: dict[bytes, Pack] | None = None
        self._asked = 0

    def __iter__(self) -> Iterator[Pack]:
        return iter(list(self._packs.values()))

    def by_name(self, name: str) -> Pack | None:
        """Return a pack that is known; see `refresh`."""
        return self._packs.get(name)

    def find(self, raw: bytes) -> Pack | None:
        """Return a pack that has the object, among those known; see `refresh`."""
        where = self._where
        if where is not None:
            return where.get(raw)
        self._asked += 1
        # Many questions are worth a table of all objects, which answers each at once.
        if self._is_table_cheaper(self._asked):
            return self.table().get(raw)
        for pack in self._packs.values():
            if raw in pack:
                return pack
        return None

    def finder(self, questions: int) -> Callable[[bytes], Pack | None]:
        """Return `find`, or its quickest form for so many questions; good until `refresh`."""
        if self._where is not None or self._is_table_cheaper(self._asked + questions):
            return self.table().get
        return self.find

    def _is_table_cheaper(self, questions: int) -> bool:
        """Whether so many searches, each in every pack, take longer than making a table of all objects."""
        packs = self._packs.values()
        return questions * len(packs) * _SEARCH_COST > sum(pack.count for pack in packs)

    def lacking(self, raws: Iterable[bytes]) -> set[bytes]:
        """Return those that no known pack has; makes no table for one question."""
        left = set(raws)
        if self._where is not None or len(left) * _SEARCH_COST <= sum(pack.count for pack in self):
            return {raw for raw in left if self.find(raw) is None}
        for pack in self:
            left.difference_update(pack)
        return left

    def table(self) -> dict[bytes, Pack]:
        """Return the pack of each object; about 100 bytes of memory an object, kept up by `refresh`."""
        if self._where is None:
            self._where = {raw: pack for pack in self._packs.values() for raw in pack}
        return self._where

    def refresh(self, *, force: bool = False) -> bool:
        """Look for packs that came or went; return whether any did. One stat when nothing changed.

        Raises:
            OSError: The folder cannot be read.
        """
        try:
            mtime_ns = os.stat(self.folder).st_mtime_ns
        except FileNotFoundError:
            mtime_ns = 0
        if mtime_ns == self._seen_mtime_ns and not force:
            return False
        with self._lock:
            names = {path.name for path in self.folder.glob(f"*{SUFFIX}")} if mtime_ns else set()
            # Replaced as a whole: other threads iterate over the old one.
            packs = {name: pack for name, pack in self._packs.items() if name in names}
            for name in names - packs.keys() - self.damaged.keys():
                try:
                    packs[name] = Pack(self.folder / name)
                except IntegrityError as error:
                    self.damaged[name] = error
                except FileNotFoundError:  # A rewrite took it away just now.
                    continue
            changed = packs.keys() != self._packs.keys()
            self._update_table(packs)
            self._packs = packs
            # A folder that changed within the clock's tick may change again with the same time.
            settled = time.time_ns() - mtime_ns > _SETTLED_NS
            self._seen_mtime_ns = mtime_ns if settled else -1
        return changed

    def _update_table(self, packs: dict[str, Pack]) -> None:
        self._asked = 0
        if self._where is None:
            return
        more = sum(packs[name].count for name in packs.keys() - self._packs.keys())
        # A table twice as large is made when somebody asks; most who add are done then.
        if self._packs.keys() - packs.keys() or more > len(self._where):
            self._where = None
            return
        for name in packs.keys() - self._packs.keys():
            self._where.update(dict.fromkeys(packs[name], packs[name]))

    def read(self, path: Path, offset: int, size: int) -> bytes:
        """Return `size` bytes of a pack at `offset`; fewer if the pack was cut.

        Raises:
            OSError: The pack cannot be read, or has been removed.
        """
        with self._lock:
            file = self._open.get(path)
            if file is not None:
                self._open.move_to_end(path)
        if file is None:
            file = OpenFile(path)
            with self._lock:
                self._open[path] = file
                while len(self._open) > _MAX_OPEN:
                    self._open.popitem(last=False)
        return os.pread(file.fd, size, offset)
