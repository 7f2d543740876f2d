"""Compares and hashes files that are mapped; what the process of `mapped` runs.

A mapped file that somebody cuts ends the process that looks at it (SIGBUS), so this is
one that has nothing to lose. What is hashed are the bytes of the base, after they were
compared, never those of the file that is stored: that one may change between two looks,
and a digest has to be of what the recipe will give. Imports little.
"""

from __future__ import annotations

import ctypes
import marshal
import mmap
import os
import sys
from queue import SimpleQueue
from threading import Semaphore, Thread

from blake3 import blake3

# What is mapped at once; with 1 MiB as fast, with 16 slower, as the caches of the processor are smaller.
STEP_BYTES = 2 << 20
# Windows that are compared already and wait for the hash.
_WAITING = 3
# To this the first difference is found.
_GRAIN_BYTES = 4 << 10
_MAP_POPULATE = getattr(mmap, "MAP_POPULATE", 0)

SOURCE, EXTENT, FIRST_FILE = 0, 1, 2

_libc = ctypes.CDLL(None)
_mmap, _munmap, _memcmp = _libc.mmap, _libc.munmap, _libc.memcmp
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int64,  # off_t
)
_munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_memcmp.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
if (
    ctypes.sizeof(ctypes.c_size_t) < 8
):  # There an offset is of another size; what reads files needs none of this.
    raise ImportError("files are mapped on 64 bits only")
_FAILED = ctypes.c_void_p(-1).value


def serve(*fds: int) -> None:
    """Answer requests until the other side is gone. What goes wrong ends the process.

    The descriptors are those of the file, of its new bytes, and of the files of the base.
    """
    work = _Work(fds)
    while True:
        try:
            name, *arguments = marshal.load(sys.stdin.buffer)
        except EOFError:
            return
        if name == "same":
            reply: int | str = work.same(*arguments)
        elif name == "hash":
            work.hash(*arguments)
            continue
        else:
            reply = work.digest()
        marshal.dump(reply, sys.stdout.buffer)
        sys.stdout.buffer.flush()


class _Window:
    """A part of a file in memory; Python's own `mmap` does not tell its address."""

    def __init__(self, fd: int, offset: int, length: int) -> None:
        # Behind the end of a file its last page is zeros, which would be bytes that are not there.
        if os.fstat(fd).st_size < offset + length:
            raise ValueError("a file that is shorter than it was")
        before = offset % mmap.PAGESIZE
        self._length = before + length
        # So that the pages come with one call, in which no lock of the interpreter is held.
        flags = mmap.MAP_SHARED | _MAP_POPULATE
        self._start = _mmap(None, self._length, mmap.PROT_READ, flags, fd, offset - before)
        if self._start in (None, _FAILED):
            raise OSError("a file that cannot be mapped")
        self.address = self._start + before

    def bytes(self, count: int) -> memoryview:
        return memoryview((ctypes.c_char * count).from_address(self.address)).cast("B")

    def close(self) -> None:
        _munmap(self._start, self._length)


class _Work:
    """One thread compares, which also waits for the pages; the other hashes."""

    def __init__(self, fds: tuple[int, ...]) -> None:
        self._fds = fds
        self._hasher = blake3()
        self._waiting: SimpleQueue[tuple[int, _Window, *tuple[_Window, ...]] | None] = SimpleQueue()
        self._room = Semaphore(_WAITING)
        self._thread = Thread(target=self._hash_all, daemon=True)
        self._thread.start()

    def same(self, position: int, pieces: list[tuple[int, int, int]]) -> int:
        """Return how many bytes of the file, from a position on, are those of these pieces; hash them."""
        done = 0
        for file, start, length in pieces:
            for offset in range(start, start + length, STEP_BYTES):
                step = min(STEP_BYTES, start + length - offset)
                base = self._map(FIRST_FILE + file, offset, step)
                new = _Window(self._fds[SOURCE], position + done, step)
                count = _common(new.address, base.address, step)
                self._waiting.put((count, base, new))
                done += count
                if count < step:
                    return done
        return done

    def hash(self, number: int, start: int, length: int) -> None:
        """Hash a stretch of one of the files."""
        for offset in range(start, start + length, STEP_BYTES):
            step = min(STEP_BYTES, start + length - offset)
            self._waiting.put((step, self._map(number, offset, step)))

    def digest(self) -> str:
        """Return the digest of all that was hashed."""
        self._waiting.put(None)
        self._thread.join()
        return self._hasher.hexdigest()

    def _map(self, number: int, offset: int, length: int) -> _Window:
        self._room.acquire()
        return _Window(self._fds[number], offset, length)

    def _hash_all(self) -> None:
        while (item := self._waiting.get()) is not None:
            count, window, *others = item
            self._hasher.update(window.bytes(count))
            for one in (window, *others):  # Here, for the other thread has more to do.
                one.close()
            self._room.release()


def _common(one: int, other: int, length: int) -> int:
    """Return how many bytes at two addresses are the same, less by some where they are not all."""
    if not _memcmp(one, other, length):
        return length
    low, high = 0, length
    while high - low > _GRAIN_BYTES:
        middle = (low + high) // 2
        if _memcmp(one + low, other + low, middle - low):
            high = middle
        else:
            low = middle
    return low
