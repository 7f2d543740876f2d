"""Damage is found, named, set aside, and mended from elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.faults.steps import kill_at_every_step
from tests.vcs.retention.test_gc import log, small_files, store_of
from vcs.digest import Digest, digest_bytes
from vcs.files.verify import verify_store
from vcs.repo import Repo
from vcs.retention.repair import Repaired, Verified, damaged_folder, repair, verify_everything
from vcs.stores.local import LocalStore


def flip(path: Path, offset: int = -1) -> None:
    """Change one byte, as a disk that rots does."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def flip_in_pack(store: LocalStore, content: bytes) -> None:
    (path,) = (path for path in store.packs.folder.glob("*.pack") if content in path.read_bytes())
    flip(path, path.read_bytes().index(content))


def look(repo: Repo) -> Verified:
    return verify_everything(repo.collections, store_of(repo))


def mend(repo: Repo, elsewhere: LocalStore | None = None) -> Repaired:
    store = store_of(repo)

    def bring(digests: Iterable[Digest]) -> None:
        for digest in digests:
            if elsewhere is not None and elsewhere.contains(digest):
                store.put_bytes(elsewhere.read_bytes(digest))

    return repair(store, look(repo), bring)


@pytest.fixture
def repo(git_repo: Path) -> Repo:
    return Repo.open(git_repo)


@pytest.fixture
def elsewhere(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "else" / "objects", tmp_path / "else" / "packs", tmp_path / "else" / "tmp")


def test_damage_is_named_by_version_and_path(repo: Repo) -> None:
    """Of loose and packed objects; and what is whole is not named."""
    log(repo, "x", {"sub/a": b"loose", "b": b"whole"})
    log(repo, "y", small_files("packed", 100))
    flip(Path(store_of(repo).loose_path(digest_bytes(b"loose"))))
    flip_in_pack(store_of(repo), b"packed 7")
    found = look(repo)
    assert {name for one in found.findings for name in one.names} == {"p/x:v0 sub/a", "p/y:v0 7.txt"}
    assert not found.absent


def test_damaged_records_are_named(repo: Repo) -> None:
    version = log(repo, "x", {"a": b"a"})
    flip(repo.layout.manifest("p", "x", version.number), 200)
    assert any("v0.yaml" in one.problem.what for one in look(repo).findings)


def test_what_is_damaged_or_missing_comes_from_elsewhere(repo: Repo, elsewhere: LocalStore) -> None:
    log(repo, "x", {"a": b"loose", "gone": b"gone"})
    log(repo, "y", small_files("packed", 100))
    for content in (b"loose", b"gone", b"packed 7"):
        elsewhere.put_bytes(content)
    flip(Path(store_of(repo).loose_path(digest_bytes(b"loose"))))
    flip_in_pack(store_of(repo), b"packed 7")
    store_of(repo).delete([digest_bytes(b"gone")])
    mended = mend(repo, elsewhere)
    assert (mended.set_aside, mended.lost) == (2, frozenset())
    assert mended.brought == {digest_bytes(one) for one in (b"loose", b"gone", b"packed 7")}
    assert not look(repo).findings
    assert not look(repo).absent


def test_what_is_nowhere_is_lost_and_its_bytes_are_kept(repo: Repo) -> None:
    """Then it can be added again."""
    log(repo, "x", {"a": b"loose"})
    digest = digest_bytes(b"loose")
    flip(Path(store_of(repo).loose_path(digest)))
    assert mend(repo).lost == {digest}
    assert (damaged_folder(store_of(repo)) / digest).read_bytes() == b"loosd"
    store_of(repo).put_bytes(b"loose")
    assert not look(repo).findings


def test_a_damaged_base_does_not_take_what_resembles_it_along(repo: Repo, elsewhere: LocalStore) -> None:
    """The ranges that others use of it may be whole."""
    base = os.urandom(1 << 20)
    near = base[: 1 << 19] + os.urandom(1 << 19)
    log(repo, "x", {"f": base})
    log(repo, "x", {"f": near})
    store = store_of(repo)
    digest = elsewhere.put_bytes(base)
    assert store.recipes.names() == [digest_bytes(near)]
    flip(Path(store.loose_path(digest)))
    assert [one.names for one in look(repo).findings] == [("p/x:v0 f",)]
    mended = mend(repo, elsewhere)
    assert mended.brought == {digest}
    assert not verify_store(store_of(repo))
    assert store_of(repo).read_bytes(digest_bytes(near)) == near


def test_a_pack_that_cannot_be_used_is_set_aside(repo: Repo, elsewhere: LocalStore) -> None:
    files = small_files("packed", 100)
    log(repo, "y", files)
    with elsewhere.batch() as batch:
        for content in files.values():
            batch.put_bytes(content)
    (pack,) = store_of(repo).packs.folder.glob("*.pack")
    flip(pack)
    assert mend(repo, elsewhere).lost == frozenset()
    assert (damaged_folder(store_of(repo)) / pack.name).exists()
    assert not look(repo).findings


@pytest.mark.slow
def test_a_repair_killed_at_every_step_can_be_repeated(git_repo: Path, elsewhere: LocalStore) -> None:
    repo = Repo.open(git_repo)
    base = os.urandom(1 << 20)
    log(repo, "x", {"a": b"loose", "f": base})
    log(repo, "x", {"f": base[:-9] + b"different"})
    log(repo, "y", small_files("packed", 100))
    for content in (b"loose", b"packed 7", base):
        elsewhere.put_bytes(content)
    flip(Path(store_of(repo).loose_path(digest_bytes(b"loose"))))
    flip(Path(store_of(repo).loose_path(digest_bytes(base))))
    flip_in_pack(store_of(repo), b"packed 7")
    work = git_repo.parent / "work"

    def check(finished: bool) -> None:
        copy = Repo.open(work)
        assert mend(copy, elsewhere).lost == frozenset()
        assert not look(copy).findings
        assert not look(copy).absent
        shutil.rmtree(work)
        shutil.copytree(git_repo, work, symlinks=True)

    shutil.copytree(git_repo, work, symlinks=True)
    assert kill_at_every_step(lambda: mend(Repo.open(work), elsewhere), check) > 10
