"""A project whose data has two versions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import git
from tests.vcs.tracked.two_versions import V0, V1
from tests.vcs.tracked_project import commit, save, tracked_folder, write


@pytest.fixture
def folder(git_repo: Path) -> Path:
    """data/MNIST with V0 on the branch `old` and V1 on `main`, which is checked out."""
    folder = tracked_folder(git_repo, files=V0)
    git(git_repo, "branch", "old")
    write(folder, V1)
    shutil.rmtree(folder / "deep")
    commit(git_repo)
    save(git_repo)
    return folder
