"""Many small files: read them into a pack, or write them out of one; the work that a helper shares.

These functions are called a few dozen times for a hundred thousand files, in this process
or in a helper's, with a buffer that both sides see. They raise nothing for what is wrong
with one file: None stands for it, and the slow way says why. So this module imports little.
"""

from __future__ import annotations

import os
import stat

from blake3 import blake3

# `typing` and what it brings would be a fifth of a helper's memory.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

# Digest, size in bytes, mtime_ns, ctime_ns, inode and mode of a file as it was read. A
# plain tuple, because there are a hundred thousand of them.
Taken: TypeAlias = tuple[bytes, int, int, int, int, int]
# Path, offset in the buffer, size, digest, and whether it is executable.
Wanted: TypeAlias = tuple[str, int, int, bytes, bool]
# A stretch of a buffer: where it begins and where it ends.
Run: TypeAlias = tuple[int, int]
# mtime_ns, ctime_ns and inode of a file that was written.
Written: TypeAlias = tuple[int, int, int]

# Files of at least this size are not held in memory.
LARGE_BYTES = 128 << 10
# What a buffer has to hold at least.
BUFFER_BYTES = (768 << 10) + LARGE_BYTES

_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE_FLAGS = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def read_small_files(buffer: memoryview, folder: str, names: Sequence[str]) -> list[Taken | None]:
    """Read and hash files of one folder, end to end into the buffer, as many as find room.

    The result is shorter than `names` if not all did; at least one always does. None
    stands for a file that is large, is not a regular file, cannot be read, or changed
    while it was; it takes no room.
    """
    prefix = folder + os.sep
    found: list[Taken | None] = []
    at = 0
    last = len(buffer) - LARGE_BYTES
    for name in names:
        if at > last:
            break
        try:
            fd = os.open(prefix + name, _READ_FLAGS)
        except OSError:
            found.append(None)
            continue
        try:
            before = os.fstat(fd)
            size = before.st_size
            if size >= LARGE_BYTES or not stat.S_ISREG(before.st_mode):
                found.append(None)
                continue
            # One byte more, so that a file that grew shows.
            count = os.readv(fd, [buffer[at : at + size + 1]])
            after = os.fstat(fd)
        except OSError:
            found.append(None)
            continue
        finally:
            os.close(fd)
        mtime_ns = before.st_mtime_ns
        if count != size or after.st_mtime_ns != mtime_ns or after.st_size != size:
            found.append(None)
            continue
        raw = blake3(buffer[at : at + size]).digest()
        found.append((raw, size, mtime_ns, before.st_ctime_ns, before.st_ino, before.st_mode))
        at += size
    return found


# The file that a helper writes to, kept open: closing it can mean to wait for a server.
_writing: dict[str, int] = {}


def write_runs(buffer: memoryview, path: str, offset: int, runs: Sequence[Run]) -> bool:
    """Write stretches of the buffer end to end into a file, from `offset` on; for a helper.

    False if it could not be done, or not all of it: who asked tries it again, and sees why.
    """
    parts = [buffer[start:end] for start, end in runs]
    try:
        fd = _writing.get(path)
        if fd is None:
            while _writing:
                os.close(_writing.popitem()[1])
            fd = _writing[path] = os.open(path, _WRITE_FLAGS)
        return os.pwritev(fd, parts, offset) == sum(map(len, parts))
    except OSError:
        return False


def write_small_files(
    buffer: memoryview, prefix: str, pack: str, start: int, length: int, wanted: Sequence[Wanted]
) -> list[Written | None]:
    """Write objects as new files, each verified first; they lie in `length` bytes of a pack from `start` on.

    `prefix` goes before each path. None stands for a file that is not there now: its
    object is damaged or the pack gone, its name is taken, or the disk failed.
    """
    window = buffer[:length]
    try:
        fd = os.open(pack, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if os.preadv(fd, [window], start) != length:
                return [None] * len(wanted)
        finally:
            os.close(fd)
    except OSError:
        return [None] * len(wanted)
    written: list[Written | None] = []
    for path, offset, size, raw, executable in wanted:
        data = window[offset : offset + size]
        if len(data) != size or blake3(data).digest() != raw:
            written.append(None)
        else:
            written.append(_write(prefix + path, data, size, executable))
    return written


def _write(path: str, data: memoryview, size: int, executable: bool) -> Written | None:
    try:
        fd = os.open(path, _NEW_FILE, 0o777 if executable else 0o666)
    except OSError:
        return None
    try:
        done = os.write(fd, data) == size
        status = os.fstat(fd)
    except OSError:
        done = False
    finally:
        os.close(fd)
    if not done:
        os.unlink(path)
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_ino
