"""Bytes that are wrong, here, on their way or on the remote: never taken, and named."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sharing.conftest import local_store
from tests.sharing.transfers import Opened, fill, holds, pull, push
from vcs.buckets.around import Around
from vcs.buckets.base import Bucket
from vcs.buckets.folder import FolderBucket
from vcs.digest import Digest
from vcs.errors import IntegrityError


class Lying(Around):
    """Answers with wrong bytes for some keys, the first `times` times."""

    def __init__(self, inner: Bucket, prefix: str, times: int, change: Callable[[bytes], bytes]) -> None:
        super().__init__(inner)
        self._prefix, self._times, self._change = prefix, times, change

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        data = self.inner.get(key, start, length)
        if key.startswith(self._prefix) and self._times:
            self._times -= 1
            return self._change(data)
        return data


def flipped(data: bytes) -> bytes:
    """One bit is another."""
    return data[:-1] + bytes([data[-1] ^ 1])


def halved(data: bytes) -> bytes:
    """The second half did not arrive."""
    return data[: len(data) // 2]


@pytest.mark.parametrize("change", [flipped, halved])
@pytest.mark.parametrize("prefix", ["parts/", "packs/", "state/"])
def test_wrong_bytes_on_the_way_are_asked_for_again(
    tmp_path: Path, opened: Opened, prefix: str, change: Callable[[bytes], bytes]
) -> None:
    """A damaged answer is not believed; the next one may be right."""
    ann, bob = local_store(tmp_path / "ann"), local_store(tmp_path / "bob")
    wanted = fill(ann, [4000] * 200 + [3_000_000])
    push(ann, opened("ann"), wanted)

    bucket = Lying(FolderBucket(tmp_path / "remote"), prefix, 2, change)
    fetched = pull(bob, opened("bob", bucket), wanted)

    assert fetched.damaged == []
    assert holds(bob, wanted)


@pytest.mark.parametrize("change", [flipped, halved])
@pytest.mark.parametrize("prefix", ["parts/", "packs/"])
def test_damage_on_the_remote_is_named_and_not_taken(
    tmp_path: Path, opened: Opened, prefix: str, change: Callable[[bytes], bytes]
) -> None:
    """What is whole comes; what is not stays away."""
    ann, bob = local_store(tmp_path / "ann"), local_store(tmp_path / "bob")
    wanted = fill(ann, [4000] * 200 + [3_000_000])
    push(ann, opened("ann"), wanted)

    bucket = Lying(FolderBucket(tmp_path / "remote"), prefix, 10_000, change)
    fetched = pull(bob, opened("bob", bucket), wanted)

    assert fetched.damaged
    assert set(fetched.damaged) == bob.missing(wanted)
    assert holds(bob, {d: s for d, s in wanted.items() if d not in fetched.damaged})


def test_an_inventory_that_lies_is_not_believed(tmp_path: Path, opened: Opened) -> None:
    """One that names other bytes for a digest: found out at the end, and nothing is accepted."""
    ann, bob = local_store(tmp_path / "ann"), local_store(tmp_path / "bob")
    wanted = fill(ann, [3_000_000, 3_000_000])
    one, other = wanted
    remote = opened("ann")
    push(ann, remote, wanted)
    index = remote.index()
    entry = index.large(bytes.fromhex(one))
    assert entry is not None
    remote.bucket.delete([item.key for item in remote.bucket.list("state/")])
    from vcs.sharing.inventory import Inventory

    lie = Inventory(parts=[*index.parts.values()], large={bytes.fromhex(other): entry})
    remote.publish(lie)

    fetched = pull(bob, opened("bob"), {other: 3_000_000})

    assert fetched.damaged == [other]
    assert not bob.contains(other)


def test_a_damaged_inventory_is_an_error_and_not_an_empty_remote(tmp_path: Path, opened: Opened) -> None:
    """Or a push would send everything again, and a pull say that nothing is there."""
    ann = local_store(tmp_path / "ann")
    wanted = fill(ann, [10] * 100)
    push(ann, opened("ann"), wanted)
    for path in (tmp_path / "remote" / "state").glob("*.inventory"):
        path.write_bytes(flipped(path.read_bytes()))

    with pytest.raises(IntegrityError, match="inventory"):
        opened("bob").refresh()


def test_damage_here_is_not_sent(tmp_path: Path, opened: Opened) -> None:
    """Small or large; the rest goes."""
    ann = local_store(tmp_path / "ann")
    wanted = fill(ann, [4000] * 3 + [3_000_000, 200_000])
    broken = [digest for digest, size in wanted.items() if size in (3_000_000, 200_000)]
    for digest in broken:
        path = Path(ann.loose_path(digest))
        path.chmod(0o644)
        path.write_bytes(flipped(path.read_bytes()))

    sent = push(ann, opened("ann"), wanted)

    assert sorted(sent.damaged) == sorted(broken)
    assert opened("bob").refresh().digests() == wanted.keys() - set(broken)


@pytest.mark.parametrize("change", [flipped, halved])
def test_damage_of_what_only_a_recipe_takes_from_is_not_sent(
    tmp_path: Path, opened: Opened, change: Callable[[bytes], bytes]
) -> None:
    """What is new in an object that resembles another is checked as the object that it makes up."""
    ann = local_store(tmp_path / "ann")
    first = random.Random(3).randbytes(6_000_000)
    second = first[:3_000_000] + random.Random(4).randbytes(200_000) + first[3_200_000:]
    wanted = {}
    for number, data in enumerate((first, second)):
        (tmp_path / f"{number}.bin").write_bytes(data)
        digest, size = ann.put_file(tmp_path / f"{number}.bin")
        wanted[digest] = size
    good, bad = wanted
    (extent,) = ann.recipes.extents.iterdir()
    extent.chmod(0o644)
    extent.write_bytes(change(extent.read_bytes()))

    sent = push(ann, opened("ann"), wanted)

    assert sent.damaged == [bad]
    assert opened("bob").refresh().digests() == {good}


def test_what_is_nowhere_is_named(tmp_path: Path, opened: Opened) -> None:
    """Neither here nor there, in both directions."""
    ann = local_store(tmp_path / "ann")
    wanted = fill(ann, [10, 20])
    absent = Digest("ab" * 32)

    assert push(ann, opened("ann"), {**wanted, absent: 5}).missing == [absent]
    bob = local_store(tmp_path / "bob")
    assert pull(bob, opened("bob"), {**wanted, absent: 5}).missing == [absent]
    assert holds(bob, wanted)
