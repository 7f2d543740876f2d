"""Everything of a repository that is the user's, to be compared before and after."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tests.conftest import git

_OURS = ("tracker", "refs/tracker", "objects")
# Asking must not run the user's programs or refresh the index: that is what the tests look for.
_QUIETLY = ("--no-optional-locks", "-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null")


def user_state(worktree: Path) -> dict[str, object]:
    """Return working tree, git directory and what git prints, all byte for byte.

    Without what is ours (`.tracker`, `.git/tracker`, `refs/tracker`) and without the
    object database, to which anything may be added.
    """
    git_dir = Path(git(worktree, "rev-parse", "--absolute-git-dir").strip())
    common = (worktree / git(worktree, "rev-parse", "--git-common-dir").strip()).resolve()
    state: dict[str, object] = {}
    for folder in {git_dir, common}:
        state |= {f"git:{folder.name}:{name}": held for name, held in files_of(folder, _OURS).items()}
    state |= {f"tree:{name}": held for name, held in files_of(worktree, (".git", ".tracker")).items()}
    for question in (
        ["status", "--porcelain=v2", "--branch"],
        ["stash", "list"],
        ["branch", "--all", "--verbose"],
        ["tag", "--list"],
        ["worktree", "list"],
        ["config", "--list", "--show-origin"],
    ):
        state[" ".join(question)] = git(worktree, *_QUIETLY, *question)
    return state


def files_of(folder: Path, without: tuple[str, ...] = ()) -> dict[str, tuple[int, int, bytes]]:
    """Return path -> (mode, time of change of the content, content) of all files below."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if any(name == one or name.startswith(f"{one}/") for one in without):
            continue
        about = path.lstat()
        if stat.S_ISLNK(about.st_mode):
            found[name] = (about.st_mode, about.st_mtime_ns, os.fsencode(os.readlink(path)))
        elif stat.S_ISREG(about.st_mode):
            found[name] = (about.st_mode, about.st_mtime_ns, path.read_bytes())
    return found
