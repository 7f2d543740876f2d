"""A real project with tracked paths, and short words for what tests do to it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.conftest import git
from vcs.repo import Repo
from vcs.tracked import verbs as tracked
from vcs.tracked.checkout import Applied
from vcs.tracked.status import PathStatus

PROJECT = "LeNet5"


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write files below a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def read(folder: Path) -> dict[str, str]:
    """Return every file below a folder with its text; links with their target."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            found[name] = path.read_text()
    return found


def track(project: Path, path: str, **options: str) -> tracked.Tracked:
    """Track a path of the project."""
    return tracked.track(Repo.open(project), project / path, project=PROJECT, **options)


def commit(project: Path, *paths: str, **options: object) -> tracked.Committed:
    """Make versions of what changed."""
    given = [project / path for path in paths] or None
    return tracked.commit(Repo.open(project), given, **options)  # type: ignore[arg-type]


def checkout(project: Path, *paths: str, **options: object) -> Applied:
    """Bring paths to their pointers; a path that cannot be brought there raises."""
    given = [project / path for path in paths] or None
    plan = tracked.plan_checkout(Repo.open(project), given, **options)  # type: ignore[arg-type]
    for blocked in plan.blocked:
        assert blocked.problem is not None
        raise blocked.problem
    applied = plan.apply()
    for _, error in applied.failed:
        raise error
    return applied


def status(project: Path, *paths: str) -> dict[str, PathStatus]:
    """Return the status of paths, by path."""
    given = [project / path for path in paths] or None
    return {one.path: one for one in tracked.status(Repo.open(project), given)}


def state(project: Path, path: str) -> str:
    """Return how one path stands."""
    return status(project, path)[path].state


def save(project: Path, message: str = "work") -> str:
    """Commit everything to git and return the commit."""
    git(project, "add", "-A")
    git(project, "commit", "-q", "--allow-empty", "-m", message)
    return git(project, "rev-parse", "HEAD").strip()


def tracked_folder(project: Path, path: str = "data/MNIST", files: dict[str, str] | None = None) -> Path:
    """Make a folder with two files (or those given), track it and commit its pointer."""
    folder = write(project / path, files or {"a.txt": "a1", "deep/b.txt": "b1"})
    track(project, path)
    save(project, f"track {path}")
    return folder


def settle_clock(seconds: float = 0.06) -> None:
    """Let the clock go on, so that the stat cache trusts what was written."""
    time.sleep(seconds)
