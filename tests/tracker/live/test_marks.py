"""Marks of live sessions, and the runs that they call crashed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import git
from tracker.live import marks
from tracker.live.assemble import sweep
from tracker.live.marks import Mark
from tracker.storage import records
from tracker.storage.records import RunRecord, Session
from vcs.liveness import ProcessId, this_process
from vcs.repo import Repo


@pytest.fixture
def repo(git_repo: Path) -> Repo:
    return Repo.open(git_repo)


def dead_process() -> ProcessId:
    """Return a process of this host that has ended."""
    code = "from vcs.liveness import this_process as t; print(*vars(t()).values(), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    host, boot, pid, start = done.stdout.split()
    return ProcessId(host, boot, int(pid), float(start))


def begin(repo: Repo, run_id: str, process: ProcessId, *, sessions: int = 1) -> Mark:
    """Write a run whose newest session runs in `process`, with its mark."""
    time = "2026-01-01T00:00:00.000Z"
    made = [Session(number=n, started=time, state="finished", pid=1) for n in range(sessions - 1)]
    made.append(Session(number=sessions - 1, started=time, **vars(process)))
    record = RunRecord(id=run_id, project="p", created=time, sessions=made)
    records.create(repo.layout.run("p", run_id), record)
    mark = Mark("p", run_id, sessions - 1, process)
    marks.put(repo.layout, mark)
    return mark


def state(repo: Repo, run_id: str) -> tuple[str, list[str]]:
    record = records.load(repo.layout.run("p", run_id))
    return record.state, [session.state for session in record.sessions]


def test_a_mark_comes_back_as_it_was_written(repo: Repo) -> None:
    mark = Mark("p", "abc", 2, this_process())
    marks.put(repo.layout, mark)
    assert list(marks.read_all(repo.layout)) == [mark]
    marks.remove(repo.layout, mark)
    marks.remove(repo.layout, mark)
    assert list(marks.read_all(repo.layout)) == []


def test_without_marks_nothing_is_done(repo: Repo) -> None:
    assert marks.sweep(repo.layout) == []
    before = repo.ledger.tip()
    sweep(repo)
    assert repo.ledger.tip() == before


def test_a_run_whose_process_is_gone_has_crashed(repo: Repo) -> None:
    begin(repo, "dead", dead_process(), sessions=2)
    begin(repo, "live", this_process())
    sweep(repo)
    assert state(repo, "dead") == ("crashed", ["finished", "crashed"])
    assert state(repo, "live") == ("running", ["running"])
    assert [mark.run for mark in marks.read_all(repo.layout)] == ["live"]
    assert next(iter(repo.ledger.log())).message == "run dead crashed"


def test_a_process_of_another_host_is_left_alone(repo: Repo) -> None:
    mark = begin(repo, "far", replace(dead_process(), host="elsewhere"))
    sweep(repo)
    assert state(repo, "far") == ("running", ["running"])
    assert list(marks.read_all(repo.layout)) == [mark]


def test_a_session_that_has_ended_stays_as_it_ended(repo: Repo) -> None:
    """Killed between the record and the removal of the mark."""
    begin(repo, "done", dead_process())

    def finish(record: RunRecord) -> None:
        record.state = record.sessions[0].state = "finished"

    records.update(repo.layout.run("p", "done"), finish)
    sweep(repo)
    assert state(repo, "done") == ("finished", ["finished"])
    assert list(marks.read_all(repo.layout)) == []
    assert next(iter(repo.ledger.log())).message == "run done finished"


def test_a_mark_without_a_run_is_removed(repo: Repo) -> None:
    marks.put(repo.layout, Mark("p", "never", 0, dead_process()))
    sweep(repo)
    assert list(marks.read_all(repo.layout)) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"project": "p"}', "\x00"])
def test_a_damaged_mark_is_skipped(repo: Repo, text: str) -> None:
    repo.layout.live.mkdir(parents=True)
    (repo.layout.live / "p--x-0.json").write_text(text)
    assert list(marks.read_all(repo.layout)) == []
    sweep(repo)


def test_a_mark_whose_name_does_not_fit_is_skipped(repo: Repo) -> None:
    marks.put(repo.layout, Mark("p", "abc", 0, dead_process()))
    (path,) = repo.layout.live.iterdir()
    path.rename(path.with_name("p--other-0.json"))
    assert list(marks.read_all(repo.layout)) == []


def test_two_sweeps_at_once_agree(repo: Repo) -> None:
    begin(repo, "dead", dead_process())
    first = marks.sweep(repo.layout)
    sweep(repo)
    assert [mark.run for mark in first] == ["dead"]
    assert state(repo, "dead") == ("crashed", ["crashed"])


def test_a_damaged_record_keeps_its_mark_and_stops_no_other(repo: Repo) -> None:
    begin(repo, "bad", dead_process())
    repo.layout.run("p", "bad").record.write_text("{")
    begin(repo, "dead", dead_process())
    sweep(repo)
    assert state(repo, "dead") == ("crashed", ["crashed"])
    assert [mark.run for mark in marks.read_all(repo.layout)] == ["bad"]


def test_the_large_files_of_a_crashed_run_are_kept(repo: Repo) -> None:
    """Nobody was there to do it when the process died."""
    begin(repo, "dead", dead_process())
    run = repo.layout.run("p", "dead")
    run.history.mkdir()
    history = b"[0,0,12,0.5]\n" * 100_000
    run.history_segment(0, "0").write_bytes(history)
    sweep(repo)
    git(repo.layout.root, "clean", "-q", "-fdx")
    Repo.open(repo.layout.root)
    assert run.history_segment(0, "0").read_bytes() == history
