"""What lies at a tracked path now: its listing, without storing anything.

The walk is that of `vcs.files.add`, into a batch that keeps nothing, so a path has the same
listing here and when it is stored, and one in which nothing changed costs a look at each file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vcs.atomic import disk_error
from vcs.digest import Digest, digest_bytes
from vcs.errors import ConflictError, NotFoundError, UsageError
from vcs.files.add import add_file, add_tree
from vcs.files.ignore import Ignore
from vcs.files.listing import Entry, Listing
from vcs.files.stat_cache import StatCache
from vcs.progress import Progress
from vcs.stores.base import Batch, Located, Store
from vcs.stores.copying import hash_descriptor
from vcs.stores.memory import MemoryStore
from vcs.stores.small_files import LARGE_BYTES

_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Found:
    """What lies at a path.

    Attributes:
        listing: Of a file, its only entry has the file's own name.
        single: Whether it is a file.
    """

    listing: Listing
    single: bool

    @property
    def digest(self) -> Digest:
        """The digest of the listing."""
        return self.listing.digest


def kind_at(where: Path) -> str | None:
    """Return `file` or `folder`; None if nothing is there.

    Raises:
        UsageError: It is a link, or none of these.
        StoreError: It cannot be looked at.
    """
    try:
        mode = os.lstat(where).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise disk_error(error, f"cannot read {where}") from error
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISLNK(mode):
        raise UsageError(
            f"{where} is a link; what it points to is not in its place",
            hint="track the folder itself, or keep the store elsewhere: `store:` in tracker.yaml",
        )
    raise UsageError(f"{where} is neither a file nor a folder")


def check_way(worktree: Path, path: str) -> None:
    """Check that no folder on the way to a tracked path is a link, which could lead outside.

    Raises:
        ConflictError: One is.
    """
    where = worktree
    for part in path.split("/")[:-1]:
        where = where / part
        if where.is_symlink():
            raise ConflictError(
                f"{where} is a link, and {path} would lie elsewhere", hint="put a folder in its place"
            )


def scan(where: Path, *, top: Path, stat_cache: StatCache) -> Found | None:
    """Return what lies at a path; None if nothing does. Reads what the stat cache does not know.

    `top` is the working tree, whose `.trackerignore` files hold. The stat cache is
    changed but not saved.

    Raises:
        UsageError, ConflictError, StoreError: As `vcs.files.add.add_tree`.
    """
    return store_path(where, MemoryStore(), top=top, stat_cache=stat_cache, batch=_Keeping())


def store_path(
    where: Path,
    store: Store,
    *,
    top: Path,
    stat_cache: StatCache,
    progress: Progress | None = None,
    batch: Batch | None = None,
) -> Found | None:
    """Store what lies at a path and return it; None if nothing does. See `scan`."""
    kind = kind_at(where)
    if kind is None:
        return None
    try:
        if kind == "file":
            entry = add_file(
                where, store, name=where.name, stat_cache=stat_cache, progress=progress, batch=batch
            )
            return Found(Listing([entry]), True)
        ignore = Ignore.load(where, top=top)
        listing = add_tree(where, store, ignore=ignore, stat_cache=stat_cache, progress=progress, batch=batch)
    except NotFoundError:
        return None  # Gone since we looked.
    return Found(listing, False)


class _Keeping(Batch):
    """A batch that keeps nothing and has everything, so only what is unknown is read."""

    def put_bytes(self, data: bytes, *, like: Digest | None = None) -> Digest:
        return digest_bytes(data)

    def contains(self, digest: Digest) -> bool:
        return True

    def locate(self, raws: Sequence[bytes]) -> Located:
        return Located(set(), set(), list(raws))

    def holds(self, packs: Iterable[str]) -> bool:
        return True

    def put_file(
        self, path: Path, *, advance: Callable[[int], None] | None = None, like: Digest | None = None
    ) -> tuple[Digest, int]:
        for _ in range(2):
            try:
                fd = os.open(path, _READ_FLAGS)
            except FileNotFoundError:
                raise NotFoundError(f"no such file: {path}") from None
            except OSError as error:
                raise disk_error(error, f"cannot read {path}") from error
            try:
                before = os.fstat(fd)
                digest, size = _hash(fd, before.st_size, advance)
                after = os.fstat(fd)
            except OSError as error:
                raise disk_error(error, f"cannot read {path}") from error
            finally:
                os.close(fd)
            if size == before.st_size and before.st_mtime_ns == after.st_mtime_ns:
                return digest, size
            if advance is not None:
                advance(-size)
        raise ConflictError(
            f"{path} changed while it was read", hint="wait until nothing writes to it, then run it again"
        )


def _hash(fd: int, size: int, advance: Callable[[int], None] | None) -> tuple[Digest, int]:
    if size >= LARGE_BYTES:
        return hash_descriptor(fd, advance=advance)
    # One read of just the size; a buffer for large files would cost more than the file.
    data = os.read(fd, LARGE_BYTES)
    if advance is not None:
        advance(len(data))
    return digest_bytes(data), len(data)


def renamed(listing: Listing, name: str) -> Listing:
    """Return the listing of a file under another name; its own may be that of long ago."""
    return Listing(
        Entry(name, entry.digest, entry.size, entry.kind, entry.executable, entry.target) for entry in listing
    )
