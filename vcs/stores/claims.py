"""Which processes are at work in a store, so that garbage collection leaves them alone.

An object that was just put is named by nothing until its version is logged, which may be
days later: a training fills a draft and logs it at the end. So a process that puts
objects holds a claim, a locked file, from before its first object to its end; whatever
is younger than the oldest claim that is still held is no garbage. The lock is the
kernel's and ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vcs.atomic import make_folder, temporary_name
from vcs.errors import StoreError

_held: dict[Path, tuple[int, int]] = {}
_lock = threading.Lock()


def claim(folder: Path) -> None:
    """Hold a claim in a folder of claims until this process ends; a dictionary lookup from then on.

    A child that was forked makes its own. Where the file system has no locks, or nothing
    can be written, there is no claim, and the age of objects alone protects them.
    """
    known = _held.get(folder)
    if known is not None and known[0] == os.getpid():
        return
    with _lock, suppress(OSError, StoreError):
        known = _held.get(folder)
        if known is not None and known[0] == os.getpid() and os.fstat(known[1]).st_nlink:
            return
        make_folder(folder)
        # A file becomes a claim by its name, and has the lock by then.
        temporary = folder / temporary_name("claim")
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rename(temporary, folder / f"{os.getpid()}-{os.urandom(6).hex()}")
        except OSError:
            os.close(fd)
            raise
        _held[folder] = (os.getpid(), fd)


def oldest_claim_s(folder: Path) -> float | None:
    """Return when the oldest claim began that is still held, by the clock of the disk; None without one.

    Those of processes that are gone are removed. The claim of this process does not count.
    """
    own = _held.get(folder)
    skipped = os.fstat(own[1]).st_ino if own is not None and own[0] == os.getpid() else None
    return min((began_s for inode, began_s in _living(folder) if inode != skipped), default=None)


def _living(folder: Path) -> Iterator[tuple[int, float]]:
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        path = folder / name
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            status = os.fstat(fd)
            if name.startswith("."):  # in the making, or its maker was killed
                if time.time() - status.st_mtime > 3600:
                    path.unlink(missing_ok=True)
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
            except OSError:
                yield status.st_ino, status.st_mtime
        finally:
            os.close(fd)
