"""Bytes that later changes of their source cannot reach."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from tests.tracker.values.conftest import Place
from tracker.values import content as content_module
from tracker.values.content import Content, existing_suffix
from vcs.errors import ConflictError, NotFoundError, UsageError


@pytest.mark.parametrize("size", [0, 100, 5 << 20], ids=["empty", "small", "large"])
def test_a_file_may_change_and_vanish_after_it_was_taken(tmp_path: Path, place: Place, size: int) -> None:
    """What was taken is what is written, however late."""
    source = tmp_path / "source.bin"
    data = os.urandom(size)
    source.write_bytes(data)

    taken = Content.of_file(source)
    source.write_bytes(b"something else")
    source.unlink()

    stored = taken.put(place.sink, folder="files", suffix=".bin")
    assert place.store.read_bytes(stored.digest) == data == taken.read()
    assert taken.put(place.sink, folder="files", suffix=".bin") == stored


def test_the_private_copy_of_a_large_file_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left in the folder for temporary files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    source = tmp_path / "source.bin"
    source.write_bytes(bytes(5 << 20))

    taken = Content.of_file(source)
    assert len(list((tmp_path / "tmp").iterdir())) == 1

    del taken
    gc.collect()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_forked_child_leaves_the_private_copy_alone(tmp_path: Path) -> None:
    """The parent still needs it."""
    source = tmp_path / "source.bin"
    source.write_bytes(bytes(5 << 20))
    taken = Content.of_file(source)

    child = os.fork()
    if child == 0:
        del taken
        gc.collect()
        os._exit(0)
    os.waitpid(child, 0)

    assert len(taken.read()) == 5 << 20


def test_bytes_are_made_once_and_late() -> None:
    """Encoding is left to whoever reads first."""
    made = []

    def make() -> bytes:
        made.append(1)
        return b"encoded"

    content = Content(make=make)
    assert made == []
    assert content.read() == content.read() == b"encoded"
    assert made == [1]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The error has the path."""
    with pytest.raises(NotFoundError, match=r"nowhere\.png"):
        Content.of_file(tmp_path / "nowhere.png")


def test_a_folder_is_no_content(tmp_path: Path) -> None:
    """Only regular files have bytes."""
    with pytest.raises(UsageError, match="not a file"):
        Content.of_file(tmp_path)


def test_a_file_that_keeps_changing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that is still being written is not half taken."""
    source = tmp_path / "source.bin"
    source.write_bytes(b"0")
    read = content_module.Path.read_bytes

    def read_and_change(self: Path) -> bytes:
        data = read(self)
        with self.open("ab") as file:
            file.write(b"more")
        return data

    monkeypatch.setattr(content_module.Path, "read_bytes", read_and_change)
    with pytest.raises(ConflictError, match="changed while"):
        Content.of_file(source)


def test_the_longest_suffix_counts() -> None:
    """`cloud.pts.json` is a cloud of points, not any JSON."""
    assert existing_suffix("a/cloud.PTS.json", ("json", "pts.json"), "x") == ".pts.json"
    with pytest.raises(UsageError, match="notes"):
        existing_suffix("notes.txt", ("png",), "an image")
