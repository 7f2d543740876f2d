"""Compaction: what it takes, what it leaves, and that nothing is lost either way."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tracker.storage.build import START, layout, row, set_, write
from tracker.storage import compaction
from tracker.storage.append_file import AppendFile
from tracker.storage.column_segment import to_jsonl
from tracker.storage.compaction import Budget, compact, remove_lines
from tracker.storage.history import read_rows
from tracker.storage.journal import Header, SegmentEncoder
from tracker.storage.records import RunRecord, Session
from tracker.storage.segment_names import columns_beside
from tracker.storage.writer import SegmentWriter
from vcs.errors import AlreadyExistsError, StoreError
from vcs.layout import RunLayout
from vcs.liveness import this_process


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compact every file, in blocks of some rows."""
    monkeypatch.setattr(compaction, "MIN_BYTES", 1)
    monkeypatch.setattr(compaction, "_BLOCK_BYTES", 500)


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """A run with a session of a hundred rows."""
    run = layout(tmp_path)
    write(run, 0, [row(step, step, loss=step / 3, n=step) for step in range(100)])
    return run


def record(**fields: object) -> RunRecord:
    """A record with one session, 0, that has ended unless the fields say otherwise."""
    session = Session(number=0, started="x", **{"ended": "y", **fields})  # type: ignore[arg-type]
    return RunRecord(id="run1", project="p", created="x", sessions=[session])


def compacted(run: RunLayout, found: RunRecord, **options: object) -> list[str]:
    """Compact and remove; return the names of what is there now."""
    remove_lines(compact(run, found, **options))  # type: ignore[arg-type]
    return sorted(path.name for path in run.history.iterdir())


def test_the_rows_are_the_same_before_and_after(run: RunLayout) -> None:
    """And so are the lines, if someone wants them."""
    lines = run.history_segment(0, "0")
    data, rows = lines.read_bytes(), read_rows(run)

    assert compacted(run, record()) == ["0-0.columns"]
    assert read_rows(run) == rows
    assert b"".join(to_jsonl(columns_beside(lines))) == data


def test_a_second_time_there_is_nothing_to_do(run: RunLayout) -> None:
    """And nothing changes."""
    compacted(run, record())
    before = columns_beside(run.history_segment(0, "0")).stat()

    assert compact(run, record()) == []
    assert columns_beside(run.history_segment(0, "0")).stat() == before


def test_it_keeps_the_time_of_the_newest_row(run: RunLayout) -> None:
    """When a crashed run was last alive is told from it."""
    os.utime(run.history_segment(0, "0"), (START, START))
    compacted(run, record())

    assert columns_beside(run.history_segment(0, "0")).stat().st_mtime == START


def test_small_files_stay_lines(run: RunLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to win."""
    monkeypatch.setattr(compaction, "MIN_BYTES", 1 << 20)

    assert compacted(run, record()) == ["0-0.jsonl"]
    assert not compaction.is_worth_it(run)


def test_a_session_that_may_still_write_is_left(run: RunLayout) -> None:
    """It runs here, or on another host, or is not in the record."""
    here = this_process()
    alive = {"host": here.host, "boot": here.boot, "pid": here.pid, "pid_start": here.pid_start}

    assert compacted(run, record(ended=None, **alive)) == ["0-0.jsonl"]
    assert compacted(run, record(ended=None, **{**alive, "host": "elsewhere"})) == ["0-0.jsonl"]
    assert compacted(run, RunRecord(id="run1", project="p", created="x")) == ["0-0.jsonl"]


def test_a_session_whose_process_is_gone_is_over(run: RunLayout) -> None:
    """Nobody wrote its end."""
    here = this_process()
    dead = {"host": here.host, "boot": here.boot, "pid": here.pid, "pid_start": here.pid_start + 1000}

    assert compacted(run, record(ended=None, **dead)) == ["0-0.columns"]


def test_a_file_whose_writer_lives_is_left(run: RunLayout, tmp_path: Path) -> None:
    """Whatever the record says: the writer holds its lock until it has closed."""
    header = Header(run="run1", session=1, start=START, from_step=100)
    writer = SegmentWriter(run.history_segment(1, "0"), header, on_error=print)
    writer.put(100, {"loss": 0.5}, START)
    writer.flush()
    found = record()
    found.sessions.append(Session(number=1, started="x", ended="y"))
    assert compacted(run, found) == ["0-0.columns", "1-0.jsonl"]

    writer.put(101, {"loss": 0.25}, START)
    writer.close()
    assert compacted(run, found) == ["0-0.columns", "1-0.columns"]
    assert [r["_step"] for r in read_rows(run)] == list(range(102))


def test_a_lock_of_another_process_is_seen(run: RunLayout) -> None:
    """As on one machine; a network file system may not tell."""
    lines = run.history_segment(0, "0")
    code = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, 2); print(flush=True); input()"
    command = [sys.executable, "-c", code, str(lines)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert compacted(run, record()) == ["0-0.jsonl"]
        holder.communicate(b"\n")
    assert compacted(run, record()) == ["0-0.columns"]


def test_further_processes_of_a_run_are_given_time(tmp_path: Path) -> None:
    """The end of the run is not theirs."""
    run = layout(tmp_path)
    lines = write(run, 0, [row(step, loss=0.5) for step in range(10)], rank="1")
    assert compacted(run, record()) == ["0-1.jsonl"]

    then = time.time() - compaction.QUIET_S - 1
    os.utime(lines, (then, then))
    assert compacted(run, record()) == ["0-1.columns"]


def test_own_files_need_no_proof(run: RunLayout) -> None:
    """The process knows that it has closed them, while the record still says that it runs."""
    lines = run.history_segment(0, "0")

    assert compacted(run, record(ended=None), own=[lines]) == ["0-0.columns"]


def test_rows_that_a_fork_took_over_are_compacted(tmp_path: Path) -> None:
    """They were written at once."""
    run = layout(tmp_path)
    write(run, -1, [row(step, loss=0.5) for step in range(10)])

    assert compacted(run, record(ended=None)) == ["-1-0.columns"]


def test_edits_of_a_summary_stay_lines(tmp_path: Path) -> None:
    """The next edit looks for a name that is not taken."""
    run = layout(tmp_path)
    write(run, 0, [set_(best=1)], rank="0").rename(run.history / "0-0-edit-0.jsonl")

    assert compacted(run, record()) == ["0-0-edit-0.jsonl"]


def test_system_metrics_are_compacted_too(run: RunLayout) -> None:
    """They have the same form."""
    write(run, 0, [row(0, cpu=1.5)]).rename(run.history / "x")
    run.system.mkdir()
    (run.history / "x").rename(run.system_segment(0, "0"))
    remove_lines(compact(run, record()))

    assert [path.name for path in run.system.iterdir()] == ["0-0.columns"]
    assert read_rows(run, which="system")[0]["cpu"] == 1.5


@pytest.mark.parametrize(
    "line",
    [
        b"[7,0,0,0.5]\n",  # no such schema
        b"[0,0,0,0.5]\n",  # a value too few
        b"[0,0.0,0,0.5,1]\n",  # a step that is no whole number
        b"[]\n",
        b"[[0],0,0,0.5,1]\n",
        b"hello\n",
        b'{"what":1}\n',
        b"[0, 1, 2, 0.5, 1]\n",  # sound, but not our spelling
        b"[0,1,2,0.50,1]\n",
        b"\n",
    ],
)
def test_what_would_not_come_back_is_left_as_it_is(run: RunLayout, line: bytes) -> None:
    """Damaged or foreign: the lines are the only copy."""
    lines = run.history_segment(0, "0")
    data = lines.read_bytes() + line
    lines.write_bytes(data)

    assert compacted(run, record()) == ["0-0.jsonl"]
    assert lines.read_bytes() == data


def test_a_torn_line_is_kept(run: RunLayout) -> None:
    """Readers ignore it in both forms."""
    lines = run.history_segment(0, "0")
    data = lines.read_bytes() + b'[0,100,5,0.1,"\xff'
    lines.write_bytes(data)

    assert compacted(run, record()) == ["0-0.columns"]
    assert len(read_rows(run)) == 100
    assert b"".join(to_jsonl(columns_beside(lines))) == data


@pytest.mark.parametrize("data", [b"", b"{", b"{}\n", b'{"format":2}\n'])
def test_a_file_without_a_header_is_left(tmp_path: Path, data: bytes) -> None:
    """A process was killed at once, or it is of a newer version."""
    run = layout(tmp_path)
    run.history.mkdir(parents=True)
    run.history_segment(0, "0").write_bytes(data)

    assert compacted(run, record()) == ["0-0.jsonl"]
    assert compacted(run, record(), own=[run.history_segment(0, "0")]) == ["0-0.jsonl"]


def test_what_an_interrupted_compaction_left_is_finished(run: RunLayout) -> None:
    """Both forms are there: the compacted one is not made again."""
    compact(run, record())
    before = columns_beside(run.history_segment(0, "0")).stat()

    assert compacted(run, record()) == ["0-0.columns"]
    assert columns_beside(run.history_segment(0, "0")).stat() == before


def test_a_broken_compacted_form_is_made_again(run: RunLayout) -> None:
    """The lines are there, so nothing is lost."""
    lines = run.history_segment(0, "0")
    rows = read_rows(run)
    columns_beside(lines).write_bytes(b"TCOL0001 torn")

    assert compacted(run, record()) == ["0-0.columns"]
    assert read_rows(run) == rows


def test_a_segment_is_not_begun_twice(run: RunLayout) -> None:
    """Its rows would hide, or be hidden by, those that were compacted."""
    lines = run.history_segment(0, "0")
    compacted(run, record())

    with pytest.raises(AlreadyExistsError):
        AppendFile(lines, b"{}\n")
    assert not lines.exists()
    assert len(read_rows(run)) == 100


def test_a_forked_child_takes_another_name_than_a_compacted_one(run: RunLayout) -> None:
    """Process ids come back."""
    header = Header(run="run1", session=1, start=START, from_step=100)
    writer = SegmentWriter(run.history_segment(1, "0"), header, on_error=print)
    child = os.fork()
    if child == 0:
        taken = header.__class__(run="run1", session=1, rank=f"0.{os.getpid()}", start=START, from_step=100)
        encoder = SegmentEncoder(taken)
        path = run.history_segment(1, taken.rank)
        path.write_bytes(encoder.head() + encoder.encode([(100, START, ("a",), (1,))]))
        compact(run, record(), own=[path])
        path.unlink()
        writer.put(101, {"loss": 0.5}, START)
        writer.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    writer.close()

    assert sorted(path.name for path in run.history.glob("1-*")) == sorted(
        ["1-0.jsonl", f"1-0.{child}.columns", f"1-0.{child}.1.jsonl"]
    )


def test_a_file_for_which_there_is_no_time_is_left(run: RunLayout) -> None:
    """It is not begun in vain: the first block tells."""
    assert compacted(run, record(), limit_s=0) == ["0-0.jsonl"]
    assert compacted(run, record(), limit_s=100) == ["0-0.columns"]


def test_a_budget_looks_ahead() -> None:
    """A tenth in a second means ten seconds."""
    now = iter([0.0, 1.0, 1.0]).__next__
    budget = Budget(9.0, clock=now)
    assert not budget.allows(10, 100, since=0.0)
    assert budget.allows(20, 100, since=0.0)


def test_a_full_disk_is_said_and_changes_nothing(run: RunLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    """No half of a file stays."""

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="disk is full"):
        compact(run, record())
    assert [path.name for path in run.history.iterdir()] == ["0-0.jsonl"]


def test_two_at_once_do_no_harm(run: RunLayout) -> None:
    """Both write the same file; the second finds the lines removed."""
    rows = read_rows(run)
    first, second = compact(run, record()), compact(run, record())
    remove_lines(first)
    remove_lines(second)

    assert read_rows(run) == rows


def test_locks_of_readers_do_not_hinder(run: RunLayout) -> None:
    """Only writers hold an exclusive one."""
    with run.history_segment(0, "0").open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        assert compacted(run, record()) == ["0-0.columns"]


def test_what_killed_compactions_left_is_removed_in_time(run: RunLayout) -> None:
    """Another may be at work right now."""
    old, new = (run.history / f".0-0.columns.{name}.tmp" for name in ("1.ab", "2.cd"))
    for path in (old, new):
        path.write_bytes(b"TCOL")
    then = time.time() - compaction.QUIET_S - 1
    os.utime(old, (then, then))

    assert compacted(run, record()) == [new.name, "0-0.columns"]
