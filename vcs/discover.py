"""From a folder to the places of its project: repository, worktree, records, machinery.

One git process; nothing is created. Leaves to others: making the folders, reading
the settings (a store elsewhere arrives as a parameter).
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from vcs.errors import GitError, UsageError
from vcs.git import Done, failure, run_git
from vcs.layout import RECORDS_DIR, SETTINGS_FILE, Layout

# What can fail stands last: the answers before it are printed all the same.
_QUESTIONS = (
    "--is-bare-repository",
    "--is-inside-work-tree",
    "--absolute-git-dir",
    "--git-common-dir",
    "--show-toplevel",
)


@dataclass(frozen=True)
class RepositoryPlace:
    """Where a repository lies, seen from one folder in it.

    Attributes:
        toplevel: The working tree that holds the folder; None in a bare repository
            and inside a git directory.
        git_dir: The git directory of that working tree.
        common_dir: The one that all working trees share; the same for the main one.
        main: The main working tree; None in a bare repository and its worktrees, and
            for a linked worktree of a main one with a separate git directory, which
            git does not record.
    """

    toplevel: Path | None
    git_dir: Path
    common_dir: Path
    main: Path | None


def current_folder() -> Path:
    """Return the current folder.

    Raises:
        UsageError: It was removed since the program went there.
    """
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError(
            "the current folder does not exist any more", hint="cd to the project and start again"
        ) from None


def find_layout(start: Path, *, store: Path | None = None) -> Layout:
    """Return the places of the project to which the folder `start` belongs.

    In a repository the root is the main working tree, also from a linked worktree;
    a repository without one (bare) keeps the records in itself. A submodule is a
    repository of its own. Elsewhere the root is the nearest folder upwards that has
    `.tracker/` or `tracker.yaml`, else `start`. `store` moves objects and packs.

    Raises:
        UsageError: `start` is not a folder.
        GitError: It is in a repository that git cannot or will not read.
    """
    start = Path(os.path.realpath(start))
    if not start.is_dir():
        raise UsageError(f"the folder {start} does not exist")
    place = discover(start)
    if place is None:
        root = _plain_root(start)
        machinery = root / RECORDS_DIR / "store"
        return Layout(root, root, root / RECORDS_DIR, machinery, None, store or machinery)
    root = place.main or place.common_dir
    machinery = place.common_dir / "tracker"
    return Layout(
        root, place.toplevel or root, root / RECORDS_DIR, machinery, place.common_dir, store or machinery
    )


def discover(start: Path) -> RepositoryPlace | None:
    """Find the repository that holds the folder; None if there is none.

    Raises:
        GitError: There is one, but git is missing or too old, the repository belongs to
            another user, or it is damaged.
    """
    try:
        done = run_git(["git", "-C", str(start), "rev-parse", *_QUESTIONS])
    except GitError:
        if _has_git_above(start):
            raise
        return None
    answers = os.fsdecode(done.output).splitlines()
    if not answers:
        if "not a git repository (or any " in done.errors:
            return None
        raise failure(["rev-parse"], done)
    inside = answers[1:2] == ["true"]
    if done.code == 0 and not inside:
        raise failure(["rev-parse"], Done(1, b"", f"fatal: unexpected answer {answers!r}"))
    if len(answers) != len(_QUESTIONS) - (not inside) or not answers[2].startswith("/"):
        answers = _one_by_one(start, inside=inside)
    git_dir = Path(answers[2])
    common_dir = Path(os.path.normpath(start / answers[3]))
    toplevel = Path(answers[4]) if inside else None
    return RepositoryPlace(toplevel, git_dir, common_dir, _main(toplevel, git_dir, common_dir))


def _one_by_one(start: Path, *, inside: bool) -> list[str]:
    """Ask each question alone: a path with a newline makes the lines ambiguous."""
    answers = []
    for question in _QUESTIONS if inside else _QUESTIONS[:-1]:
        done = run_git(["git", "-C", str(start), "rev-parse", question])
        if done.code or done.output == f"{question}\n".encode():  # An old git repeats what it does not know.
            raise failure(["rev-parse"], done)
        answers.append(os.fsdecode(done.output).removesuffix("\n"))
    return answers


def _main(toplevel: Path | None, git_dir: Path, common_dir: Path) -> Path | None:
    """The main working tree, by where git keeps things."""
    if toplevel is not None and git_dir == common_dir:
        return toplevel
    bare, worktree = _core_settings(common_dir)
    if bare:
        return None
    if worktree is not None:  # A submodule's git directory names its working tree.
        return worktree
    return common_dir.parent if common_dir.name == ".git" else None


def _core_settings(common_dir: Path) -> tuple[bool, Path | None]:
    """core.bare and core.worktree of the shared configuration."""
    config = ["git", "config", "-z", "--file", str(common_dir / "config"), "--includes", "--get-regexp"]
    listed = os.fsdecode(run_git([*config, r"^core\.(bare|worktree)$"]).output)
    found = dict(item.partition("\n")[::2] for item in listed.split("\0") if item)
    worktree = found.get("core.worktree")
    return (
        found.get("core.bare", "false").lower() in ("true", "yes", "on", "1", ""),
        Path(os.path.normpath(common_dir / worktree)) if worktree else None,
    )


def _plain_root(start: Path) -> Path:
    home = Path(os.path.expanduser("~"))
    for folder in (start, *start.parents):
        # A run once started in the home folder must not swallow every project below it.
        if folder != start and folder in (home, Path(folder.anchor)):
            continue
        if _is_root(folder):
            return folder
    return start


def _is_root(folder: Path) -> bool:
    for marker in (folder / RECORDS_DIR, folder / SETTINGS_FILE):
        try:
            found, around = os.lstat(marker), os.stat(folder)
        except OSError:
            continue
        # In /tmp and the like anybody could have put it there for others to find.
        if around.st_mode & stat.S_ISVTX and found.st_uid != os.geteuid():
            continue
        if marker.name == SETTINGS_FILE or stat.S_ISDIR(os.stat(marker).st_mode):
            return True
    return False


def _has_git_above(start: Path) -> bool:
    return any((folder / ".git").exists() for folder in (start, *start.parents))
