"""The command line, called as a user calls it, and small real records for it to show."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import git
from tracker.cli.main import main


@dataclass
class Said:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


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
