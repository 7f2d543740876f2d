"""Versions and aliases when processes race, are killed, or the disk is full."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from tests.faults.steps import fail_at_every_step, kill_at_every_step
from tests.vcs.versioning import layout_in, listing_of
from vcs.artifacts.collection import Collections
from vcs.artifacts.manifest import parse
from vcs.errors import StoreError
from vcs.lock import file_lock
from vcs.stores.memory import MemoryStore

PROCESSES = 8


def fresh(folder: Path, **options: Any) -> Collections:
    """Collections that remember nothing."""
    return Collections(layout_in(folder), MemoryStore(), **options)


def check_promises(folder: Path) -> None:
    """Every manifest is whole and in its place, and no alias names a version that is not there."""
    collections = fresh(folder)
    layout = layout_in(folder)
    for project, name in collections.names():
        versions = collections.versions(project, name)
        assert versions.damaged == ()
        numbers = {manifest.version for manifest in versions}
        moves = collections.alias_log(project, name)
        assert set(collections.aliases(project, name).values()) <= numbers
        named = {move.version for move in moves if move.version}
        deleted = {f"v{number}" for number in collections._files(project, name).edits().deleted}
        assert named <= numbers | deleted
        for manifest in versions:
            text = layout.manifest(project, name, manifest.number).read_text()
            assert parse(text, path="x") == manifest
            assert collections.listing(manifest).digest == manifest.digest


# many at once


def log_some(folder: Path, barrier: Any, results: Any, contents: list[str], timeout_s: float) -> None:
    """What each of the processes does."""
    collections = fresh(folder, lock_timeout_s=timeout_s)
    barrier.wait()
    for text in contents:
        logged = collections.log("P", "x", "model", listing_of(text), aliases=[f"of-{text}"])
        results.put((text, logged.manifest.version, logged.manifest.digest))


def race(folder: Path, contents: list[list[str]], timeout_s: float = 60.0) -> list[tuple[str, str, str]]:
    """Let one real process for each list log its contents, all at the same moment."""
    context = get_context("spawn")
    barrier, results = context.Barrier(len(contents)), context.Queue()
    processes = [
        context.Process(target=log_some, args=(folder, barrier, results, texts, timeout_s))
        for texts in contents
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=600) for texts in contents for _ in texts]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return found


@pytest.mark.slow
def test_processes_that_log_different_contents_at_once_get_a_version_each(tmp_path: Path) -> None:
    """8 at a time, 3 each: 24 versions without a gap, none lost, every alias right."""
    contents = [[f"{process}-{turn}" for turn in range(3)] for process in range(PROCESSES)]
    found = race(tmp_path, contents)
    collections = fresh(tmp_path)
    assert {version for _, version, _ in found} == {f"v{number}" for number in range(3 * PROCESSES)}
    for text, version, digest in found:
        manifest = collections.resolve(f"x:of-{text}", project="P")
        assert (manifest.version, manifest.digest) == (version, digest)
        assert digest == listing_of(text).digest
    check_promises(tmp_path)


@pytest.mark.slow
def test_processes_that_log_equal_contents_at_once_get_one_version(tmp_path: Path) -> None:
    """All are told the same number, and all aliases name it."""
    found = race(tmp_path, [["same", f"own-{process}", "same"] for process in range(PROCESSES)])
    versions = {version for text, version, _ in found if text == "same"}
    assert len(versions) == 1
    assert len(fresh(tmp_path).versions("P", "x")) == 1 + PROCESSES
    check_promises(tmp_path)


@pytest.mark.slow
def test_without_the_lock_no_version_is_lost(tmp_path: Path) -> None:
    """A holder that hangs: numbers are still given once, by linking to a name that must be free."""
    layout = layout_in(tmp_path)
    fresh(tmp_path).log("P", "x", "model", listing_of("first"))
    (lock,) = layout.locks.iterdir()
    with file_lock(lock, timeout_s=5, what="the test"):
        contents = [[f"{process}-{turn}" for turn in range(3)] for process in range(PROCESSES)]
        found = race(tmp_path, contents, timeout_s=0.0)
    assert {version for _, version, _ in found} == {f"v{number}" for number in range(1, 3 * PROCESSES + 1)}
    collections = fresh(tmp_path)
    for _, version, digest in found:
        assert collections.resolve(f"x:{version}", project="P").digest == digest
    check_promises(tmp_path)


@pytest.mark.slow
def test_a_reader_never_sees_half_of_anything(tmp_path: Path) -> None:
    """While others log, every listing of versions is whole and every alias resolves."""
    context = get_context("spawn")
    barrier, results = context.Barrier(3), context.Queue()
    contents = [[f"{process}-{turn}" for turn in range(15)] for process in range(2)]
    processes = [
        context.Process(target=log_some, args=(tmp_path, barrier, results, texts, 60.0)) for texts in contents
    ]
    for process in processes:
        process.start()
    barrier.wait()
    seen = 0
    while any(process.is_alive() for process in processes):
        collections = fresh(tmp_path)
        versions = collections.versions("P", "x")
        assert versions.damaged == ()
        assert len(versions) >= seen
        seen = len(versions)
        for alias in collections.aliases("P", "x"):
            collections.resolve(f"x:{alias}", project="P")
    for _ in range(30):
        results.get(timeout=600)
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(fresh(tmp_path).versions("P", "x")) == 30


# killed, or refused by the disk, at any step


class Steps:
    """Work that is done again and again, each time in a folder of its own, and ends in one state."""

    def __init__(self, top: Path, work: Callable[[Path], None], check: Callable[[Path], None]) -> None:
        self.folder = top / "0"
        self._numbers = count(1)
        self._top = top
        self._work = work
        self._check = check

    def work(self) -> None:
        """Do it, in the present folder."""
        self._work(self.folder)

    def check(self) -> None:
        """The promises hold as things are; the work done again ends in the right state."""
        check_promises(self.folder)
        self.work()
        self._check(self.folder)
        check_promises(self.folder)
        self.folder = self._top / str(next(self._numbers))


def log_two(folder: Path) -> None:
    """v0 is best and latest, then v1 is."""
    for text in "AB":
        fresh(folder).log(
            "P", "x", "model", listing_of(text), aliases=["best", "new"], metadata={"of": text}, tags=[text]
        )


def two_are_there(folder: Path) -> None:
    """As after `log_two`, without a gap and without a version twice."""
    collections = fresh(folder)
    versions = collections.versions("P", "x")
    assert [manifest.digest for manifest in versions] == [listing_of(text).digest for text in "AB"]
    assert collections.aliases("P", "x") == {"best": "v1", "latest": "v1", "new": "v1"}


def log_two_and_delete_one(folder: Path) -> None:
    """v1 comes and goes."""
    collections = fresh(folder)
    if "v0" not in {manifest.version for manifest in collections.versions("P", "x")}:
        collections.log("P", "x", "model", listing_of("A"))
    if not collections._files("P", "x").edits().deleted:
        manifest = collections.log("P", "x", "model", listing_of("B"), aliases=["best"]).manifest
        collections.delete(manifest, delete_aliases=True)


def one_is_there(folder: Path) -> None:
    """As after `log_two_and_delete_one`; the number stays used."""
    collections = fresh(folder)
    assert collections.aliases("P", "x") == {"latest": "v0"}
    assert collections.log("P", "x", "model", listing_of("B")).manifest.version == "v2"


WORKS = [
    pytest.param(log_two, two_are_there, id="logging"),
    pytest.param(log_two_and_delete_one, one_is_there, id="deleting"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("work", "check"), WORKS)
def test_a_kill_at_any_step_leaves_whole_versions(
    tmp_path: Path, work: Callable[[Path], None], check: Callable[[Path], None]
) -> None:
    """Never an alias without its version; the same work done again ends as if nothing had happened."""
    steps = Steps(tmp_path, work, check)
    assert kill_at_every_step(steps.work, lambda finished: steps.check()) > 15


@pytest.mark.slow
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize(("work", "check"), WORKS)
def test_a_disk_that_refuses_any_step_is_a_store_error(
    tmp_path: Path, work: Callable[[Path], None], check: Callable[[Path], None], code: int
) -> None:
    """Or nothing at all, where only the lock fails, which is a help and not a need."""
    steps = Steps(tmp_path, work, check)

    def check_both(raised: BaseException | None, failed: str) -> None:
        assert raised is None or isinstance(raised, StoreError)
        steps.check()

    assert fail_at_every_step(steps.work, check_both, code) > 15


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_said_so(tmp_path: Path) -> None:
    """In a sentence with the folder; reading goes on."""
    fresh(tmp_path).log("P", "x", "model", listing_of("A"))
    folder = layout_in(tmp_path).collection("P", "x")
    folder.chmod(0o555)
    try:
        with pytest.raises(StoreError, match="permission denied"):
            fresh(tmp_path).log("P", "x", "model", listing_of("B"))
        assert fresh(tmp_path).resolve("x", project="P").version == "v0"
    finally:
        folder.chmod(0o755)


def test_a_full_disk_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of a collection holds versions and logs, nothing else."""

    def full(fd: int, data: bytes | memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    fresh(tmp_path).log("P", "x", "model", listing_of("A"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StoreError, match="disk is full"):
            fresh(tmp_path).log("P", "x", "model", listing_of("B"))
    names = {path.name for path in layout_in(tmp_path).collection("P", "x").iterdir()}
    assert names == {"v0.yaml", "aliases.yaml"}
