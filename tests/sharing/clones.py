"""Clones of one repository, in which the command line is called as a user calls it."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import git
from tests.said import Said
from tracker.cli.main import main

# What a clone may log.
BYTES = random.Random(5).randbytes(1_500_000)
FILES = {"a.txt": b"one", "deep/b.bin": BYTES}


@dataclass
class Clone:
    """One clone."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    environment: dict[str, str] = field(default_factory=dict)

    def tracker(self, *words: str, fails: bool = False) -> Said:
        """Call the command line in this clone; it has to succeed, or to fail if that is expected."""
        with self.entered(), pytest.raises(SystemExit) as caught:
            main(words)
        told = self.capture.readouterr()
        said = Said(int(caught.value.code or 0), told.out, told.err)
        assert (said.status != 0) == fails, f"{words}: {said}"
        return said

    def put(self, name: str, files: dict[str, bytes]) -> Said:
        """Make a version of some files, without leaving them there."""
        folder = self.folder / "made" / name
        shutil.rmtree(folder, ignore_errors=True)
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        return self.tracker("artifact", "put", str(folder), "--name", name, "--type", "dataset")

    def git(self, *words: str) -> str:
        """Call git in this clone."""
        with self.entered():
            return git(self.folder, *words)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Stand in the clone, with its environment."""
        before, saved = Path.cwd(), {key: os.environ.get(key) for key in self.environment}
        os.chdir(self.folder)
        os.environ.update(self.environment)
        try:
            yield
        finally:
            os.chdir(before)
            for key, value in saved.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value


MakeClone = Callable[..., Clone]


def make_hub(folder: Path) -> Path:
    """Return a new bare repository."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", folder], check=True)
    return folder


def first_clone(
    folder: Path, hub: str, capture: pytest.CaptureFixture[str], environment: dict[str, str] | None = None
) -> Clone:
    """Return a clone of an empty hub that has pushed its first commit."""
    folder.mkdir()
    clone = Clone(folder, capture, environment or {})
    clone.git("init", "-q", "-b", "main")
    clone.git("remote", "add", "origin", hub)
    (folder / "train.py").write_text("print('training')\n")
    (folder / ".gitignore").write_text("made/\nout/\n")
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", "first")
    clone.git("push", "-q", "origin", "main")
    return clone


def clone_of(clone: Clone, name: str, *options: str, url: str | None = None) -> Clone:
    """Clone with the command, as a colleague does."""
    hub = url or clone.git("remote", "get-url", "origin").strip()
    parent = Clone(clone.folder.parent, clone.capture, clone.environment)
    parent.tracker("clone", hub, name, *options)
    return Clone(clone.folder.parent / name, clone.capture, clone.environment)


def python(folder: Path, script: str) -> str:
    """Run a script in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def files_in(folder: Path) -> dict[str, bytes]:
    """Everything below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
