"""Locks between processes, on a file.

The lock is the kernel's (`flock`), so it ends with its holder, however that ends.
The file stays when the lock is given back: removing it would let two processes
hold two files of one name. It names its holder, for messages only.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vcs.atomic import disk_error, make_folder
from vcs.errors import LockedError

_FIRST_WAIT_S = 0.001
_LONGEST_WAIT_S = 0.05


@contextmanager
def file_lock(path: Path, *, timeout_s: float, what: str) -> Iterator[None]:
    """Hold the lock for the block; `what` says what it protects ("the ledger").

    It excludes other threads too, and is not reentrant: a second take in the same
    thread waits for the timeout. `timeout_s=0` tries once.

    Raises:
        LockedError: Another process held it for all that time; its id is named.
        StoreError: The file cannot be made, or the file system has no locks.
    """
    fd = _open(path)
    try:
        _acquire(fd, path, timeout_s, what)
        with suppress(OSError):  # Only a message is lost when the disk is full.
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        try:
            yield
        finally:
            # A child forked meanwhile shares this lock; closing alone would leave it with the child.
            fcntl.flock(fd, fcntl.LOCK_UN)
    finally:
        os.close(fd)


def holder_of(path: Path) -> int | None:
    """Return the id of the process that last took the lock; None if the file says nothing."""
    try:
        text = path.read_text(errors="replace").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        try:
            return os.open(path, flags, 0o666)
        except FileNotFoundError:
            make_folder(path.parent)
            return os.open(path, flags, 0o666)
    except OSError as error:
        raise disk_error(error, f"cannot open the lock {path}") from error


def _acquire(fd: int, path: Path, timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    wait_s = _FIRST_WAIT_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES):
                raise disk_error(error, f"cannot lock {path}") from error
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            holder = holder_of(path)
            by = f"process {holder}" if holder else "another process"
            raise LockedError(
                f"{what} is in use by {by} (waited {timeout_s:g} s)",
                hint="wait until it has ended, then run this again",
            )
        time.sleep(min(wait_s, left_s))
        wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
