"""Projects with hooks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hooks.project import Project, make


@pytest.fixture
def project(git_repo: Path) -> Project:
    """A repository with code and tracked data, and our hooks."""
    return make(git_repo)


@pytest.fixture
def bare_project(git_repo: Path) -> Project:
    """A repository with code; nothing is tracked and no hook is installed."""
    return Project(git_repo)
