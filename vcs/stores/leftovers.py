"""What killed processes leave in a store: temporary files, and fetches that nobody goes on with."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from vcs.atomic import remove_quietly

_LEFTOVER_AGE_S = 3600.0
# What was fetched of a large object spares its bytes to who goes on within some days.
_PARTIAL_AGE_S = 7 * 24 * 3600.0


def remove_old(
    tmp: Path,
    partial: Path,
    *,
    older_than_s: float = _LEFTOVER_AGE_S,
    partial_older_than_s: float = _PARTIAL_AGE_S,
) -> int:
    """Remove the files of processes that are gone; return how many. One whose maker lives is locked."""
    count = sum(_remove_if_old(path, older_than_s) for path in tmp.glob(".*.tmp"))
    for path in partial.glob("*"):
        if path.suffix:
            continue  # The list of a file, which goes with it.
        if _remove_if_old(path, partial_older_than_s, beside=path.with_suffix(".done")):
            count += 1
    return count


def _remove_if_old(path: Path, older_than_s: float, *, beside: Path | None = None) -> bool:
    with suppress(OSError):
        if time.time() - path.stat().st_mtime < older_than_s:
            return False
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if beside is not None:
                remove_quietly(beside)
            path.unlink()
            return True
        finally:
            os.close(fd)
    return False
