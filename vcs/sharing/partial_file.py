"""A large object in the making: what came of it outlives an interruption.

Beside the file lies a list of the stretches that were written. It is hashed as it grows,
from what was written, so that its digest is known soon after the last piece came.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from vcs.atomic import disk_error, make_folder, remove_quietly
from vcs.digest import Digest
from vcs.errors import IntegrityError

if TYPE_CHECKING:
    from vcs.stores.local import LocalStore

_DONE = struct.Struct("<QQ")
_BLOCK_BYTES = 1 << 20


class PartialFile:
    """The file, and what of it is there. `write` may be called from any thread."""

    def __init__(self, path: Path, fd: int, size: int) -> None:
        self.path = path
        self.fd = fd
        self._size = size
        # The kernel lets one thread at a time write to a file, and the others spin until then.
        self._writing = threading.Lock()
        self._hasher = blake3()
        self._hashed = 0
        self._block = bytearray(_BLOCK_BYTES)
        self._list = path.with_suffix(".done")
        self._done: list[tuple[int, int]] = []
        self._became = False

    @classmethod
    @contextmanager
    def open(cls, store: LocalStore, digest: Digest, size: int) -> Iterator[PartialFile]:
        """Open it, alone among all processes; after the block it is gone if the store has the object."""
        path = store.partial / digest
        make_folder(path.parent)
        fd = _open_alone(path)
        try:
            file = cls(path, fd, size)
            file._begin()
            yield file
            if not file._became and store.contains(digest):
                remove_quietly(path)
                remove_quietly(file._list)
        finally:
            os.close(fd)

    def _begin(self) -> None:
        try:
            listed = self._list.read_bytes()
        except OSError:
            listed = b""
        if os.fstat(self.fd).st_size != self._size:
            self.restart()
            return
        whole = len(listed) - len(listed) % _DONE.size
        for start, length in _DONE.iter_unpack(listed[:whole]):
            self._note(start, length)

    def become(self, store: LocalStore, digest: Digest) -> None:
        """Make it the object that it is, whole and durable; from any thread.

        Raises:
            StoreError: The disk failed; the file is where it was.
        """
        store.adopt(self.fd, self.path, digest)
        remove_quietly(self._list)
        self._became = True

    def restart(self) -> None:
        """Forget everything."""
        self._done = []
        self._hasher, self._hashed = blake3(), 0
        remove_quietly(self._list)
        try:
            os.ftruncate(self.fd, 0)
            os.ftruncate(self.fd, self._size)
        except OSError as error:
            raise disk_error(error, f"cannot write {self.path}") from error

    @property
    def done_bytes(self) -> int:
        """How much of it is there."""
        return sum(end - start for start, end in self._done)

    def has(self, start: int, length: int) -> bool:
        """Whether a stretch is there as a whole."""
        return not any(True for _ in self.gaps(start, length))

    def gaps(self, start: int, length: int) -> Iterator[tuple[int, int]]:
        """Yield what is lacking of a stretch, as start and length."""
        end = start + length
        for done, done_end in self._done:
            if done_end <= start:
                continue
            if done >= end:
                break
            if done > start:
                yield start, done - start
            start = done_end
        if start < end:
            yield start, end - start

    def write(self, at: int, data: memoryview) -> None:
        """Write bytes; from any thread."""
        try:
            while data:
                with self._writing:
                    count = os.pwrite(self.fd, data, at)
                data = data[count:]
                at += count
        except OSError as error:
            raise disk_error(error, f"cannot write {self.path}") from error

    def let_copy(self, copy: Callable[[int], int]) -> int:
        """Let the system write into the file, whose descriptor `copy` gets; return what that returns."""
        with self._writing:
            return copy(self.fd)

    def write_out(self) -> None:
        """Bring what was written to the disk, so that little is left to be waited for; from any thread."""
        with suppress(OSError):  # Who makes the file an object says what is wrong.
            os.fdatasync(self.fd)

    def mark(self, start: int, length: int) -> None:
        """Note that a stretch is there."""
        self._note(start, length)
        with suppress(OSError), self._list.open("ab") as stream:  # At worst it is fetched again.
            stream.write(_DONE.pack(start, length))

    def hash_on(self, at: int = 0, data: bytes | memoryview = b"") -> None:
        """Hash what is there without a gap from the beginning on.

        `data` is what was just written at `at`; it need not be read again if its turn has come.
        """
        if data and at == self._hashed:
            self._hasher.update(data)
            self._hashed += len(data)
        end = self._done[0][1] if self._done and self._done[0][0] == 0 else 0
        try:
            while self._hashed < end:
                view = memoryview(self._block)[: end - self._hashed]
                count = os.preadv(self.fd, [view], self._hashed)
                if not count:
                    raise IntegrityError(f"{self.path} was cut by somebody else")
                self._hasher.update(view[:count])
                self._hashed += count
        except OSError as error:
            raise disk_error(error, f"cannot read {self.path}") from error

    def digest(self) -> Digest:
        """Return the digest of the whole file, which is there."""
        self.hash_on()
        return Digest(self._hasher.hexdigest())

    def _note(self, start: int, length: int) -> None:
        merged: list[tuple[int, int]] = []
        for one in sorted([*self._done, (start, start + length)]):
            if merged and one[0] <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], one[1]))
            else:
                merged.append(one)
        self._done = merged


def _open_alone(path: Path) -> int:
    """Open and lock a file of that name; who waited for it may find that it has become an object."""
    while True:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(fd, fcntl.LOCK_EX)
        except OSError as error:
            raise disk_error(error, f"cannot write {path}") from error
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(fd), os.stat(path)):
                return fd
        os.close(fd)
