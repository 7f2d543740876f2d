"""The ledger and code commits under SIGKILL, full disks and many writers at once."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import git
from tests.faults.steps import fail_at_every_step, kill_at_every_step
from tests.vcs.user_state import files_of, user_state
from vcs.code.code_state import capture_code
from vcs.discover import find_layout
from vcs.errors import Error, GitError
from vcs.git import Git
from vcs.layout import LEDGER_REF, Layout
from vcs.ledger_paths import to_ledger
from vcs.records.ledger import Ledger


def opened(folder: Path) -> tuple[Layout, Ledger]:
    layout = find_layout(folder)
    return layout, Ledger(Git(layout.worktree), layout, timeout_s=200.0)


def write_run(layout: Layout, run_id: str, content: str = "x") -> Path:
    run = layout.run("p", run_id)
    run.history.mkdir(parents=True, exist_ok=True)
    run.record.write_text(f"id: {run_id}\n")
    run.summary.write_text(f"{content}\n")
    return run.folder


def held(folder: Path) -> set[str]:
    return set(git(folder, "ls-tree", "-r", "--name-only", LEDGER_REF).splitlines())


def check_sound(folder: Path) -> None:
    """Every object that the ledger names is there and whole."""
    git(folder, "fsck", "--strict", "--no-dangling")
    git(folder, "rev-list", "--objects", "--quiet", LEDGER_REF)


def test_a_commit_killed_at_every_step_leaves_a_ledger_that_works(git_repo: Path) -> None:
    """Before or after, never between; the next commit takes everything along."""
    layout, ledger = opened(git_repo)
    ledger.commit([write_run(layout, "first")], "first")
    start = ledger.tip()
    number = 0

    def work() -> None:
        opened(git_repo)[1].commit([layout.run("p", f"run{number}").folder], f"run{number}")

    def check(finished: bool) -> None:
        nonlocal number
        check_sound(git_repo)
        tip = opened(git_repo)[1].commit([layout.records], f"after {number}")
        assert to_ledger(f"runs/p/run{number}/summary.yaml") in held(git_repo)
        if finished:
            assert tip != start
        number += 1
        write_run(layout, f"run{number}")

    write_run(layout, "run0")
    assert kill_at_every_step(work, check) > 3


def test_a_commit_whose_every_write_fails_says_so_and_is_made_up_for(git_repo: Path) -> None:
    """A full disk at any step of ours is an error, or did not matter."""
    layout, ledger = opened(git_repo)
    ledger.commit([write_run(layout, "first")], "first")
    number = 0

    def work() -> None:
        opened(git_repo)[1].commit([layout.run("p", f"run{number}").folder], f"run{number}")

    def check(raised: BaseException | None, call: str) -> None:
        nonlocal number
        assert raised is None or isinstance(raised, Error), call
        check_sound(git_repo)
        opened(git_repo)[1].commit([layout.records], "after")
        assert to_ledger(f"runs/p/run{number}/summary.yaml") in held(git_repo)
        number += 1
        write_run(layout, f"run{number}")

    write_run(layout, "run0")
    assert fail_at_every_step(work, check) >= 1


def _commit_for_ever(folder: Path, confirmed: int, name: str) -> None:
    layout, ledger = opened(folder)
    number = 0
    while True:
        run = f"{name}-{number}"
        ledger.commit([write_run(layout, run)], run)
        os.write(confirmed, f"{run}\n".encode())
        number += 1


def _killed_after(folder: Path, seconds: float, name: str) -> list[str]:
    """Commit in a process of its own, kill it with its git, and return what it had confirmed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            _commit_for_ever(folder, writing, name)
        finally:
            os._exit(1)
    os.close(writing)
    time.sleep(seconds)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reading) as stream:
        return stream.read().split()


@pytest.mark.slow
def test_a_process_killed_with_its_git_at_any_moment_loses_no_commit_that_it_made(git_repo: Path) -> None:
    """Also inside git, which may leave lock files and half a pack behind."""
    layout, _ = opened(git_repo)
    dice = random.Random(7)
    confirmed: list[str] = []
    for number in range(12):
        confirmed += _killed_after(git_repo, 0.1 + dice.random() * 0.2, f"round{number}")
        check_sound(git_repo)
        after = f"after{number}"
        opened(git_repo)[1].commit([write_run(layout, after)], after)
        confirmed.append(after)
        assert {to_ledger(f"runs/p/{run}/run.yaml") for run in confirmed} <= held(git_repo)
    before = {name: content[2] for name, content in files_of(layout.runs).items()}
    opened(git_repo)[1].commit([layout.records], "all")
    git(git_repo, "clean", "-q", "-fdx")
    opened(git_repo)[1].restore_if_lost()
    assert {name: content[2] for name, content in files_of(layout.runs).items()} == before


def _commit_some(folder: Path, name: str, count: int) -> None:
    layout, ledger = opened(folder)
    shared = layout.aliases("p", "shared")
    for number in range(count):
        shared.parent.mkdir(parents=True, exist_ok=True)
        with shared.open("a") as stream:
            stream.write(f"{name} {number}\n")
        ledger.commit([write_run(layout, f"{name}-{number}"), shared], f"{name} {number}")


def test_processes_that_commit_at_once_lose_nothing(git_repo: Path) -> None:
    """Each commit is in the history once, and the last one holds everything."""
    writers, count = 4, 8
    spawn = multiprocessing.get_context("fork")
    processes = [
        spawn.Process(target=_commit_some, args=(git_repo, f"writer{number}", count))
        for number in range(writers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * writers
    messages = [entry.message for entry in opened(git_repo)[1].log()]
    expected = {f"writer{w} {n}" for w in range(writers) for n in range(count)}
    assert len(messages) == len(set(messages)) == writers * count
    assert set(messages) == expected
    runs = {path.split("/")[3] for path in held(git_repo) if path.startswith("runs/")}
    assert runs == {name.replace(" ", "-") for name in expected}
    shared = git(git_repo, "cat-file", "blob", f"{LEDGER_REF}:artifacts/p/shared/aliases.yaml")
    assert set(shared.splitlines()) == expected
    assert git(git_repo, "rev-list", "--min-parents=2", LEDGER_REF) == ""


def test_a_restore_killed_at_every_step_goes_on(git_repo: Path) -> None:
    """No half file is ever taken for a record, and none is missed."""
    layout, ledger = opened(git_repo)
    for number in range(3):
        ledger.commit([write_run(layout, f"run{number}")], "x")
    expected = {name: content[2] for name, content in files_of(layout.runs).items()}

    def work() -> None:
        git(git_repo, "clean", "-q", "-fdx")
        opened(git_repo)[1].restore_if_lost()

    def check(finished: bool) -> None:
        opened(git_repo)[1].restore_if_lost()
        found = {name: content[2] for name, content in files_of(layout.runs).items()}
        temporary = {name for name in found if name.endswith(".tmp")}
        assert {name: found[name] for name in found.keys() - temporary} == expected

    assert kill_at_every_step(work, check) > 10


def limited(work: Callable[[], object], size: int) -> BaseException | None:
    """Run `work` while no file may grow beyond `size`: a full disk for git too."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        try:
            work()
            os.write(writing, b"done")
        except Error as error:
            os.write(writing, f"{type(error).__name__}: {error.message}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as stream:
        said = stream.read()
    return None if said == "done" else GitError(said)


def test_a_full_disk_inside_git_leaves_the_ledger_as_it_was(git_repo: Path) -> None:
    """The error is raised, the tip is the old one, and the next commit catches up."""
    layout, ledger = opened(git_repo)
    first = ledger.commit([write_run(layout, "first")], "first")
    folder = write_run(layout, "large")
    (folder / "noise.bin").write_bytes(random.Random(1).randbytes(500_000))
    raised = limited(lambda: opened(git_repo)[1].commit([folder], "large"), 100_000)
    assert raised is not None
    assert "GitError" in str(raised)
    assert ledger.tip() == first
    check_sound(git_repo)
    assert not list((git_repo / ".git").glob("fast_import_crash*"))
    ledger.commit([folder], "large")
    assert to_ledger("runs/p/large/noise.bin") in held(git_repo)


def test_a_full_disk_leaves_no_code_commit_that_is_not_whole(git_repo: Path) -> None:
    """The error says that nothing was recorded; the disk is not taken for a file that cannot be read."""
    (git_repo / "noise.bin").write_bytes(random.Random(1).randbytes(500_000))
    before = user_state(git_repo)
    raised = limited(lambda: capture_code(Git(git_repo), find_layout(git_repo)), 100_000)
    assert "GitError: git update-index was killed by signal" in str(raised)
    assert not list((git_repo / ".git/tracker/tmp").iterdir())
    assert user_state(git_repo) == before
    check = git(git_repo, "for-each-ref", "--format=%(objectname)", "refs/tracker/code")
    for commit in check.split():
        git(git_repo, "rev-list", "--objects", "--quiet", commit)
    git(git_repo, "fsck", "--strict", "--no-dangling")


def test_a_capture_killed_at_every_step_touches_nothing_of_the_user(git_repo: Path) -> None:
    """And the next one gives the same commit as one that was never disturbed."""
    (git_repo / "train.py").write_text("changed\n")
    (git_repo / "new.py").write_text("new\n")
    copy = git_repo.parent / "copy"
    shutil.copytree(git_repo, copy, symlinks=True)
    expected = capture_code(Git(copy), find_layout(copy))
    before = user_state(git_repo)

    def check(finished: bool) -> None:
        assert user_state(git_repo) == before
        assert capture_code(Git(git_repo), find_layout(git_repo)) == expected
        subprocess.run(
            ["git", "-C", str(git_repo), "update-ref", "-d", f"refs/tracker/code/{expected.code_commit}"]
        )

    steps = kill_at_every_step(lambda: capture_code(Git(git_repo), find_layout(git_repo)), check)
    assert steps >= 1
