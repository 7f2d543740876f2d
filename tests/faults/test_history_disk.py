"""A disk that refuses: training goes on, rows wait, what is lost is counted."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracker.storage.build import START, layout
from tracker.storage import append_file, writer
from tracker.storage.append_file import AppendFile
from tracker.storage.history import read_rows
from tracker.storage.journal import Header
from tracker.storage.writer import SegmentWriter
from vcs.errors import StoreError
from vcs.layout import RunLayout


class Disk:
    """Stands before os.write: refuses, or takes a few bytes at a time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room: int | None = None
        self.code = errno.ENOSPC
        self._write = os.write
        monkeypatch.setattr(append_file.os, "write", self.write)

    def write(self, fd: int, data: Any) -> int:
        """Take what there is room for; refuse when there is none."""
        if self.room is None:
            return self._write(fd, data)
        if self.room == 0:
            raise OSError(self.code, os.strerror(self.code))
        done = self._write(fd, bytes(data[: self.room]))
        self.room -= done
        return done


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk that works until it is told otherwise."""
    return Disk(monkeypatch)


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """The files of a run."""
    return layout(tmp_path)


def begin(run: RunLayout, said: Callable[[str], None], **options: Any) -> SegmentWriter:
    """Start a writer."""
    header = Header(run="run1", session=0, start=START, from_step=0)
    return SegmentWriter(run.history_segment(0, "0"), header, on_error=said, interval_s=0.01, **options)


def test_rows_wait_for_a_full_disk_and_none_is_lost(run: RunLayout, disk: Disk) -> None:
    """The disk fills in the middle of a line; later there is room again."""
    said: list[str] = []
    writer = begin(run, said.append)
    writer.put(0, {"x": 0}, START)
    assert writer.flush()
    disk.room = 7
    for step in range(1, 100):
        writer.put(step, {"x": step}, START)
    assert writer.flush() is False
    for step in range(100, 200):
        writer.put(step, {"x": step}, START)
    assert writer.flush() is False
    assert [r["x"] for r in read_rows(run)] == [0]

    disk.room = None
    while not writer.flush():
        time.sleep(0.01)

    assert [r["x"] for r in read_rows(run)] == list(range(200))
    assert writer.close().dropped == 0
    assert len(said) == 1
    assert "the disk is full" in said[0]


def test_what_a_full_disk_never_took_is_counted(run: RunLayout, disk: Disk) -> None:
    """At the end the run says how many rows are missing; the file can be read."""
    writer = begin(run, lambda _: None)
    for step in range(50):
        writer.put(step, {"x": step}, START)
    assert writer.flush()
    disk.room = 25
    for step in range(50, 80):
        writer.put(step, {"x": step}, START)
    counts = writer.close()

    rows = read_rows(run)
    assert [r["x"] for r in rows] == list(range(len(rows)))
    assert counts.rows == len(rows)
    assert counts.rows + counts.dropped == 80
    assert 50 < counts.rows < 80


def test_rows_beyond_the_bound_are_dropped_and_counted(
    run: RunLayout, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is not the place for a training's history; what was kept has no gap."""
    monkeypatch.setattr(writer, "MAX_WAITING_BYTES", 2000)
    w = begin(run, lambda _: None)
    disk.room = 0
    for step in range(1000):
        w.put(step, {"x": step}, START)
        if step % 50 == 0:
            w.flush()
    w.flush()
    disk.room = None
    while not w.flush():
        time.sleep(0.01)
    w.put(1000, {"other": 1}, START)
    w.put(1001, {"x": 1001}, START)
    counts = w.close()

    found = [r["_step"] for r in read_rows(run)]
    assert found[-2:] == [1000, 1001]
    assert found[:-2] == list(range(len(found) - 2))
    assert 0 < counts.dropped < 1000
    assert counts.rows + counts.dropped == 1002


def test_nothing_reaches_the_training_loop_unless_it_is_strict(run: RunLayout, disk: Disk) -> None:
    """Strict is for those who would rather stop."""
    w = begin(run, lambda _: None, strict=True)
    disk.room = 0
    w.put(0, {"x": 1}, START)
    w.flush()

    with pytest.raises(StoreError, match="the disk is full"):
        w.put(1, {"x": 1}, START)

    disk.room = None
    while not w.flush():
        time.sleep(0.01)
    w.put(2, {"x": 1}, START)
    assert w.close().rows == 3


def test_a_disk_that_fails_at_the_start_is_an_error(run: RunLayout, disk: Disk) -> None:
    """Then there is no writer, and no thread."""
    disk.room = 5

    with pytest.raises(StoreError, match="the disk is full"):
        begin(run, lambda _: None)


def test_a_child_whose_disk_is_full_goes_on(run: RunLayout, disk: Disk) -> None:
    """A forked worker must not die of its logging either."""
    w = begin(run, lambda _: None)
    pid = os.fork()
    if pid == 0:
        disk.room = 0
        w.put(0, {"x": 1}, START)
        os._exit(0 if w.close().dropped == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    w.close()


@given(
    sizes=st.lists(st.integers(0, 40), max_size=12),
    rows=st.lists(st.sampled_from([b"[0,1]\n", b'{"set":{}}\n', b"[0,[1],2]\n"]), max_size=8),
)
@settings(deadline=None)
def test_a_file_written_in_pieces_has_no_gap_and_counts_right(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], rows: list[bytes]
) -> None:
    """Whatever the disk takes at a time, and wherever it stops for good."""
    path = tmp_path_factory.mktemp("pieces") / "f.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(patch)
        file = AppendFile(path, b"head\n")
        for index, line in enumerate(rows):
            disk.room = sizes[index] if index < len(sizes) else 0
            file.append(line)
        disk.room = sizes[-1] if sizes else 0
        lost = file.close()

    content, everything = path.read_bytes(), b"head\n" + b"".join(rows)
    assert everything.startswith(content)
    assert file.size == len(content)
    whole = content[: content.rfind(b"\n") + 1].splitlines()
    assert file.rows == sum(line.startswith(b"[") for line in whole)
    assert file.rows + lost == sum(line.startswith(b"[") for line in rows)
