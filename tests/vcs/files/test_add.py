"""Files to listing: what is kept, what is left out, what is refused, what is read."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from vcs.digest import Digest, digest_bytes
from vcs.errors import ConflictError, NotFoundError, StoreError, UsageError
from vcs.files.add import add_file, add_tree
from vcs.files.ignore import Ignore
from vcs.files.listing import Entry, Listing
from vcs.files.stat_cache import StatCache
from vcs.stores.local import LocalStore
from vcs.stores.memory import MemoryStore

LARGE = b"large" * 60_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with a bit of everything."""
    folder = tmp_path / "data"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "a.txt").write_bytes(b"a")
    (folder / "sub" / "large.bin").write_bytes(LARGE)
    (folder / "sub" / "deep" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "sub" / "deep" / "run.sh").chmod(0o755)
    (folder / "sub" / "link").symlink_to("../a.txt")
    return folder


@pytest.fixture
def store() -> MemoryStore:
    """A store to look into."""
    return MemoryStore()


@pytest.fixture
def local(tmp_path: Path) -> LocalStore:
    """A real store."""
    return LocalStore(tmp_path / "objects", tmp_path / "packs", tmp_path / "tmp")


def make_old(folder: Path) -> None:
    """Wait until the files are older than the clock's tick, so that the stat cache takes them in."""
    time.sleep(0.07)


class Counter:
    """Adds up progress."""

    def __init__(self) -> None:
        self.total = [0, 0]
        self.done = [0, 0]

    def add_total(self, files: int, bytes: int) -> None:
        self.total = [self.total[0] + files, self.total[1] + bytes]

    def advance(self, files: int, bytes: int) -> None:
        self.done = [self.done[0] + files, self.done[1] + bytes]
        assert self.done <= self.total


def test_a_folder_becomes_a_listing(data: Path, store: MemoryStore) -> None:
    """Files, executable bits, links and empty folders, sorted by path."""
    assert add_tree(data, store).entries == (
        Entry("a.txt", digest_bytes(b"a"), 1),
        Entry("empty", digest_bytes(b""), 0, "dir"),
        Entry("sub/deep/run.sh", digest_bytes(b"#!/bin/sh\n"), 10, executable=True),
        Entry("sub/large.bin", digest_bytes(LARGE), len(LARGE)),
        Entry("sub/link", digest_bytes(b"../a.txt"), 0, "link", target="../a.txt"),
    )


def test_the_contents_are_in_the_store(data: Path, store: MemoryStore) -> None:
    """Links and folders need none."""
    add_tree(data, store)
    assert sorted(store.objects.values()) == sorted([b"a", b"#!/bin/sh\n", LARGE])


def test_an_empty_folder_is_an_empty_listing(tmp_path: Path, store: MemoryStore) -> None:
    """It can be added."""
    assert add_tree(tmp_path, store) == Listing()


def test_the_same_content_has_the_same_digest(data: Path, store: MemoryStore, tmp_path: Path) -> None:
    """Wherever it lies, in whatever order it was made."""
    copy = tmp_path / "other" / "place"
    (copy / "sub").mkdir(parents=True)
    (copy / "sub" / "link").symlink_to("../a.txt")
    (copy / "sub" / "large.bin").write_bytes(LARGE)
    (copy / "sub" / "deep").mkdir()
    (copy / "sub" / "deep" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (copy / "sub" / "deep" / "run.sh").chmod(0o700)
    (copy / "empty").mkdir()
    (copy / "a.txt").write_bytes(b"a")

    assert add_tree(copy, store).digest == add_tree(data, store).digest


def test_gits_and_our_own_folders_are_left_out(data: Path, store: MemoryStore) -> None:
    """At any depth, file or folder."""
    whole = add_tree(data, store)
    for name in (".git", ".tracker", "sub/.git"):
        (data / name).mkdir()
        (data / name / "config").write_bytes(b"x")
    (data / "sub" / "deep" / ".git").write_bytes(b"gitdir: elsewhere")
    (data / ".tracker-checkout.0123").mkdir()

    assert add_tree(data, store) == whole


def test_what_the_rules_leave_out_stays_out(data: Path, store: MemoryStore) -> None:
    """And is not read; a folder with nothing left is kept as a folder."""
    (data / ".trackerignore").write_text("*.bin\n/sub/deep/\n")
    (data / "cache").mkdir()
    (data / "cache" / "x.bin").write_bytes(b"x")
    listing = add_tree(data, store, ignore=Ignore.load(data))

    assert [entry.path for entry in listing] == [".trackerignore", "a.txt", "cache", "empty", "sub/link"]
    assert LARGE not in store.objects.values()


def test_a_link_to_the_folder_itself_may_be_given(data: Path, store: MemoryStore, tmp_path: Path) -> None:
    """The caller's own path is theirs."""
    (tmp_path / "link").symlink_to(data)
    assert add_tree(tmp_path / "link", store) == add_tree(data, store)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../elsewhere", "deep/../../../x"])
def test_a_link_that_leaves_the_folder_is_refused(data: Path, store: MemoryStore, target: str) -> None:
    """The link and where it points are named."""
    (data / "sub" / "bad").symlink_to(target)
    with pytest.raises(UsageError, match=rf"bad.*{target}"):
        add_tree(data, store)


def test_a_link_to_nothing_is_kept(data: Path, store: MemoryStore) -> None:
    """It comes back as it was."""
    (data / "dangling").symlink_to("nowhere")
    assert add_tree(data, store).get("dangling").target == "nowhere"


def test_what_is_no_file_is_refused_by_name(data: Path, store: MemoryStore) -> None:
    """A pipe and a socket; neither makes it wait."""
    os.mkfifo(data / "pipe")
    with pytest.raises(UsageError, match="pipe is a pipe"):
        add_tree(data, store)
    (data / "pipe").unlink()
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(data)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind("sock")
    finally:
        os.fchdir(here)
        os.close(here)
    with pytest.raises(UsageError, match="sock is a socket"):
        add_tree(data, store)


@pytest.mark.parametrize("name", [b"\xff.bin", b"back\\slash", b"C:x"])
def test_a_name_that_cannot_be_kept_is_refused(data: Path, store: MemoryStore, name: bytes) -> None:
    """No other system could check it out."""
    (data / os.fsdecode(name)).write_bytes(b"")
    with pytest.raises(UsageError, match="cannot add"):
        add_tree(data, store)


def test_names_that_differ_in_case_only_are_refused(data: Path, store: MemoryStore) -> None:
    """Both are named."""
    (data / "sub" / "Readme").write_bytes(b"1")
    (data / "sub" / "README").write_bytes(b"2")
    with pytest.raises(UsageError, match=r"sub/README.*sub/Readme"):
        add_tree(data, store)


def test_a_missing_folder_is_not_found(tmp_path: Path, store: MemoryStore) -> None:
    """The path is named."""
    with pytest.raises(NotFoundError, match="nowhere"):
        add_tree(tmp_path / "nowhere", store)


def test_a_file_is_no_folder_and_a_folder_no_file(data: Path, store: MemoryStore) -> None:
    """The hint tells the other way."""
    with pytest.raises(UsageError, match=r"a\.txt is not a folder"):
        add_tree(data / "a.txt", store)
    with pytest.raises(UsageError, match="sub is a folder"):
        add_file(data / "sub", store, name="x")


def test_nothing_is_stored_when_something_is_refused(data: Path, store: MemoryStore) -> None:
    """Not even what came before it."""
    (data / "z").symlink_to("/etc")
    with pytest.raises(UsageError):
        add_tree(data, store)
    assert store.objects == {}


def test_progress_ends_where_it_said(data: Path, store: MemoryStore) -> None:
    """Files and bytes, links and folders not counted."""
    counter = Counter()
    add_tree(data, store, progress=counter)
    assert counter.done == counter.total == [3, 11 + len(LARGE)]


def test_progress_of_a_large_file_is_told_bit_by_bit(local: LocalStore, tmp_path: Path) -> None:
    """Not only at its end; for one file and for a folder."""
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "large.bin"
    path.write_bytes(LARGE * 10)
    for add in (
        lambda counter: add_file(path, local, name="x", progress=counter),
        lambda counter: add_tree(path.parent, local, progress=counter),
    ):
        steps: list[int] = []
        counter = Counter()
        counter.advance = lambda files, bytes, steps=steps: steps.append(bytes)  # type: ignore[method-assign, misc]
        add(counter)
        assert sum(steps) == counter.total[1] == len(LARGE) * 10
        assert len([step for step in steps if step]) > 3


def test_an_interrupt_ends_the_copies_of_large_files(local: LocalStore, tmp_path: Path) -> None:
    """Nobody waits for gigabytes after Ctrl-C."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_bytes(b"a")
    with (tmp_path / "data" / "huge").open("wb") as stream:
        stream.truncate(1 << 31)

    class Interrupting(Counter):
        def advance(self, files: int, bytes: int) -> None:
            if files:
                raise KeyboardInterrupt
            super().advance(files, bytes)

    counter = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        add_tree(tmp_path / "data", local, progress=counter)
    assert counter.done[1] < 1 << 31
    assert list(local.list()) == []
    assert list(local.tmp.glob(".*")) == []


def test_many_files_in_many_folders(tmp_path: Path) -> None:
    """In a real store: few files hold them, and all come back."""
    for number in range(1000):
        path = tmp_path / "data" / f"{number % 10}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d" % number)
    store = LocalStore(tmp_path / "objects", tmp_path / "packs", tmp_path / "tmp")
    listing = add_tree(tmp_path / "data", store)

    assert len(listing) == 1000
    assert all(store.read_bytes(Digest(e.digest)) == e.path.split("/")[1][:-4].encode() for e in listing)
    assert len(list(tmp_path.glob("packs/*"))) == 1


class Reads:
    """Which files were opened for reading."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        real = os.open

        def counting(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
            if not flags & (os.O_WRONLY | os.O_RDWR | os.O_DIRECTORY):
                self.names.append(os.path.basename(os.fspath(path)))
            return real(path, flags, *arguments, **options)

        monkeypatch.setattr(os, "open", counting)


def test_unchanged_files_are_not_read_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small or large, in this process or the next; a changed one is."""
    store = LocalStore(tmp_path / "objects", tmp_path / "packs", tmp_path / "tmp")
    make_old(data)
    cache = StatCache(tmp_path / "cache")
    first = add_tree(data, store, stat_cache=cache)
    cache.save()
    reads = Reads(monkeypatch)

    assert add_tree(data, store, stat_cache=StatCache(tmp_path / "cache")) == first
    assert not {"a.txt", "large.bin", "run.sh"} & set(reads.names)

    (data / "a.txt").write_bytes(b"b")
    second = add_tree(data, store, stat_cache=StatCache(tmp_path / "cache"))
    assert second.get("a.txt").digest == digest_bytes(b"b")
    assert "large.bin" not in reads.names


def test_a_file_that_the_store_lost_is_read_again(data: Path, store: MemoryStore, tmp_path: Path) -> None:
    """The stat cache says what it is, not that it is here."""
    make_old(data)
    cache = StatCache(tmp_path / "cache")
    add_tree(data, store, stat_cache=cache)
    store.objects.clear()
    add_tree(data, store, stat_cache=cache)

    assert len(store.objects) == 3


def test_a_file_changed_right_after_it_was_added_is_read_again(tmp_path: Path, store: MemoryStore) -> None:
    """With the same size, in the same tick of the clock: as fast as we can, many times."""
    data = tmp_path / "data"
    data.mkdir()
    cache = StatCache(tmp_path / "cache")
    for number in range(200):
        content = b"%03d" % number
        with (data / "file").open("r+b" if number else "wb") as stream:
            stream.write(content)
        assert add_tree(data, store, stat_cache=cache).get("file").digest == digest_bytes(content)


def test_a_large_file_is_taken_into_the_stat_cache(data: Path, store: MemoryStore, tmp_path: Path) -> None:
    """Together with the small ones of its folder."""
    (data / "sub" / "small").write_bytes(b"s")
    make_old(data)
    cache = StatCache(tmp_path / "cache")
    add_tree(data, store, stat_cache=cache)
    assert set(cache.folder(str(data / "sub"))) == {"small", "large.bin"}


def test_a_file_that_goes_away_is_a_conflict(
    data: Path, local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between being seen and being read."""
    real = os.open

    def vanish(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).endswith("run.sh"):
            Path(path).unlink(missing_ok=True)
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", vanish)
    with pytest.raises(ConflictError, match=r"run\.sh went away"):
        add_tree(data, local)
    assert list(local.packs) == []


def test_a_file_that_changed_once_is_read_again(
    data: Path, local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second reading is what counts."""
    real = os.readv

    def change(fd: int, buffers: list[memoryview]) -> int:
        count = real(fd, buffers)
        if bytes(buffers[0][:count]) == b"#!/bin/sh\n":
            (data / "sub" / "deep" / "run.sh").write_bytes(b"new content")
        return count

    monkeypatch.setattr(os, "readv", change)
    assert add_tree(data, local).get("sub/deep/run.sh").digest == digest_bytes(b"new content")


def test_a_file_that_changes_each_time_is_a_conflict(
    data: Path, local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the folder is stored then."""
    real_readv, real_read = os.readv, os.read
    turns = iter(range(2, 100))

    def change(content: bytes) -> None:
        if content.startswith(b"#!/bin/sh"):
            (data / "sub" / "deep" / "run.sh").write_bytes(b"#!/bin/sh" * next(turns))

    def readv(fd: int, buffers: list[memoryview]) -> int:
        count = real_readv(fd, buffers)
        change(bytes(buffers[0][:count]))
        return count

    def read(fd: int, size: int) -> bytes:
        content = real_read(fd, size)
        change(content)
        return content

    monkeypatch.setattr(os, "readv", readv)
    monkeypatch.setattr(os, "read", read)
    with pytest.raises(ConflictError, match=r"run\.sh changed"):
        add_tree(data, local)


def test_a_folder_that_cannot_be_read_is_one_sentence(
    data: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is named, and nothing is skipped in silence."""
    real = os.scandir

    def refuse(path: str) -> Any:
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StoreError, match="deep: permission denied"):
        add_tree(data, store)


def test_one_file_is_added_under_a_name(data: Path, store: MemoryStore) -> None:
    """Small, large, or by a link, which is followed."""
    assert add_file(data / "a.txt", store, name="./x/y") == Entry("x/y", digest_bytes(b"a"), 1)
    assert add_file(data / "sub" / "large.bin", store, name="l").size == len(LARGE)
    assert add_file(data / "sub" / "link", store, name="a") == Entry("a", digest_bytes(b"a"), 1)
    assert add_file(data / "sub" / "deep" / "run.sh", store, name="r").executable
    with pytest.raises(NotFoundError, match="nowhere"):
        add_file(data / "nowhere", store, name="x")
    with pytest.raises(UsageError, match="relative"):
        add_file(data / "a.txt", store, name="/x")


def test_one_file_uses_the_stat_cache_too(
    data: Path, store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Added again unchanged, it is not read."""
    make_old(data)
    cache = StatCache(tmp_path / "cache")
    first = add_file(data / "sub" / "large.bin", store, name="l", stat_cache=cache)
    monkeypatch.setattr(MemoryStore, "put_file", None)
    monkeypatch.setattr("vcs.stores.memory._MemoryBatch.put_file", None)
    assert add_file(data / "sub" / "large.bin", store, name="l", stat_cache=cache) == first


def test_several_adds_may_share_a_batch(data: Path, store: MemoryStore) -> None:
    """They become visible together."""
    with store.batch() as batch:
        add_tree(data / "sub" / "deep", store, batch=batch)
        add_file(data / "a.txt", store, name="a", batch=batch)
        assert store.objects == {}
    assert len(store.objects) == 2


def test_an_interrupt_leaves_nothing(data: Path, tmp_path: Path) -> None:
    """Ctrl-C in the middle: no object, no temporary file, no thread that goes on."""
    store = LocalStore(tmp_path / "objects", tmp_path / "packs", tmp_path / "tmp")
    for number in range(200):
        (data / f"{number}").write_bytes(b"%d" % number)

    class Interrupting(Counter):
        def advance(self, files: int, bytes: int) -> None:
            super().advance(files, bytes)
            if self.done[0] >= 150:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_tree(data, store, progress=Interrupting())
    assert not list(tmp_path.glob("packs/*"))
    assert not list(tmp_path.glob("tmp/*"))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("tracker-add")]


def test_a_name_is_checked_for_the_place_that_it_has(tmp_path: Path, store: MemoryStore) -> None:
    """What may stand below a folder may not stand at the top, also where the folder is known from before."""
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    (data / "sub" / "c:drive").write_bytes(b"x")
    make_old(data)
    cache = StatCache(tmp_path / "cache")
    for _ in range(2):
        assert len(add_tree(data, store, stat_cache=cache)) == 1
        with pytest.raises(UsageError, match="c:drive"):
            add_tree(data / "sub", store, stat_cache=cache)
