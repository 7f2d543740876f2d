"""Merging and sharing records under SIGKILL, full disks, and many clones at once."""

from __future__ import annotations

import multiprocessing
import shutil
import threading
from pathlib import Path

import pytest

from tests.conftest import git
from tests.faults.steps import fail_at_every_step, kill_at_every_step
from tests.vcs.clones import Clock, Clone, bare_remote, clone_at, digest_of, open_clone, session
from vcs.errors import Error


@pytest.fixture
def apart(tmp_path: Path) -> Path:
    """A clone with a version and a session whose numbers the remote has given to others."""
    remote, clock = bare_remote(tmp_path), Clock()
    a, b = clone_at(tmp_path / "a", remote, clock), clone_at(tmp_path / "b", remote, clock)
    a.log("x", "base")
    a.write_run("run", sessions=[session(0, "2026-01-01T00:00:00Z")])
    a.push()
    b.pull()
    for clone, host, time in ((a, "a", "2026-01-02T00:00:00Z"), (b, "b", "2026-01-03T00:00:00Z")):
        version = clone.log("x", f"of {host}", f"best-{host}")
        folder = clone.write_run(
            "run",
            sessions=[session(0, "2026-01-01T00:00:00Z"), session(1, time, host=host)],
            logged=[{"artifact": "p/x", "version": "v1", "digest": version.digest, "session": 1}],
        )
        (folder / "history" / "1-0.jsonl").write_text(f"one of {host}\n")
        (folder / "history" / "1-1.jsonl").write_text(host * (2 << 20))
        clone.commit()
    a.push()
    return b.folder


def check_merged(clone: Clone) -> None:
    """Both sides are there, on disk and in the ledger, which are the same."""
    assert set(clone.collections.aliases("p", "x").items()) == {
        ("best-a", "v1"), ("best-b", "v2"), ("latest", "v2"),
    }  # fmt: skip
    assert len(clone.versions("x")) == 3
    folder = clone.layout.run("p", "run").folder
    assert [s["host"] for s in clone.run("run")["sessions"]] == ["a", "a", "b"]
    assert {item["version"] for item in clone.run("run")["logged"]} == {"v1", "v2"}
    assert (folder / "history" / "1-0.jsonl").read_text() == "one of a\n"
    assert (folder / "history" / "2-0.jsonl").read_text() == "one of b\n"
    assert (folder / "history" / "2-1.jsonl").read_text() == "b" * (2 << 20)
    assert clone.ledger.commit([clone.layout.records], "nothing is left") == clone.ledger.tip()
    assert not clone.layout.ledger_step.exists()
    git(clone.folder, "fsck", "--strict", "--no-dangling")


@pytest.mark.slow
def test_a_pull_killed_at_every_step_goes_on(apart: Path, tmp_path: Path) -> None:
    """Whatever comes next: a commit of everything, or a pull."""
    work, number = tmp_path / "work", 0

    def pull() -> None:
        open_clone(work, Clock()).pull()

    def check(finished: bool) -> None:
        nonlocal number
        number += 1
        clone = open_clone(work, Clock())
        if number % 2:
            clone.commit()
        clone.pull()
        check_merged(clone)
        shutil.rmtree(work)
        shutil.copytree(apart, work, symlinks=True)

    shutil.copytree(apart, work, symlinks=True)
    assert kill_at_every_step(pull, check) > 20


@pytest.mark.slow
def test_a_pull_whose_every_write_fails_is_made_up_for(apart: Path, tmp_path: Path) -> None:
    """A full disk at any step of ours is an error, or did not matter."""
    work = tmp_path / "work"

    def check(raised: BaseException | None, failed: str) -> None:
        assert raised is None or isinstance(raised, Error), (failed, raised)
        clone = open_clone(work, Clock())
        clone.pull()
        check_merged(clone)
        shutil.rmtree(work)
        shutil.copytree(apart, work, symlinks=True)

    shutil.copytree(apart, work, symlinks=True)
    assert fail_at_every_step(lambda: open_clone(work, Clock()).pull(), check) > 20


def push_some(folder: Path, number: int) -> None:
    clone = open_clone(folder, Clock())
    for turn in range(3):
        clone.log("x", f"{number} {turn}")
        clone.write_run(f"run{number}{turn}")
        clone.push()


@pytest.mark.slow
def test_many_clones_push_at_once_and_all_get_through(tmp_path: Path) -> None:
    remote = bare_remote(tmp_path)
    clones = [clone_at(tmp_path / f"c{number}", remote, Clock()) for number in range(4)]
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=push_some, args=(c.folder, n)) for n, c in enumerate(clones)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 4
    for clone in clones:
        clone.pull()
    assert len({clone.ledger.tip() for clone in clones}) == 1
    assert set(clones[0].versions("x")) == {f"v{number}" for number in range(12)}
    assert len(set(clones[0].versions("x").values())) == 12
    runs = {path.name for path in (clones[0].layout.runs / "p").iterdir() if not path.name.startswith(".")}
    assert runs == {f"run{number}{turn}" for number in range(4) for turn in range(3)}


def test_what_is_logged_while_records_come_is_not_lost(tmp_path: Path) -> None:
    """Versions, alias moves and rows of a live run."""
    remote = bare_remote(tmp_path)
    a, b = clone_at(tmp_path / "a", remote, Clock()), clone_at(tmp_path / "b", remote, Clock())
    failures: list[BaseException] = []
    done = threading.Event()
    rows = b.layout.run("p", "live").history_segment(0, "0")
    b.write_run("live", sessions=[session(0, "2026-01-01T00:00:00Z", host="b", state="running")])

    def keep_logging() -> None:
        own = open_clone(b.folder, Clock())
        try:
            with rows.open("a") as stream:
                for number in range(12):
                    own.log("x", f"b {number}", f"alias-{number}")
                    stream.write(f"{number}\n")
                    stream.flush()
        except BaseException as error:  # noqa: BLE001
            failures.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=keep_logging)
    thread.start()
    turn = 0
    while not done.is_set() or turn < 3:
        a.log("x", f"a {turn}")
        a.push()
        b.pull()
        turn += 1
    thread.join()
    assert not failures
    b.push()
    a.pull()
    assert a.ledger.tip() == b.ledger.tip()
    contents = set(a.versions("x").values())
    assert len(contents) == 12 + turn
    aliases = a.collections.aliases("p", "x")
    by_version = a.versions("x")
    for number in range(12):
        assert by_version[aliases[f"alias-{number}"]] == digest_of(f"b {number}")
    assert rows.read_text() == "".join(f"{number}\n" for number in range(12))
    assert b.tree() == a.tree()
