"""The command line, called as a user calls it, and small real records for it to show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import git
from tests.said import Said
from tracker.cli.main import main

Tracker = Callable[..., Said]


@pytest.fixture
def tracker(git_repo: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Tracker:
    """The command line, started in the repository."""
    monkeypatch.chdir(git_repo)

    def call(*words: str) -> Said:
        with pytest.raises(SystemExit) as caught:
            main(words)
        said = capfd.readouterr()
        return Said(int(caught.value.code or 0), said.out, said.err)

    return call


def save(project: Path, message: str = "work") -> str:
    """Commit everything to git and return the commit."""
    git(project, "add", "-A")
    git(project, "commit", "-q", "--allow-empty", "-m", message)
    return git(project, "rev-parse", "HEAD").strip()
