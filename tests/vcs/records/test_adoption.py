"""A folder that becomes a repository keeps what it recorded before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import git
from vcs.digest import Digest
from vcs.errors import StoreError
from vcs.records import adoption
from vcs.repo import Repo

SMALL = [bytes([number]) * 100 for number in range(80)]  # enough for a pack
LARGE = b"weights" * 50_000


def record(folder: Path) -> Repo:
    """Keep objects in files and in a pack, a version that names one, a run and the mark of a live one."""
    repo = Repo.open(folder)
    with repo.store.batch() as batch:
        for data in SMALL:
            batch.put_bytes(data)
    repo.store.put_bytes(LARGE)
    (folder / "w.bin").write_bytes(LARGE)
    listing = repo.add_tree(folder)
    repo.log_artifact("p", "w", "model", listing)
    run = repo.layout.run("p", "abc")
    run.folder.mkdir(parents=True)
    run.record.write_text("format: 1\nid: abc\n")
    (run.folder.parent / ".locks").mkdir()
    (run.folder.parent / ".locks" / "abc").write_text("")
    repo.layout.live.mkdir(parents=True)
    (repo.layout.live / "p--abc-0.json").write_text("{}")
    return repo


def check_whole(folder: Path) -> None:
    """All of it is there, also after a clean."""
    for _ in range(2):
        repo = Repo.open(folder, create=False)
        assert repo.warnings == ()
        listing = repo.collections.listing(repo.resolve("w", project="p"))
        assert {repo.store.read_bytes(Digest(entry.digest)) for entry in listing.entries} == {LARGE}
        assert set(map(repo.store.read_bytes, repo.store.list())) >= {*SMALL, LARGE}
        assert repo.layout.run("p", "abc").record.exists()
        assert not repo.layout.plain_machinery.exists()
        git(folder, "clean", "-q", "-fdx")


@pytest.mark.parametrize("create", [True, False])
def test_nothing_is_lost_by_git_init_and_a_clean(plain_dir: Path, *, create: bool) -> None:
    """Whichever command comes first, one that writes or one that reads."""
    record(plain_dir)
    git(plain_dir, "init", "-q")

    repo = Repo.open(plain_dir, create=create)

    assert (repo.layout.live / "p--abc-0.json").exists()
    assert not [
        entry for entry in git(plain_dir, "ls-tree", "-r", "refs/tracker/ledger").split() if "lock" in entry
    ]
    check_whole(plain_dir)


def test_nothing_is_done_without_a_repository_or_without_records(plain_dir: Path, git_repo: Path) -> None:
    record(plain_dir)
    assert not adoption.is_due(Repo.open(plain_dir).layout)
    assert not adoption.is_due(Repo.open(git_repo).layout)


@pytest.mark.parametrize("name", ["rename", "fsync", "replace"])
def test_a_failure_at_any_step_loses_nothing(
    plain_dir: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The disk fails at the first step, then at the second, …; each time the next call goes on."""
    record(plain_dir)
    git(plain_dir, "init", "-q")
    real: Callable[..., object] = getattr(os, name)
    for step in range(200):
        calls = iter(range(1000))

        def failing(*arguments: object, _step: int = step, **options: object) -> object:
            if next(calls) == _step:  # noqa: B023 - called in this turn only
                raise OSError(28, "No space left on device")
            return real(*arguments, **options)

        monkeypatch.setattr(os, name, failing)
        warnings = Repo.open(plain_dir, create=False).warnings
        monkeypatch.undo()
        if not warnings:
            break
        assert "not yet taken over" in warnings[0]
    assert step > 0
    check_whole(plain_dir)


def test_objects_move_to_another_file_system(plain_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store may lie elsewhere; then they are copied, and only then removed."""
    record(plain_dir)
    git(plain_dir, "init", "-q")

    def across(source: object, target: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "rename", across)
    assert Repo.open(plain_dir).warnings == ()
    monkeypatch.undo()
    check_whole(plain_dir)


def test_what_a_run_from_before_still_writes_is_taken_over_later(plain_dir: Path) -> None:
    """It does not know that there is a repository now."""
    before = record(plain_dir)
    git(plain_dir, "init", "-q")
    Repo.open(plain_dir)
    late = before.store.put_bytes(b"late" * 100_000)

    assert Repo.open(plain_dir).store.read_bytes(late) == b"late" * 100_000
    check_whole(plain_dir)


def test_a_copy_that_fails_leaves_the_source(
    plain_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk on the other side."""
    source = tmp_path / "source"
    source.write_bytes(b"x")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(StoreError, match="the disk is full"):
        adoption._copy(source, tmp_path / "target")
    assert source.read_bytes() == b"x"
