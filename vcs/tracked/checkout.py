"""Tracked paths brought to their pointers: plan for all of them, then apply.

A path whose pointer is gone (another branch has none) is emptied of what a checkout put
there, as git does with its files. Each path is a work of its own: one that cannot be
brought to its pointer does not keep back the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from vcs.artifacts.manifest import Manifest
from vcs.clock import iso_now
from vcs.errors import ConflictError, Error
from vcs.progress import Progress
from vcs.repo import Repo
from vcs.tracked.memory import Base, TrackedMemory
from vcs.tracked.place import Content, HandMade, Placing, plan_placing
from vcs.tracked.pointer import (
    LITERAL_PATHS,
    Pointer,
    PointerFile,
    check_tracked_path,
    known_pointers,
    pointer_of,
    pointer_path,
    read_pointer,
    write_pointer,
)
from vcs.tracked.pointer_merge import is_settled, read_stages
from vcs.tracked.scan import Found
from vcs.tracked.status import aligned, base_of, look
from vcs.tracked.versions import base_for, base_listing, listing_of, need_git


@dataclass(frozen=True)
class PathPlan:
    """What a checkout would do to one tracked path.

    Attributes:
        path: Relative to the working tree.
        pointer: Where it is to come; None if it has no pointer any more.
        placing: Which files would change; None if nothing can be planned.
        was: `name:v2` that lies there, if that is known.
        error: Why it cannot be brought there.
    """

    path: str
    pointer: Pointer | None
    placing: Placing | None = None
    was: str | None = None
    error: Error | None = None
    _base: Base | None = field(default=None, repr=False)
    _new_pointer: bool = field(default=False, repr=False)

    @property
    def conflicts(self) -> tuple[str, ...]:
        """Files changed by hand that are in the way."""
        return self.placing.conflicts if self.placing is not None else ()

    @property
    def problem(self) -> Error | None:
        """Why it cannot be applied; None if it can."""
        return self.error or (self.placing.problem if self.placing is not None else None)

    @property
    def changes_nothing(self) -> bool:
        """Whether no file and no pointer would change."""
        return not self._new_pointer and (self.placing is None or self.placing.changes_nothing)


@dataclass(frozen=True)
class Applied:
    """What a checkout of tracked paths came to.

    Attributes:
        done: The paths that are at their pointers now, but for what was kept.
        failed: The others that were ready, with what happened.
        saved: The folder with copies of what was overwritten; None if nothing was.
    """

    done: tuple[PathPlan, ...]
    failed: tuple[tuple[PathPlan, Error], ...]
    saved: Path | None


@dataclass(frozen=True)
class TrackedPlan:
    """What a checkout of tracked paths would do. Nothing has been changed yet."""

    paths: tuple[PathPlan, ...]
    _repo: Repo = field(repr=False)

    @property
    def blocked(self) -> tuple[PathPlan, ...]:
        """Paths that cannot be brought to their pointers."""
        return tuple(plan for plan in self.paths if plan.problem is not None)

    def apply(self, *, progress: Progress | None = None, now: Callable[[], str] = iso_now) -> Applied:
        """Bring every path that is ready to its pointer; the blocked ones are left alone.

        Each file appears whole. Interrupted, a path counts as unfinished until this is run
        again. Nothing changed by hand is overwritten unless the plan was forced, and then
        a copy lies below `saved`.

        Raises:
            LockedError: Another process changes tracked paths of this working tree.
        """
        repo = self._repo
        memories = TrackedMemory(need_git(repo))
        save_to = repo.layout.saved / now().replace(":", "").replace("-", "")
        done: list[PathPlan] = []
        failed: list[tuple[PathPlan, Error]] = []
        with memories.turn():
            for plan in self.paths:
                if plan.problem is not None:
                    continue
                try:
                    _apply(repo, memories, plan, save_to / plan.path, progress)
                    done.append(plan)
                except Error as error:
                    failed.append((plan, error))
        repo.stat_cache.save()
        return Applied(tuple(done), tuple(failed), save_to if save_to.exists() else None)


def plan_checkout(
    repo: Repo,
    files: Sequence[PointerFile],
    *,
    asked_for: Collection[str] = (),
    to: Manifest | None = None,
    force: bool = False,
    restore: bool = True,
    vanished: bool = False,
) -> TrackedPlan:
    """Plan to bring tracked paths to their pointers.

    Files changed by hand stay if the pointer's version leaves them as they were; in a
    path that is `asked_for` and whose pointer has not moved they are conflicts, because
    then nothing else is left to do. `force` overwrites all of them, saving copies.
    `restore` brings back files deleted by hand (a hook says no). `vanished` plans also
    for paths that have lost their pointers. `to` is another version of the one path's
    artifact; its pointer will name it.

    Raises:
        GitError, StoreError: git fails; the disk cannot be read.
    """
    memories = TrackedMemory(need_git(repo))
    plans: list[PathPlan] = []
    for file in files:
        try:
            asked = file.path in asked_for
            plans.append(_plan(repo, memories, file, asked=asked, to=to, force=force, restore=restore))
        except Error as error:
            plans.append(PathPlan(file.path, _pointer_or_none(repo, file), error=error))
    if vanished:
        plans += _plan_vanished(repo, memories)
    repo.stat_cache.save()
    return TrackedPlan(tuple(plans), repo)


def _plan(
    repo: Repo,
    memories: TrackedMemory,
    file: PointerFile,
    *,
    asked: bool,
    to: Manifest | None,
    force: bool,
    restore: bool,
) -> PathPlan:
    path = check_tracked_path(file.path)
    _check_merged(repo, file)
    old = read_pointer(repo.layout.worktree / file.pointer_path)
    pointer = old if to is None else pointer_of(to, single=_is_single(repo, to, old), more=old.more)
    here = look(repo, path)
    base = base_of(repo, memories, path, pointer, here) if here is not None else memories.base(path)
    was = base.artifact.rpartition("/")[2] if base is not None else None
    plan = PathPlan(path, pointer, Placing(path), was, None, base, pointer != old)
    if here is not None and (here.digest, here.single) == (pointer.digest, pointer.single):
        return plan
    unfinished = memories.is_unfinished(path)
    has_moved = base is None or unfinished or (base.digest, base.single) != (pointer.digest, pointer.single)
    hand_made: HandMade = "force" if force else "conflict" if asked and not has_moved else "keep"
    placing = plan_placing(
        repo,
        path,
        Content(aligned(listing_of(repo, pointer), path, single=pointer.single), pointer.single),
        _content(here, path),
        _base_content(repo, base, path) if here is not None else None,
        hand_made=hand_made,
        restore=restore or unfinished,
    )
    return PathPlan(path, pointer, placing, was, None, base, pointer != old)


def _plan_vanished(repo: Repo, memories: TrackedMemory) -> list[PathPlan]:
    """Plan for the paths that a checkout has filled and that have no pointer any more."""
    git = need_git(repo)
    known = {file.path for file in known_pointers(git)}
    plans: list[PathPlan] = []
    for base in memories.bases():
        path = base.path
        if path in known or not base.placed or (git.worktree / pointer_path(path)).exists():
            continue
        if git.run("ls-files", "-z", "--", path, env=LITERAL_PATHS):
            continue  # This branch has the files themselves.
        try:
            check_tracked_path(path)
            here = look(repo, path)
            content = _base_content(repo, base, path)
            placing = plan_placing(repo, path, None, _content(here, path), content)
            was = base.artifact.rpartition("/")[2]
            plans.append(PathPlan(path, None, placing, was, None, base))
        except Error as error:
            plans.append(PathPlan(path, None, error=error))
    return plans


def _apply(
    repo: Repo, memories: TrackedMemory, plan: PathPlan, save_to: Path, progress: Progress | None
) -> None:
    placing, pointer, base = plan.placing, plan.pointer, plan._base
    assert placing is not None
    if not placing.changes_nothing:
        memories.begin(plan.path)
    if pointer is not None and plan._new_pointer:
        # Before the files: after a kill in between they are those of the base, and a checkout goes on.
        write_pointer(repo.layout.worktree / pointer_path(plan.path), pointer)
    placing.apply(save_to, progress)
    if pointer is None:
        memories.forget(plan.path)
        return
    placed = not placing.changes_nothing or (base is not None and base.placed)
    memories.set_base(base_for(plan.path, pointer, placed=placed))


def _check_merged(repo: Repo, file: PointerFile) -> None:
    if not file.unmerged:
        return
    where = repo.layout.worktree / file.pointer_path
    if not is_settled(where, read_stages(need_git(repo), file.path)):
        raise ConflictError(
            f"a merge left the pointer of {file.path} in conflict",
            hint=f"tracker checkout {quote(file.path)} merges it by its files; see tracker status",
        )


def _is_single(repo: Repo, version: Manifest, old: Pointer) -> bool:
    """Whether another version of a path is a file: one entry as before, not in a folder."""
    entries = repo.collections.listing(version).entries
    return old.single and len(entries) == 1 and entries[0].kind == "file" and "/" not in entries[0].path


def _pointer_or_none(repo: Repo, file: PointerFile) -> Pointer | None:
    try:
        return read_pointer(repo.layout.worktree / file.pointer_path)
    except Error:
        return None


def _content(here: Found | None, path: str) -> Content | None:
    if here is None:
        return None
    return Content(aligned(here.listing, path, single=here.single), here.single)


def _base_content(repo: Repo, base: Base | None, path: str) -> Content | None:
    listing = base_listing(repo, base) if base is not None else None
    if base is None or listing is None:
        return None
    return Content(aligned(listing, path, single=base.single), base.single)
