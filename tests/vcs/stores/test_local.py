"""How objects lie on a local disk, and what processes see of each other."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import vcs.stores.batch
import vcs.stores.packing
from vcs.digest import Digest, digest_bytes
from vcs.errors import NotFoundError
from vcs.stores.local import LocalStore

LARGE = b"large" * 60_000


def open_store(folder: Path) -> LocalStore:
    """A store as a new process would open it."""
    return LocalStore(folder / "objects", folder / "packs", folder / "tmp")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """An empty store."""
    return open_store(tmp_path)


def put_many(store: LocalStore, count: int, prefix: bytes = b"") -> list[Digest]:
    """Many small objects in one batch."""
    with store.batch() as batch:
        return [batch.put_bytes(prefix + b"%d" % number) for number in range(count)]


def test_opening_creates_nothing(tmp_path: Path) -> None:
    """Looking for things neither."""
    store = open_store(tmp_path / "absent")
    assert not store.contains(digest_bytes(b""))
    assert list(store.list()) == []
    with pytest.raises(NotFoundError):
        store.open(digest_bytes(b""))
    assert list(tmp_path.iterdir()) == []


def test_few_objects_are_files_and_many_are_one_pack(store: LocalStore, tmp_path: Path) -> None:
    """A pack for two objects would have to be searched for ever."""
    put_many(store, 63)
    assert len(list(tmp_path.glob("objects/??/*"))) == 63
    put_many(store, 64, b"more")
    assert len(list(tmp_path.glob("objects/??/*"))) == 63
    assert len(list(tmp_path.glob("packs/*.pack"))) == 1


def test_a_folder_of_objects_is_listed_once_however_many_are_asked_for(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are there, as those that are not; one that was deleted meanwhile is lacking."""
    digests = put_many(store, 63)
    raws = [bytes.fromhex(digest) for digest in digests]
    listed: list[str] = []
    real = os.listdir
    monkeypatch.setattr(vcs.stores.batch, "_LIST_FROM_QUESTIONS", 0)
    monkeypatch.setattr(os, "listdir", lambda path: (listed.append(path), real(path))[1])

    with store.batch() as batch:
        assert not batch.locate(raws).lacking
        os.unlink(store.loose_path(digests[0]))
        assert batch.locate(raws).lacking == {raws[0]}

    folders = [path for path in listed if Path(path).parent.name == "objects"]
    assert sorted(folders) == sorted(set(folders))


def test_a_large_object_is_a_file_of_its_own(store: LocalStore, tmp_path: Path) -> None:
    """Under its digest, with just its bytes, to be linked; also amid many small ones."""
    with store.batch() as batch:
        for number in range(100):
            batch.put_bytes(b"%d" % number)
        digest = batch.put_bytes(LARGE)
    path = tmp_path / "objects" / digest[:2] / digest[2:]

    assert path.read_bytes() == LARGE
    assert store.file_of(digest) == path
    assert store.file_of(digest_bytes(b"1")) is None


def test_objects_and_packs_are_read_only(store: LocalStore, tmp_path: Path) -> None:
    """So that a hard link cannot be written by accident."""
    put_many(store, 100)
    store.put_bytes(LARGE)
    store.put_bytes(b"alone")
    for path in (*tmp_path.glob("objects/??/*"), *tmp_path.glob("packs/*.pack")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_nothing_temporary_is_left(store: LocalStore, tmp_path: Path) -> None:
    """After puts that went well, new or repeated."""
    for _ in range(2):
        put_many(store, 100)
        store.put_bytes(LARGE)
        store.put_bytes(b"alone")
        (tmp_path / "file").write_bytes(LARGE)
        store.put_file(tmp_path / "file")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_the_store_has_is_not_written_again(store: LocalStore, tmp_path: Path) -> None:
    """No second pack, whoever puts."""
    put_many(store, 100)
    put_many(open_store(tmp_path), 100)
    assert len(list(tmp_path.glob("packs/*.pack"))) == 1
    assert list(tmp_path.glob("objects/??/*")) == []


def test_a_pack_ends_where_it_is_long_enough(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By bytes and by objects; none is lost at the borders."""
    monkeypatch.setattr(vcs.stores.packing, "PACK_BYTES", 5000)
    monkeypatch.setattr(vcs.stores.packing, "PACK_OBJECTS", 150)
    tiny = put_many(store, 500)
    long = put_many(store, 100, b"x" * 1000)

    # The first 64 of a batch always lie together.
    assert len(list(tmp_path.glob("packs/*.pack"))) == 4 + 9
    assert open_store(tmp_path).missing([*tiny, *long]) == set()
    assert all(digest_bytes(open_store(tmp_path).read_bytes(digest)) == digest for digest in (*tiny, *long))


def test_a_reader_finds_what_others_seal_later(store: LocalStore, tmp_path: Path) -> None:
    """In packs and files that did not exist when it opened the store."""
    assert not store.contains(digest_bytes(b"0"))
    script = """
        import sys
        from pathlib import Path
        from vcs.stores.local import LocalStore
        folder = Path(sys.argv[1])
        store = LocalStore(folder / "objects", folder / "packs", folder / "tmp")
        with store.batch() as batch:
            for number in range(100):
                batch.put_bytes(b"%d" % number)
        store.put_bytes(b"alone")
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], check=True)

    assert store.contains(digest_bytes(b"0"))
    assert store.read_bytes(digest_bytes(b"1")) == b"1"
    assert store.read_bytes(digest_bytes(b"alone")) == b"alone"


def test_a_reader_follows_a_rewritten_pack(store: LocalStore, tmp_path: Path) -> None:
    """Another process deleted a part of it."""
    digests = put_many(store, 100)
    reader = open_store(tmp_path)
    assert reader.read_bytes(digests[99]) == b"99"
    fresh = open_store(tmp_path)
    fresh.refresh()
    store.delete(digests[:50])

    assert reader.read_bytes(digests[98]) == b"98"
    assert fresh.read_bytes(digests[98]) == b"98"
    assert not reader.contains(digests[0])
    assert reader.missing(digests) == set(digests[:50])


def test_a_pack_that_loses_all_is_removed(store: LocalStore, tmp_path: Path) -> None:
    """And so are its bytes."""
    store.delete(put_many(store, 100))
    assert list(tmp_path.glob("packs/*.pack")) == []


def test_an_object_in_two_places_is_deleted_from_both(store: LocalStore) -> None:
    """Two processes may have stored it at once."""
    (alone,) = put_many(store, 1)
    again = LocalStore(store.objects.parent / "none", store.packs.folder, store.tmp)
    put_many(again, 100)
    assert len(list(store.list())) == 101
    assert store.delete([alone]) == 1
    assert not store.contains(alone)


def test_an_object_in_two_packs_has_one_place(store: LocalStore) -> None:
    """Two processes may have stored the same at once; a reader meets each object once."""
    digests = put_many(store, 100)
    put_many(LocalStore(store.objects, store.packs.folder.parent / "none", store.tmp), 100)
    other = LocalStore(store.objects, store.packs.folder.parent / "none", store.tmp)
    (pack,) = other.packs.folder.glob("*.pack")
    pack.rename(store.packs.folder / pack.name)
    store = open_store(store.tmp.parent)
    assert len(list(store.packs.folder.glob("*.pack"))) == 2

    found = [raw.hex() for _, group in store.places(digests) for _, _, raw in group]
    assert sorted(found) == sorted(digests)


def test_damage_in_one_place_is_healed_by_the_other(store: LocalStore) -> None:
    """An object that lies twice is read where it is whole."""
    (alone,) = put_many(store, 1)
    put_many(LocalStore(store.objects.parent / "none", store.packs.folder, store.tmp), 100)
    (pack,) = store.packs.folder.glob("*.pack")
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    data[8] ^= 1
    pack.write_bytes(data)

    assert open_store(store.tmp.parent).read_bytes(alone) == b"0"


def test_what_is_used_again_looks_new(store: LocalStore, tmp_path: Path) -> None:
    """Garbage collection goes by age; a batch renews what it relies on."""
    packed = put_many(store, 100)
    (alone,) = put_many(store, 1, b"alone")
    old = time.time() - 10**6
    (pack,) = tmp_path.glob("packs/*.pack")
    for path in (pack, Path(store.loose_path(alone))):
        os.utime(path, (old, old))
    with store.batch() as batch:
        assert batch.contains(packed[0])
        assert batch.contains(alone)

    assert pack.stat().st_mtime > old + 1
    assert os.stat(store.loose_path(alone)).st_mtime > old + 1


def test_what_was_deleted_since_a_batch_began_is_stored_again(store: LocalStore, tmp_path: Path) -> None:
    """A batch may take hours; garbage collection in another process must not cost it an object."""
    digests = put_many(store, 100)
    with store.batch() as batch:
        batch.put_bytes(b"first")
        open_store(tmp_path).delete(digests[:50])
        raws = [bytes.fromhex(digest) for digest in digests]
        assert batch.lacking(raws) == set(raws[:50])
        for number in range(100):
            batch.put_bytes(b"%d" % number)
    assert open_store(tmp_path).missing(digests) == set()
    with store.batch() as batch:
        open_store(tmp_path).delete(digests)
        assert not batch.contains(digests[7])
        assert batch.put_bytes(b"7") == digests[7]
    assert store.read_bytes(digests[7]) == b"7"


def test_foreign_files_in_the_folders_are_no_objects(store: LocalStore, tmp_path: Path) -> None:
    """A file manager's droppings do not break anything."""
    put_many(store, 3)
    (tmp_path / "objects" / ".DS_Store").write_bytes(b"")
    (tmp_path / "objects" / "zz").mkdir()
    (tmp_path / "objects" / "zz" / "x").write_bytes(b"")
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "notes.txt").write_bytes(b"")
    assert len(list(open_store(tmp_path).list())) == 3


def test_a_store_on_two_paths_is_one(store: LocalStore, tmp_path: Path) -> None:
    """Reached by a link, as on a cluster."""
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "store"
    link.symlink_to(tmp_path)
    digests = put_many(open_store(link), 100)
    assert store.missing(digests) == set()


def test_a_store_may_be_used_after_a_fork(store: LocalStore, tmp_path: Path) -> None:
    """In the child and in the parent, with what the other stored."""
    before = put_many(store, 100)
    child = os.fork()
    if child == 0:
        try:
            assert store.read_bytes(before[0]) == b"0"
            put_many(store, 100, b"child")
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.read_bytes(digest_bytes(b"child1")) == b"child1"
    assert store.read_bytes(before[1]) == b"1"
