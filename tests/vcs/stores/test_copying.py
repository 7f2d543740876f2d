"""Copying and hashing in one pass, alone or beside others."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import vcs.stores.copying
from vcs.digest import digest_bytes
from vcs.errors import IntegrityError
from vcs.stores.copying import Hashing, clone_file, copy_and_hash, hash_descriptor

DATA = os.urandom(1 << 16) * 160 + b"end"


@pytest.fixture
def fds(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A source of ten megabytes and an empty target."""
    (tmp_path / "source").write_bytes(DATA)
    source = os.open(tmp_path / "source", os.O_RDONLY)
    target = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    yield source, target
    os.close(source)
    os.close(target)


@pytest.mark.parametrize("alone", [True, False], ids=["two threads", "one thread"])
@pytest.mark.parametrize("hint", [0, len(DATA), 1 << 40], ids=["low", "right", "high"])
def test_the_copy_is_the_same_and_so_is_the_digest(fds: tuple[int, int], alone: bool, hint: int) -> None:
    """Whatever the size was believed to be."""
    counts: list[int] = []
    assert copy_and_hash(*fds, hint, alone=alone, advance=counts.append) == (digest_bytes(DATA), len(DATA))
    assert os.pread(fds[1], len(DATA) + 1, 0) == DATA
    assert sum(counts) == len(DATA)
    assert len(counts) > 5


def test_hashing_alone_gives_the_same_digest(fds: tuple[int, int]) -> None:
    """From where the descriptor stands."""
    assert hash_descriptor(fds[0]) == (digest_bytes(DATA), len(DATA))
    assert hash_descriptor(fds[0]) == (digest_bytes(b""), 0)


@pytest.mark.parametrize("alone", [True, False], ids=["two threads", "one thread"])
def test_a_full_disk_comes_out_of_either_thread(
    fds: tuple[int, int], alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At whichever block it happens, the last one too."""
    real = vcs.stores.copying.write_all
    for failing in (1, 2, 5, 11):
        writes: list[int] = []

        def fail(fd: int, data: memoryview, failing: int = failing, writes: list[int] = writes) -> None:
            writes.append(1)
            if len(writes) == failing:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(fd, data)

        monkeypatch.setattr(vcs.stores.copying, "write_all", fail)
        os.lseek(fds[0], 0, os.SEEK_SET)
        with pytest.raises(OSError, match="No space"):
            copy_and_hash(*fds, len(DATA), alone=alone)


@pytest.mark.parametrize("alone", [True, False], ids=["two threads", "one thread"])
def test_whoever_counts_can_end_it(fds: tuple[int, int], alone: bool) -> None:
    """After the block that was being done."""

    def stop(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_and_hash(*fds, len(DATA), alone=alone, advance=stop)
    assert os.fstat(fds[1]).st_size <= 2 << 20


def test_a_clone_is_whole_or_not_there(fds: tuple[int, int]) -> None:
    """On a file system that cannot, the target stays empty and nothing is raised."""
    cloned = clone_file(*fds)
    assert os.pread(fds[1], len(DATA) + 1, 0) == (DATA if cloned else b"")


@pytest.mark.parametrize("alone", [True, False], ids=["two threads", "one thread"])
def test_work_beside_the_hash_sees_each_block_once_and_in_order(alone: bool) -> None:
    """Whichever thread does it, and its block stays as it is until it is done."""
    seen: list[bytes] = []
    with Hashing(100_000, 1 << 30, alone=alone) as hashing:
        for start in range(0, len(DATA), 100_000):
            part = DATA[start : start + 100_000]
            block = hashing.buffer()
            block[: len(part)] = part
            hashing.update(len(part), partial(lambda b, n: seen.append(bytes(b[:n])), block, len(part)))
        assert hashing.digest() == digest_bytes(DATA)
    assert b"".join(seen) == DATA


@pytest.mark.parametrize("alone", [True, False], ids=["two threads", "one thread"])
def test_work_that_fails_beside_the_hash_ends_it(alone: bool) -> None:
    """At the next block but one, or at the end."""

    def fail() -> None:
        raise IntegrityError("the base is cut")

    def work() -> None:
        with Hashing(10, 1 << 30, alone=alone) as hashing:
            hashing.buffer()
            hashing.update(10, fail)
            hashing.digest()

    with pytest.raises(IntegrityError, match="cut"):
        work()
