"""Collections of an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vcs.versioning import collections_in, layout_in
from vcs.artifacts.collection import Collections
from vcs.layout import Layout


@pytest.fixture
def collections(tmp_path: Path) -> Collections:
    """Collections of an empty folder."""
    return collections_in(tmp_path)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """The layout of the fixture `collections`."""
    return layout_in(tmp_path)
