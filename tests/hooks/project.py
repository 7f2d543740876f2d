"""A project with tracked data and hooks, driven by real git; and one hook called in this process."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from hooks.auto_run import AutoRun
from hooks.call import Outside
from hooks.dispatch import run_hook
from hooks.install import install
from vcs.git import Git
from vcs.layout import Layout
from vcs.records.commit_log import CommitLog, read_commit_log
from vcs.repo import Repo
from vcs.tracked import verbs as tracked
from vcs.tracked.pointer import Pointer, read_pointer

DATES = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Result:
    """How a command ended, and all that it said."""

    code: int
    text: str


@dataclass
class Project:
    """A working tree.

    Attributes:
        said: What hooks that were called in this process have said.
        runs: What auto_log wanted to be written.
    """

    root: Path
    said: list[str] = field(default_factory=list)
    runs: list[AutoRun] = field(default_factory=list)

    def git(self, *arguments: str, check: bool = True, **env: str) -> Result:
        """Run git as a user does, with its hooks."""
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **DATES, **env},
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"git {' '.join(arguments)}: {done.stdout}")
        return Result(done.returncode, done.stdout)

    def ask(self, *arguments: str) -> str:
        """Run git and return what it prints, without the newline."""
        return self.git(*arguments).text.removesuffix("\n")

    def commit(self, message: str, *arguments: str, check: bool = True, **env: str) -> Result:
        """Commit everything that git tracks."""
        return self.git("commit", "-a", "-m", message, *arguments, check=check, **env)

    def write(self, path: str, content: str | bytes) -> Path:
        """Write a file, with its folders."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def read(self, path: str) -> str:
        """Read a file."""
        return (self.root / path).read_text()

    @property
    def repo(self) -> Repo:
        """The project, opened anew."""
        return Repo.open(self.root)

    @property
    def layout(self) -> Layout:
        return self.repo.layout

    def track(self, path: str, name: str, kind: str = "dataset") -> None:
        """Track a path and stage its pointer."""
        found = tracked.track(self.repo, self.root / path, project="p", name=name, type=kind)
        self.git("add", found.pointer_path, found.ignore_path or ".")

    def install(self, python: Path = Path(sys.executable)) -> None:
        """Install the hooks."""
        install(Git(self.root), self.layout, python)

    def pointer(self, path: str = "data") -> Pointer:
        """The pointer in the working tree."""
        return read_pointer(self.root / f"{path}.tracker")

    def committed(self, path: str = "data", commit: str = "HEAD") -> str:
        """The version that a commit's pointer names."""
        text = self.ask("show", f"{commit}:{path}.tracker")
        return next(line.removeprefix("version: ") for line in text.splitlines() if "version: " in line)

    def log(self) -> CommitLog:
        """The commit log."""
        return read_commit_log(self.layout.commits)

    def hook(self, name: str, *arguments: str, index: Path | None = None, input: str = "") -> int:
        """Call a hook in this process and return its exit status."""
        return run_hook(
            name,
            arguments,
            folder=self.root,
            index=index,
            input=input,
            outside=Outside(self.said.append, lambda title: nullcontext(), self._keep),
        )

    def _keep(self, made: AutoRun) -> tuple[str, str]:
        self.runs.append(made)
        return made.project or "uncategorized", f"run{len(self.runs)}"


def make(root: Path, *, hooks: bool = True) -> Project:
    """Make a project in a git repository: `data` with three files is tracked and committed."""
    project = Project(root)
    for number in range(3):
        project.write(f"data/{number}.txt", f"first {number}\n")
    project.track("data", "data")
    project.git("commit", "-q", "-m", "track data")
    if hooks:
        project.install()
    return project
