"""How each tracked path stands to its pointer, and to what was put there last.

Three things decide: what lies at the path, what its pointer names, and the base, which
track, commit or checkout put there last. Without the base nobody could tell a folder
that was changed from one whose pointer moved on (`git switch`, `git pull`), and a commit
would take the old data for new.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from vcs.errors import (
    ConflictError,
    Error,
    FormatError,
    IntegrityError,
    LockedError,
    NotFoundError,
    StoreError,
    UsageError,
)
from vcs.files.listing import Listing, path_key
from vcs.files.listing_changes import differing
from vcs.files.listing_merge import Conflict
from vcs.repo import Repo
from vcs.tracked.memory import Base, TrackedMemory
from vcs.tracked.pointer import Pointer, PointerFile, check_tracked_path, pointer_path, read_pointer
from vcs.tracked.pointer_merge import conflicts_of, is_settled, read_stages
from vcs.tracked.scan import Found, check_way, renamed, scan
from vcs.tracked.versions import (
    base_for,
    base_text,
    need_git,
    newer_than,
    text_of,
    version_of,
    version_with,
)

State: TypeAlias = Literal[
    "unchanged", "changed", "missing", "outdated", "diverged", "unfinished", "unknown", "unmerged", "broken"
]


@dataclass(frozen=True)
class PathStatus:
    """One tracked path.

    Attributes:
        path: Relative to the working tree.
        state: unchanged; changed (by hand, or by a program); missing; outdated (an earlier
            version lies there as it was, and the pointer names another); diverged (the
            same, and changed); unfinished (a checkout was interrupted); unknown (differs
            from a version that the records here do not have); unmerged (a merge left the
            pointer in conflict); broken (the pointer cannot be read, or the path not be
            looked into: see `reason`).
        pointer: None if it cannot be read.
        in_git: Whether git has the pointer in its index.
        added, removed, modified: Files of the path, for changed against the pointer's
            version, for diverged against the base.
        here: `name:v2` that lies there, for outdated and diverged.
        newer: The version that `latest` names, if it came after the pointer's.
        known: Whether the records here have the pointer's version.
        conflicts: Files that both sides changed, for unmerged.
        reason, hint: Why it is broken or unknown, and what to do.
    """

    path: str
    state: State
    pointer: Pointer | None = None
    in_git: bool = True
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    here: str | None = None
    newer: str | None = None
    known: bool = True
    conflicts: tuple[Conflict, ...] = ()
    reason: str | None = None
    hint: str | None = None

    @property
    def pointer_path(self) -> str:
        """Where the pointer lies, relative to the working tree."""
        return pointer_path(self.path)

    @property
    def differs(self) -> int:
        """How many files were added, removed and modified."""
        return len(self.added) + len(self.removed) + len(self.modified)


def look(repo: Repo, path: str) -> Found | None:
    """Look at a tracked path; None if nothing lies there.

    With nothing changed since last time this costs one look at each file's name and times.

    Raises:
        UsageError, ConflictError: A link, a socket, a name that cannot be kept, a file
            that changes.
        StoreError: It cannot be read.
    """
    top = repo.layout.worktree
    where = top / path
    check_way(top, path)
    return scan(where, top=top, stat_cache=repo.stat_cache)


def status(repo: Repo, files: Iterable[PointerFile]) -> list[PathStatus]:
    """Return how each tracked path stands; changes nothing but what only saves time.

    Trouble with one path is told in its status, and does not hide the others.
    """
    memories = TrackedMemory(need_git(repo))
    found = [_status(repo, memories, file) for file in files]
    repo.stat_cache.save()
    return found


def base_of(repo: Repo, memories: TrackedMemory, path: str, pointer: Pointer, here: Found) -> Base | None:
    """Return what was put at a path last: as remembered, else the version that lies there whole."""
    base = memories.base(path)
    if base is not None:
        return base
    version = version_with(repo, pointer, here.digest)
    if version is None:
        return None
    return Base(path=path, artifact=version.qualified_name, digest=version.digest, single=here.single)


def compare(before: Listing, after: Listing) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the paths added, removed and modified, each sorted."""
    was, now = before.by_path, after.by_path

    def ordered(paths: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(paths, key=path_key))

    modified = (path for path, entry in now.items() if path in was and was[path] != entry)
    return ordered(now.keys() - was.keys()), ordered(was.keys() - now.keys()), ordered(modified)


def aligned(listing: Listing, path: str, *, single: bool) -> Listing:
    """Return the listing as it lies at a path: a file has the path's name, whatever its own was."""
    return renamed(listing, path.rpartition("/")[2]) if single else listing


def _status(repo: Repo, memories: TrackedMemory, file: PointerFile) -> PathStatus:
    blank = PathStatus(file.path, "broken", in_git=file.in_git)
    try:
        check_tracked_path(file.path)
        if file.unmerged:
            conflict = _unmerged(repo, file, blank)
            if conflict is not None:
                return conflict
        pointer = read_pointer(repo.layout.worktree / file.pointer_path)
    except Error as error:
        return replace(blank, reason=error.message, hint=error.hint)
    blank = replace(blank, pointer=pointer)
    try:
        return _against_pointer(repo, memories, pointer, blank)
    except (UsageError, ConflictError, StoreError) as error:
        return replace(blank, reason=error.message, hint=error.hint)


def _unmerged(repo: Repo, file: PointerFile, blank: PathStatus) -> PathStatus | None:
    """Return the status of a path in conflict; None if somebody has settled it already."""
    where = repo.layout.worktree / file.pointer_path
    stages = read_stages(need_git(repo), file.path)
    if is_settled(where, stages):
        return None
    unmerged = replace(blank, state="unmerged", pointer=stages.ours)
    try:
        return replace(unmerged, conflicts=conflicts_of(repo, file.path))
    except Error as error:
        return replace(unmerged, reason=error.message, hint=error.hint)


def _against_pointer(repo: Repo, memories: TrackedMemory, pointer: Pointer, blank: PathStatus) -> PathStatus:
    try:
        manifest = version_of(repo, pointer)
    except (NotFoundError, FormatError) as error:
        manifest = None
        blank = replace(blank, known=False, reason=error.message, hint=error.hint)
    else:
        blank = replace(blank, newer=newer_than(repo, pointer, manifest))
    here = look(repo, blank.path)
    if here is None:
        return replace(blank, state="missing")
    if here.digest == pointer.digest and here.single == pointer.single:
        _heal(memories, blank.path, pointer)
        return replace(blank, state="unchanged")
    if memories.is_unfinished(blank.path):
        return replace(blank, state="unfinished")
    return _difference(repo, memories, pointer, here, blank)


def _heal(memories: TrackedMemory, path: str, pointer: Pointer) -> None:
    """Remember the pointer's version as the base if its files got there in another way.

    By hand, by git, or by a checkout that was killed at its very end. Where somebody else
    is at work, or the disk refuses, it is left to the next time.
    """
    base = memories.base(path)
    right = base_for(path, pointer, placed=base is not None and base.placed)
    if base != right or memories.is_unfinished(path):
        with suppress(LockedError, StoreError), memories.turn(timeout_s=0.0):
            memories.set_base(right)


def _difference(
    repo: Repo, memories: TrackedMemory, pointer: Pointer, here: Found, blank: PathStatus
) -> PathStatus:
    base = base_of(repo, memories, blank.path, pointer, here)
    if base is not None and base.digest != pointer.digest:
        name = base.artifact.rpartition("/")[2]
        if (base.digest, base.single) == (here.digest, here.single):
            return replace(blank, state="outdated", here=name)
        before = base_text(repo, base)
        changes = _changes(before, base.single, here, blank.path) if before is not None else None
        if changes is not None:
            state: State = "diverged" if any(changes) else "outdated"
            return _with_changes(replace(blank, state=state, here=name), changes)
    if not blank.known:
        return replace(blank, state="unknown")
    try:
        wanted = text_of(repo, pointer)
    except (NotFoundError, FormatError, IntegrityError) as error:
        return replace(blank, state="unknown", reason=error.message, hint=error.hint)
    changes = _changes(wanted, pointer.single, here, blank.path)
    if changes is None:
        reason = f"the listing of {pointer.qualified_name} is damaged"
        return replace(blank, state="unknown", reason=reason, hint=f"tracker verify {pointer.artifact}")
    return _with_changes(replace(blank, state="changed" if any(changes) else "unchanged"), changes)


_Changes: TypeAlias = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def _changes(text: bytes, single: bool, here: Found, path: str) -> _Changes | None:
    """Compare with the listing that has a text; None if that is damaged."""
    try:
        if single or here.single:
            before, after = Listing.decode(text), here.listing
        else:
            before, after = differing(text, here.listing.encoded)
    except FormatError:
        return None
    files = Listing(entry for entry in before if entry.kind != "ref")  # References are no files.
    return compare(aligned(files, path, single=single), aligned(after, path, single=here.single))


def _with_changes(blank: PathStatus, changes: _Changes) -> PathStatus:
    added, removed, modified = changes
    return replace(blank, added=added, removed=removed, modified=modified)
