"""Merging pointers: when two branches changed one tracked path, its listings are merged by path.

git calls the driver (`tracker merge-pointer %O %A %B %P`) for each pointer that both sides
changed. If every file was changed on one side only, the merged listing becomes a new
version and the pointer names it. Otherwise the pointer stays ours, whole and readable,
and git marks it as unmerged: what git does with a binary file, so `git merge --abort`,
`git checkout --theirs` and `git add` mean what they always mean. `tracker status` works
out the files in conflict from git's index, which holds all three pointers, so nothing
about a conflict has to be remembered; `tracker checkout --ours|--theirs PATH` merges
again and lets that side win where both changed a file.

The data itself is not touched here: a checkout brings it to the merged pointer.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from vcs.artifacts.manifest import Origin
from vcs.errors import ConflictError, FormatError, NotFoundError
from vcs.files.listing import Listing
from vcs.files.listing_merge import Conflict, Side, merge_listings
from vcs.git import Git
from vcs.layout import POINTER_SUFFIX
from vcs.repo import Repo
from vcs.tracked.gitignore_line import add_line, remove_line
from vcs.tracked.pointer import (
    LITERAL_PATHS,
    Pointer,
    parse,
    pointer_of,
    pointer_path,
    read_pointer,
    write_pointer,
)
from vcs.tracked.scan import renamed
from vcs.tracked.versions import listing_of, need_git

DRIVER = "merge.tracker"
ATTRIBUTES = f"*{POINTER_SUFFIX} merge=tracker"
_NAMED = 10


@dataclass(frozen=True)
class PointerMerge:
    """What a merge came to.

    Attributes:
        pointer: The merged one; None if there are conflicts.
        conflicts: Files that both sides changed, sorted by path.
        new: Whether a version was made.
        warnings: Sentences for the user.
    """

    pointer: Pointer | None
    conflicts: tuple[Conflict, ...] = ()
    new: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stages:
    """The pointers of an unmerged path in git's index; None where a side has none."""

    base: Pointer | None
    ours: Pointer | None
    theirs: Pointer | None


def merge_pointers(
    repo: Repo, base: Pointer | None, ours: Pointer, theirs: Pointer, *, prefer: Side | None = None
) -> PointerMerge:
    """Merge two pointers of one path; make a version unless a side's own has the result.

    Without a base (both sides tracked the path anew) only equal files go together. Nothing
    is written if there are conflicts. Running it again finds the version.

    Raises:
        ConflictError: The sides track different artifacts, or one a file and one a folder.
        NotFoundError: A version or its listing is not here.
        FormatError, StoreError: It is damaged, or the disk refuses.
    """
    if (ours.artifact, ours.single) != (theirs.artifact, theirs.single):
        raise ConflictError(
            f"ours is {_described(ours)}, theirs is {_described(theirs)}; they cannot be merged",
            hint="take one: git checkout --ours or --theirs, then git add",
        )
    merged = merge_listings(*_listings(repo, base, ours, theirs), prefer=prefer)
    if merged.conflicts:
        return PointerMerge(None, merged.conflicts)
    for side in (ours, theirs):
        if merged.listing.digest == side.digest:
            return PointerMerge(side)
    logged = repo.log_artifact(
        ours.project,
        ours.name,
        ours.type,
        merged.listing,
        origin=_origin(need_git(repo)),
        description=f"merge of {ours.version} and {theirs.version}",
        parent=ours.version,
    )
    pointer = pointer_of(logged.manifest, single=ours.single, more={**theirs.more, **ours.more})
    return PointerMerge(pointer, (), logged.new, logged.warnings)


def merge_files(repo: Repo, base: Path, ours: Path, theirs: Path) -> PointerMerge:
    """Merge three pointer files as git's driver does: the result replaces `ours`.

    An empty base is none. On conflicts and errors `ours` is left as it is.

    Raises: as `merge_pointers`, and FormatError for a damaged pointer.
    """
    before = read_pointer(base) if base.stat().st_size else None
    merge = merge_pointers(repo, before, read_pointer(ours), read_pointer(theirs))
    if merge.pointer is not None:
        write_pointer(ours, merge.pointer)
    return merge


def read_stages(git: Git, path: str) -> Stages:
    """Return the three pointers of an unmerged tracked path from git's index.

    Raises:
        FormatError: One is damaged.
        GitError: git fails.
    """
    file = pointer_path(path)
    listed = git.run("ls-files", "-z", "--unmerged", "--", file, env=LITERAL_PATHS)
    found: dict[str, Pointer] = {}
    for item in os.fsdecode(listed).split("\0"):
        about, _, name = item.partition("\t")
        if name == file:
            _, blob, stage = about.split(" ")
            text = git.run("cat-file", "blob", blob).decode(errors="replace")
            found[stage] = parse(text, f"pointer {file} (stage {stage})")
    return Stages(found.get("1"), found.get("2"), found.get("3"))


def conflicts_of(repo: Repo, path: str) -> tuple[Conflict, ...]:
    """Return the files of an unmerged tracked path that both sides changed; writes nothing.

    Raises: as `merge_pointers`.
    """
    stages = read_stages(need_git(repo), path)
    if stages.ours is None or stages.theirs is None:
        return ()
    return merge_listings(*_listings(repo, stages.base, stages.ours, stages.theirs)).conflicts


def settle(repo: Repo, path: str, prefer: Side | None = None) -> PointerMerge | None:
    """Merge an unmerged tracked path in the working tree and write its pointer.

    A pointer that differs from ours and can be read was settled before (by another call,
    by `tracker commit`, by hand), and stays unless `prefer` is given: None is returned.
    git still has to be told: `git add`.

    Raises:
        ConflictError: Files are in conflict and no side is preferred; they are named. Or
            one side has removed the pointer.
        And as `merge_pointers`.
    """
    git = need_git(repo)
    file = git.worktree / pointer_path(path)
    stages = read_stages(git, path)
    if prefer is None and is_settled(file, stages):
        return None
    if stages.ours is None or stages.theirs is None:
        gone, name = "ours" if stages.ours is None else "theirs", quote(pointer_path(path))
        raise ConflictError(
            f"the pointer of {path} was removed in {gone} and changed in the other",
            hint=f"keep it: git add {name}; or remove it: git rm {name}",
        )
    merge = merge_pointers(repo, stages.base, stages.ours, stages.theirs, prefer=prefer)
    if merge.pointer is None:
        raise ConflictError(
            f"both sides changed files of {path}: {enumerate_conflicts(merge.conflicts)}",
            hint=f"tracker checkout --ours {quote(path)}, or --theirs: that side's wins in these files",
        )
    write_pointer(file, merge.pointer)
    return merge


def is_settled(file: Path, stages: Stages) -> bool:
    """Whether somebody has made a choice in an unmerged pointer file already."""
    try:
        pointer = read_pointer(file)
    except (FormatError, NotFoundError):
        return False
    return stages.ours is not None and pointer != stages.ours


def enumerate_conflicts(conflicts: tuple[Conflict, ...]) -> str:
    """Return the first ten as one phrase."""
    named = ", ".join(str(conflict) for conflict in conflicts[:_NAMED])
    more = len(conflicts) - _NAMED
    return f"{named} and {more} more" if more > 0 else named


# git's configuration


def configure_merge_driver(git: Git, command: str = "tracker") -> bool:
    """Let git merge pointers with us, in this clone; return whether that is new.

    `command` is how a shell starts the command line. The attribute goes into
    `info/attributes` of the git directory, as the driver is of this clone too; nothing
    of the working tree changes. A second call is harmless.

    Raises:
        GitError, StoreError: It cannot be written.
    """
    wanted = {
        f"{DRIVER}.name": "tracked paths, file by file",
        f"{DRIVER}.driver": f"{command} merge-pointer %O %A %B %P",
        # An ancestor that git makes up from several needs no version of its own.
        f"{DRIVER}.recursive": "binary",
    }
    changed = False
    for key, value in wanted.items():
        if git.text("config", "--local", "--get", key, check=False) != value:
            git.run("config", "--local", key, value)
            changed = True
    return add_line(_attributes(git), ATTRIBUTES) or changed


def remove_merge_driver(git: Git) -> bool:
    """Take back what `configure_merge_driver` did; return whether there was anything.

    Raises:
        GitError, StoreError: It cannot be written.
    """
    was_there = git.call("config", "--local", "--get-regexp", r"^merge\.tracker\.").code == 0
    if was_there:
        git.run("config", "--local", "--remove-section", DRIVER)
    return remove_line(_attributes(git), ATTRIBUTES) or was_there


def _attributes(git: Git) -> Path:
    return git.common_dir / "info" / "attributes"


def _listings(
    repo: Repo, base: Pointer | None, ours: Pointer, theirs: Pointer
) -> tuple[Listing, Listing, Listing]:
    """The three listings; those of a file under one name, and no base of another kind."""
    sides = [listing_of(repo, ours), listing_of(repo, theirs)]
    before = listing_of(repo, base) if base is not None and base.single == ours.single else Listing()
    if not ours.single:
        return before, sides[0], sides[1]
    name = sides[0].entries[0].path if sides[0].entries else "file"
    return renamed(before, name), renamed(sides[0], name), renamed(sides[1], name)


def _origin(git: Git) -> Origin:
    return Origin(commit=git.head(), branch=git.branch())


def _described(pointer: Pointer) -> str:
    return f"{pointer.qualified_name} ({'a file' if pointer.single else 'a folder'})"
