"""Changes below a folder that follow no link out of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vcs.errors import ConflictError, StoreError
from vcs.files.inside import Inside


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with folders, and a link that leads out."""
    folder = tmp_path / "root"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_bytes(b"x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_bytes(b"precious")
    (folder / "out").symlink_to(tmp_path / "outside")
    return folder


def test_files_and_empty_folders_are_removed(root: Path) -> None:
    """In any order of paths; what is gone already is fine."""
    with Inside(root) as inside:
        assert not inside.remove_folder("a/b")
        inside.remove("a/b/file")
        inside.remove("a/b/file")
        assert inside.remove_folder("a/b")
        assert inside.remove_folder("a/b")
        assert inside.remove_folder("a")
    assert os.listdir(root) == ["out"]


def test_a_link_is_never_followed(root: Path, tmp_path: Path) -> None:
    """Neither to look, nor to remove, nor to write; the link itself can be removed."""
    with Inside(root) as inside:
        for work in (inside.remove, inside.status, inside.remove_folder):
            with pytest.raises(ConflictError, match="link"):
                work("out/file")
        with pytest.raises(ConflictError):
            inside.folder("out")
        inside.remove("out")
    assert (tmp_path / "outside" / "file").read_bytes() == b"precious"


def test_a_file_on_the_way_is_a_conflict(root: Path) -> None:
    """Nothing can lie below it."""
    with Inside(root) as inside, pytest.raises(ConflictError):
        inside.folder("a/b/file/x")


def test_status_tells_what_lies_there(root: Path) -> None:
    """The thing itself, or that there is nothing."""
    with Inside(root) as inside:
        status = inside.status("a/b/file")
        assert status is not None
        assert status.st_size == 1
        assert inside.status("a/b/nothing") is None
        with pytest.raises(ConflictError, match="went away"):
            inside.status("nowhere/nothing")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_descriptors_are_closed(root: Path) -> None:
    """However deep it went."""
    before = len(os.listdir("/proc/self/fd"))
    with Inside(root) as inside:
        inside.folder("a/b")
        inside.folder("")
        inside.folder("a/b")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_missing_root_is_one_sentence(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(StoreError, match="nowhere"):
        Inside(tmp_path / "nowhere")
