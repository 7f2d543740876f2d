"""A path becomes a tracked one, and a plain one again.

Order: the git-ignore line (so that no snapshot of the code takes in the data), the
objects, the version, the pointer. After a kill anywhere, tracking it again completes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from vcs.artifacts.collection import Logged
from vcs.artifacts.manifest import Origin
from vcs.atomic import disk_error
from vcs.errors import ConflictError, Error, NotFoundError, UsageError
from vcs.git import Git
from vcs.names import check_artifact_name
from vcs.progress import Progress
from vcs.repo import Repo
from vcs.tracked.gitignore_line import GITIGNORE, add_line, has_line, line_for, remove_line
from vcs.tracked.memory import TrackedMemory
from vcs.tracked.paths import check_pointer_visible, check_trackable, relative, select
from vcs.tracked.pointer import (
    Pointer,
    PointerFile,
    find_pointers,
    pointer_of,
    pointer_path,
    read_pointer,
    write_pointer,
)
from vcs.tracked.scan import Found, store_path
from vcs.tracked.versions import base_for, need_git

DEFAULT_TYPE = "dataset"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.]+")


@dataclass(frozen=True)
class Tracked:
    """What tracking a path came to.

    Attributes:
        path, pointer_path: Relative to the working tree.
        ignore_path: The `.gitignore` that has changed; None if none had to.
        logged: The version; None if the path was tracked before.
    """

    path: str
    pointer_path: str
    pointer: Pointer
    ignore_path: str | None
    logged: Logged | None


@dataclass(frozen=True)
class Untracked:
    """What was taken away, or would be.

    Attributes:
        ignore_path: The `.gitignore` that loses its line; None if it has none.
    """

    path: str
    pointer_path: str
    ignore_path: str | None


def track(
    repo: Repo,
    path: Path | str,
    *,
    project: str,
    name: str | None = None,
    type: str | None = None,
    description: str | None = None,
    origin: Callable[[], Origin] = Origin,
    progress: Progress | None = None,
) -> Tracked:
    """Store a file or folder as a version, write its pointer, and let git ignore the path.

    The name is that of the path unless given. `origin` is asked when the path is ignored
    already. A path that is tracked stays as it is, whatever it holds now (`commit` makes
    versions); only a missing line for git is put back.

    Raises:
        UsageError: The path cannot be tracked, see `vcs.tracked.paths.check_trackable`;
            the name is another tracked path's; it is tracked under another name or type.
        NotFoundError: Nothing is there.
        StoreError, ConflictError: It cannot be stored; the path is as before.
    """
    git = need_git(repo)
    where = relative(git.worktree, path)
    files = find_pointers(git)
    for file in files:
        if file.path == where:
            return _track_again(git, file, name, type)
    check_trackable(git, where, files)
    is_ignored = check_pointer_visible(git, where)
    chosen = check_artifact_name(name) if name is not None else _free_name(git, where, project, files)
    ignore = None if is_ignored else (git.worktree / where).parent / GITIGNORE
    memories = TrackedMemory(git)
    with memories.turn():
        added = ignore is not None and add_line(ignore, line_for(where.rpartition("/")[2]))
        try:
            found, logged = _store(
                repo, where, (project, chosen, type or DEFAULT_TYPE), description, origin, progress
            )
            pointer = pointer_of(logged.manifest, single=found.single)
            write_pointer(git.worktree / pointer_path(where), pointer)
        except BaseException:
            if ignore is not None and added:
                remove_line(ignore, line_for(where.rpartition("/")[2]))
            raise
        memories.set_base(base_for(where, pointer, placed=False))
    return Tracked(where, pointer_path(where), pointer, _shown(git, ignore) if added else None, logged)


def untrack(repo: Repo, path: Path | str, *, dry_run: bool = False) -> Untracked:
    """Remove the pointer of a path, and the line for git; the data stays, and its versions.

    Raises:
        NotFoundError, UsageError: It is not tracked itself.
        StoreError: The disk refuses; run it again.
    """
    git = need_git(repo)
    selection = select(find_pointers(git), git.worktree, [path])
    if not selection.named:
        below = ", ".join(file.path for file in selection.files[:5])
        raise NotFoundError(f"{path} is not tracked; below it are {below}", hint="name one of them")
    file = selection.files[0]
    where = git.worktree / file.path
    ignore, line = where.parent / GITIGNORE, line_for(where.name)
    if dry_run:
        there = has_line(ignore, line)
        return Untracked(file.path, file.pointer_path, _shown(git, ignore) if there else None)
    memories = TrackedMemory(git)
    with memories.turn():
        # The line first: after a kill in between the path is tracked still, and can be untracked again.
        removed = remove_line(ignore, line)
        pointer = git.worktree / file.pointer_path
        try:
            pointer.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(error, f"cannot remove {pointer}") from error
        memories.forget(file.path)
    return Untracked(file.path, file.pointer_path, _shown(git, ignore) if removed else None)


def _track_again(git: Git, file: PointerFile, name: str | None, type: str | None) -> Tracked:
    path = file.path
    pointer = read_pointer(git.worktree / pointer_path(path))
    asked = (name or pointer.name, type or pointer.type)
    if asked != (pointer.name, pointer.type):
        raise UsageError(
            f"{path} is tracked already, as {pointer.artifact} of type {pointer.type}",
            hint=f"first: tracker untrack {quote(path)}",
        )
    ignore = (git.worktree / path).parent / GITIGNORE
    is_ignored = check_pointer_visible(git, path, in_git=file.in_git)
    added = not is_ignored and add_line(ignore, line_for(path.rpartition("/")[2]))
    return Tracked(path, pointer_path(path), pointer, _shown(git, ignore) if added else None, None)


def _store(
    repo: Repo,
    path: str,
    artifact: tuple[str, str, str],
    description: str | None,
    origin: Callable[[], Origin],
    progress: Progress | None,
) -> tuple[Found, Logged]:
    top = repo.layout.worktree
    found = store_path(top / path, repo.store, top=top, stat_cache=repo.stat_cache, progress=progress)
    if found is None:
        raise ConflictError(f"{path} went away while it was stored", hint="run it again")
    repo.stat_cache.save()
    logged = repo.log_artifact(*artifact, found.listing, origin=origin(), description=description)
    return found, logged


def _free_name(git: Git, path: str, project: str, files: Sequence[PointerFile]) -> str:
    """Return the name of the path as that of an artifact, unless another tracked path has it."""
    name = _NOT_IN_NAMES.sub("-", path.rpartition("/")[2]).strip("-.")
    if not name:
        raise UsageError(f"{path} has no letters for a name", hint=f"tracker track {quote(path)} --name NAME")
    for file in files:
        try:
            other = read_pointer(git.worktree / file.pointer_path)
        except Error:
            continue
        if (other.project, other.name) == (project, name):
            better = _NOT_IN_NAMES.sub("-", path).strip("-.")
            raise UsageError(
                f"{file.path} is tracked as {other.artifact} already",
                hint=f"give another name: tracker track {quote(path)} --name {better}",
            )
    return check_artifact_name(name)


def _shown(git: Git, file: Path | None) -> str | None:
    return file.relative_to(git.worktree).as_posix() if file is not None else None
