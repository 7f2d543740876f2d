"""Where a benchmark may put its files: memory and disk, and which file system that is."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")


@contextmanager
def scratch(need_bytes: int = 0, *, memory: bool = True) -> Iterator[Path]:
    """A folder that goes away with the block, in memory if there is enough of it, else on the disk.

    Raises:
        OSError: There is not enough room in either.
    """
    folder = _MEMORY if memory and has_memory(need_bytes) else Path(tempfile.gettempdir())
    if shutil.disk_usage(folder).free < need_bytes:
        raise OSError(f"{need_bytes / 1e9:.1f} GB are needed in {folder}")
    with tempfile.TemporaryDirectory(dir=folder, prefix="tracker-bench-") as name:
        yield Path(name)


def has_memory(need_bytes: int) -> bool:
    """Whether a file system in memory takes so much, with two gigabytes to spare."""
    if file_system(_MEMORY) != "tmpfs":
        return False
    spare = need_bytes + (2 << 30)
    return shutil.disk_usage(_MEMORY).free > spare and _available_bytes() > spare


def file_system(folder: Path) -> str:
    """Return the type of the file system of a folder: `tmpfs`, `ext4`, …"""
    best, found = -1, "unknown"
    path = os.path.realpath(folder)
    try:
        mounts = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return found
    for line in mounts:
        _, at, kind = line.split()[:3]
        if os.path.commonpath([at, path]) == at and len(at) > best:
            best, found = len(at), kind
    return found


def allocated_bytes(folder: Path) -> int:
    """Return what the file system allocated for all files of a folder; one with two names counts once."""
    return sum({(s := os.lstat(path)).st_ino: s.st_blocks * 512 for path in folder.rglob("*")}.values())


def _available_bytes() -> int:
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:
        return 0
    return int(text.partition("MemAvailable:")[2].split()[0]) * 1024
