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
import threading
import time
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import overload

from blake3 import blake3

from vcs.errors import IntegrityError

MAGIC = b"TPAK0001"
END = b"TPAKEND1"
SUFFIX = ".pack"

_HEAD = struct.Struct("<I4x256I")  # count, fan-out
_PLACE = struct.Struct("<QII")  # offset, bytes in the pack, bytes of the object
_FOOTER = struct.Struct("<Q32s8s")  # bytes of the index, its BLAKE3, END
_DIGEST_BYTES = 32
_MAX_BUFFERS = 512  # writev takes 1024.
_FLUSH_BYTES = 1 << 20
# An index above this is mapped instead of read.
_MAP_FROM_BYTES = 1 << 20
# Descriptors kept open for reading.
_MAX_OPEN = 32
# Longer than the clock tick of any file system in use, FAT's two seconds included.
_SETTLED_NS = 3_000_000_000


class PackWriter:
    """A pack in the making, in a temporary file. One thread at a time.

    The creator removes the file unless `finish` returned.
    """

    def __init__(self, fd: int) -> None:
        """Write to `fd`, an empty file, which the caller closes."""
        self._fd = fd
        self._buffers: list[bytes] = [MAGIC]
        self._buffered = len(MAGIC)
        self._end = len(MAGIC)
        self._numbers: dict[bytes, int] = {}
        self._offsets = array("Q")
        self._sizes = array("I")

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, raw: bytes) -> bool:
        return raw in self._numbers

    @property
    def size_bytes(self) -> int:
        """The bytes of magic and objects so far."""
        return self._end

    def append(self, raw: bytes, data: bytes) -> None:
        """Add an object that is not in it yet.

        Raises:
            OSError: The disk failed; the pack is lost.
        """
        self._numbers[raw] = len(self._offsets)
        self._offsets.append(self._end)
        size = len(data)
        self._sizes.append(size)
        self._end += size
        self._buffers.append(data)
        self._buffered += size
        if self._buffered >= _FLUSH_BYTES or len(self._buffers) >= _MAX_BUFFERS:
            self._flush()

    def finish(self) -> None:
        """Write the index and the footer, and make all of it durable."""
        index = self._index()
        self._buffers += [index, _FOOTER.pack(len(index), blake3(index).digest(), END)]
        self._flush()
        os.fsync(self._fd)

    def _index(self) -> bytes:
        numbers = self._numbers
        digests = sorted(numbers)
        fan_out = [0] * 256
        for raw in digests:
            fan_out[raw[0]] += 1
        for value in range(1, 256):
            fan_out[value] += fan_out[value - 1]
        offsets, sizes, pack = self._offsets, self._sizes, _PLACE.pack
        order = [numbers[raw] for raw in digests]
        places = [pack(offsets[number], sizes[number], sizes[number]) for number in order]
        return b"".join([_HEAD.pack(len(digests), *fan_out), *digests, *places])

    def _flush(self) -> None:
        buffers, self._buffers, self._buffered = self._buffers, [], 0
        while buffers:
            written = os.writev(self._fd, buffers[:_MAX_BUFFERS])
            done = 0
            while done < len(buffers) and written >= len(buffers[done]):
                written -= len(buffers[done])
                done += 1
            del buffers[:done]
            if written:
                buffers[0] = buffers[0][written:]


class _Digests:
    """The sorted digests of an index as a sequence, for bisect."""

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
        self._digests = _Digests(self._data, self._digests_at, self.count)
        self._known: frozenset[bytes] | None = None
        self._asked = 0

    def __contains__(self, raw: bytes) -> bool:
        if self._known is not None:
            return raw in self._known
        # A set of all digests costs about as much as this many searches, and then 30 times less for each.
        self._asked += 16
        if self._asked > self.count:
            self._known = frozenset(self)
            return raw in self._known
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
        offset, stored, size = _PLACE.unpack_from(self._data, self._places_at + number * _PLACE.size)
        if stored != size or offset + stored > self._data_end:
            raise IntegrityError(
                f"object {raw.hex()[:12]} lies in {self.path.name} in a way that this version cannot read",
                hint="use a newer version of tracker",
            )
        return offset, size

    def _find(self, raw: bytes) -> int:
        first = raw[0]
        low = self._fan_out[first - 1] if first else 0
        high = self._fan_out[first]
        number = bisect_left(self._digests, raw, low, high)
        return number if number < high and self._digests[number] == raw else -1

    def _load(self, fd: int) -> tuple[bytes | mmap.mmap, int, int]:
        """Return what holds the index, where it begins there, and where the objects end."""
        total = os.fstat(fd).st_size
        footer = os.pread(fd, _FOOTER.size, max(0, total - _FOOTER.size))
        if total < len(MAGIC) + _HEAD.size + _FOOTER.size or os.pread(fd, len(MAGIC), 0) != MAGIC:
            raise self._damaged("it is cut or not a pack")
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

    def __iter__(self) -> Iterator[Pack]:
        return iter(list(self._packs.values()))

    def find(self, raw: bytes) -> Pack | None:
        """Return a pack that has the object, among those known; see `refresh`."""
        for pack in self._packs.values():
            if raw in pack:
                return pack
        return None

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
            self._packs = packs
            # A folder that changed within the clock's tick may change again with the same time.
            settled = time.time_ns() - mtime_ns > _SETTLED_NS
            self._seen_mtime_ns = mtime_ns if settled else -1
        return changed

    def read(self, pack: Pack, offset: int, size: int) -> bytes:
        """Return `size` bytes of a pack at `offset`; fewer if the pack was cut.

        Raises:
            OSError: The pack cannot be read, or has been removed.
        """
        with self._lock:
            file = self._open.get(pack.path)
            if file is not None:
                self._open.move_to_end(pack.path)
        if file is None:
            file = OpenFile(pack.path)
            with self._lock:
                self._open[pack.path] = file
                while len(self._open) > _MAX_OPEN:
                    self._open.popitem(last=False)
        return os.pread(file.fd, size, offset)
