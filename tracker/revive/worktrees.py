"""The code of a run, checked out where it can run: in a worktree of its own, or in place.

Plan first, then apply. Nothing that somebody changed is touched: a worktree with changes
is an error that names them, and `--in-place` needs a clean tree that HEAD can leave
without a commit being lost. git itself refuses to overwrite what it does not know.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal

from tracker.errors import ConflictError, GitError, NotFoundError, UsageError
from vcs.atomic import make_folder
from vcs.code.git_status import read_status
from vcs.elsewhere import FETCH_RECORDS
from vcs.git import Git
from vcs.lock import file_lock
from vcs.repo import Repo

Action = Literal["create", "reuse", "move", "checkout", "none"]
"""Make a worktree; use it as it is; check out another commit in it; check out in place;
nothing, because the code lies there already."""

_MOST_NAMED = 5
_UNFINISHED = {
    "MERGE_HEAD": "git merge --abort",
    "CHERRY_PICK_HEAD": "git cherry-pick --abort",
    "REVERT_HEAD": "git revert --abort",
    "BISECT_LOG": "git bisect reset",
    "rebase-merge": "git rebase --abort",
    "rebase-apply": "git rebase --abort",
}


@dataclass(frozen=True)
class TreePlan:
    """What it takes for a folder to hold the code of a commit. Nothing has been changed yet.

    Attributes:
        folder: The working tree.
        commit: None where the code was not recorded, and runs as it lies there.
        back: The branch that HEAD leaves, in place.
    """

    action: Action
    folder: Path
    commit: str | None
    back: str | None = None

    def apply(self, repo: Repo) -> None:
        """Do it. Interrupted, plan again: what git had not finished is made anew.

        Raises:
            GitError: git refuses; what is there is left as it was.
            LockedError: Another process makes a worktree of this run.
        """
        if self.commit is None or self.action in ("none", "reuse"):
            return
        lock = repo.layout.locks / "worktrees"
        with file_lock(lock, timeout_s=600.0, what="worktrees of runs"):
            if self.action == "create":
                self._create(repo, self.commit)
            else:
                checkout = ("checkout", "--quiet", "--detach", "--no-overwrite-ignore", self.commit)
                Git(self.folder).run(*checkout)

    def _create(self, repo: Repo, commit: str) -> None:
        git = _git_of(repo)
        if _is_half_made(self.folder):
            git.run("worktree", "remove", "--force", "--force", self.folder)
        make_folder(self.folder.parent)
        # --force: git may still know a worktree of this name whose folder was removed.
        git.run("worktree", "add", "--quiet", "--force", "--force", "--detach", self.folder, commit)


def plan_worktree(repo: Repo, folder: Path, commit: str, *, started_from: str | None = None) -> TreePlan:
    """Plan a worktree at `folder` that holds `commit`.

    One that is there is used if no tracked file in it was changed; files that a run wrote
    there stay. `started_from` is the commit that the run's last session found checked out:
    if `commit` only adds what that session had written itself, a worktree at it will do.

    Raises:
        NotFoundError: The repository lacks the commit.
        ConflictError: Something was changed in the worktree, or the folder is none.
    """
    check_commit(repo, commit)
    if not folder.exists() or _is_half_made(folder) or (folder.is_dir() and not any(folder.iterdir())):
        return TreePlan("create", folder, commit)
    remove = f"when nothing in it is needed: git worktree remove --force {folder}"
    if not (folder / ".git").is_file():
        raise ConflictError(f"{folder} is no worktree of git", hint="move it away")
    git = Git(folder)
    status = read_status(git)
    if status.changed:
        raise ConflictError(
            f"the worktree {folder} was changed: {_enumerate([one.path for one in status.changed])}",
            hint=remove,
        )
    if status.head == commit or _only_adds(git, status.head, started_from, commit):
        return TreePlan("reuse", folder, commit)
    return TreePlan("move", folder, commit)


def plan_in_place(repo: Repo, commit: str) -> TreePlan:
    """Plan to have the code of `commit` in the working tree that the process stands in.

    Nothing is to be done where the code is that already, committed or not.

    Raises:
        NotFoundError: The repository lacks the commit.
        ConflictError: There are changes, an unfinished merge or the like, or a commit
            that only HEAD keeps.
    """
    check_commit(repo, commit)
    git = _git_of(repo)
    folder = repo.layout.worktree
    if repo.capture_code().code_commit == commit:
        return TreePlan("none", folder, commit)
    _check_can_leave(git)
    return TreePlan("checkout", folder, commit, git.branch())


def check_commit(repo: Repo, commit: str) -> None:
    """Check that the repository has a commit.

    Raises:
        NotFoundError: It has not.
    """
    if _git_of(repo).resolve(commit) is None:
        raise NotFoundError(
            f"the code {commit[:10]} is not in this repository",
            hint=f"it is where the run was started; fetch it: {FETCH_RECORDS}",
        )


class CodeFiles:
    """The paths of a commit, listed once."""

    def __init__(self, repo: Repo, commit: str) -> None:
        """Raises GitError where the repository lacks the commit."""
        listed = _git_of(repo).run("ls-tree", "-r", "-z", "--full-tree", "--name-only", commit)
        self.paths = frozenset(os.fsdecode(listed).split("\0")[:-1])

    @cached_property
    def _folders(self) -> frozenset[str]:
        return frozenset(str(folder) for path in self.paths for folder in PurePosixPath(path).parents)

    def has(self, path: str) -> bool:
        """Whether a file or folder is among them; `.` is the top."""
        return path in self.paths or path in self._folders


def ignored_paths(repo: Repo) -> list[str]:
    """Return what git ignores in the working tree, topmost; folders end in a slash."""
    listed = _git_of(repo).run(
        "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory", "--no-empty-directory"
    )
    return [path for path in os.fsdecode(listed).split("\0") if path]


def remove_worktree(repo: Repo, folder: Path) -> None:
    """Remove a worktree that was made for one use, with whatever lies in it.

    Raises:
        GitError: git refuses.
    """
    _git_of(repo).run("worktree", "remove", "--force", folder)


def _git_of(repo: Repo) -> Git:
    if repo.git is None:
        raise UsageError(
            "there is no git repository here, so no code was recorded", hint="--in-place runs it as it is now"
        )
    return repo.git


def _is_half_made(folder: Path) -> bool:
    """Whether git was killed while it made the worktree: nobody has worked in it yet."""
    if not (folder / ".git").is_file():
        return False
    try:
        # git locks a new worktree until it is complete, and says so in the lock.
        return (Git(folder).git_dir / "locked").read_text() == "initializing"
    except (OSError, GitError):
        return False


def _only_adds(git: Git, head: str | None, started_from: str | None, commit: str) -> bool:
    if head is None or head != started_from:
        return False
    listed = os.fsdecode(git.run("diff-tree", "-r", "-z", "--no-renames", "--name-status", head, commit))
    return all(kind == "A" for kind in listed.split("\0")[:-1:2])


def _check_can_leave(git: Git) -> None:
    for name, undo in _UNFINISHED.items():
        if (git.git_dir / name).exists():
            raise ConflictError(f"a {undo.split()[1]} is not finished here", hint=f"finish it, or: {undo}")
    status = read_status(git)
    changed = [one.path for one in status.changed] + status.untracked
    if changed:
        raise ConflictError(
            f"the working tree is not clean: {_enumerate(changed)}",
            hint="commit or stash that; without --in-place a worktree of its own is used",
        )
    if status.branch is None and status.head is not None:
        kept = ("for-each-ref", "--count=1", "--contains", status.head)
        if not git.run(*kept, "refs/heads", "refs/remotes", "refs/tags"):
            raise ConflictError(
                f"no branch has the commit {status.head[:10]} that is checked out",
                hint="give it one: git branch NAME",
            )


def _enumerate(paths: list[str]) -> str:
    more = len(paths) - _MOST_NAMED
    return ", ".join(paths[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
