"""Garbage of a remote goes, and nothing that anybody relies on."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import git
from tests.sharing.conftest import local_store
from tests.vcs.clones import Clock, Clone, bare_remote, clone_at
from vcs.buckets.base import Bucket, Item
from vcs.buckets.folder import FolderBucket
from vcs.digest import Digest, digest_bytes
from vcs.errors import ConflictError, LockedError
from vcs.sharing.contents import RemoteContents
from vcs.sharing.download import fetch
from vcs.sharing.garbage import check_users, planned, project_mark
from vcs.sharing.upload import send
from vcs.stores.local import LocalStore


def opened(folder: Path, name: str = "one") -> RemoteContents:
    return RemoteContents(FolderBucket(folder / "remote"), folder / f"cache-{name}", "lab")


def put(store: LocalStore, contents: list[bytes]) -> dict[Digest, int]:
    with store.batch() as batch:
        return {batch.put_bytes(data): len(data) for data in contents}


def push(remote: RemoteContents, store: LocalStore, objects: dict[Digest, int]) -> None:
    with remote.lease() as lease:
        assert not send(store, remote, lease, objects).missing


def collect(remote: RemoteContents, wanted: set[str], grace_s: float = -1.0) -> int:
    """Remove everything but what is wanted; a negative grace makes also the newest old."""
    with planned(remote, lambda: wanted, grace_s=grace_s) as (plan, apply):
        apply()
        return plan.objects


def check_there(folder: Path, wanted: set[Digest]) -> None:
    """Another clone, which knows nothing yet, gets all of it whole."""
    store = local_store(folder / os.urandom(4).hex())
    found = fetch(store, opened(folder, os.urandom(4).hex()), wanted)
    assert (found.missing, found.damaged) == ([], [])
    assert not store.missing(wanted)


def files_of(folder: Path) -> set[str]:
    found = (path for path in (folder / "remote").rglob("*") if path.is_file())
    return {path.relative_to(folder / "remote").parts[0] for path in found if "state" not in path.parts}


def small(word: str, count: int) -> list[bytes]:
    return [f"{word} {number}".encode() * 10 for number in range(count)]


def test_what_nothing_names_goes(tmp_path: Path) -> None:
    """Whole packs, parts, and most of a pack."""
    store, remote = local_store(tmp_path / "store"), opened(tmp_path)
    large = [os.urandom(3 << 20) for _ in range(2)]
    everything = put(store, [*small("a", 100), *large])
    others = put(store, small("b", 50))
    push(remote, store, everything)
    push(remote, store, others)
    wanted = {digest_bytes(data) for data in (*small("a", 100)[:10], large[0])}
    assert collect(remote, set(wanted)) == 90 + 1 + 50
    assert opened(tmp_path, "new").refresh().digests() == wanted
    check_there(tmp_path, wanted)
    assert collect(remote, set(wanted)) == 0
    push(remote, store, everything)
    check_there(tmp_path, set(everything))
    assert collect(remote, set()) == len(everything)
    assert files_of(tmp_path) == set()


def test_what_is_young_stays(tmp_path: Path) -> None:
    """An interrupted push goes on from there."""
    store, remote = local_store(tmp_path / "store"), opened(tmp_path)
    push(remote, store, put(store, [*small("a", 10), os.urandom(3 << 20)]))
    assert collect(remote, set(), grace_s=3600.0) == 0


def test_what_a_killed_put_left_goes_when_it_is_old(tmp_path: Path) -> None:
    """One that is at work looks the same, so an hour has to go by."""
    store, remote = local_store(tmp_path / "store"), opened(tmp_path)
    kept = put(store, small("a", 3))
    push(remote, store, kept)
    pack = next((tmp_path / "remote" / "packs").rglob("*.pack"))
    left = pack.with_name(f".{pack.name}.4711.0123456789ab.tmp")
    left.write_bytes(b"half")
    assert not list(remote.bucket.list("packs/"))[1:]
    assert collect(remote, set(kept)) == 0
    assert left.exists()
    os.utime(left, (left.stat().st_mtime - 7200,) * 2)
    assert collect(remote, set(kept)) == 0
    assert not left.exists()
    check_there(tmp_path, set(kept))


def test_nobody_pushes_meanwhile(tmp_path: Path) -> None:
    store, remote = local_store(tmp_path / "store"), opened(tmp_path)
    objects = put(store, small("a", 3))
    with remote.lease(), pytest.raises(LockedError), planned(opened(tmp_path, "two"), set):
        pass
    with planned(remote, set), pytest.raises(LockedError):
        push(opened(tmp_path, "two"), store, objects)
    push(remote, store, objects)


class Breaking(FolderBucket):
    """Fails at one of the changes, as if the process had been killed there."""

    def __init__(self, folder: Path, at: int) -> None:
        super().__init__(folder)
        self.left = at

    def step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt

    def put(self, key: str, data: bytes | bytearray | memoryview) -> None:
        self.step()
        super().put(key, data)

    def delete(self, keys: object) -> None:
        for key in list(keys):  # type: ignore[call-overload]
            self.step()
            super().delete([key])


@pytest.mark.slow
def test_ended_at_any_step_nothing_that_is_wanted_is_lost(tmp_path: Path) -> None:
    """And the next collection removes the rest."""
    store = local_store(tmp_path / "store")
    contents = [*small("a", 100), os.urandom(2 << 20), os.urandom(2 << 20)]
    objects = put(store, contents)
    wanted = {digest_bytes(data) for data in (*contents[:20], contents[-1])}
    at, ended = 0, True
    while ended:
        folder = tmp_path / str(at)
        push(opened(folder), store, objects)
        bucket: Bucket = Breaking(folder / "remote", at)
        try:
            collect(RemoteContents(bucket, folder / "cache-x", "lab"), set(wanted))
            ended = False
        except KeyboardInterrupt:
            pass
        for lease in (folder / "remote" / "state").glob("*.collector"):
            lease.unlink()  # as after an hour
        check_there(folder, wanted)
        collect(opened(folder, "next"), set(wanted))
        check_there(folder, wanted)
        assert opened(folder, "new").refresh().digests() == wanted
        at += 1
    assert at > 5


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1 << 30))
def test_pushers_and_collectors_at_once_lose_nothing(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """A ledger that names objects only while the push still holds its lease."""
    folder = tmp_path_factory.mktemp("remote")
    pool = [*small("x", 60), *(bytes([n]) * (2 << 20) for n in range(3))]
    store = local_store(folder / "store")
    sizes = put(store, pool)
    ledger: set[Digest] = set()
    guard = threading.Lock()
    failures: list[BaseException] = []

    def act(number: int) -> None:
        choose = random.Random(seed + number)
        remote = opened(folder, str(number))
        try:
            for _ in range(6):
                try:
                    if choose.random() < 0.5:
                        chosen = choose.sample(list(sizes), choose.randint(1, 40))
                        with remote.lease() as lease:
                            send(store, remote, lease, {digest: sizes[digest] for digest in chosen})
                            lease.confirm()
                            with guard:
                                ledger.update(chosen)
                    else:
                        with guard:
                            for digest in choose.sample(sorted(ledger), len(ledger) // 2):
                                ledger.discard(digest)
                        with planned(remote, lambda: {*ledger}, grace_s=-1.0) as (_, apply):
                            apply()
                except LockedError:
                    continue
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=act, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    check_there(folder, ledger)


def mark(remote: RemoteContents, clone: Clone) -> None:
    remote.bucket.put(project_mark(clone.git, clone.layout), b"")


def test_a_remote_that_another_project_uses_is_left_alone(tmp_path: Path) -> None:
    """Clones of one project know each other by their ledgers, once they have pulled."""
    (tmp_path / "other").mkdir()
    bare, clock = bare_remote(tmp_path), Clock()
    a, b = clone_at(tmp_path / "a", bare, clock), clone_at(tmp_path / "b", bare, clock)
    foreign = clone_at(tmp_path / "c", bare_remote(tmp_path / "other"), clock)
    remote = opened(tmp_path)
    for clone in (a, b, foreign):
        clone.write_run(clone.folder.name)
    mark(remote, a)
    check_users(remote, a.git, a.layout)
    mark(remote, b)
    with pytest.raises(ConflictError, match="another project"):
        check_users(remote, a.git, a.layout)
    b.push()
    a.pull()
    check_users(remote, a.git, a.layout)
    mark(remote, foreign)
    with pytest.raises(ConflictError, match="another project"):
        check_users(remote, a.git, a.layout)
    assert git(a.folder, "status", "--porcelain") == ""
    assert all(isinstance(item, Item) for item in remote.state())
