"""Files to listing: walk, leave out, look into the stat cache, hash and store in one pass.

Small files go to the batch folder by folder; large ones are copied on as many threads as
there are cores, while the walk goes on. What is known from the stat cache and is still in
the store is not read.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from vcs.atomic import disk_error
from vcs.digest import Digest, digest_bytes
from vcs.errors import ConflictError, FormatError, NotFoundError, UsageError
from vcs.files.ignore import Ignore, Rules, is_always_left_out
from vcs.files.listing import Entry, Listing
from vcs.files.stat_cache import SURELY_SETTLED_NS, Known, StatCache, is_racy_time
from vcs.paths import (
    check_entry_path,
    check_link,
    check_no_collisions,
    is_plain_name,
    look_hint,
    to_entry_path,
)
from vcs.progress import Progress
from vcs.stores.base import Batch, SmallFiles, Store
from vcs.stores.small_files import Taken

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

# A file that is as it was known: its name, what is known of it, and its mode now.
Same: TypeAlias = tuple[str, Known, int]

_SURELY_SHORT = 1000
_NOTHING = digest_bytes(b"")
_NO_RULES = Rules("", ())


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
        walk = stack.enter_context(_Walk(root, into, small, ignore, stat_cache, progress))
        return Listing(walk.run())


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
            if stat_cache is not None and _is_still(real, before):
                stat_cache.put(real, before, digest, at_ns=at_ns)
        elif progress is not None:
            progress.advance(0, size)
    if progress is not None:
        progress.advance(1, 0)
    return Entry(entry_path, digest, size, executable=bool(before.st_mode & stat.S_IXUSR))


class _Walk:
    """One walk over a folder. Folders are done one after the other, so memory holds entries only."""

    def __init__(
        self,
        root: Path,
        batch: Batch,
        small: SmallFiles,
        ignore: Ignore | None,
        stat_cache: StatCache | None,
        progress: Progress | None,
    ) -> None:
        self._root = str(root)
        self._batch = batch
        self._small = small
        self._ignore = ignore
        self._cache = stat_cache
        self._progress = progress
        self._entries: list[Entry] = []
        self._collides = False
        self._pool: Executor | None = None
        self._stopped = False
        self._large: list[tuple[str, str, os.stat_result, int, Future[tuple[Digest, int]]]] = []

    def __enter__(self) -> _Walk:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def run(self) -> list[Entry]:
        """Walk, store, and return all entries."""
        folders = [("", self._root)]
        while folders:
            prefix, folder = folders.pop()
            below = self._folder(prefix, folder)
            folders.extend((f"{prefix}{name}/", os.path.join(folder, name)) for name in reversed(below))
        self._small.finish()
        for large in self._large:
            self._finish_large(*large)
        if self._collides:
            try:
                check_no_collisions(entry.path for entry in self._entries)
            except FormatError as error:
                raise UsageError(
                    f"cannot add {self._root}: {error.message}", hint="rename one of them"
                ) from None
        return self._entries

    def _folder(self, prefix: str, folder: str) -> list[str]:
        """Do the files of one folder; return the names of the folders in it."""
        rules = self._ignore.rules(prefix) if self._ignore is not None else _NO_RULES
        known = self._cache.folder(folder) if self._cache is not None else {}
        work = _Folder(prefix, folder, time.time_ns(), known)
        scan = _scan(folder, rules, known)
        self._check_names(prefix, scan)
        if prefix and not (scan.same or scan.files or scan.folders or scan.others):
            self._entries.append(Entry(prefix[:-1], _NOTHING, 0, "dir"))
        for name in scan.others:
            self._other(prefix + name, os.path.join(folder, name))
        if self._progress is not None:
            self._progress.add_total(len(scan.same) + len(scan.files), 0)
        fresh = [*scan.files, *self._take_known(scan.same, work)]
        work.waiting = len(fresh)
        if fresh:
            self._small.put(folder, fresh, lambda names, taken: self._take_fresh(work, names, taken))
        else:
            self._remember(work)
        return scan.folders

    def _take_known(self, same: list[Same], work: _Folder) -> list[str]:
        """Make entries of files that need not be read; return the names of those that must be after all."""
        prefix = work.prefix
        lacking = self._batch.lacking([then[4] for _, then, _ in same])
        gone: list[str] = []
        if lacking:
            gone = [name for name, then, _ in same if then[4] in lacking]
            same = [one for one in same if one[1][4] not in lacking]
        self._entries += [
            Entry(prefix + name, then[4].hex(), then[0], "file", mode & stat.S_IXUSR != 0)
            for name, then, mode in same
        ]
        work.found = {name: then for name, then, _ in same}
        if self._progress is not None:
            self._tell(len(same), sum(then[0] for _, then, _ in same))
        return gone

    def _take_fresh(self, work: _Folder, names: Sequence[str], taken: Sequence[Taken | None]) -> None:
        """Make entries of small files that were read and stored; the large ones follow at the end."""
        prefix, found, at_ns = work.prefix, work.found, work.at_ns
        add = self._entries.append
        settled_ns = at_ns - SURELY_SETTLED_NS
        done = done_bytes = 0
        for name, one in zip(names, taken, strict=True):
            if one is None:
                then = work.known.get(name)
                like = Digest(then[4].hex()) if then is not None else None
                self._take_alone(prefix + name, os.path.join(work.path, name), at_ns, like)
                continue
            raw, size, mtime_ns, ctime_ns, inode, mode = one
            add(Entry(prefix + name, raw.hex(), size, "file", bool(mode & stat.S_IXUSR)))
            if ctime_ns < settled_ns or not is_racy_time(ctime_ns, mtime_ns, at_ns):
                found[name] = (size, mtime_ns, ctime_ns, inode, raw)
            done += 1
            done_bytes += size
        self._tell(done, done_bytes)
        work.waiting -= len(names)
        if not work.waiting:
            self._remember(work)

    def _remember(self, work: _Folder) -> None:
        if self._cache is not None and work.found != work.known:
            self._cache.set_folder(work.path, work.found)

    def _take_alone(self, relpath: str, path: str, at_ns: int, like: Digest | None) -> None:
        """Begin to store a file that is large, or that was not to be had at the first try.

        `like` is what it held when it was read last.
        """
        try:
            status = os.stat(path, follow_symlinks=False)
        except OSError as error:
            raise _went_away(path) from error
        if self._progress is not None:
            self._progress.add_total(0, status.st_size)
        if self._pool is None:
            from vcs.pools import thread_pool  # 8 ms, for large files only.

            self._pool = thread_pool(min(4, os.cpu_count() or 1), "tracker-add")
        self._large.append((relpath, path, status, at_ns, self._pool.submit(self._put_file, path, like)))

    def _check_names(self, prefix: str, scan: _Scan) -> None:
        names = [*map(_first, scan.same), *scan.files, *scan.folders, *scan.others]
        for name in scan.odd if len(prefix) < _SURELY_SHORT else names:
            try:
                check_entry_path(prefix + name)
            except FormatError as error:
                raise UsageError(
                    f"cannot add {os.path.join(self._root, prefix, name)!r}: {error.message}",
                    hint="rename it, or leave it out: name it in .trackerignore",
                ) from None
        # Two paths can only collide if two names of one folder do.
        joined = "/".join(names)
        if not joined.isascii() or len(set(joined.lower().split("/"))) != max(1, len(names)):
            self._collides = True

    def _tell(self, files: int, done_bytes: int) -> None:
        if self._progress is not None and files:
            self._progress.add_total(0, done_bytes)
            self._progress.advance(files, done_bytes)

    def _put_file(self, path: str, like: Digest | None) -> tuple[Digest, int]:
        try:
            return self._batch.put_file(Path(path), advance=self._advance, like=like)
        except (NotFoundError, UsageError) as error:
            raise _went_away(path) from error

    def _advance(self, done_bytes: int) -> None:
        """Count bytes of a large file, on its own thread; ends the copy after Ctrl-C or a failure."""
        if self._stopped:
            raise _StoppedError
        if self._progress is not None:
            self._progress.advance(0, done_bytes)

    def _finish_large(
        self, relpath: str, path: str, status: os.stat_result, at_ns: int, future: Future[tuple[Digest, int]]
    ) -> None:
        digest, size = future.result()
        where = Path(path)
        if self._cache is not None and size == status.st_size and _is_still(where, status):
            self._cache.put(where, status, digest, at_ns=at_ns)
        self._entries.append(Entry(relpath, digest, size, "file", bool(status.st_mode & stat.S_IXUSR)))
        if self._progress is not None:
            self._progress.advance(1, 0)

    def _other(self, relpath: str, path: str) -> None:
        """Make an entry of a link; refuse what is no file."""
        try:
            target = os.readlink(path)
        except FileNotFoundError as error:
            raise _went_away(path) from error
        except OSError:
            raise UsageError(
                f"{path} is {_kind_of(path)}, which an artifact cannot hold",
                hint="leave it out: name it in .trackerignore",
            ) from None
        try:
            check_link(relpath, target)
        except FormatError as error:
            raise UsageError(
                f"cannot add {path}: {error.message}",
                hint="replace the link by what it points to, or leave it out: name it in .trackerignore",
            ) from None
        self._entries.append(Entry(relpath, digest_bytes(target.encode()), 0, "link", target=target))


@dataclass
class _Folder:
    """A folder of which files are being read.

    Attributes:
        known: What the stat cache says of its files.
        found: What it will say.
        waiting: How many files are still to be read.
    """

    prefix: str
    path: str
    at_ns: int
    known: dict[str, Known]
    found: dict[str, Known] = field(default_factory=dict)
    waiting: int = 0


class _StoppedError(Exception):
    """The walk is over; nobody waits for this file."""


@dataclass
class _Scan:
    """The names in a folder that are not left out, by kind and each kind in order.

    Attributes:
        same: The files that are as they were known.
        files: The other ones.
        others: Links, and what cannot be kept.
        odd: Those among all that have to be looked at more closely.
    """

    same: list[Same] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)


def _scan(folder: str, rules: Rules, known: dict[str, Known]) -> _Scan:
    """Read a folder; only files that are known are looked at."""
    scan = _Scan()
    same, files, is_regular = scan.same.append, scan.files.append, stat.S_ISREG
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                plain = is_plain_name(name)
                if not plain and is_always_left_out(name):
                    continue
                is_dir = entry.is_dir(follow_symlinks=False)
                if rules and rules.leaves_out(name, is_dir=is_dir):
                    continue
                if not plain:
                    scan.odd.append(name)
                if is_dir:
                    scan.folders.append(name)
                elif name in known:
                    then, now = known[name], entry.stat(follow_symlinks=False)
                    mode = now.st_mode
                    if (
                        now.st_mtime_ns == then[1]
                        and now.st_ctime_ns == then[2]
                        and now.st_size == then[0]
                        and now.st_ino == then[3]
                        and is_regular(mode)
                    ):
                        same((name, then, mode))
                    elif is_regular(mode):
                        files(name)
                    else:
                        scan.others.append(name)
                elif entry.is_file(follow_symlinks=False):
                    files(name)
                else:
                    scan.others.append(name)
    except FileNotFoundError as error:
        if error.filename == folder:
            raise disk_error(error, f"cannot read the folder {folder}") from error
        raise _went_away(error.filename) from error
    except OSError as error:
        raise disk_error(error, f"cannot read the folder {folder}") from error
    scan.same.sort(key=_first)
    scan.files.sort()
    scan.folders.sort()
    scan.others.sort()
    return scan


def _went_away(path: str) -> ConflictError:
    return ConflictError(
        f"{path} went away while the folder was added",
        hint="wait until nothing writes to the folder, then run it again",
    )


_first = itemgetter(0)


def _bytes_of(progress: Progress | None) -> Callable[[int], None] | None:
    return None if progress is None else lambda count: progress.advance(0, count)


def _is_still(path: Path, before: os.stat_result) -> bool:
    try:
        after = os.stat(path, follow_symlinks=False)
    except OSError:
        return False
    return (after.st_size, after.st_mtime_ns, after.st_ctime_ns, after.st_ino) == (
        before.st_size,
        before.st_mtime_ns,
        before.st_ctime_ns,
        before.st_ino,
    )


def _kind_of(path: str) -> str:
    try:
        mode = os.stat(path, follow_symlinks=False).st_mode
    except OSError:
        return "something that cannot be looked at"
    if stat.S_ISSOCK(mode):
        return "a socket"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a device"
