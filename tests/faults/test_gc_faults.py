"""Garbage collection under SIGKILL, full disks, and while others add."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from tests.faults.steps import fail_at_every_step, kill_at_every_step
from tests.vcs.retention.test_gc import age, as_it_is, log, plan, small_files, store_of
from vcs.digest import Digest
from vcs.errors import Error
from vcs.files.verify import verify_store
from vcs.repo import Repo
from vcs.retention.gc import collect, mentions_of, plan_gc, trash_folders, undo
from vcs.retention.reachability import find_reachable


def check_whole(repo: Repo) -> None:
    """Every version has all its objects."""
    assert not verify_store(store_of(repo))
    for project, name in repo.collections.names():
        for version in repo.collections.versions(project, name):
            assert not store_of(repo).missing(
                Digest(entry.digest) for entry in repo.collections.listing(version) if entry.kind == "file"
            )


@pytest.fixture
def littered(git_repo: Path) -> Path:
    """A project with garbage of every kind: loose, packed, recipes, and files that recipes need."""
    repo = Repo.open(git_repo)
    log(repo, "kept", {"a": b"a", **small_files("kept", 80)})
    garbage = log(repo, "gone", small_files("gone", 200))
    base = b"0" + os.urandom(1 << 20)
    log(repo, "near", {"base": base, "other": b"x"})
    kept = log(repo, "near", {"base": b"1" + base[1:]})
    assert kept.version == "v1"
    repo.delete_artifact(garbage, delete_aliases=True)
    repo.delete_artifact(repo.resolve("near:v0", project="p"), delete_aliases=True)
    age(repo)
    return git_repo


@pytest.mark.slow
@pytest.mark.parametrize("what", ["collect", "undo"])
def test_killed_at_every_step_nothing_is_lost(littered: Path, tmp_path: Path, what: str) -> None:
    """Every object is in the store or in the trash, and doing it again finishes it."""
    work = tmp_path / "work"
    everything = set(store_of(Repo.open(littered)).list())
    if what == "undo":
        repo = Repo.open(littered)
        collect(store_of(repo), plan(repo))

    def do() -> None:
        repo = Repo.open(work)
        if what == "collect":
            collect(store_of(repo), plan(repo))
        else:
            undo(store_of(repo))

    def check(finished: bool) -> None:
        repo = Repo.open(work)
        check_whole(repo)
        if what == "collect":
            collect(store_of(repo), plan(repo))
            check_whole(repo)
        while trash_folders(store_of(repo)):
            undo(store_of(repo))
        assert set(store_of(repo).list()) == everything
        check_whole(repo)
        shutil.rmtree(work)
        shutil.copytree(littered, work, symlinks=True)

    shutil.copytree(littered, work, symlinks=True)
    assert kill_at_every_step(do, check) > 10


@pytest.mark.slow
def test_a_disk_that_fails_at_any_step_costs_nothing(littered: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"

    def do() -> None:
        repo = Repo.open(work)
        collect(store_of(repo), plan(repo))

    def check(raised: BaseException | None, failed: str) -> None:
        assert raised is None or isinstance(raised, Error), (failed, raised)
        check_whole(Repo.open(work))
        shutil.rmtree(work)
        shutil.copytree(littered, work, symlinks=True)

    shutil.copytree(littered, work, symlinks=True)
    assert fail_at_every_step(do, check) > 10


def keep_logging(folder: Path, seed: int, turns: int, done: Event) -> None:
    """Log versions whose contents were logged, deleted and collected before, again and again."""
    choose = random.Random(seed)
    repo = Repo.open(folder)
    made = folder / f"made{seed}"
    try:
        for turn in range(turns):
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            for number in choose.sample(range(120), choose.choice((5, 90))):
                (made / str(number)).write_bytes(b"%d" % number * (1 + number))
            if turn % 3 == 0:
                (made / "large").write_bytes(bytes([turn % 2]) * 300_000)
            listing = repo.add_tree(made)
            version = repo.log_artifact("p", f"x{seed}", "dataset", listing).manifest
            if turn % 2:
                repo.delete_artifact(version, delete_aliases=True)
    finally:
        shutil.rmtree(made, ignore_errors=True)
        done.set()


@pytest.mark.slow
def test_what_others_log_while_garbage_is_collected_is_never_lost(git_repo: Path) -> None:
    """Without any grace, and without the claims that would hold it off: looking again has to do."""
    repo = Repo.open(git_repo)
    context = multiprocessing.get_context("fork")
    events = [context.Event() for _ in range(2)]
    children = [
        context.Process(target=keep_logging, args=(git_repo, seed, 24, event))
        for seed, event in enumerate(events)
    ]
    for child in children:
        child.start()
    removed = 0
    while not all(event.is_set() for event in events):
        shutil.rmtree(store_of(repo).claims, ignore_errors=True)
        found = plan_gc(repo.layout, repo.git, store_of(repo), expand=as_it_is, grace_s=0.0)
        removed += len(collect(store_of(repo), found).digests)
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0]
    check_whole(Repo.open(git_repo))
    reachable = find_reachable(mentions_of(repo.layout, repo.git, store_of(repo), as_it_is), store_of(repo))
    assert not reachable.absent
