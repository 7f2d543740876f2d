"""Files to listing: a folder or one file, hashed and stored in one pass."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from vcs.atomic import disk_error
from vcs.errors import NotFoundError, UsageError
from vcs.files.folder_scan import is_still
from vcs.files.ignore import Ignore
from vcs.files.listing import Entry, Listing
from vcs.files.stat_cache import StatCache
from vcs.files.walk import Walk
from vcs.paths import look_hint, to_entry_path
from vcs.progress import Progress
from vcs.stores.base import Batch, Store


def add_tree(
    folder: Path,
    store: Store,
    *,
    ignore: Ignore | None = None,
    stat_cache: StatCache | None = None,
    progress: Progress | None = None,
    batch: Batch | None = None,
) -> Listing:
    """Store every file below `folder` and return the listing.

    The objects are visible when this returns, or when `batch` ends if one was given.
    Executable bits, symbolic links and empty folders are kept. `.git` and `.tracker`
    are left out, and what `ignore` says. The stat cache is changed but not saved.
    Interrupted or failed, it leaves no object that anything names; run it again.

    Raises:
        NotFoundError, UsageError: The folder is missing or not a folder; something in it
            is a socket, pipe or device, a link that leaves it, or has a name that cannot
            be kept. It is named.
        ConflictError: A file changed or went away while it was read, twice.
        StoreError: The disk is full, or something cannot be read or written.
    """
    root = Path(os.path.realpath(folder))
    if not root.is_dir():
        if root.exists():
            raise UsageError(f"{folder} is not a folder", hint="add it as a file")
        raise NotFoundError(f"no such folder: {folder}", hint=look_hint(folder))
    with ExitStack() as stack:
        into = batch if batch is not None else stack.enter_context(store.batch())
        small = stack.enter_context(into.small_files())
        walk = stack.enter_context(Walk(root, into, small, ignore, stat_cache, progress))
        walk.run()
    # Now that the batch has ended, what it knew of its packs is no longer in memory.
    listing = walk.listing()
    if batch is None:
        listing.kept_at = store.place
    return listing


def add_file(
    path: Path,
    store: Store,
    *,
    name: str,
    stat_cache: StatCache | None = None,
    progress: Progress | None = None,
    batch: Batch | None = None,
) -> Entry:
    """Store one file and return its entry under `name`; a link is followed.

    Raises: as `add_tree` does.
    """
    entry_path = to_entry_path(name)
    real = Path(os.path.realpath(path))
    at_ns = time.time_ns()
    try:
        before = os.stat(real)
    except FileNotFoundError:
        raise NotFoundError(f"no such file: {path}", hint=look_hint(path)) from None
    except OSError as error:
        raise disk_error(error, f"cannot read {path}") from error
    if not stat.S_ISREG(before.st_mode):
        what = "a folder" if stat.S_ISDIR(before.st_mode) else "not a regular file"
        raise UsageError(f"{path} is {what}", hint="add_dir takes folders" if what == "a folder" else None)
    if progress is not None:
        progress.add_total(1, before.st_size)
    with ExitStack() as stack:
        into = batch if batch is not None else stack.enter_context(store.batch())
        digest = stat_cache.get(real, before) if stat_cache is not None else None
        size = before.st_size
        if digest is None or not into.contains(digest):
            like = stat_cache.last(real) if stat_cache is not None else None
            digest, size = into.put_file(real, advance=_bytes_of(progress), like=like)
            if stat_cache is not None and is_still(real, before):
                stat_cache.put(real, before, digest, at_ns=at_ns)
        elif progress is not None:
            progress.advance(0, size)
    if progress is not None:
        progress.advance(1, 0)
    return Entry(entry_path, digest, size, executable=bool(before.st_mode & stat.S_IXUSR))


def _bytes_of(progress: Progress | None) -> Callable[[int], None] | None:
    return None if progress is None else lambda count: progress.advance(0, count)
