"""A store, a target and a listing for checkouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vcs.files.listings import LARGE
from vcs.files.add import add_tree
from vcs.files.listing import Listing
from vcs.stores.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """A real store."""
    return LocalStore(tmp_path / "s" / "objects", tmp_path / "s" / "packs", tmp_path / "s" / "tmp")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A folder that does not exist yet."""
    return tmp_path / "out" / "here"


@pytest.fixture
def rich(tmp_path: Path, store: LocalStore) -> Listing:
    """A listing with everything a listing can hold, references apart."""
    folder = tmp_path / "data"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "empty" / "inner").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"a")
    (folder / "none").write_bytes(b"")
    (folder / "sub" / "large.bin").write_bytes(LARGE)
    (folder / "sub" / "large.sh").write_bytes(LARGE + b"x")
    (folder / "sub" / "large.sh").chmod(0o755)
    (folder / "sub" / "deep" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "sub" / "deep" / "run.sh").chmod(0o755)
    (folder / "sub" / "link").symlink_to("../a.txt")
    (folder / "sub" / "dangling").symlink_to("nowhere")
    return add_tree(folder, store)
