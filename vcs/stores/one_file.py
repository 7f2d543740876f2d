"""Opening and reading one file that is to be stored, and counting how far that is."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from vcs.atomic import disk_error
from vcs.errors import NotFoundError, UsageError
from vcs.stores.small_files import LARGE_BYTES

_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Counter:
    """Passes on how far a file is, and can take it back."""

    def __init__(self, advance: Callable[[int], None] | None) -> None:
        self._advance = advance
        self._done = 0

    def __call__(self, count: int) -> None:
        self._done += count
        if self._advance is not None:
            self._advance(count)

    def take_back(self) -> None:
        """Take back all that was passed on: the file is read again."""
        if self._done:
            self(-self._done)


def open_regular(path: Path) -> int:
    """Open without following a link and without waiting for a pipe's other end.

    Raises:
        NotFoundError, UsageError: It is missing, or not a regular file.
        StoreError: The disk failed, or a permission is missing.
    """
    try:
        fd = os.open(path, _READ_FLAGS)
    except FileNotFoundError:
        raise NotFoundError(f"no such file: {path}") from None
    except OSError as error:
        if path.is_symlink() or not path.is_file():
            raise UsageError(f"{path} is not a regular file") from error
        raise disk_error(error, f"cannot read {path}") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise UsageError(f"{path} is not a regular file")
    return fd


def read_small(fd: int, path: Path) -> bytes:
    """Return the bytes of an open file that is small, or as many as a small one has."""
    try:
        return os.read(fd, LARGE_BYTES)
    except OSError as error:
        raise disk_error(error, f"cannot read {path}") from error


def is_same(before: os.stat_result, after: os.stat_result, size: int) -> bool:
    """Whether a file that was read, `size` bytes of it, is still what it was."""
    return before.st_size == after.st_size == size and before.st_mtime_ns == after.st_mtime_ns
