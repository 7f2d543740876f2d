"""Reading, hashing and copying the bytes of one file, each byte once.

BLAKE3 and the system calls release the interpreter lock, so for large files the
hash runs on one core while another thread writes.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from blake3 import blake3

from vcs.atomic import write_all
from vcs.digest import Digest

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

Advance: TypeAlias = Callable[[int], None]
# Fills the buffer from its beginning and returns how much; 0 at the end.
Read: TypeAlias = Callable[[bytearray], int]

# 512 MiB on tmpfs take 0.33 s with 256 KiB, 0.34 s with 64 KiB and with 4 MiB; cp takes 0.20 s.
_COPY_BYTES = 256 << 10
# On two threads, which meet after each block: 0.22 s.
BLOCK_BYTES = 1 << 20
# Below this a thread costs more than it wins.
_OVERLAP_FROM_BYTES = 8 << 20

_FICLONE = 0x40049409
_CANNOT_CLONE = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM}
    | {errno.ETXTBSY, errno.EBADF, errno.EACCES}
)


def clone_file(source_fd: int, target_fd: int) -> bool:
    """Let the target share the source's blocks; return False where the file system cannot.

    Takes no time whatever the size (btrfs, XFS, bcachefs; not ext4 or tmpfs).

    Raises:
        OSError: The disk failed for another reason, such as being full.
    """
    try:
        fcntl.ioctl(target_fd, _FICLONE, source_fd)
    except OSError as error:
        if error.errno in _CANNOT_CLONE:
            return False
        raise
    return True


def hash_descriptor(fd: int, *, advance: Advance | None = None) -> tuple[Digest, int]:
    """Return the digest and size of what is left to read."""
    hasher = blake3()
    buffer = bytearray(BLOCK_BYTES)
    view = memoryview(buffer)
    size = 0
    while count := os.readv(fd, [buffer]):
        hasher.update(view[:count])
        size += count
        if advance is not None:
            advance(count)
    return Digest(hasher.hexdigest()), size


def copy_and_hash(
    source_fd: int, target_fd: int, size_hint: int, *, alone: bool, advance: Advance | None = None
) -> tuple[Digest, int]:
    """Copy what is left to read and return its digest and size in bytes.

    With `alone`, a second thread helps; without, others copy at the same time, and each
    core has enough to do. `size_hint` only chooses the way; a file that grows or shrinks
    is copied as read. `advance` is told the bytes of each block, in this thread; what it
    raises ends the copy.

    Raises:
        OSError: Reading or writing failed; the target is then incomplete.
    """

    def read(buffer: bytearray) -> int:
        return os.readv(source_fd, [buffer])

    return copy_stream_and_hash(read, target_fd, size_hint, alone=alone, advance=advance)


def copy_stream_and_hash(
    read: Read, target_fd: int, size_hint: int, *, alone: bool, advance: Advance | None = None
) -> tuple[Digest, int]:
    """The same for anything that can be read into a buffer; what `read` raises ends the copy."""
    if alone and size_hint >= _OVERLAP_FROM_BYTES:
        return _copy_and_hash_overlapped(read, target_fd, advance)
    hasher = blake3()
    buffer = bytearray(_COPY_BYTES)
    view = memoryview(buffer)
    size = 0
    while count := read(buffer):
        hasher.update(view[:count])
        write_all(target_fd, view[:count])
        size += count
        if advance is not None:
            advance(count)
    return Digest(hasher.hexdigest()), size


def _copy_and_hash_overlapped(read: Read, target_fd: int, advance: Advance | None) -> tuple[Digest, int]:
    """The same, with each write on a second thread while this one hashes the block and reads the next."""
    from vcs.pools import thread_pool  # 8 ms, for large files only.

    hasher = blake3()
    buffer, other = bytearray(BLOCK_BYTES), bytearray(BLOCK_BYTES)
    size = 0
    pending: Future[None] | None = None
    with thread_pool(1, "tracker-copy") as writer:
        while count := read(buffer):
            block = memoryview(buffer)[:count]
            previous, pending = pending, writer.submit(write_all, target_fd, block)
            hasher.update(block)
            size += count
            if previous is not None:
                previous.result()  # Its buffer is the next one to be read into.
            if advance is not None:
                advance(count)
            buffer, other = other, buffer
        if pending is not None:
            pending.result()
    return Digest(hasher.hexdigest()), size


class Hashing:
    """A hash over blocks that other work takes in too; that work, `alone`, on a second thread, in order.

    For each block: fill `buffer()`, then `update` with the work. The work may read its
    block until it returns; what it raises comes out of a later call.
    """

    def __init__(self, block_bytes: int, size_hint: int, *, alone: bool) -> None:
        self._hasher = blake3()
        self._buffers = [bytearray(block_bytes), bytearray(block_bytes)]
        self._pending: list[Future[None] | None] = [None, None]
        self._at = 1
        self._pool: Executor | None = None
        if alone and size_hint >= _OVERLAP_FROM_BYTES:
            from vcs.pools import thread_pool  # 8 ms, for large files only.

            self._pool = thread_pool(1, "tracker-match")

    def __enter__(self) -> Hashing:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def buffer(self) -> bytearray:
        """Return the buffer for the next block."""
        self._at = 1 - self._at
        pending = self._pending[self._at]
        if pending is not None:
            pending.result()
        return self._buffers[self._at]

    def update(self, count: int, work: Callable[[], None]) -> None:
        """Take in the first `count` bytes of the buffer last returned, and have the work done."""
        if self._pool is not None:
            self._pending[self._at] = self._pool.submit(work)
        else:
            work()
        self._hasher.update(memoryview(self._buffers[self._at])[:count])

    def digest(self) -> Digest:
        """Wait for all work and return the digest of all blocks."""
        for pending in self._pending:
            if pending is not None:
                pending.result()
        return Digest(self._hasher.hexdigest())
