"""The writer: every row once and in order, the caller never waits and never hears of disks."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.tracker.storage.build import START, layout
from tracker.storage import writer as writer_module
from tracker.storage.append_file import AppendFile
from tracker.storage.history import read_rows, summary_of
from tracker.storage.journal import Header
from tracker.storage.writer import BATCH, FULL, Counts, SegmentWriter
from vcs.errors import AlreadyExistsError, StoreError
from vcs.layout import RunLayout


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """The files of a run."""
    return layout(tmp_path)


@pytest.fixture
def said() -> list[str]:
    """What the writer complained of."""
    return []


def begin(run: RunLayout, said: list[str], session: int = 0, **options: Any) -> SegmentWriter:
    """Start a writer of a session."""
    header = Header(run=run.folder.name, session=session, start=START, from_step=0)
    return SegmentWriter(run.history_segment(session, "0"), header, on_error=said.append, **options)


def wait_for(condition: Any) -> None:
    """Wait until something that must happen has happened."""
    while not condition():
        time.sleep(0.005)


def test_rows_are_in_the_file_after_close(run: RunLayout, said: list[str]) -> None:
    """In order, with honest counts."""
    writer = begin(run, said)
    for step in range(10_000):
        writer.put(step, {"loss": step / 7, "epoch": step}, START + step / 1000)
    counts = writer.close()

    rows = read_rows(run)
    assert [(r["_step"], r["loss"], r["_runtime"]) for r in rows] == [
        (s, s / 7, s / 1000) for s in range(10_000)
    ]
    assert counts == Counts(10_000, 0, writer.path.stat().st_size)
    assert said == []


def test_rows_appear_without_close_or_flush(run: RunLayout, said: list[str]) -> None:
    """Nobody has to ask; a reader in another process sees them soon."""
    writer = begin(run, said)
    writer.put(0, {"x": 1}, START)
    wait_for(lambda: len(read_rows(run)) == 1)
    time.sleep(0.3)  # the thread has gone to sleep for good
    writer.put(1, {"x": 2}, START)
    wait_for(lambda: len(read_rows(run)) == 2)
    writer.close()


def test_flush_waits_for_what_was_put_before(run: RunLayout, said: list[str]) -> None:
    """And says that it is in the file."""
    writer = begin(run, said)
    for step in range(3 * BATCH):
        writer.put(step, {"x": step}, START)

    assert writer.flush() is True
    assert len(read_rows(run)) == 3 * BATCH
    writer.close()
    assert writer.flush() is True


def test_a_row_is_not_changed_by_what_happens_to_its_values(run: RunLayout, said: list[str]) -> None:
    """The dict and the lists in it may be used again at once."""
    writer = begin(run, said)
    data: dict[str, Any] = {"x": 1, "list": [1, 2]}
    simple = {"y": 1}
    writer.put(0, data, START)
    writer.put(1, simple, START)
    data["x"] = 2
    data["list"].append(3)
    simple["y"] = 2
    writer.close()

    assert read_rows(run, keys=["x", "list"])[0]["list"] == [1, 2]
    assert [(r.get("x"), r.get("y")) for r in read_rows(run)] == [(1, None), (None, 1)]


def test_nested_and_special_values_are_recorded(run: RunLayout, said: list[str]) -> None:
    """Flattened, exact."""
    writer = begin(run, said)
    writer.put(0, {"a": {"b": math.inf, "c": [1]}, "n": None}, START)
    writer.close()

    row = read_rows(run)[0]
    assert (row["a.b"], row["a.c"], row["n"]) == (math.inf, [1], None)


def test_marks_stand_between_the_rows_where_they_were_put(run: RunLayout, said: list[str]) -> None:
    """So readers come to the same summary as the live run."""
    writer = begin(run, said)
    writer.put(0, {"x": 1}, START)
    writer.put_set({"x": 5, "deep": {"a": [1]}, "gone": 1}, START)
    writer.put_unset(["gone"], START)
    writer.put(1, {"y": 1}, START)
    writer.put(7, {"y": 2}, START)
    writer.put_rewind(7, START)
    writer.close()

    summary = summary_of(run)
    assert (summary["x"], summary["deep"], summary["y"]) == (5, {"a": [1]}, 1)
    assert "gone" not in summary


def test_many_threads_lose_no_row(run: RunLayout, said: list[str]) -> None:
    """Each thread's rows are in its own order."""
    writer = begin(run, said)

    def work(name: int) -> None:
        for step in range(2000):
            writer.put(step, {"thread": name}, START)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = writer.close()

    assert counts.rows == 16_000
    by_thread: dict[int, list[int]] = {}
    for row in read_rows(run):
        by_thread.setdefault(row["thread"], []).append(row["_step"])
    assert by_thread == {name: list(range(2000)) for name in range(8)}


def test_a_tight_loop_does_not_run_away_from_the_thread(
    run: RunLayout, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a kill can take is bounded by a number of rows, however fast they come."""
    monkeypatch.setattr(writer_module, "PATIENCE_S", 3600)
    writer = begin(run, said)
    most = 0
    for step in range(10 * FULL):
        writer.put(step, {"x": step}, START)
        most = max(most, len(writer._queue))

    assert most <= FULL
    assert writer.close() == Counts(10 * FULL, 0, writer.path.stat().st_size)


def test_a_disk_that_hangs_holds_up_a_call_in_thousands_for_a_moment(
    run: RunLayout, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop ends although nothing is written, and all rows are there when the disk wakes up."""
    waits, wakes_up, append = [], threading.Event(), AppendFile.append
    writer = begin(run, said)
    taken = writer._taken.wait

    def hang(file: AppendFile, lines: bytes) -> bool:
        wakes_up.wait()
        return append(file, lines)

    def count(timeout_s: float | None = None) -> bool:
        waits.append(timeout_s)
        return taken(timeout_s)

    monkeypatch.setattr(AppendFile, "append", hang)
    monkeypatch.setattr(writer._taken, "wait", count)
    for step in range(10 * FULL):
        writer.put(step, {"x": step}, START)

    assert 0 < waits.count(writer_module.PATIENCE_S) <= 10
    wakes_up.set()
    assert writer.close().rows == len(read_rows(run)) == 10 * FULL


def test_close_twice_gives_the_same_counts_and_a_late_row_is_lost_quietly(
    run: RunLayout, said: list[str]
) -> None:
    """A sampler's thread may still put when the run has ended."""
    writer = begin(run, said)
    writer.put(0, {"x": 1}, START)
    counts = writer.close()
    writer.put(1, {"x": 2}, START)
    writer.put_set({"x": 2}, START)

    assert writer.close() == counts
    assert len(read_rows(run)) == 1


def test_close_inside_close_returns(run: RunLayout, said: list[str]) -> None:
    """A signal handler may end the run while it is ending."""
    inner: list[Counts] = []

    class Trap:
        def to_record(self, sink: Any) -> dict[str, Any]:
            if threading.current_thread() is threading.main_thread():
                inner.append(writer.close())
            return {"_type": "trap"}

    writer = begin(run, said)
    writer._thread = threading.Thread(target=lambda: None)  # no thread: close does the work itself
    writer._thread.start()
    writer._closing = True
    writer._wake.ring()
    writer.put(0, {"t": Trap()}, START)
    counts = writer.close()

    assert counts.rows == 1
    assert len(inner) <= 1


def test_a_second_writer_of_a_session_is_refused(run: RunLayout, said: list[str]) -> None:
    """Two processes that resume one run at once: one of them learns of it."""
    writer = begin(run, said)

    with pytest.raises(AlreadyExistsError, match="another process"):
        begin(run, said)

    writer.put(0, {"x": 1}, START)
    assert writer.close().rows == 1


def test_a_folder_that_cannot_be_written_is_an_error_at_the_start(run: RunLayout, said: list[str]) -> None:
    """Before training begins there is somebody to tell."""
    run.folder.mkdir(parents=True)
    run.history.write_text("a file where a folder should be")

    with pytest.raises(StoreError, match="history"):
        begin(run, said)


def test_a_value_that_cannot_be_recorded_costs_only_itself(run: RunLayout, said: list[str]) -> None:
    """The other values of the row are kept, and one sentence is said."""

    class Bad:
        def to_record(self, sink: Any) -> dict[str, Any]:
            raise ZeroDivisionError("no pixels")

    writer = begin(run, said)
    for step in range(3):
        writer.put(step, {"x": step, "bad": Bad()}, START)
    counts = writer.close()

    assert [r["x"] for r in read_rows(run)] == [0, 1, 2]
    assert all("bad" not in r for r in read_rows(run))
    assert counts.rows == 3
    assert said == ["'bad' could not be recorded: no pixels"]


def test_a_row_that_no_format_can_hold_costs_no_other(run: RunLayout, said: list[str]) -> None:
    """It is counted; its neighbours in the batch and what follows are written."""
    writer = begin(run, said)
    for step in (0, object(), 2, object(), 4):
        writer.put(step, {"x": 1}, START)  # type: ignore[arg-type]
    writer.flush()
    writer.put(5, {"x": 2}, START)
    counts = writer.close()

    assert (counts.rows, counts.dropped) == (4, 2)
    assert [r["_step"] for r in read_rows(run)] == [0, 2, 4, 5]
    assert len(said) == 1


class Sink:
    """A sink that keeps media in a list, and can refuse a group."""

    def __init__(self, *, refuse: bool = False) -> None:
        self.kept: list[str] = []
        self.groups = 0
        self.refuse = refuse

    @contextmanager
    def group(self) -> Iterator[None]:
        """A group of puts."""
        self.groups += 1
        yield
        if self.refuse:
            self.kept.clear()
            raise StoreError("the disk is full")


class Picture:
    """A media value that puts its name into the sink."""

    def __init__(self, name: str) -> None:
        self.name = name

    def to_record(self, sink: Sink) -> dict[str, Any]:
        """Put and describe."""
        sink.kept.append(self.name)
        return {"_type": "picture", "name": self.name}


def test_media_of_a_batch_are_stored_as_one_group(run: RunLayout, said: list[str]) -> None:
    """And before the rows that name them."""
    sink = Sink()
    writer = begin(run, said, sink=sink, interval_s=60)
    writer.flush()
    for step in range(5):
        writer.put(step, {"p": Picture(f"p{step}"), "list": [Picture("q")]}, START)
    writer.close()

    assert sink.groups < 5
    assert [r["p"]["name"] for r in read_rows(run)] == [f"p{step}" for step in range(5)]
    assert read_rows(run)[0]["list"] == [{"_type": "picture", "name": "q"}]


def test_a_group_that_fails_is_tried_one_by_one(run: RunLayout, said: list[str]) -> None:
    """No row names what is not in the store."""
    sink = Sink(refuse=True)
    writer = begin(run, said, sink=sink)
    writer.put(0, {"p": Picture("p")}, START)
    writer.close()

    assert sink.kept == ["p"]
    assert len(read_rows(run)) == 1
    assert said == ["media could not be stored: the disk is full"]


class TestFork:
    """A forked child has a segment of its own."""

    def in_child(self, work: Any) -> None:
        """Run something in a forked child that ends without notice, as workers do."""
        pid = os.fork()
        if pid == 0:
            try:
                work()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    def test_its_rows_are_there_although_it_ends_without_notice(
        self, run: RunLayout, said: list[str]
    ) -> None:
        """They are written at once; the parent's rows are written by the parent alone."""
        writer = begin(run, said, interval_s=60)
        writer.put(0, {"x": "before"}, START)
        writer.put(1, {"x": "waiting"}, START)
        self.in_child(lambda: [writer.put(step, {"x": "child"}, START) for step in range(3)])
        writer.put(2, {"x": "after"}, START)
        counts = writer.close()

        assert [r["x"] for r in read_rows(run)] == ["before", "waiting", "after"]
        children = {r["_rank"]: r["x"] for r in read_rows(run, ranks=None) if r["_rank"] != "0"}
        assert len(children) == 1
        assert set(children.values()) == {"child"}
        assert counts.rows == 3

    def test_a_child_that_logs_nothing_leaves_no_file(self, run: RunLayout, said: list[str]) -> None:
        """Workers of a data loader are many."""
        writer = begin(run, said)

        def work() -> None:
            assert writer.flush() is True
            assert writer.close() == Counts(0, 0, 0)

        self.in_child(work)
        writer.close()

        assert [path.name for path in run.history.iterdir()] == ["0-0.jsonl"]

    def test_a_child_that_closes_leaves_the_parent_writing(self, run: RunLayout, said: list[str]) -> None:
        """Its close is about its own segment."""
        writer = begin(run, said)

        def work() -> None:
            writer.put(0, {"x": 1}, START)
            assert writer.close().rows == 1
            writer.put(1, {"x": 2}, START)

        self.in_child(work)
        writer.put(0, {"x": "parent"}, START)
        writer.close()

        assert [r["x"] for r in read_rows(run)] == ["parent"]
        assert len(read_rows(run, ranks=None)) == 2

    def test_a_process_id_that_comes_again_does_not_mix(self, run: RunLayout, said: list[str]) -> None:
        """The second child takes another name."""
        writer = begin(run, said)

        def work() -> None:
            taken = run.history_segment(0, f"0.{os.getpid()}")
            taken.write_text("of an earlier process\n")
            writer.put(0, {"x": 1}, START)
            assert taken.read_text() == "of an earlier process\n"
            assert writer.path.name == f"0-0.{os.getpid()}.1.jsonl"

        self.in_child(work)
        writer.close()

    @pytest.mark.slow
    def test_a_fork_while_another_thread_logs_is_safe(self, run: RunLayout, said: list[str]) -> None:
        """No lock of the parent is held for ever in the child."""
        writer = begin(run, said)
        stop = threading.Event()

        def work() -> None:
            step = 0
            while not stop.is_set():
                writer.put(step, {"x": step, "list": [step]}, START)
                step += 1

        thread = threading.Thread(target=work)
        thread.start()
        for _ in range(10):
            self.in_child(lambda: writer.put(0, {"child": 1}, START))
        stop.set()
        thread.join()
        writer.close()

        assert len([r for r in read_rows(run, ranks=None) if "child" in r]) == 10
        assert [r["_step"] for r in read_rows(run)] == list(range(len(read_rows(run))))
