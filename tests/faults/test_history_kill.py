"""kill -9 and torn files: what was written is read, whatever the last moment was."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tracker.storage.build import START, layout, rewind, row, set_, write
from tests.waiting import until
from tracker.storage.history import last_step, read_rows, summary_of
from tracker.storage.segment import Segment, read_segment
from tracker.storage.writer import BATCH, FULL

ROOT = Path(__file__).parents[2]

TRAINING = """
import sys, time
from pathlib import Path
from tracker.storage.journal import Header
from tracker.storage.writer import SegmentWriter
header = Header(run="run1", session=0, start=time.time(), from_step=0)
writer = SegmentWriter(Path(sys.argv[1]), header, on_error=print)
for step in range(10**9):
    writer.put(step, {"loss": step / 3, "step": step, "note": "x" * 20}, time.time())
    if sys.argv[2] == "slow":
        time.sleep(0.001)
"""


@pytest.mark.parametrize("speed", ["slow", "fast"])
def test_a_killed_training_leaves_its_rows(tmp_path: Path, speed: str) -> None:
    """All that appeared, and perhaps some of the last moment, in order and whole."""
    run = layout(tmp_path)
    path = run.history_segment(0, "0")
    size = random.randrange(20_000, 80_000)
    code = [sys.executable, "-c", TRAINING, str(path), speed]
    with subprocess.Popen(code, cwd=ROOT) as process:
        until(lambda: path.exists() and path.stat().st_size > size, process)
        seen = len(read_rows(run))
        process.kill()

    rows = read_rows(run)
    assert [(r["_step"], r["step"], r["loss"]) for r in rows] == [(s, s, s / 3) for s in range(len(rows))]
    assert len(rows) >= seen > 0


TIGHT_LOOP = """
import os, sys, time
from pathlib import Path
from tracker.storage import writer as module
from tracker.storage.journal import Header
module.PATIENCE_S = 3600
header = Header(run="run1", session=0, start=time.time(), from_step=0)
writer = module.SegmentWriter(Path(sys.argv[1]), header, on_error=print)
rows = [{"loss": step / 3, "step": step} for step in range(int(sys.argv[2]))]
for step, row in enumerate(rows):
    writer.put(step, row, time.time())
os.kill(os.getpid(), 9)
"""


def test_a_kill_right_after_a_tight_loop_takes_its_last_rows_only(tmp_path: Path) -> None:
    """Those that wait, and those of the batch that is being written."""
    run, count = layout(tmp_path), 10 * FULL
    code = [sys.executable, "-c", TIGHT_LOOP, str(run.history_segment(0, "0")), str(count)]
    assert subprocess.run(code, cwd=ROOT, check=False).returncode == -signal.SIGKILL

    kept = [row["_step"] for row in read_rows(run)]
    assert kept == list(range(len(kept)))
    assert count - len(kept) <= FULL + BATCH


def test_a_segment_cut_at_every_byte_is_read(tmp_path: Path) -> None:
    """A power cut may leave any prefix: its whole lines count, the torn one does not."""
    items = [
        row(0, a=1.5),
        set_(best={"x": 1}),
        row(1, a=float("nan"), b="ü"),
        rewind(1),
        row(1, c={"d": [1]}),
    ]
    whole = write(layout(tmp_path, "whole"), 0, items).read_bytes()
    expected = _lines_of(read_segment(layout(tmp_path, "whole").history_segment(0, "0")))
    path = tmp_path / "cut.jsonl"
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        segment = read_segment(path)
        lines = whole[:length].count(b"\n")
        if lines == 0:
            assert segment is None
        else:
            found = _lines_of(segment)
            assert found == expected[: len(found)]
            assert len(found) == sum(
                not line.startswith(b'{"schema"') for line in whole.splitlines()[1:lines]
            )


def test_a_run_whose_last_session_is_cut_at_every_byte_can_be_read(tmp_path: Path) -> None:
    """Rows, last step and summary of the sessions before are untouched by a torn one."""
    run = layout(tmp_path)
    write(run, 0, [row(step, x=step) for step in range(4)])
    path = write(run, 1, [row(3, x=30), row(4, x=40)], from_step=3)
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        found = [r["x"] for r in read_rows(run)]
        header_is_whole = b"\n" in whole[:length]
        assert found in ([[0, 1, 2], [0, 1, 2, 30], [0, 1, 2, 30, 40]] if header_is_whole else [[0, 1, 2, 3]])
        assert last_step(run) == len(found) - 1
        assert summary_of(run)["x"] == found[-1]


def test_a_tail_of_zeros_after_a_power_cut_is_ignored(tmp_path: Path) -> None:
    """Some file systems leave the length and lose the bytes."""
    run = layout(tmp_path)
    path = write(run, 0, [row(0, x=1)])
    with path.open("ab") as stream:
        stream.write(b"\x00" * 4096)

    assert [r["x"] for r in read_rows(run)] == [1]


def test_any_flipped_bit_is_damage_or_another_value_but_never_a_crash(tmp_path: Path) -> None:
    """Reading the rest always works, and lines that were not touched are all there."""
    path = write(layout(tmp_path), 0, [row(step, x=step, t="text") for step in range(20)])
    whole = path.read_bytes()
    first_row = whole.index(b"\n[") + 1
    choose = random.Random(7)
    for _ in range(300):
        place = choose.randrange(first_row, len(whole))
        path.write_bytes(
            whole[:place] + bytes([whole[place] ^ (1 << choose.randrange(8))]) + whole[place + 1 :]
        )
        segment = read_segment(path, strict=False)
        assert segment is not None
        steps = {found[1] for found in segment.rows}
        assert len(steps & set(range(20))) >= 18, (START, place)


def _lines_of(segment: Segment | None) -> list[object]:
    """Rows and marks in the order in which they stand in the file."""
    assert segment is not None
    lines: list[object] = []
    start = 0
    for index, mark in segment.marks:
        lines += [repr(found) for found in segment.rows[start:index]]
        lines.append(repr(mark))
        start = index
    return [*lines, *(repr(found) for found in segment.rows[start:])]
