"""The local store when processes die, disks are full and bits flip."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from tests.faults.steps import fail_at_every_step, kill_at_every_step
from vcs.digest import Digest, digest_bytes
from vcs.errors import Error, IntegrityError, NotFoundError, StoreError
from vcs.files.add import add_tree
from vcs.files.verify import verify_store
from vcs.stores.local import LocalStore
from vcs.stores.packs import Pack

OLD = [f"old {number}".encode() for number in range(100)]
NEW = [f"new {number}".encode() for number in range(100)]
FEW = [b"few 1", b"few 2"]
LARGE = b"large" * 60_000


def open_store(folder: Path) -> LocalStore:
    """The store of a folder, as a new process would open it."""
    return LocalStore(folder / "objects", folder / "packs", folder / "tmp")


def put_all(store: LocalStore, contents: list[bytes]) -> list[Digest]:
    """Store all in one batch."""
    with store.batch() as batch:
        return [batch.put_bytes(data) for data in contents]


def stray_files(folder: Path) -> list[Path]:
    """Files that are neither objects nor packs, outside of the place for temporary ones."""
    known = {*folder.glob("objects/??/*"), *folder.glob("packs/*.pack"), *folder.glob("tmp/*")}
    known |= {folder / "packs" / "lock", folder / "recipes" / "lock", *folder.glob("recent-*")}
    known |= {*folder.glob("recipes/" + "?" * 64), *folder.glob("extents/*"), *folder.glob("claims/*")}
    return [path for path in folder.rglob("*") if path.is_file() and path not in known]


def assert_whole(folder: Path, before: list[bytes]) -> None:
    """Everything visible is whole, and what was there before is still there."""
    store = open_store(folder)
    assert verify_store(store) == []
    assert store.missing(digest_bytes(data) for data in before) == set()
    assert stray_files(folder) == []


@pytest.mark.parametrize(
    "contents", [NEW, FEW, [LARGE], [*NEW, LARGE]], ids=["pack", "few", "large", "mixed"]
)
def test_a_kill_at_any_step_of_a_put_leaves_a_whole_store(tmp_path: Path, contents: list[bytes]) -> None:
    """Only temporary files are left, and the next put of the same works."""
    folder = tmp_path / "store"
    put_all(open_store(folder), OLD)

    def check(finished: bool) -> None:
        assert_whole(folder, [*OLD, *contents] if finished else OLD)
        open_store(folder).remove_leftovers(older_than_s=-1)
        assert list((folder / "tmp").glob(".*")) == []
        open_store(folder).delete(digest_bytes(data) for data in contents)

    assert kill_at_every_step(lambda: put_all(open_store(folder), contents), check) >= 4


@pytest.mark.slow
def test_a_kill_at_any_step_of_a_delete_keeps_the_rest(tmp_path: Path) -> None:
    """What was not to be deleted is readable, whichever step was the last."""
    folder = tmp_path / "store"
    gone = [digest_bytes(data) for data in NEW[::2]]

    def check(finished: bool) -> None:
        assert_whole(folder, NEW[1::2])
        if finished:
            assert open_store(folder).missing(gone) == set(gone)
        put_all(open_store(folder), NEW)

    put_all(open_store(folder), NEW)
    assert kill_at_every_step(lambda: open_store(folder).delete(gone), check) >= 4


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO], ids=["full", "read-only", "broken"])
def test_a_failing_disk_is_one_sentence_and_nothing_is_half_visible(tmp_path: Path, code: int) -> None:
    """Whichever step fails: StoreError, or success where the step did not matter."""
    folder = tmp_path / "store"

    def work() -> None:
        nonlocal folder
        folder = tmp_path / os.urandom(8).hex()
        put_all(open_store(folder), [*NEW, LARGE])
        put_all(open_store(folder), FEW)

    def check(raised: BaseException | None, failed: str) -> None:
        assert raised is None or isinstance(raised, StoreError), repr(raised)
        if raised is None:
            assert_whole(folder, [*NEW, *FEW, LARGE])
        else:
            assert "\n" not in raised.message
            assert_whole(folder, [])
        # The process lives, so it cleans up behind itself, unless that is what failed.
        assert failed in ("unlink", "rmdir") or list((folder / "tmp").glob(".*")) == []

    assert fail_at_every_step(work, check, code) > 10


def test_the_full_disk_says_that_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason and what to do."""
    store = open_store(tmp_path)

    def full(fd: int, data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError, match="the disk is full") as caught:
        store.put_bytes(b"weights")
    assert caught.value.hint is not None


def test_a_disk_that_fails_while_more_is_read_stores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel tells of it once, and that may be long before the end."""
    data = tmp_path / "data"
    data.mkdir()
    for number in range(300):
        (data / str(number)).write_bytes(b"%d" % number * 100)
    calls: list[int] = []
    real_fsync = os.fsync

    def fail_once(fd: int) -> None:
        if threading.current_thread().name.startswith("tracker-sync"):
            calls.append(fd)
            if len(calls) == 1:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
        real_fsync(fd)

    monkeypatch.setattr("vcs.stores.packing._SEND_BYTES", 1000)
    monkeypatch.setattr(os, "fsync", fail_once)
    store = open_store(tmp_path / "store")

    with pytest.raises(StoreError, match="input/output error"):
        add_tree(data, store)
    assert calls
    assert list(open_store(tmp_path / "store").list()) == []
    assert list(tmp_path.glob("store/tmp/*")) == []

    listing = add_tree(data, store)
    assert_whole(tmp_path / "store", [b"%d" % number * 100 for number in range(300)])
    assert len(listing) == 300


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel may write less than asked for; nothing is lost."""
    real_write, real_pwritev = os.write, os.pwritev
    monkeypatch.setattr(os, "write", lambda fd, data: real_write(fd, bytes(data)[:7]))
    monkeypatch.setattr(os, "pwritev", lambda fd, parts, at: real_pwritev(fd, [b"".join(parts)[:1000]], at))
    store = open_store(tmp_path)
    put_all(store, [*NEW, b"x" * 5000])
    store.put_bytes(LARGE)
    monkeypatch.undo()

    assert_whole(tmp_path, [*NEW, b"x" * 5000, LARGE])


def test_a_folder_without_permission_is_one_sentence(tmp_path: Path) -> None:
    """As an ordinary user, in a folder of somebody else."""
    script = """
        import os, sys
        from pathlib import Path
        from vcs.errors import StoreError
        from vcs.stores.local import LocalStore
        os.chdir(sys.argv[1])
        if os.geteuid() == 0:
            os.setgid(65534); os.setuid(65534)
        store = LocalStore(Path("objects"), Path("packs"), Path("tmp"))
        for data in (b"small", b"large" * 60_000):
            try:
                store.put_bytes(data)
            except StoreError as error:
                print(error.message)
    """
    tmp_path.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    tmp_path.chmod(0o755)

    assert done.stdout.count("permission denied") == 2
    assert list(tmp_path.iterdir()) == []


def test_a_put_killed_from_outside_leaves_only_temporary_files(tmp_path: Path) -> None:
    """SIGKILL at a moment nobody chose."""
    script = """
        import os, sys
        from pathlib import Path
        from vcs.stores.local import LocalStore
        folder = Path(sys.argv[1])
        store = LocalStore(folder / "objects", folder / "packs", folder / "tmp")
        with store.batch() as batch:
            for number in range(1 << 40):
                batch.put_bytes(b"%d" % number * 1000)
                if number % 500 == 0:
                    print(number, flush=True)
                if number % 300 == 0:
                    store.put_bytes(b"alone %d" % number)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    for _ in range(5):
        child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()

    assert_whole(tmp_path, [b"alone 0"])
    assert open_store(tmp_path).remove_leftovers(older_than_s=-1) in (1, 2)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_leftovers_of_a_living_process_stay(tmp_path: Path) -> None:
    """The lock tells, not the age."""
    store = open_store(tmp_path)
    with store.batch() as batch:
        for data in NEW:
            batch.put_bytes(data)
        assert open_store(tmp_path).remove_leftovers(older_than_s=-1) == 0
    assert_whole(tmp_path, NEW)


def test_several_processes_put_at_once(tmp_path: Path) -> None:
    """Nothing is lost, whoever wins."""
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            try:
                for turn in range(5):
                    put_all(open_store(tmp_path), [*NEW, LARGE, b"%d %d" % (number, turn)])
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)

    assert_whole(tmp_path, [*NEW, LARGE, *(b"%d %d" % (n, t) for n in range(4) for t in range(5))])


def the_pack(folder: Path) -> Path:
    """The only pack."""
    (path,) = folder.glob("packs/*.pack")
    path.chmod(0o644)
    return path


def test_a_pack_cut_anywhere_is_set_aside_and_named(tmp_path: Path) -> None:
    """Its objects are missing, other ones are not, and putting them again mends the store."""
    put_all(open_store(tmp_path), NEW)
    other = open_store(tmp_path).put_bytes(b"in a file of its own")
    pack = the_pack(tmp_path)
    whole = pack.read_bytes()

    for length in range(0, len(whole), 61):
        pack.write_bytes(whole[:length])
        store = open_store(tmp_path)
        assert store.read_bytes(other) == b"in a file of its own"
        with pytest.raises(NotFoundError, match=pack.name):
            store.read_bytes(digest_bytes(NEW[0]))
        assert [problem.what for problem in verify_store(store)] == [pack.name]

    put_all(open_store(tmp_path), NEW)
    assert open_store(tmp_path).read_bytes(digest_bytes(NEW[0])) == NEW[0]


def test_a_flipped_bit_anywhere_in_a_pack_is_found(tmp_path: Path) -> None:
    """In an object it names the object; in the index, the pack."""
    put_all(open_store(tmp_path), NEW)
    pack = the_pack(tmp_path)
    whole = pack.read_bytes()
    objects_end = 8 + sum(map(len, NEW))

    for position in range(0, len(whole), 37):
        damaged = bytearray(whole)
        damaged[position] ^= 4
        pack.write_bytes(damaged)
        (problem,) = verify_store(open_store(tmp_path))
        if 8 <= position < objects_end:
            assert problem.kind == "damaged"
            with pytest.raises(IntegrityError, match=problem.what[:12]):
                open_store(tmp_path).read_bytes(Digest(problem.what))
        else:
            assert problem.what == pack.name


def test_a_flipped_bit_in_a_file_is_found(tmp_path: Path) -> None:
    """Reading refuses it, and verify names it."""
    digest = open_store(tmp_path).put_bytes(LARGE)
    path = Path(open_store(tmp_path).loose_path(digest))
    path.chmod(0o644)
    data = bytearray(LARGE)
    data[1234] ^= 1
    path.write_bytes(data)

    with pytest.raises(IntegrityError, match=digest[:12]):
        open_store(tmp_path).read_bytes(digest)
    assert [(problem.what, problem.kind) for problem in verify_store(open_store(tmp_path))] == [
        (digest, "damaged")
    ]


def test_a_pack_cut_while_it_is_open_is_an_integrity_error(tmp_path: Path) -> None:
    """Also in a process that read its index before."""
    store = open_store(tmp_path)
    put_all(store, NEW)
    last = max(
        NEW, key=lambda data: (Pack(the_pack(tmp_path)).place(bytes.fromhex(digest_bytes(data))) or (0,))[0]
    )
    os.truncate(the_pack(tmp_path), 100)

    with pytest.raises(IntegrityError, match="cut"):
        store.read_bytes(digest_bytes(last))


def test_an_index_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    """Counts are checked against the length of the file before anything is allocated."""
    put_all(open_store(tmp_path), NEW)
    pack = the_pack(tmp_path)
    data = bytearray(pack.read_bytes())
    start = 8 + sum(map(len, NEW))
    data[start : start + 4] = b"\xff\xff\xff\x7f"
    pack.write_bytes(data)

    with pytest.raises(IntegrityError):
        Pack(pack)


def test_errors_of_the_store_are_ours(tmp_path: Path) -> None:
    """A file where a folder should be is no traceback."""
    (tmp_path / "objects").write_bytes(b"")
    (tmp_path / "packs").write_bytes(b"")
    (tmp_path / "tmp").write_bytes(b"")
    store = open_store(tmp_path)
    for work in (lambda: put_all(store, NEW), lambda: store.put_bytes(LARGE), lambda: store.put_bytes(b"x")):
        with pytest.raises(Error):
            work()
