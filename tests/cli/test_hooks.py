"""`tracker hooks`: what is said, and with which exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hooks.project import Project


def tracker(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the command line as a user does; return status and words."""
    done = subprocess.run(
        [sys.executable, "-m", "tracker.cli.main", "-C", str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture
def project(git_repo: Path) -> Project:
    """A repository with code."""
    return Project(git_repo)


def test_install_status_uninstall(project: Project) -> None:
    """The whole round, and the merge driver with it."""
    assert tracker(project.root, "hooks", "status")[0] == 1
    code, said = tracker(project.root, "hooks", "install")
    assert (code, "Installed 8 hooks in" in said) == (0, True)
    assert tracker(project.root, "hooks", "status")[0] == 0
    driver = project.ask("config", "merge.tracker.driver")
    assert driver.startswith(sys.executable)
    assert "merge=tracker" in (project.root / ".git" / "info" / "attributes").read_text()
    code, said = tracker(project.root, "hooks", "uninstall")
    assert (code, "Removed 8 hooks" in said) == (0, True)
    assert project.git("config", "merge.tracker.driver", check=False).code == 1
    assert not (project.root / ".git" / "info" / "attributes").exists()
    assert tracker(project.root, "hooks", "uninstall") == (0, "No hooks of tracker were installed.\n")


def test_status_for_programs(project: Project) -> None:
    """One JSON document with every hook."""
    tracker(project.root, "hooks", "install")
    code, said = tracker(project.root, "hooks", "status", "--json")
    found = json.loads(said)
    assert (code, found["complete"], found["python_works"], len(found["hooks"])) == (0, True, True, 8)
    assert {"hook": "pre-commit", "state": "installed", "before": None} in found["hooks"]


def test_what_is_called_first_is_said(project: Project) -> None:
    """Nobody has to guess whether their own hook still runs."""
    hook = project.root / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o755)
    assert (
        "pre-commit: the hook that was there is called first" in tracker(project.root, "hooks", "install")[1]
    )


def test_without_git_there_are_no_hooks(plain_dir: Path) -> None:
    """And the next command is named."""
    code, said = tracker(plain_dir, "hooks", "install")
    assert (code, "Hint: git init" in said) == (2, True)


def test_a_hook_can_be_run_by_name(project: Project) -> None:
    """As the shim does where the Python that installed it is gone."""
    assert tracker(project.root, "hooks", "run", "--index=", "pre-commit") == (0, "")
    code, said = tracker(project.root, "hooks", "run", "--index=", "pre-comit")
    assert (code, "no hook 'pre-comit'" in said) == (2, True)


def test_merging_pointers_goes_through_the_driver(project: Project) -> None:
    """Both sides changed different files of one tracked folder: git merges, and the data is both."""
    for number in range(2):
        project.write(f"data/{number}.txt", "first\n")
    project.track("data", "data")
    project.git("commit", "-q", "-m", "track")
    tracker(project.root, "hooks", "install")
    project.git("checkout", "-q", "-b", "side")
    project.write("data/0.txt", "side\n")
    project.write("side.py", "1\n")
    project.git("add", "side.py")
    project.git("commit", "-q", "-m", "side")
    project.git("checkout", "-q", "main")
    project.write("data/1.txt", "main\n")
    project.write("main.py", "1\n")
    project.git("add", "main.py")
    project.git("commit", "-q", "-m", "main")
    project.git("merge", "-q", "side", "-m", "merge")
    assert (project.read("data/0.txt"), project.read("data/1.txt")) == ("side\n", "main\n")
    commit = project.ask("rev-parse", "HEAD")
    assert [one.version for one in project.log().versions_of(commit)] == [project.committed()]
