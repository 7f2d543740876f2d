"""Garbage: objects that nothing names; found, put into a trash, and brought back.

An object is garbage when no source names it (see `reachability`) and it is older than
the grace period and than every process that is putting objects. Finding it changes
nothing. What is removed lies in a trash for a week and comes back with `undo`.

Order: the store is listed before the sources are read, and every object is looked at
again when it goes; so what is logged, pulled or touched meanwhile stays.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

from vcs.atomic import disk_error, make_folder, remove_quietly, temporary_name, write_atomic
from vcs.clock import iso_now, parse_time
from vcs.digest import Digest
from vcs.errors import FormatError, NotFoundError
from vcs.git import Git
from vcs.layout import Layout
from vcs.lock import file_lock
from vcs.retention.reachability import Expand, Mentions, all_mentions, check_absent, find_reachable
from vcs.retention.shared_store import other_users
from vcs.stores.base import Store
from vcs.stores.claims import oldest_claim_s
from vcs.stores.local import LocalStore
from vcs.stores.trash import Trashed, move_to_trash, open_store, restore_trash

GRACE_S = 24 * 3600.0
TRASH_S = 7 * 24 * 3600.0
_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class GcPlan:
    """What would go.

    Attributes:
        garbage: Objects that nothing names and that are old enough; with their sizes.
        young: How many objects nothing names, but are too young.
        total: How many objects there are.
        unused_since_s: What was put or asked for later than this stays, by the disk's clock.
        waits_for_others: Whether that is because of a process that is putting objects.
    """

    garbage: dict[Digest, int]
    young: int
    total: int
    unused_since_s: float
    waits_for_others: bool

    @property
    def size_bytes(self) -> int:
        return sum(self.garbage.values())


@dataclass(frozen=True)
class TrashFolder:
    """One collection of garbage that can be brought back."""

    path: Path
    time: str

    @property
    def age_s(self) -> float:
        return time.time() - parse_time(self.time).timestamp()

    def size_bytes(self) -> int:
        """Return what removing it would free; files that the store still has count for nothing."""
        size = 0
        for path in self.path.rglob("*"):
            with suppress(OSError):
                status = path.lstat()
                size += status.st_size if path.is_file() and status.st_nlink == 1 else 0
        return size


def mentions_of(layout: Layout, git: Git | None, store: LocalStore, expand: Expand) -> Iterator[Mentions]:
    """Yield all that names objects of a store: of this repository, and of others that share the store.

    Raises:
        StoreError, GitError: One of them cannot be read.
    """
    yield from all_mentions(layout, git, expand)
    yield from mentions_of_others(layout, store, expand)


def mentions_of_others(layout: Layout, store: LocalStore, expand: Expand) -> Iterator[Mentions]:
    """Yield what names objects in the other repositories that share the store.

    Raises:
        StoreError, GitError: One of them cannot be read.
    """
    for other in other_users(layout):
        own = Git(other.worktree) if other.git_dir is not None else None
        yield from all_mentions(other, own, expand)


def plan_gc(
    layout: Layout,
    git: Git | None,
    store: LocalStore,
    *,
    expand: Expand,
    grace_s: float = GRACE_S,
    listings: Store | None = None,
    without: Collection[str] = (),
) -> GcPlan:
    """Find the garbage. Reads all records; changes nothing.

    `without` are records of this clone, by their paths, that count as deleted. `listings` is
    where long listings are read: a store that brings what is not here from a remote.

    Raises:
        FormatError: A long listing is nowhere, so that it is not known what it names.
        StoreError, GitError: Something that may name objects cannot be read.
    """
    unused_since_s, waits = unused_since(store, grace_s)
    there = set(store.list())
    mentions = mentions_of(layout, git, store, expand)
    reachable = find_reachable((one for one in mentions if not _is_among(one, without)), listings or store)
    check_absent(reachable)
    unnamed = {digest for digest in there if digest not in reachable.digests}
    garbage = {}
    for digest in sorted(unnamed):
        changed_s = store.changed_s(digest)
        if changed_s is not None and changed_s < unused_since_s:
            garbage[digest] = store.size(digest)
    return GcPlan(garbage, len(unnamed) - len(garbage), len(there), unused_since_s, waits)


def unused_since(store: LocalStore, grace_s: float) -> tuple[float, bool]:
    """Return since when an object must have been left alone to go, and whether others are why.

    By the disk's clock: before the grace period, and before any process that is putting objects began.
    """
    now_s = _disk_time_s(store)
    claimed_s = oldest_claim_s(store.claims)
    since_s = min(now_s - grace_s, claimed_s if claimed_s is not None else now_s)
    return since_s, claimed_s is not None and claimed_s < now_s - grace_s


def _is_among(one: Mentions, paths: Collection[str]) -> bool:
    return one.source.path in paths and one.source.place in ("records", "ledger")


def collect(store: LocalStore, plan: GcPlan) -> Trashed:
    """Put the garbage of a plan into a trash. One at a time in a store; interrupted, it can be repeated.

    Raises:
        LockedError: Another process collects garbage.
        StoreError: The disk failed; nothing that is named was touched.
    """
    with _turn(store):
        trash = _trash(store) / f"{iso_now().replace(':', '').replace('.', '')}-{os.urandom(2).hex()}"
        write_atomic(trash / "time", f"{iso_now()}\n")
        done = move_to_trash(store, plan.garbage, trash, unused_since_s=plan.unused_since_s)
        if not done.digests:
            shutil.rmtree(trash, ignore_errors=True)
        store.remove_leftovers()
        return done


def trash_folders(store: LocalStore) -> list[TrashFolder]:
    """Return what lies in the trash, oldest first."""
    found = []
    folder = _trash(store)
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        try:
            when = (path / "time").read_text().strip()
            parse_time(when)
        except (OSError, FormatError):
            continue
        found.append(TrashFolder(path, when))
    return sorted(found, key=lambda one: (one.time, one.path.name))


def undo(store: LocalStore) -> tuple[TrashFolder, int]:
    """Bring back what was put into the trash last; return how many objects that were.

    Raises:
        NotFoundError: The trash is empty.
        StoreError, LockedError: Not everything is back yet; calling it again goes on.
    """
    with _turn(store):
        folders = trash_folders(store)
        if not folders:
            raise NotFoundError("the trash is empty: there is nothing to bring back")
        return folders[-1], restore_trash(store, folders[-1].path)


def empty_trash(store: LocalStore, *, older_than_s: float = TRASH_S) -> int:
    """Remove for good what has been in the trash for so long; return the bytes that this freed.

    Raises:
        LockedError: Another process collects garbage.
    """
    freed = 0
    with _turn(store):
        for folder in trash_folders(store):
            if folder.age_s >= older_than_s:
                freed += folder.size_bytes()
                shutil.rmtree(folder.path, ignore_errors=True)
    return freed


def in_trash(store: LocalStore, digest: Digest) -> TrashFolder | None:
    """Return the trash that has an object; None if none has."""
    for folder in trash_folders(store):
        if open_store(folder.path).contains(digest):
            return folder
    return None


def _turn(store: LocalStore) -> AbstractContextManager[None]:
    return file_lock(store.objects.parent / "gc-lock", timeout_s=_TIMEOUT_S, what="the trash of the store")


def _trash(store: LocalStore) -> Path:
    return store.objects.parent / "trash"


def _disk_time_s(store: LocalStore) -> float:
    """Return the time by the clock that dates the objects: that of a file server, maybe."""
    probe = store.tmp / temporary_name("clock")
    make_folder(store.tmp)
    try:
        probe.write_bytes(b"")
        return probe.stat().st_mtime
    except OSError as error:
        raise disk_error(error, f"cannot write to the store at {store.tmp}") from error
    finally:
        remove_quietly(probe)
