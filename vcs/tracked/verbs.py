"""Tracked paths: files and folders that git ignores, each as a version that a pointer names.

`track` stores a path, writes its pointer and lets git ignore the path; from then on git
carries the pointer, and the data follows: `commit` makes a version of what changed and
`plan_checkout` brings the data to the pointers. Committing pointers is left to git's user.

What hooks need: `changed` and `commit` before a commit (the pointers to stage are
`Committed.pointer_paths`), `plan_checkout(repo, restore=False)` after a checkout.
Paths that callers give are relative to the current folder, or absolute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from vcs.artifacts.collection import Logged
from vcs.artifacts.manifest import Manifest, Origin
from vcs.errors import ConflictError, Error, FormatError, NotFoundError, UsageError
from vcs.files.listing_merge import Side
from vcs.progress import Progress
from vcs.repo import Repo
from vcs.tracked.add import Tracked, Untracked, track, untrack
from vcs.tracked.checkout import TrackedPlan
from vcs.tracked.checkout import plan_checkout as plan_files
from vcs.tracked.memory import TrackedMemory
from vcs.tracked.paths import Selection, select
from vcs.tracked.pointer import Pointer, PointerFile, find_pointers, pointer_of, read_pointer, write_pointer
from vcs.tracked.pointer_merge import PointerMerge
from vcs.tracked.pointer_merge import settle as settle_path
from vcs.tracked.scan import store_path
from vcs.tracked.status import PathStatus
from vcs.tracked.status import status as status_of
from vcs.tracked.versions import base_for, need_git

__all__ = [
    "Committed",
    "CommittedPath",
    "Tracked",
    "Untracked",
    "changed",
    "code_origin",
    "commit",
    "find",
    "plan_checkout",
    "problem",
    "settle",
    "status",
    "track",
    "untrack",
]

Origins = Callable[[], Origin]
"""Says where a version comes from; asked only if there is something to store."""

_FORCED = ("outdated", "diverged")
_NOT_COMMITTED = {
    "missing": "{path} is not there",
    "outdated": "{path} holds {here} as it was, and its pointer names {version}",
    "diverged": "{path} holds {here} with changes, and its pointer names {version}",
    "unfinished": "a checkout of {path} was interrupted",
    "unmerged": "a merge left the pointer of {path} in conflict",
}


@dataclass(frozen=True)
class CommittedPath:
    """One path of which a version was made, or found.

    Attributes:
        before, pointer: What its pointer said, and says now.
        logged: The version.
        status: What had changed.
    """

    status: PathStatus
    before: Pointer
    pointer: Pointer
    logged: Logged

    @property
    def path(self) -> str:
        return self.status.path


@dataclass(frozen=True)
class Committed:
    """What a commit of tracked paths came to.

    Attributes:
        paths: Those whose pointers name another version now.
        left: Those that are not as their pointers say, and were left alone; why is in
            `problem`.
    """

    paths: tuple[CommittedPath, ...]
    left: tuple[PathStatus, ...]

    @property
    def pointer_paths(self) -> tuple[str, ...]:
        """The pointers to stage, relative to the working tree."""
        return tuple(one.status.pointer_path for one in self.paths)


def code_origin(repo: Repo) -> Origins:
    """Return the origin of versions made by hand: the code as it lies in the working tree."""

    def origin() -> Origin:
        code = repo.capture_code()
        return Origin(commit=code.commit, branch=code.branch, code_commit=code.code_commit, dirty=code.dirty)

    return origin


def find(repo: Repo) -> list[PointerFile]:
    """Return the tracked paths of this working tree, sorted; their pointers are not read.

    Raises:
        UsageError: There is no git repository.
        GitError: git fails.
    """
    return find_pointers(need_git(repo))


def status(repo: Repo, paths: Iterable[Path | str] | None = None) -> list[PathStatus]:
    """Return how tracked paths stand; all of them, or those at and below `paths`.

    A path with nothing changed costs a look at each file. Changes nothing but what saves
    time next time.

    Raises:
        UsageError, NotFoundError: There is no git repository; nothing is tracked at a path.
    """
    return status_of(repo, _select(repo, paths).files)


def changed(repo: Repo, paths: Iterable[Path | str] | None = None) -> list[PathStatus]:
    """Return the tracked paths of which `commit` would make versions."""
    return [one for one in status(repo, paths) if one.state == "changed"]


def commit(
    repo: Repo,
    paths: Iterable[Path | str] | None = None,
    *,
    message: str | None = None,
    origin: Origins = Origin,
    force: bool = False,
    progress: Progress | None = None,
) -> Committed:
    """Make a version of each tracked path that was changed, and let its pointer name it.

    Only what changed is read and stored. A path that is merely older than its pointer is
    left alone, or the old data would pass for new; with `force`, that is what is meant:
    what lies there becomes the version that the pointer names. git is not told: stage and commit the
    pointers. Interrupted, a version may exist that no pointer names; run it again, and it
    is found. A pointer is replaced after its version is complete.

    Raises:
        ConflictError, NotFoundError: A path that `paths` names itself cannot be committed;
            nothing was done.
        UsageError, StoreError: Something in a path cannot be stored.
        LockedError: Another process changes tracked paths of this working tree.
    """
    selection = _select(repo, paths)
    memories = TrackedMemory(need_git(repo))
    done: list[CommittedPath] = []
    left: list[PathStatus] = []
    with memories.turn():
        for one in status_of(repo, _without_conflicts(selection)):
            if one.pointer is not None and (one.state == "changed" or (force and one.state in _FORCED)):
                done += _commit(repo, memories, one, one.pointer, message, origin, progress)
            elif one.state != "unchanged":
                error = problem(one)
                if one.path in selection.named and error is not None:
                    raise error
                left.append(one)
    repo.stat_cache.save()
    return Committed(tuple(done), tuple(left))


def problem(one: PathStatus) -> Error | None:
    """Return why a path cannot be committed, as an error with the next command; None if it can."""
    if one.state in ("unchanged", "changed"):
        return None
    if one.state in ("broken", "unknown"):
        reason = one.reason or f"{one.path} cannot be read"
        return (FormatError if one.state == "broken" else NotFoundError)(reason, hint=one.hint)
    version = one.pointer.short_name if one.pointer is not None else "nothing"
    text = _NOT_COMMITTED[one.state].format(path=one.path, here=one.here, version=version)
    brings = "brings that in and keeps the changes" if one.state == "diverged" else "brings it there"
    return ConflictError(text, hint=f"tracker checkout {quote(one.path)} {brings}")


def plan_checkout(
    repo: Repo,
    paths: Iterable[Path | str] | None = None,
    *,
    to: str | None = None,
    force: bool = False,
    restore: bool = True,
) -> TrackedPlan:
    """Plan to bring tracked paths to their pointers; see `vcs.tracked.checkout.plan_checkout`.

    Without `paths` it plans for all, and for what a checkout put at paths that have lost
    their pointers. `to` selects another version of the only path's artifact (`v2`,
    `latest`, `@3f9a`), which its pointer will name.

    Raises:
        UsageError, NotFoundError: There is no git repository; nothing is tracked at a
            path; there is no such version, or it holds references.
    """
    selection = _select(repo, paths)
    return plan_files(
        repo,
        selection.files,
        asked_for=selection.named,
        to=_other_version(repo, selection, to) if to is not None else None,
        force=force,
        restore=restore,
        vanished=paths is None,
    )


def settle(
    repo: Repo, paths: Iterable[Path | str] | None = None, *, prefer: Side | None = None
) -> dict[str, PointerMerge]:
    """Merge the pointers that a merge of git left in conflict; return what came out, by path.

    What was settled before is not in it, and without `paths` neither is what cannot be
    settled. See `vcs.tracked.pointer_merge.settle`.

    Raises:
        ConflictError: Files were changed on both sides, and no side is preferred.
    """
    given = list(paths) if paths is not None else None
    merged: dict[str, PointerMerge] = {}
    for file in _select(repo, given).files:
        if file.unmerged:
            try:
                merge = settle_path(repo, file.path, prefer)
            except Error:
                if given is not None:
                    raise
                continue
            if merge is not None:
                merged[file.path] = merge
    return merged


def _other_version(repo: Repo, selection: Selection, selector: str) -> Manifest:
    if len(selection.files) != 1:
        raise UsageError(
            "another version can be had of one path at a time", hint="tracker checkout PATH --to VERSION"
        )
    pointer = read_pointer(repo.layout.worktree / selection.files[0].pointer_path)
    colon = "" if selector.startswith("@") else ":"
    manifest = repo.resolve(f"{pointer.artifact}{colon}{selector}", project=pointer.project)
    if any(entry.kind == "ref" for entry in repo.collections.listing(manifest)):
        raise UsageError(f"{manifest.qualified_name} holds references, which are no files to check out")
    return manifest


def _select(repo: Repo, paths: Iterable[Path | str] | None) -> Selection:
    found = find(repo)
    return Selection(tuple(found)) if paths is None else select(found, repo.layout.worktree, paths)


def _without_conflicts(selection: Selection) -> Sequence[PointerFile]:
    """Take a path that is named itself as settled by hand: what lies there is to be the outcome."""
    return [
        PointerFile(file.path, file.in_git, file.unmerged and file.path not in selection.named)
        for file in selection.files
    ]


def _commit(
    repo: Repo,
    memories: TrackedMemory,
    one: PathStatus,
    before: Pointer,
    message: str | None,
    origin: Origins,
    progress: Progress | None,
) -> list[CommittedPath]:
    where = repo.layout.worktree / one.path
    found = store_path(
        where, repo.store, top=repo.layout.worktree, stat_cache=repo.stat_cache, progress=progress
    )
    if found is None:
        raise ConflictError(f"{one.path} went away while it was stored", hint="run it again")
    logged = repo.log_artifact(
        before.project,
        before.name,
        before.type,
        found.listing,
        origin=origin(),
        description=message,
        parent=before.version,
    )
    pointer = pointer_of(logged.manifest, single=found.single, more=before.more)
    write_pointer(repo.layout.worktree / one.pointer_path, pointer)
    base = memories.base(one.path)
    memories.set_base(base_for(one.path, pointer, placed=base is not None and base.placed))
    return [CommittedPath(one, before, pointer, logged)]
