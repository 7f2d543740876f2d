"""Where the bytes of media go: objects in a store, and files for people."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.tracker.values.conftest import Place
from tracker.values.sink import StoreSink
from vcs.digest import digest_bytes
from vcs.errors import StoreError
from vcs.stores.local import LocalStore
from vcs.stores.memory import MemoryStore


def local_store(folder: Path) -> LocalStore:
    return LocalStore(folder / "objects", folder / "packs", folder / "tmp")


def test_bytes_become_an_object_and_a_file_below_media(place: Place) -> None:
    """The record's path is relative to the run and is named after the content."""
    stored = place.sink.put_bytes(b"picture", folder="images", suffix=".png")

    digest = digest_bytes(b"picture")
    assert stored == (digest, 7, f"media/images/{digest[:20]}.png")
    assert place.store.read_bytes(digest) == b"picture"
    assert (place.run / stored.path).read_bytes() == b"picture"


def test_the_same_content_is_stored_once(place: Place) -> None:
    """A repeated image costs one object and one file."""
    first = place.sink.put_bytes(b"picture", folder="images", suffix=".png")
    second = place.sink.put_bytes(b"picture", folder="images", suffix=".png")

    assert first == second
    assert len(list(place.store.list())) == 1
    assert place.files == [first.path]


def test_a_file_is_taken_as_it_is(place: Place, tmp_path: Path) -> None:
    """The source stays where it is."""
    source = tmp_path / "clip.mp4"
    source.write_bytes(b"frames")

    stored = place.sink.put_file(source, folder="videos", suffix=".mp4")

    assert (place.run / stored.path).read_bytes() == b"frames"
    assert source.read_bytes() == b"frames"


def test_a_file_that_was_edited_is_put_right(place: Place) -> None:
    """A file of another size than the object is replaced."""
    stored = place.sink.put_bytes(b"picture", folder="images", suffix=".png")
    (place.run / stored.path).write_bytes(b"scribble over it")

    place.sink.put_bytes(b"picture", folder="images", suffix=".png")

    assert (place.run / stored.path).read_bytes() == b"picture"


def test_a_group_is_visible_when_it_ends(place: Place) -> None:
    """In the block nothing is shown yet; at its end everything is."""
    with place.sink.group():
        stored = place.sink.put_bytes(b"one", folder="images", suffix=".png")
        with place.sink.group():
            place.sink.put_bytes(b"two", folder="images", suffix=".png")
        assert place.files == []
        assert not place.store.contains(stored.digest)

    assert len(place.files) == 2
    assert place.store.contains(stored.digest)


def test_a_group_that_fails_shows_nothing(place: Place) -> None:
    """No file without its object; and the sink works on."""

    def fail() -> None:
        with place.sink.group():
            place.sink.put_bytes(b"one", folder="images", suffix=".png")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert place.files == []
    place.sink.put_bytes(b"two", folder="images", suffix=".png")
    assert len(place.files) == 1


def test_a_large_object_is_linked_not_copied(tmp_path: Path) -> None:
    """With a store on the same disk the file for people takes no room."""
    store = local_store(tmp_path / "store")
    sink = StoreSink(store, tmp_path / "run/media")
    data = os.urandom(200_000)

    stored = sink.put_bytes(data, folder="videos", suffix=".mp4")

    shown = tmp_path / "run" / stored.path
    assert shown.read_bytes() == data
    assert shown.samefile(store.file_of(stored.digest) or tmp_path)
    assert sink.put_bytes(data, folder="videos", suffix=".mp4") == stored
    assert [path.name for path in shown.parent.iterdir()] == [shown.name]


def test_a_packed_object_is_copied(tmp_path: Path) -> None:
    """An object that has no file of its own is written out."""
    store = local_store(tmp_path / "store")
    sink = StoreSink(store, tmp_path / "run/media")

    with sink.group():
        paths = [sink.put_bytes(f"{i}".encode(), folder="table", suffix=".json").path for i in range(100)]

    assert [(tmp_path / "run" / path).read_text() for path in paths] == [str(i) for i in range(100)]


def test_a_file_that_cannot_be_placed_loses_nothing(tmp_path: Path) -> None:
    """The object is kept, the record is given, and somebody hears of it."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "media").write_text("a file where the folder should be")
    heard: list[StoreError] = []
    store = MemoryStore()
    sink = StoreSink(store, run / "media", on_unplaced=heard.append)

    stored = sink.put_bytes(b"picture", folder="images", suffix=".png")

    assert store.read_bytes(stored.digest) == b"picture"
    assert len(heard) == 1


def test_threads_take_turns(place: Place) -> None:
    """Groups of several threads do not end up in each other."""

    def work(number: int) -> None:
        for i in range(20):
            with place.sink.group():
                place.sink.put_bytes(f"{number}-{i}".encode(), folder="images", suffix=".png")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(place.files) == 80
