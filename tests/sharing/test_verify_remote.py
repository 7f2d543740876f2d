"""A remote whose bytes have changed: what is damaged is named, and mended from what is here."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.sharing.clones import Clone, clone_of, files_in, first_clone, make_hub
from tests.sharing.conftest import local_store
from tests.sharing.transfers import MIXED, Opened, fill, holds, pull, push
from vcs.buckets.folder import FolderBucket
from vcs.digest import Digest
from vcs.errors import IntegrityError
from vcs.sharing.verify import RemoteVerified, mend_remote, verify_remote
from vcs.stores.local import LocalStore

LARGE = random.Random(8).randbytes(1_500_000)


@pytest.fixture
def ours(tmp_path: Path) -> LocalStore:
    """The store of the clone that mends."""
    return local_store(tmp_path / "ours")


def flip(path: Path, at: int) -> None:
    """Change one bit, and leave size and name as they are."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def files(tmp_path: Path, folder: str) -> list[Path]:
    """What lies in a folder of the remote."""
    return sorted(path for path in (tmp_path / "remote" / folder).rglob("*") if path.is_file())


def objects(found: RemoteVerified) -> set[Digest]:
    """What cannot be had."""
    return {digest for one in found.bad for digest in one.objects}


def test_a_whole_remote_has_no_problem(tmp_path: Path, opened: Opened, ours: LocalStore) -> None:
    wanted = fill(ours, MIXED)
    push(ours, opened("ours"), wanted)
    found = verify_remote(opened("other"))
    assert (found.objects, found.bad) == (len(wanted), ())
    assert found.files == len(files(tmp_path, "packs")) + len(files(tmp_path, "parts"))


@pytest.mark.parametrize("at", [8, -100])
def test_damage_anywhere_is_found_and_mended(
    tmp_path: Path, opened: Opened, ours: LocalStore, at: int
) -> None:
    """In an object, or in what only the file itself knows; a part that is gone comes back, too."""
    wanted = fill(ours, MIXED)
    push(ours, opened("ours"), wanted)
    for path in [*files(tmp_path, "packs"), *files(tmp_path, "parts")[1:]]:
        flip(path, at)
    files(tmp_path, "parts")[0].unlink()
    before = dict.fromkeys(files(tmp_path, "state"))

    found = verify_remote(opened("ours"))
    assert len(found.bad) == found.files
    assert mend_remote(ours, opened("ours"), found) == set()

    assert verify_remote(opened("other")).bad == ()
    assert dict.fromkeys(files(tmp_path, "state")) == before
    theirs = local_store(tmp_path / "theirs")
    pull(theirs, opened("third"), wanted)
    assert holds(theirs, wanted)


def test_a_pack_is_mended_from_its_whole_objects_there_and_the_damaged_ones_here(
    tmp_path: Path, opened: Opened, ours: LocalStore
) -> None:
    """Another clone need have no more than what is damaged; one that has not even that loses nothing."""
    wanted = fill(ours, [1000] * 20)
    push(ours, opened("ours"), wanted)
    (pack,) = files(tmp_path, "packs")
    flip(pack, 8)
    found = verify_remote(opened("other"))
    (lost,) = objects(found)
    stranger, friend = local_store(tmp_path / "stranger"), local_store(tmp_path / "friend")
    friend.put_bytes(ours.read_bytes(lost))
    damaged = pack.read_bytes()

    assert mend_remote(stranger, opened("other"), found) == {lost}
    assert pack.read_bytes() == damaged
    assert mend_remote(friend, opened("other"), found) == set()
    assert verify_remote(opened("other")).bad == ()


def test_what_is_damaged_here_mends_nothing(tmp_path: Path, opened: Opened, ours: LocalStore) -> None:
    wanted = fill(ours, [3_000_000])
    push(ours, opened("ours"), wanted)
    (digest,) = wanted
    for path in files(tmp_path, "parts"):
        flip(path, 5)
    whole = Path(ours.loose_path(digest))
    whole.chmod(0o644)
    flip(whole, 5)

    found = verify_remote(opened("ours"))
    assert mend_remote(ours, opened("ours"), found) == {digest}


def test_a_recipe_on_the_remote_is_mended_piece_by_piece(
    tmp_path: Path, opened: Opened, ours: LocalStore
) -> None:
    """The second of two objects that are nearly the same is parts of the first, and its new bytes."""
    data = bytearray(random.Random(3).randbytes(4_000_000))
    first = ours.put_bytes(bytes(data))
    data[1_000_000:1_000_100] = bytes(100)
    with ours.batch() as batch:
        (tmp_path / "file").write_bytes(data)
        second, _ = batch.put_file(tmp_path / "file", like=first)
    push(ours, opened("ours"), {first: len(data), second: len(data)})
    for path in files(tmp_path, "parts"):
        flip(path, 0)

    found = verify_remote(opened("ours"))
    assert objects(found) == {first, second}
    assert mend_remote(ours, opened("ours"), found) == set()
    assert verify_remote(opened("ours")).bad == ()


def test_an_inventory_comes_back_from_memory(tmp_path: Path, opened: Opened, ours: LocalStore) -> None:
    """A clone that never read it can say only that it is damaged."""
    push(ours, opened("ours"), fill(ours, [1000]))
    (inventory,) = (path for path in files(tmp_path, "state") if path.suffix == ".inventory")
    flip(inventory, 20)
    with pytest.raises(IntegrityError, match="inventory"):
        verify_remote(opened("other"))

    found = verify_remote(opened("ours"))
    assert [one.key for one in found.bad] == [f"state/{inventory.name}"]
    mend_remote(ours, opened("ours"), found)
    assert verify_remote(opened("other")).bad == ()


@pytest.mark.slow
def test_the_command_names_the_damage_and_takes_whole_bytes_from_another_remote(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Who cloned has nothing; the second remote has it all."""
    ann = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    for name in ("lab", "nas"):
        ann.tracker("remote", "add", name, str(tmp_path / name))
    ann.git("add", "-A")
    ann.git("commit", "-q", "-m", "remotes")
    ann.git("push", "-q", "origin", "main")
    ann.put("data", {"a.txt": b"one", "b.bin": LARGE})
    ann.tracker("push", "lab")
    ann.tracker("push", "nas")
    for item in FolderBucket(tmp_path / "lab").list("parts/"):
        flip(tmp_path / "lab" / item.key, 9)
    bob: Clone = clone_of(ann, "bob")

    said = bob.tracker("verify", "--remote", "lab", fails=True)
    assert said.status == 1
    assert "damaged: uncategorized/data:v0, b.bin: parts/" in said.out
    assert "tracker verify --remote lab --repair" in bob.tracker("fetch", "lab", fails=True).err
    (tmp_path / "nas").rename(tmp_path / "away")
    said = bob.tracker("verify", "--remote", "lab", "--repair", fails=True)
    assert "Mended 0 files on lab, 1 stays damaged: 1 object has no whole copy within reach." in said.out
    (tmp_path / "away").rename(tmp_path / "nas")
    assert "Mended 1 file on lab.\n" in bob.tracker("verify", "--remote", "lab", "--repair").out
    assert bob.tracker("verify", "--remote", "lab", "--json").json["problems"] == []
    (tmp_path / "nas").rename(tmp_path / "gone")
    bob.tracker("get", "data", "out")
    assert files_in(bob.folder / "out")["b.bin"] == LARGE
