"""The pre-commit framework, the real one from PyPI: before us, after us, and both."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hooks.install import status, uninstall
from tests.hooks.project import Project, make
from vcs.git import Git

pytestmark = pytest.mark.slow

# `language: system` needs no network and no environment of its own.
CONFIG = """\
default_install_hook_types: [pre-commit, commit-msg, post-checkout]
repos:
- repo: local
  hooks:
  - id: note
    name: note
    entry: sh -c 'echo ran >> "$NOTES"; test ! -e refuse'
    language: system
    always_run: true
    pass_filenames: false
    stages: [pre-commit]
"""


@pytest.fixture(scope="session")
def framework(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, in a virtual environment of its own."""
    folder = tmp_path_factory.mktemp("framework")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True, capture_output=True)
    python = folder / "venv" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pre-commit"]
    try:
        done = subprocess.run(install, capture_output=True, text=True, timeout=240, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("pre-commit could not be installed: PyPI did not answer in time")
    if done.returncode:
        pytest.skip(f"pre-commit could not be installed: {done.stderr.strip().splitlines()[-1:]}")
    return folder / "venv" / "bin" / "pre-commit"


@dataclass
class Framed:
    """A project that uses the framework."""

    project: Project
    command: Path
    notes: Path

    def install(self, *arguments: str) -> None:
        """`pre-commit install`."""
        self._run("install", *arguments)

    def uninstall(self) -> None:
        """`pre-commit uninstall`."""
        self._run("uninstall")

    def change(self, text: str) -> str:
        """Commit a change of code and data and return what was said."""
        self.project.write("data/0.txt", text)
        self.project.write("train.py", f"print({text!r})\n")
        return self.project.commit(text, NOTES=str(self.notes)).text

    @property
    def count(self) -> int:
        """How often the framework's hook has run."""
        return len(self.notes.read_text().splitlines()) if self.notes.exists() else 0

    def _run(self, *arguments: str) -> None:
        subprocess.run(
            [str(self.command), *arguments],
            cwd=self.project.root,
            check=True,
            capture_output=True,
            env={**os.environ, "NOTES": str(self.notes)},
        )


@pytest.fixture
def framed(git_repo: Path, framework: Path, tmp_path: Path) -> Framed:
    """A project with tracked data and the framework's configuration; nothing is installed yet."""
    project = make(git_repo, hooks=False)
    project.write(".pre-commit-config.yaml", CONFIG)
    project.git("add", ".pre-commit-config.yaml")
    project.git("commit", "-q", "-m", "configure the framework")
    return Framed(project, framework, tmp_path / "notes")


def contents(project: Project) -> dict[str, bytes]:
    folder = project.root / ".git" / "hooks"
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith(".sample")}


def remove(project: Project) -> None:
    uninstall(Git(project.root), project.layout)


def test_the_framework_installed_before_us_keeps_working(framed: Framed) -> None:
    """It is called first, once; it can refuse; uninstalling restores it byte for byte."""
    framed.install()
    before = contents(framed.project)
    framed.project.install()
    framed.change("second\n")
    assert (framed.count, framed.project.committed()) == (1, "v1")
    framed.project.write("refuse", "")
    framed.project.write("data/0.txt", "third\n")
    framed.project.write("train.py", "print(3)\n")
    refused = framed.project.commit("x", check=False, NOTES=str(framed.notes))
    assert (refused.code, framed.count) == (1, 2)
    assert framed.project.pointer().version == "v1"
    remove(framed.project)
    assert contents(framed.project) == before


def test_the_framework_installed_after_us_calls_us(framed: Framed) -> None:
    """Both work; either can be removed first."""
    framed.project.install()
    framed.install()
    assert framed.project.root.joinpath(".git/hooks/pre-commit.legacy").exists()
    framed.change("second\n")
    assert (framed.count, framed.project.committed()) == (1, "v1")
    found = status(Git(framed.project.root), framed.project.layout)
    assert {one.name: one.state for one in found.hooks}["pre-commit"] == "below pre-commit"
    assert found.is_complete
    framed.project.git("checkout", "-q", "HEAD~1", NOTES=str(framed.notes))
    assert framed.project.read("data/0.txt") == "first 0\n"


def test_after_the_framework_goes_ours_are_in_their_place(framed: Framed) -> None:
    """Installed after us, it gives back what it found."""
    framed.project.install()
    ours = contents(framed.project)
    framed.install()
    framed.uninstall()
    assert contents(framed.project) == ours
    framed.change("second\n")
    assert (framed.count, framed.project.committed()) == (0, "v1")


def test_after_we_go_the_framework_works_alone(framed: Framed) -> None:
    """Our shims below it are removed too."""
    framed.project.install()
    framed.install()
    remove(framed.project)
    assert sorted(contents(framed.project)) == ["commit-msg", "post-checkout", "pre-commit"]
    framed.change("second\n")
    assert (framed.count, framed.project.committed()) == (1, "v0")


def test_the_framework_installed_before_and_again_after_runs_once(framed: Framed) -> None:
    """Many a project installs it at every setup; it must not end up calling itself through us."""
    framed.install()
    alone = contents(framed.project)
    framed.project.install()
    framed.install()
    said = framed.change("second\n")
    assert "migration mode" not in said
    assert (framed.count, framed.project.committed()) == (1, "v1")
    framed.project.install()
    framed.change("third\n")
    assert (framed.count, framed.project.committed()) == (2, "v2")
    remove(framed.project)
    assert contents(framed.project) == alone
    framed.change("fourth\n")
    assert framed.count == 3
