"""Files to listing: walk, leave out, look into the stat cache, hash and store in one pass.

Small files are read here and go to the batch as bytes; large ones are copied by the
batch on as many threads as there are cores, while the walk goes on. What is known from
the stat cache and is still in the store is not read.
"""

from __future__ import annotations

import os
import re
import stat
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from vcs.atomic import disk_error
from vcs.digest import Digest, digest_bytes
from vcs.errors import ConflictError, FormatError, NotFoundError, UsageError
from vcs.ignore import Ignore, Rules, is_always_left_out
from vcs.listing import Entry, Listing
from vcs.paths import check_entry_path, check_link, check_no_collisions, to_entry_path
from vcs.progress import Progress
from vcs.stat_cache import Known, StatCache, is_racy, known_from
from vcs.stores.base import Batch, Store

# Files of at least this size are left to the batch, which copies without holding them in memory.
_LARGE_BYTES = 128 << 10
_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_\-][A-Za-z0-9_\-. ]{0,100}")
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
        raise NotFoundError(f"no such folder: {folder}")
    with ExitStack() as stack:
        into = batch if batch is not None else stack.enter_context(store.batch())
        walk = stack.enter_context(_Walk(root, into, ignore, stat_cache, progress))
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
        raise NotFoundError(f"no such file: {path}") from None
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
            digest, size = into.put_file(real)
            if stat_cache is not None and _is_still(real, before):
                stat_cache.put(real, before, digest, at_ns=at_ns)
    if progress is not None:
        progress.advance(1, before.st_size)
    return Entry(entry_path, digest, size, executable=bool(before.st_mode & stat.S_IXUSR))


class _Walk:
    """One walk over a folder. Folders are done one after the other, so memory holds entries only."""

    def __init__(
        self,
        root: Path,
        batch: Batch,
        ignore: Ignore | None,
        stat_cache: StatCache | None,
        progress: Progress | None,
    ) -> None:
        self._root = str(root)
        self._batch = batch
        self._ignore = ignore
        self._cache = stat_cache
        self._progress = progress
        self._entries: list[Entry] = []
        self._collides = False
        self._pool: ThreadPoolExecutor | None = None
        self._large: list[tuple[str, str, os.stat_result, int, Future[tuple[Digest, int]]]] = []

    def __enter__(self) -> _Walk:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def run(self) -> list[Entry]:
        """Walk, store, and return all entries."""
        folders = [("", self._root)]
        while folders:
            prefix, folder = folders.pop()
            below = self._folder(prefix, folder)
            folders.extend(reversed(below))
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

    def _folder(self, prefix: str, folder: str) -> list[tuple[str, str]]:
        """Do the files of one folder; return the folders in it."""
        rules = self._ignore.rules(prefix) if self._ignore is not None else _NO_RULES
        known = self._cache.folder(folder) if self._cache is not None else {}
        found: dict[str, Known] = {}
        at_ns = time.time_ns()
        items = self._scan(prefix, folder, rules)
        if not items and prefix:
            self._entries.append(Entry(prefix[:-1], _NOTHING, 0, "dir"))
        if self._progress is not None:
            self._tell_total(items)
        below: list[tuple[str, str]] = []
        for name, path, status in items:
            mode = status.st_mode
            if stat.S_ISREG(mode):
                self._file(prefix + name, path, name, status, at_ns, known.get(name), found)
            elif stat.S_ISDIR(mode):
                below.append((f"{prefix}{name}/", path))
            elif stat.S_ISLNK(mode):
                self._link(prefix + name, path)
            else:
                raise UsageError(
                    f"{path} is {_kind_of(mode)}, which an artifact cannot hold",
                    hint="leave it out: name it in .trackerignore",
                )
        if self._cache is not None and found != known:
            self._cache.set_folder(folder, found)
        return below

    def _scan(self, prefix: str, folder: str, rules: Rules) -> list[tuple[str, str, os.stat_result]]:
        """Return what is in a folder and not left out, by name."""
        items: list[tuple[str, str, os.stat_result]] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    name = entry.name
                    if not _PLAIN_NAME.fullmatch(name) and is_always_left_out(name):
                        continue
                    if rules and rules.leaves_out(name, is_dir=entry.is_dir(follow_symlinks=False)):
                        continue
                    try:
                        items.append((name, entry.path, entry.stat(follow_symlinks=False)))
                    except FileNotFoundError:
                        continue  # Gone since the folder was read: as if it had gone before.
        except OSError as error:
            raise disk_error(error, f"cannot read the folder {folder}") from error
        items.sort(key=_by_name)
        self._check_names(prefix, [item[0] for item in items])
        return items

    def _check_names(self, prefix: str, names: list[str]) -> None:
        short = len(prefix) < _SURELY_SHORT
        for name in names:
            if not short or not _PLAIN_NAME.fullmatch(name):
                try:
                    check_entry_path(prefix + name)
                except FormatError as error:
                    raise UsageError(
                        f"cannot add {os.path.join(self._root, prefix, name)!r}: {error.message}",
                        hint="rename it, or leave it out: name it in .trackerignore",
                    ) from None
        # Two paths can only collide if two names of one folder do.
        if len({name.lower() for name in names}) != len(names) or not all(map(str.isascii, names)):
            self._collides = True

    def _tell_total(self, items: list[tuple[str, str, os.stat_result]]) -> None:
        sizes = [status.st_size for _, _, status in items if stat.S_ISREG(status.st_mode)]
        if sizes and self._progress is not None:
            self._progress.add_total(len(sizes), sum(sizes))

    def _file(
        self,
        relpath: str,
        path: str,
        name: str,
        status: os.stat_result,
        at_ns: int,
        known: Known | None,
        found: dict[str, Known],
    ) -> None:
        size = status.st_size
        if known is not None and known[:4] == (size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino):
            digest = Digest(known[4].hex())
            if self._batch.contains(digest):
                found[name] = known
                self._done(relpath, status, digest, size)
                return
        if size >= _LARGE_BYTES:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="tracker-add")
            future = self._pool.submit(self._put_file, path)
            self._large.append((relpath, path, status, at_ns, future))
            return
        data = _read_unchanged(path, status)
        if data is None:
            digest, size = self._put_file(path)
        else:
            digest = self._batch.put_bytes(data)
            if self._cache is not None and not is_racy(status, at_ns):
                found[name] = known_from(status, bytes.fromhex(digest))
        self._done(relpath, status, digest, size)

    def _put_file(self, path: str) -> tuple[Digest, int]:
        try:
            return self._batch.put_file(Path(path))
        except (NotFoundError, UsageError) as error:
            raise ConflictError(
                f"{path} went away while the folder was added",
                hint="wait until nothing writes to the folder, then run it again",
            ) from error

    def _finish_large(
        self, relpath: str, path: str, status: os.stat_result, at_ns: int, future: Future[tuple[Digest, int]]
    ) -> None:
        digest, size = future.result()
        where = Path(path)
        if self._cache is not None and size == status.st_size and _is_still(where, status):
            self._cache.put(where, status, digest, at_ns=at_ns)
        self._done(relpath, status, digest, size)

    def _done(self, relpath: str, status: os.stat_result, digest: Digest, size: int) -> None:
        executable = bool(status.st_mode & stat.S_IXUSR)
        self._entries.append(Entry(relpath, digest, size, executable=executable))
        if self._progress is not None:
            self._progress.advance(1, status.st_size)

    def _link(self, relpath: str, path: str) -> None:
        try:
            target = check_link(relpath, os.readlink(path))
        except FormatError as error:
            raise UsageError(
                f"cannot add {path}: {error.message}",
                hint="replace the link by what it points to, or leave it out: name it in .trackerignore",
            ) from None
        except OSError as error:
            raise disk_error(error, f"cannot read the link {path}") from error
        self._entries.append(Entry(relpath, digest_bytes(target.encode()), 0, "link", target=target))


def _by_name(item: tuple[str, str, os.stat_result]) -> str:
    return item[0]


def _read_unchanged(path: str, status: os.stat_result) -> bytes | None:
    """Return the bytes of a small file; None if it is not as it was when it was looked at."""
    try:
        fd = os.open(path, _READ_FLAGS)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(error, f"cannot read {path}") from error
    try:
        data = os.read(fd, _LARGE_BYTES)
        after = os.fstat(fd)
    except OSError as error:
        raise disk_error(error, f"cannot read {path}") from error
    finally:
        os.close(fd)
    if len(data) != status.st_size or after.st_mtime_ns != status.st_mtime_ns or after.st_size != len(data):
        return None
    return data


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


def _kind_of(mode: int) -> str:
    if stat.S_ISSOCK(mode):
        return "a socket"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a device"
