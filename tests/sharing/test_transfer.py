"""Objects go to a remote and come back: what is sent, in how many requests, and what survives."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.sharing.conftest import MakeBucket, local_store
from tests.sharing.transfers import MIXED, SMALL_PIECES, Opened, fill, holds, pull, push
from vcs.atomic import write_atomic
from vcs.buckets.around import Around, Counted, Retrying
from vcs.buckets.base import Bucket, UnreachableError
from vcs.buckets.folder import FolderBucket
from vcs.digest import Digest
from vcs.errors import ConflictError, LockedError
from vcs.liveness import this_process
from vcs.sharing.contents import LEASE_S, RemoteContents
from vcs.sharing.download import fetch
from vcs.sharing.upload import Pace, send


def test_everything_comes_back_on_the_other_side(make_bucket: MakeBucket, tmp_path: Path) -> None:
    """Small, medium and large objects, over every kind of remote."""
    ann, bob = local_store(tmp_path / "ann"), local_store(tmp_path / "bob")
    wanted = fill(ann, MIXED)

    sent = push(ann, RemoteContents(make_bucket(), tmp_path / "a", "lab"), wanted)
    fetched = pull(bob, RemoteContents(make_bucket(), tmp_path / "b", "lab"), wanted)

    assert sent.objects == fetched.objects == len(wanted)
    assert (sent.missing, sent.damaged, fetched.missing, fetched.damaged) == ([], [], [], [])
    assert holds(bob, wanted)


def test_many_small_objects_are_few_requests(tmp_path: Path, opened: Opened) -> None:
    """Ten thousand files; then nothing to do; then one changed file."""
    ann = local_store(tmp_path / "ann")
    wanted = fill(ann, [1000] * 10_000)
    bucket = Counted(FolderBucket(tmp_path / "remote"))
    remote = opened("ann", bucket)

    push(ann, remote, wanted, Pace())
    assert bucket.total <= 10
    bucket.requests.clear()
    push(ann, remote, wanted, Pace())
    assert bucket.total == 3
    bucket.requests.clear()
    push(ann, remote, {**wanted, **fill(ann, [999])}, Pace())
    assert bucket.total == 7
    bucket.requests.clear()
    assert holds(ann, wanted)

    bob = local_store(tmp_path / "bob")
    fetch(bob, opened("bob", bucket), wanted)
    assert bucket.total <= 6
    assert holds(bob, wanted)


def test_only_what_is_lacking_is_sent(tmp_path: Path, opened: Opened) -> None:
    """What another clone sent is not sent again."""
    ann, bob = local_store(tmp_path / "ann"), local_store(tmp_path / "bob")
    wanted = fill(ann, MIXED)
    fill(bob, MIXED)
    push(ann, opened("ann"), wanted)
    bucket = Counted(FolderBucket(tmp_path / "remote"))

    sent = push(bob, opened("bob", bucket), wanted)

    assert (sent.objects, sent.bytes) == (0, 0)
    assert bucket.sent_bytes < 1000


def test_a_checkpoint_that_resembles_another_costs_what_is_new(tmp_path: Path, opened: Opened) -> None:
    """Both ways; and what is stored there is a recipe again."""
    ann, bob = local_store(tmp_path / "ann"), local_store(tmp_path / "bob")
    first = random.Random(1).randbytes(8_000_000)
    second = first[:3_000_000] + os.urandom(50_000) + first[3_050_000:]
    wanted = {}
    for number, data in enumerate((first, second)):
        (tmp_path / f"{number}.bin").write_bytes(data)
        digest, size = ann.put_file(tmp_path / f"{number}.bin")
        wanted[digest] = size
    assert ann.file_of([*wanted][1]) is None
    remote, other = opened("ann"), opened("bob")
    push(ann, remote, dict([*wanted.items()][:1]))
    pull(bob, other, dict([*wanted.items()][:1]))

    sent = push(ann, remote, wanted)
    fetched = pull(bob, other, wanted)

    assert sent.bytes < 100_000
    assert fetched.bytes < 100_000
    assert holds(bob, wanted)
    assert bob.file_of([*wanted][1]) is None


def test_a_recipe_whose_base_is_not_shared_is_sent_whole(tmp_path: Path, opened: Opened) -> None:
    """The other side needs nothing that it does not get."""
    ann, bob = local_store(tmp_path / "ann"), local_store(tmp_path / "bob")
    first = random.Random(2).randbytes(4_000_000)
    (tmp_path / "base").write_bytes(first)
    ann.put_file(tmp_path / "base")
    (tmp_path / "next").write_bytes(first[:2_000_000] + bytes(1000) + first[2_001_000:3_000_000])
    digest, size = ann.put_file(tmp_path / "next")
    assert ann.file_of(digest) is None

    push(ann, opened("ann"), {digest: size})
    pull(bob, opened("bob"), {digest: size})

    assert holds(bob, {digest: size})


class Killed(BaseException):
    """Stands for what ends a process in the middle: nothing catches it."""


class Dying(Around):
    """Dies at the n-th change of the bucket, before or after it took place."""

    def __init__(self, inner: Bucket, at: int, *, after: bool) -> None:
        super().__init__(inner)
        self._left, self._after, self.dead = at, after, False

    def _step(self, do: Callable[[], None]) -> None:
        self._left -= 1
        if self.dead or self._left < 0:
            if self._after and not self.dead:
                do()
            self.dead = True
            raise Killed
        do()

    def put(self, key: str, data: bytes | bytearray | memoryview) -> None:
        self._step(lambda: self.inner.put(key, data))

    def delete(self, keys: object) -> None:
        self._step(lambda: self.inner.delete(keys))  # type: ignore[arg-type]


DEATHS = [(at, after) for at in range(14) for after in (False, True)]


@pytest.mark.parametrize(
    ("at", "after"), [pytest.param(*one, marks=[pytest.mark.slow] * (sum(one) % 5 > 0)) for one in DEATHS]
)
def test_a_push_killed_at_any_point_is_gone_on_with(
    tmp_path: Path, opened: Opened, at: int, after: bool
) -> None:
    """What is listed afterwards can be fetched, and the next push sends the rest."""
    ann, bob, eve = (local_store(tmp_path / name) for name in ("ann", "bob", "eve"))
    wanted = fill(ann, [3000] * 100 + [1_500_000, 2_500_000, 100_000] * 2)
    dying = Dying(FolderBucket(tmp_path / "remote"), at, after=after)
    try:
        push(ann, opened("ann", dying), wanted)
    except Killed:
        assert dying.dead

    half = opened("eve")
    there = {digest: wanted[digest] for digest in half.refresh().digests()}
    assert pull(eve, half, there).damaged == []
    assert holds(eve, there)
    assert push(ann, opened("again"), wanted).damaged == []
    assert pull(bob, opened("bob"), wanted).missing == []
    assert holds(bob, wanted)


def test_parts_that_were_sent_before_a_failure_are_not_sent_again(tmp_path: Path, opened: Opened) -> None:
    """A large object goes on where the connection broke."""
    ann = local_store(tmp_path / "ann")
    wanted = fill(ann, [12_000_000])

    class Breaks(Around):
        left = 8

        def put(self, key: str, data: bytes | bytearray | memoryview) -> None:
            if key.startswith("parts/"):
                self.left -= 1
                if self.left < 0:
                    raise UnreachableError("the connection broke")
            self.inner.put(key, data)

    with pytest.raises(UnreachableError):
        push(ann, opened("ann", Breaks(FolderBucket(tmp_path / "remote"))), wanted)
    sent = push(ann, opened("ann"), wanted)

    assert 0 < sent.bytes <= 5_000_000
    bob = local_store(tmp_path / "bob")
    pull(bob, opened("bob"), wanted)
    assert holds(bob, wanted)


class CtrlC:
    """A progress whose viewer has seen enough after some megabytes."""

    def __init__(self, after_bytes: int) -> None:
        self._left = after_bytes

    def add_total(self, files: int, bytes: int) -> None:
        """Not interesting."""

    def advance(self, files: int, bytes: int) -> None:
        """Count down."""
        self._left -= bytes
        if self._left < 0:
            raise KeyboardInterrupt


def test_ctrl_c_loses_nothing_that_was_sent_or_fetched(tmp_path: Path, opened: Opened) -> None:
    """Running it again does the rest; no lease stays behind."""
    ann, bob = local_store(tmp_path / "ann"), local_store(tmp_path / "bob")
    wanted = fill(ann, [12_000_000, *[2000] * 100])
    remote, other = opened("ann"), opened("bob")
    with pytest.raises(KeyboardInterrupt), remote.lease() as lease:
        send(ann, remote, lease, wanted, pace=SMALL_PIECES, progress=CtrlC(6_000_000))
    assert not [*(tmp_path / "remote" / "state").glob("*.lease")]
    assert 0 < push(ann, remote, wanted).bytes < 9_000_000

    with pytest.raises(KeyboardInterrupt):
        fetch(bob, other, wanted, pace=SMALL_PIECES, progress=CtrlC(6_000_000))
    assert 0 < pull(bob, other, wanted).bytes < 9_000_000
    assert holds(bob, wanted)


def test_a_fetch_goes_on_where_it_broke(tmp_path: Path, opened: Opened) -> None:
    """Pieces of a large object and small objects that came are kept."""
    ann, bob = local_store(tmp_path / "ann"), local_store(tmp_path / "bob")
    wanted = fill(ann, [10_000_000] + [2000] * 100)
    push(ann, opened("ann"), wanted)

    class Breaks(Around):
        left = 7

        def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
            if key.startswith("parts/"):
                self.left -= 1
                if self.left < 0:
                    raise UnreachableError("the connection broke")
            return self.inner.get(key, start, length)

    with pytest.raises(UnreachableError):
        pull(bob, opened("bob", Breaks(FolderBucket(tmp_path / "remote"))), wanted)
    assert len(bob.missing(wanted)) == 1
    fetched = pull(bob, opened("bob"), wanted)

    assert 0 < fetched.bytes <= 5_000_000
    assert holds(bob, wanted)
    assert [*bob.partial.iterdir()] == []


def test_one_request_in_ten_may_fail(tmp_path: Path, opened: Opened) -> None:
    """A bad network costs time only."""

    class Tenth(Around):
        count = 0

        def _maybe(self) -> None:
            self.count += 1
            if self.count % 10 == 0:
                raise UnreachableError("503 Slow Down")

        def put(self, key: str, data: bytes | bytearray | memoryview) -> None:
            self._maybe()
            self.inner.put(key, data)

        def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
            self._maybe()
            return self.inner.get(key, start, length)

    bucket = Retrying(Tenth(FolderBucket(tmp_path / "remote")), sleep=lambda seconds: None)
    ann, bob = local_store(tmp_path / "ann"), local_store(tmp_path / "bob")
    wanted = fill(ann, [4000] * 200 + [20_000_000])
    push(ann, opened("ann", bucket), wanted)
    pull(bob, opened("bob", bucket), wanted)

    assert holds(bob, wanted)


def test_many_pushes_leave_few_inventories(tmp_path: Path, opened: Opened) -> None:
    """Small ones are merged; other clones follow."""
    ann, bob = local_store(tmp_path / "ann"), local_store(tmp_path / "bob")
    remote, other = opened("ann"), opened("bob")
    everything: dict[Digest, int] = {}
    for number in range(20):
        wanted = fill(ann, [100 + number], seed=number)
        everything |= wanted
        push(ann, remote, wanted)
        if number % 7 == 0:
            pull(bob, other, wanted)

    assert len([*(tmp_path / "remote" / "state").glob("*.inventory")]) <= 17
    pull(bob, other, everything)
    assert holds(bob, everything)


def test_pushes_at_once_lose_nothing(tmp_path: Path, opened: Opened) -> None:
    """Four clones, each with some objects of its own and some of all."""
    from concurrent.futures import ThreadPoolExecutor

    everything: dict[Digest, int] = {}
    clones = []
    for number in range(4):
        store = local_store(tmp_path / f"clone{number}")
        wanted = {**fill(store, [2000] * 80, seed=99), **fill(store, [3000] * 80 + [1_200_000], seed=number)}
        everything |= wanted
        clones.append((store, opened(f"clone{number}"), wanted))
    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(lambda clone: len(push(*clone).damaged), clones)] == [0, 0, 0, 0]

    eve = local_store(tmp_path / "eve")
    pull(eve, opened("eve"), everything)
    assert holds(eve, everything)


def test_collecting_garbage_and_pushing_exclude_each_other(tmp_path: Path, opened: Opened) -> None:
    """Who comes second is told who is there."""
    remote, other = opened("ann"), opened("bob")
    with remote.lease(), pytest.raises(LockedError, match="others are at work"), other.alone():
        pass
    with remote.alone(), pytest.raises(LockedError, match="garbage"), other.lease():
        pass
    with remote.lease(), other.lease():
        pass
    assert not [*(tmp_path / "remote" / "state").glob("*.lease")]


def test_a_lease_of_a_dead_process_holds_nobody_off_for_ever(tmp_path: Path, opened: Opened) -> None:
    """After an hour without renewal it is taken away; a sleeper that wakes finds that out."""
    remote, other = opened("ann"), opened("bob")
    now = [1000.0]
    remote._clock = lambda: now[0]
    with remote.lease() as lease:
        path = tmp_path / "remote" / lease.key
        old = path.stat().st_mtime - LEASE_S - 10
        os.utime(path, (old, old))
        with other.alone():
            pass
        now[0] += LEASE_S + 10
        with pytest.raises(ConflictError, match="slept"):
            lease.confirm()


HOLD = """
import sys
from pathlib import Path
from vcs.buckets.folder import FolderBucket
from vcs.sharing.contents import RemoteContents
remote = RemoteContents(FolderBucket(Path(sys.argv[1])), Path(sys.argv[2]), "lab")
with getattr(remote, sys.argv[3])():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("kind", ["lease", "alone"])
def test_a_mark_of_a_process_that_was_killed_here_holds_nobody_off(
    tmp_path: Path, opened: Opened, kind: str
) -> None:
    """As long as it lives it does; nobody has to wait an hour for what surely is dead."""
    words = [sys.executable, "-c", HOLD, str(tmp_path / "remote"), str(tmp_path / "cache"), kind]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(LockedError, match=f"process {child.pid}"), opened("ann").alone():
            pass
        child.kill()
    (mark,) = (tmp_path / "remote" / "state").glob("*.lease" if kind == "lease" else "*.collector")

    with opened("ann").alone():
        assert not mark.exists()


@pytest.mark.parametrize("change", [{"boot": "another"}, {"host": "elsewhere"}, {"boot": ""}, {"pid": "x"}])
def test_a_mark_of_which_nothing_is_known_is_heeded(
    tmp_path: Path, opened: Opened, change: dict[str, str]
) -> None:
    """Two machines may have one name, and a process of one the number of one that is gone on the other."""
    dead = {"user": "bob", **asdict(this_process()), "pid_start": 1.0}
    path = tmp_path / "remote" / "state" / "1.lease"
    write_atomic(path, json.dumps(dead | change))
    with pytest.raises(LockedError, match="in use"), opened("ann").alone():
        pass
    write_atomic(path, json.dumps(dead))
    with opened("ann").alone():
        pass


def test_reading_writes_nothing_to_the_remote(tmp_path: Path, opened: Opened) -> None:
    """A clone with the right to read only can fetch everything."""

    class ReadOnly(Around):
        def put(self, key: str, data: bytes | bytearray | memoryview) -> None:
            raise AssertionError(f"{key} was written")

        def delete(self, keys: object) -> None:
            raise AssertionError(f"{keys} were removed")

    ann, bob = local_store(tmp_path / "ann"), local_store(tmp_path / "bob")
    wanted = fill(ann, MIXED)
    push(ann, opened("ann"), wanted)

    assert pull(bob, opened("bob", ReadOnly(FolderBucket(tmp_path / "remote"))), wanted).missing == []
    assert holds(bob, wanted)


def test_a_remote_of_a_newer_format_is_not_touched(tmp_path: Path, opened: Opened) -> None:
    """A sentence instead of a guess."""
    from vcs.errors import FormatError

    FolderBucket(tmp_path / "remote").put("state/format-2", b"{}")
    with pytest.raises(FormatError, match="newer"):
        opened("ann").refresh()


def test_what_another_clone_sent_meanwhile_is_not_missing(tmp_path: Path, opened: Opened) -> None:
    """Of two that push at once, the second names objects that it never had, when the ledgers are merged."""
    ann, bob = local_store(tmp_path / "ann"), local_store(tmp_path / "bob")
    theirs, ours = fill(ann, [1000, 3_000_000]), fill(bob, [2000], seed=2)
    remote = opened("bob")
    with remote.lease() as lease:
        push(ann, opened("ann"), theirs)
        sent = send(bob, remote, lease, {**theirs, **ours}, pace=SMALL_PIECES)
    assert (sent.missing, sent.objects) == ([], 1)
