"""Recipes when processes die, disks are full, bits flip, and what they need is deleted."""

from __future__ import annotations

import errno
import os
import random
import shutil
import threading
from pathlib import Path

import pytest

from tests.faults.steps import fail_at_every_step, kill_at_every_step
from vcs.digest import Digest, digest_bytes
from vcs.errors import IntegrityError, StoreError
from vcs.files.verify import verify_store
from vcs.stores import large
from vcs.stores.local import LocalStore

BASE = random.Random(5).randbytes(600_000)
NEXT = BASE[:300_000] + random.Random(6).randbytes(20_000) + BASE[300_000:]
THIRD = NEXT + random.Random(7).randbytes(30_000)
FIRST, SECOND, LAST = (digest_bytes(data) for data in (BASE, NEXT, THIRD))


def open_store(folder: Path) -> LocalStore:
    """The store of a folder, as a new process would open it."""
    return LocalStore(folder / "objects", folder / "packs", folder / "tmp")


def put(folder: Path, data: bytes) -> Digest:
    """Store bytes from a file beside the store."""
    path = folder.parent / f"{digest_bytes(data)[:8]}.bin"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return open_store(folder).put_file(path)[0]


def sources(folder: Path) -> None:
    """Write the files, so that this is no step of the work."""
    folder.parent.mkdir(exist_ok=True)
    for data in (BASE, NEXT, THIRD):
        (folder.parent / f"{digest_bytes(data)[:8]}.bin").write_bytes(data)


def assert_has(folder: Path, *contents: bytes) -> None:
    """These objects and no others are there, and all are whole."""
    store = open_store(folder)
    assert verify_store(store) == []
    assert set(store.list()) == {digest_bytes(data) for data in contents}
    assert all(store.read_bytes(digest_bytes(data)) == data for data in contents)


def is_recipe(folder: Path, digest: Digest) -> bool:
    """Whether it lies as a recipe."""
    return (folder / "recipes" / digest).exists()


@pytest.fixture
def apart(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """New bytes and recipe are one file, or two as if they were many."""
    if request.param:
        monkeypatch.setattr(large, "_ONE_FILE_BYTES", 0)


both_forms = pytest.mark.parametrize("apart", [False, True], ids=["one file", "two files"], indirect=True)


@both_forms
@pytest.mark.usefixtures("apart")
def test_a_kill_at_any_step_of_a_put_leaves_a_whole_store(tmp_path: Path) -> None:
    """What is left over is no object, goes with the next deletion, and the next put works."""
    folder = tmp_path / "store"
    put(folder, BASE)
    sources(folder)

    def check(finished: bool) -> None:
        store = open_store(folder)
        there = store.contains(SECOND)
        assert there or not finished
        assert_has(folder, BASE, *([NEXT] if there else []))
        assert put(folder, NEXT) == SECOND
        assert is_recipe(folder, SECOND)
        assert_has(folder, BASE, NEXT)
        store.delete([SECOND])
        store.remove_leftovers(older_than_s=-1)
        assert list((folder / "tmp").iterdir()) == []
        assert list((folder / "extents").glob("*")) == []

    assert kill_at_every_step(lambda: put(folder, NEXT), check) >= 7


@pytest.mark.parametrize("gone", [{FIRST}, {SECOND}, {FIRST, SECOND}], ids=["base", "recipe", "both"])
def test_a_kill_at_any_step_of_a_delete_keeps_the_rest(tmp_path: Path, gone: set[Digest]) -> None:
    """Recipes keep the bytes that they need, whichever step was the last."""
    folder, start = tmp_path / "store", tmp_path / "start" / "store"
    for data in (BASE, NEXT, THIRD):
        put(start, data)
    left = {FIRST: BASE, SECOND: NEXT, LAST: THIRD}
    for digest in gone:
        del left[digest]
    shutil.copytree(start, folder)

    def check(finished: bool) -> None:
        store = open_store(folder)
        assert verify_store(store) == []
        assert all(store.read_bytes(digest) == data for digest, data in left.items())
        if finished:
            assert_has(folder, *left.values())
            # Deleting the rest frees everything.
            assert store.delete(left) == len(left)
            assert list((folder / "extents").iterdir()) == []
            assert list(store.list()) == []
        shutil.rmtree(folder)
        shutil.copytree(start, folder)

    assert kill_at_every_step(lambda: open_store(folder).delete(gone), check) >= 2


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["full", "broken"])
def test_a_failing_disk_is_one_sentence_and_nothing_is_half_visible(tmp_path: Path, code: int) -> None:
    """Whichever step fails: StoreError, or success where the step did not matter."""
    start = tmp_path / "start" / "store"
    put(start, BASE)
    folder = tmp_path / "work" / "store"
    sources(folder)

    def work() -> None:
        put(folder, NEXT)

    def check(raised: BaseException | None, failed: str) -> None:
        assert raised is None or isinstance(raised, StoreError), repr(raised)
        store = open_store(folder)
        assert verify_store(store) == []
        assert store.read_bytes(FIRST) == BASE
        if raised is None:
            assert_has(folder, BASE, NEXT)
        assert failed in ("unlink", "rmdir") or list((folder / "tmp").glob(".*")) == []
        shutil.rmtree(folder)
        shutil.copytree(start, folder)

    shutil.copytree(start, folder)
    assert fail_at_every_step(work, check, code) > 8


def three_versions(folder: Path) -> None:
    """One whole object and two recipes of it."""
    for data in (BASE, NEXT, THIRD):
        put(folder, data)
    assert is_recipe(folder, SECOND)
    assert is_recipe(folder, LAST)


@both_forms
@pytest.mark.usefixtures("apart")
def test_a_flipped_bit_is_named_with_every_object_that_it_spoils(tmp_path: Path) -> None:
    """In the first object, in an extent, and in a recipe; reading refuses it."""
    folder = tmp_path / "store"
    three_versions(folder)
    places: list[tuple[Path, int, set[Digest]]] = [
        (Path(open_store(folder).loose_path(FIRST)), 100, {FIRST, SECOND, LAST}),
        (folder / "recipes" / LAST, -60, {LAST}),
    ]
    places += [
        (path, 50, {SECOND, LAST} if path.read_bytes()[:20_000] == NEXT[300_000:320_000] else {LAST})
        for path in (folder / "extents").iterdir()
    ]
    assert len(places) == 4
    for path, at, spoilt in places:
        path.chmod(0o644)
        whole = path.read_bytes()
        damaged = bytearray(whole)
        damaged[at] ^= 1
        path.write_bytes(damaged)
        assert {problem.what for problem in verify_store(open_store(folder))} == spoilt
        for digest in spoilt:
            with pytest.raises(IntegrityError, match=digest[:12]):
                open_store(folder).read_bytes(digest)
        path.write_bytes(whole)
    assert_has(folder, BASE, NEXT, THIRD)


@both_forms
@pytest.mark.usefixtures("apart")
def test_a_recipe_cut_or_damaged_anywhere_is_refused(tmp_path: Path) -> None:
    """Nothing that it says is believed; putting the object again mends it."""
    folder = tmp_path / "store"
    three_versions(folder)
    path = folder / "recipes" / LAST
    path.chmod(0o644)
    whole = path.read_bytes()
    places = range(30_000 if whole.startswith(THIRD[-30_000:]) else 0, len(whole))
    flipped = [whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :] for at in places]
    for damaged in [whole[:length] for length in places] + flipped:
        path.write_bytes(damaged)
        store = open_store(folder)
        for ask in (store.open, store.read_bytes, store.size):
            with pytest.raises(IntegrityError):
                ask(LAST)
        assert not store.contains(LAST)
    assert [problem.what for problem in verify_store(open_store(folder))] == [LAST]

    put(folder, THIRD)
    assert_has(folder, BASE, NEXT, THIRD)


def test_where_there_are_no_links_a_recipe_with_its_new_bytes_has_two_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes under both names."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    folder = tmp_path / "store"
    three_versions(folder)
    assert_has(folder, BASE, NEXT, THIRD)
    assert (folder / "extents" / digest_bytes(THIRD[-30_000:])).stat().st_nlink == 1
    store = open_store(folder)
    store.delete([FIRST, SECOND])
    assert_has(folder, THIRD)


def test_a_damaged_recipe_lets_no_byte_go_that_it_may_need(tmp_path: Path) -> None:
    """Until it is deleted itself, or mended."""
    folder = tmp_path / "store"
    three_versions(folder)
    path = folder / "recipes" / LAST
    path.chmod(0o644)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert open_store(folder).delete([FIRST, SECOND]) == 2
    path.write_bytes(whole)
    assert_has(folder, THIRD)
    path.write_bytes(whole[:-1])
    assert open_store(folder).delete([LAST]) == 1
    assert list((folder / "extents").iterdir()) == []


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "gone"])
def test_a_lost_file_is_an_integrity_error_of_what_needs_it(tmp_path: Path, cut: bool) -> None:
    """And the object is missing for those who ask whether it has to be put."""
    folder = tmp_path / "store"
    three_versions(folder)
    path = Path(open_store(folder).loose_path(FIRST))
    if cut:
        path.chmod(0o644)
        os.truncate(path, 1000)
    else:
        path.unlink()
        assert open_store(folder).missing([FIRST, SECOND]) == {FIRST, SECOND}
    problems = {problem.what: problem.kind for problem in verify_store(open_store(folder))}
    assert problems == ({FIRST: "damaged"} if cut else {}) | {SECOND: "damaged", LAST: "damaged"}
    if not cut:
        for data in (BASE, NEXT, THIRD):
            put(folder, data)
        assert_has(folder, BASE, NEXT, THIRD)


def test_a_reader_goes_on_while_everything_is_deleted(tmp_path: Path) -> None:
    """What is open stays readable."""
    folder = tmp_path / "store"
    three_versions(folder)
    with open_store(folder).open(LAST) as stream:
        begin = stream.read(10)
        assert open_store(folder).delete([FIRST, SECOND, LAST]) == 3
        assert begin + stream.read() == THIRD


def test_a_deleted_base_that_comes_again_is_stored_once(tmp_path: Path) -> None:
    """Its bytes were kept for a recipe; they are an object again, and the extent goes."""
    folder = tmp_path / "store"
    three_versions(folder)
    store = open_store(folder)
    assert store.recipes.needed()[FIRST] == {SECOND, LAST}
    assert store.delete([FIRST]) == 1
    assert (folder / "extents" / FIRST).exists()
    put(folder, BASE)
    assert_has(folder, BASE, NEXT, THIRD)
    assert store.delete([SECOND]) == 1
    assert_has(folder, BASE, THIRD)


def test_a_base_deleted_during_the_comparison_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is then stored whole."""
    folder = tmp_path / "store"
    put(folder, BASE)
    sources(folder)
    real = open_store(folder).recipes.__class__.publish

    def publish(*arguments: object) -> bool:
        open_store(folder).delete([FIRST])
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("vcs.stores.recipes.RecipeFolder.publish", publish)
    counts: list[int] = []
    with open_store(folder).batch() as batch:
        batch.put_file(folder.parent / f"{SECOND[:8]}.bin", advance=counts.append)
    monkeypatch.undo()
    assert sum(counts) == len(NEXT)
    assert not is_recipe(folder, SECOND)
    assert_has(folder, NEXT)


def test_a_file_that_changes_during_the_comparison_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is stored is what it is in the end."""
    folder = tmp_path / "store"
    put(folder, BASE)
    path = tmp_path / "growing.bin"
    path.write_bytes(NEXT)
    real = os.preadv
    grown: list[int] = []

    def preadv(fd: int, buffers: list[memoryview], offset: int) -> int:
        if offset > 200_000 and not grown:
            grown.append(1)
            path.write_bytes(THIRD)
        return real(fd, buffers, offset)

    monkeypatch.setattr(os, "preadv", preadv)
    assert open_store(folder).put_file(path)[0] == LAST
    monkeypatch.undo()
    assert_has(folder, BASE, THIRD)


@pytest.mark.slow
def test_writers_readers_and_deleters_at_once(tmp_path: Path) -> None:
    """Whatever the order: what is there is whole."""
    folder = tmp_path / "store"
    put(folder, BASE)
    sources(folder)
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            try:
                source = random.Random(number)
                for _ in range(15):
                    if number == 3:
                        open_store(folder).delete([source.choice([FIRST, SECOND, LAST])])
                    else:
                        put(folder, source.choice([BASE, NEXT, THIRD]))
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    assert verify_store(open_store(folder)) == []
    for data in (BASE, NEXT, THIRD):
        put(folder, data)
    assert_has(folder, BASE, NEXT, THIRD)


def test_threads_store_versions_at_once(tmp_path: Path) -> None:
    """In one batch."""
    folder = tmp_path / "store"
    put(folder, BASE)
    failures: list[BaseException] = []
    versions = [BASE + bytes([number]) * 1000 for number in range(6)]

    def work(data: bytes) -> None:
        path = tmp_path / f"{data[-1]}"
        path.write_bytes(data)
        try:
            batch.put_file(path)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    with open_store(folder).batch() as batch:
        threads = [threading.Thread(target=work, args=(data,)) for data in versions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert_has(folder, BASE, *versions)


def test_a_store_without_locks_keeps_whole_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network file systems; and the folder of recipes may be another user's."""
    folder = tmp_path / "store"
    put(folder, BASE)

    def no_locks(fd: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    put(folder, NEXT)
    monkeypatch.undo()
    assert not is_recipe(folder, SECOND)
    assert_has(folder, BASE, NEXT)
