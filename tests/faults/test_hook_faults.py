"""Hooks killed, and failing, at every step: the old hook is there, and no data is lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from hooks.install import install, status, uninstall
from tests.faults.steps import fail_at_every_step, kill_at_every_step
from tests.hooks.project import Project, make
from tests.hooks.test_install import OLD_HOOK, put, snapshot
from vcs.errors import StoreError
from vcs.git import Git
from vcs.tracked import verbs as tracked

pytestmark = pytest.mark.slow


@pytest.fixture
def hooked(git_repo: Path) -> Project:
    """A repository with one hook of its own, and few others."""
    project = Project(git_repo)
    shutil.rmtree(project.root / ".git" / "hooks")
    put(project.root / ".git" / "hooks" / "pre-commit")
    return project


def check_old_hook(project: Project) -> None:
    """git would call it, by itself or through our shim."""
    folder = project.root / ".git" / "hooks"
    own, before = folder / "pre-commit", folder / "pre-commit.before-tracker"
    assert os.access(own, os.X_OK)
    if own.read_bytes() != OLD_HOOK:
        assert b"# tracker: the git hook pre-commit" in own.read_bytes()
        assert before.read_bytes() == OLD_HOOK
        assert os.access(before, os.X_OK)


def test_installing_can_be_killed_at_every_step(hooked: Project) -> None:
    """The next try completes it, and uninstalling restores what was there."""
    git, layout, before = Git(hooked.root), hooked.layout, snapshot(hooked.root / ".git" / "hooks")
    python = Path("/usr/bin/python3")

    def check(finished: bool) -> None:
        check_old_hook(hooked)
        assert install(git, layout, python).is_complete
        uninstall(git, layout)
        left = {
            path: what
            for path, what in snapshot(hooked.root / ".git" / "hooks").items()
            if ".tmp" not in path
        }
        assert left == before

    assert kill_at_every_step(lambda: install(git, layout, python), check) > 20


def test_installing_can_fail_at_every_step(hooked: Project) -> None:
    """With an error of ours, and nothing half done that is called."""
    git, layout = Git(hooked.root), hooked.layout

    def check(raised: BaseException | None, failed: str) -> None:
        assert raised is None or isinstance(raised, StoreError), failed
        check_old_hook(hooked)
        found = status(git, layout)
        assert found.is_complete or (raised is not None and not found.active)
        uninstall(git, layout)

    assert fail_at_every_step(lambda: install(git, layout, Path("/usr/bin/python3")), check) > 20


def test_uninstalling_can_be_killed_at_every_step(hooked: Project) -> None:
    """The next try completes it."""
    git, layout, before = Git(hooked.root), hooked.layout, snapshot(hooked.root / ".git" / "hooks")
    python = Path("/usr/bin/python3")
    install(git, layout, python)

    def check(finished: bool) -> None:
        check_old_hook(hooked)
        uninstall(git, layout)
        assert snapshot(hooked.root / ".git" / "hooks") == before
        if not finished:
            install(git, layout, python)

    assert kill_at_every_step(lambda: uninstall(git, layout), check) > 8


def test_storing_before_a_commit_can_be_killed_at_every_step(git_repo: Path) -> None:
    """The next commit takes the data along; its pointer names what lies there."""
    project = make(git_repo, hooks=False)
    turn = 0

    def work() -> None:
        assert project.hook("pre-commit") == 0

    def check(finished: bool) -> None:
        nonlocal turn
        assert project.hook("pre-commit") == 0
        status_of = tracked.status(project.repo)[0]
        assert (status_of.state, status_of.known) == ("unchanged", True)
        assert project.ask("diff", "--name-only") == ""
        assert project.read("data/0.txt") == f"turn {turn}\n"
        turn += 1
        project.write("data/0.txt", f"turn {turn}\n")

    project.write("data/0.txt", "turn 0\n")
    assert kill_at_every_step(work, check) > 10
