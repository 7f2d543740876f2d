"""What every store keeps, whatever its medium. A new store joins by one line in `STORES`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vcs.digest import Digest, digest_bytes
from vcs.errors import ConflictError, NotFoundError, UsageError
from vcs.stores.base import Batch, Store
from vcs.stores.batch import LocalBatch
from vcs.stores.local import LocalStore
from vcs.stores.memory import MemoryStore
from vcs.stores.recipes import Recipe, encode
from vcs.stores.small_files import LARGE_BYTES


class RecipeStore(LocalStore):
    """A store in which every large object is a recipe."""

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        """One whose large objects become an extent and a recipe of it."""
        batch = LocalBatch(self)
        publish = batch.publish

        def as_recipe(temporary: Path, digest: Digest) -> None:
            size = temporary.stat().st_size
            if size < LARGE_BYTES:
                publish(temporary, digest)
                return
            recipe = Recipe(size, (digest,), ((0, 0, 1000), (0, 1000, size - 1000)))
            fd, named = self.open_temporary()
            os.write(fd, encode(recipe))
            os.close(fd)
            assert self.recipes.publish(digest, recipe, named, (digest, temporary))

        batch.publish = as_recipe  # type: ignore[method-assign]
        try:
            yield batch
            batch.finish()
        finally:
            batch.discard()


STORES: dict[str, Callable[[Path], Store]] = {
    "local": lambda folder: LocalStore(folder / "objects", folder / "packs", folder / "tmp"),
    "recipes": lambda folder: RecipeStore(folder / "objects", folder / "packs", folder / "tmp"),
    "memory": lambda folder: MemoryStore(),
}
ABSENT = digest_bytes(b"never stored")
LARGE = os.urandom(1 << 16) * 5 + b"end"


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    name: str = request.param
    return STORES[name](tmp_path / "store")


def many(count: int) -> list[bytes]:
    """Small different contents, enough of them for what a store does with many."""
    return [f"object {number}".encode() * (number % 7 + 1) for number in range(count)]


@pytest.mark.parametrize("data", [b"", b"weights", LARGE], ids=["empty", "small", "large"])
def test_what_was_put_comes_back(store: Store, data: bytes) -> None:
    """Bytes of any size, by their digest."""
    digest = store.put_bytes(data)

    assert digest == digest_bytes(data)
    assert store.contains(digest)
    assert store.read_bytes(digest) == data
    assert store.size(digest) == len(data)
    with store.open(digest) as stream:
        assert stream.read() == data


def test_an_open_object_can_be_read_from_the_middle(store: Store) -> None:
    """Streams are seekable, for small and large objects."""
    for data in (b"0123456789", LARGE):
        with store.open(store.put_bytes(data)) as stream:
            stream.seek(4)
            assert stream.read(3) == data[4:7]


def test_put_twice_stores_once(store: Store) -> None:
    """The same bytes are one object, also from two batches."""
    assert store.put_bytes(b"weights") == store.put_bytes(b"weights")
    assert sorted(set(store.list())) == [digest_bytes(b"weights")]


def test_the_same_bytes_twice_in_one_batch_are_one_object(store: Store) -> None:
    """Repeated contents of a folder are stored once."""
    with store.batch() as batch:
        for data in (*many(100), *many(100)):
            batch.put_bytes(data)

    assert len(list(store.list())) == 100


@pytest.mark.parametrize("count", [1, 10, 500])
def test_a_batch_is_visible_when_it_ended(store: Store, count: int) -> None:
    """Few or many objects: all there, with their sizes, and listed."""
    with store.batch() as batch:
        digests = [batch.put_bytes(data) for data in many(count)]

    assert {digest: store.read_bytes(digest) for digest in digests} == dict(
        zip(digests, many(count), strict=True)
    )
    assert [store.size(digest) for digest in digests] == [len(data) for data in many(count)]
    assert set(store.list()) == set(digests)


@pytest.mark.parametrize("count", [10, 500])
def test_nothing_of_a_batch_is_visible_before_it_ends(store: Store, count: int) -> None:
    """Small objects appear together."""
    with store.batch() as batch:
        digests = [batch.put_bytes(data) for data in many(count)]
        assert not any(store.contains(digest) for digest in digests)
        assert all(batch.contains(digest) for digest in digests)


@pytest.mark.parametrize("count", [10, 500])
def test_nothing_of_a_failed_batch_is_visible(store: Store, count: int) -> None:
    """An exception in the block takes back what was put."""

    def put_and_fail() -> None:
        with store.batch() as batch:
            for data in many(count):
                batch.put_bytes(data)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        put_and_fail()

    assert list(store.list()) == []


def test_an_empty_batch_is_fine(store: Store) -> None:
    """Nothing in, nothing there."""
    with store.batch():
        pass
    assert list(store.list()) == []


def test_a_batch_knows_what_the_store_has(store: Store) -> None:
    """`contains` of a batch looks behind the batch too."""
    digest = store.put_bytes(b"here before")
    with store.batch() as batch:
        assert batch.contains(digest)
        assert not batch.contains(ABSENT)


@pytest.mark.parametrize("data", [b"", b"weights", LARGE], ids=["empty", "small", "large"])
def test_a_file_is_stored_with_digest_and_size(store: Store, tmp_path: Path, data: bytes) -> None:
    """The file stays as it is."""
    path = tmp_path / "model.bin"
    path.write_bytes(data)

    assert store.put_file(path) == (digest_bytes(data), len(data))
    assert store.read_bytes(digest_bytes(data)) == data
    assert path.read_bytes() == data


@pytest.mark.parametrize("data", [b"", b"weights", LARGE], ids=["empty", "small", "large"])
def test_the_bytes_of_a_file_are_counted_while_it_is_stored(
    store: Store, tmp_path: Path, data: bytes
) -> None:
    """In sum, its size."""
    path = tmp_path / "model.bin"
    path.write_bytes(data)
    counts: list[int] = []
    with store.batch() as batch:
        batch.put_file(path, advance=counts.append)
    assert sum(counts) == len(data)


def test_small_files_of_a_folder_are_stored_at_once(store: Store, tmp_path: Path) -> None:
    """With what is needed to know them again; what is not small or no file is left to others."""
    for number in range(100):
        (tmp_path / f"f{number}").write_bytes(b"%d" % number)
    (tmp_path / "large").write_bytes(LARGE)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("f1")
    os.mkfifo(tmp_path / "pipe")
    names = [f"f{number}" for number in range(100)]
    with store.batch() as batch:
        taken = batch.put_small_files(str(tmp_path), names)
        assert (
            batch.put_small_files(str(tmp_path), ["large", "folder", "link", "pipe", "absent"]) == [None] * 5
        )

    for number, one in enumerate(taken):
        status = (tmp_path / f"f{number}").stat()
        assert one is not None
        assert one[0].hex() == digest_bytes(b"%d" % number)
        assert one[1:] == (
            status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode,
        )  # fmt: skip
        assert store.read_bytes(Digest(one[0].hex())) == b"%d" % number


def test_lacking_tells_what_has_to_be_put(store: Store) -> None:
    """Of digests as bytes."""
    with store.batch() as batch:
        digests = [batch.put_bytes(data) for data in many(100)]
    raws = [bytes.fromhex(digest) for digest in (*digests, ABSENT)]
    with store.batch() as batch:
        assert batch.lacking(raws) == {bytes.fromhex(ABSENT)}
        batch.put_bytes(b"never stored")
        assert batch.lacking(raws) == set()


def test_many_objects_are_read_each_once(store: Store) -> None:
    """Small or alone, asked for twice or absent."""
    with store.batch() as batch:
        digests = [batch.put_bytes(data) for data in many(300)]
    digests.append(store.put_bytes(b"alone"))
    found = [(digest, data) for digest, data in store.read_many([*digests[::2], ABSENT, *digests[::2]])]

    assert len(found) == len(digests[::2]) + 1
    assert dict(found)[ABSENT] is None
    for digest, data in found:
        assert digest == ABSENT or bytes(data or b"") == store.read_bytes(digest)


def test_later_changes_of_a_file_do_not_reach_the_store(store: Store, tmp_path: Path) -> None:
    """The store has a copy of its own, whatever the size."""
    for data in (b"small", LARGE):
        path = tmp_path / "model.bin"
        path.write_bytes(data)
        digest, _ = store.put_file(path)
        with path.open("r+b") as stream:
            stream.write(b"CHANGED")
        assert store.read_bytes(digest) == data


def test_a_missing_file_is_named(store: Store, tmp_path: Path) -> None:
    """The path is in the sentence."""
    with pytest.raises(NotFoundError, match=r"nowhere\.bin"):
        store.put_file(tmp_path / "nowhere.bin")


def test_what_is_not_a_regular_file_is_refused(store: Store, tmp_path: Path) -> None:
    """A folder, a link and a pipe; the pipe does not make it wait."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "file").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")

    for name in ("folder", "link", "pipe"):
        with pytest.raises(UsageError, match=name):
            store.put_file(tmp_path / name)


def test_a_file_that_never_stops_changing_is_a_conflict(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After two tries the caller hears of it, and nothing was stored."""
    path = tmp_path / "growing.log"
    path.write_bytes(LARGE)
    real = os.fstat

    def growing(fd: int) -> os.stat_result:
        with path.open("ab") as stream:
            stream.write(b"more")
        return real(fd)

    if isinstance(store, MemoryStore):
        original = Path.read_bytes

        def read_and_grow(self: Path) -> bytes:
            data = original(self)
            with self.open("ab") as stream:
                stream.write(b"more")
            return data

        monkeypatch.setattr(Path, "read_bytes", read_and_grow)
    else:
        monkeypatch.setattr(os, "fstat", growing)
    with pytest.raises(ConflictError, match=r"growing\.log"):
        store.put_file(path)
    monkeypatch.undo()

    assert list(store.list()) == []


def test_an_absent_object_is_not_found(store: Store) -> None:
    """Every way of asking says so."""
    assert not store.contains(ABSENT)
    for ask in (store.size, store.open, store.read_bytes):
        with pytest.raises(NotFoundError, match=ABSENT[:12]):
            ask(ABSENT)


def test_missing_tells_what_is_not_here(store: Store) -> None:
    """Of many digests, in one question."""
    with store.batch() as batch:
        here = [batch.put_bytes(data) for data in many(100)]
    here.append(store.put_bytes(LARGE))

    assert store.missing([*here, ABSENT]) == {ABSENT}


@pytest.mark.parametrize("count", [3, 300])
def test_deleted_objects_are_gone_and_others_stay(store: Store, count: int) -> None:
    """Also when they lie in one file."""
    with store.batch() as batch:
        digests = [batch.put_bytes(data) for data in many(count)]
    large = store.put_bytes(LARGE)

    assert store.delete([*digests[::2], large, ABSENT]) == len(digests[::2]) + 1

    assert set(store.list()) == set(digests[1::2])
    assert [store.read_bytes(digest) for digest in digests[1::2]] == many(count)[1::2]
    assert store.missing([*digests, large]) == {*digests[::2], large}


def test_delete_twice_removes_once(store: Store) -> None:
    """The second call finds nothing."""
    digest = store.put_bytes(b"weights")
    assert store.delete([digest]) == 1
    assert store.delete([digest]) == 0


def test_a_deleted_object_can_be_put_again(store: Store) -> None:
    """Nothing remembers it."""
    for data in (b"weights", LARGE):
        digest = store.put_bytes(data)
        store.delete([digest])
        assert store.put_bytes(data) == digest
        assert store.read_bytes(digest) == data


def test_threads_may_share_a_store_and_a_batch(store: Store) -> None:
    """Nothing is lost and nothing mixed."""
    failures: list[BaseException] = []
    digests: set[Digest] = set()

    def work(number: int) -> None:
        try:
            for data in many(200):
                digests.add(batch.put_bytes(data + bytes([number % 2])))
            store.put_bytes(b"alone %d" % number)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    with store.batch() as batch:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert failures == []
    assert len(digests) == 400
    assert all(digest_bytes(store.read_bytes(digest)) == digest for digest in digests)
    assert len(set(store.list())) == 404
