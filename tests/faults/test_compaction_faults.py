"""Compaction that dies or fails at any step: every row is read once, before and after."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.steps import fail_at_every_step, kill_at_every_step
from tests.tracker.storage.build import layout, row, set_, write
from tracker.storage import compaction
from tracker.storage.compaction import compact, remove_lines
from tracker.storage.history import read_rows, summary_of
from tracker.storage.records import RunRecord, Session
from vcs.errors import StoreError
from vcs.layout import RunLayout


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compact every file, in blocks of some rows."""
    monkeypatch.setattr(compaction, "MIN_BYTES", 1)
    monkeypatch.setattr(compaction, "_BLOCK_BYTES", 500)


def record() -> RunRecord:
    """Two sessions that ended."""
    sessions = [Session(number=number, started="x", ended="y") for number in (0, 1)]
    return RunRecord(id="run1", project="p", created="x", state="finished", sessions=sessions)


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """A run of two sessions of which the second takes a part of the first back."""
    run = layout(tmp_path / ".tracker")
    write(run, 0, [row(step, step, loss=step / 3) for step in range(40)])
    write(run, 1, [set_(best=0.5), *(row(step, step, loss=step / 7) for step in range(30, 70))], from_step=30)
    return run


def test_a_kill_at_any_step_loses_and_doubles_nothing(run: RunLayout, tmp_path: Path) -> None:
    """Readers see the same at every moment, and the next compaction finishes the work."""
    rows, summary = read_rows(run), summary_of(run)
    pristine = tmp_path / "pristine"
    shutil.copytree(run.folder, pristine)

    def check(finished: bool) -> None:
        assert read_rows(run) == rows
        assert summary_of(run) == summary
        remove_lines(compact(run, record()))
        assert sorted(path.name for path in run.history.iterdir() if path.suffix != ".tmp") == [
            "0-0.columns",
            "1-0.columns",
        ]
        assert read_rows(run) == rows
        shutil.rmtree(run.folder)
        shutil.copytree(pristine, run.folder)

    assert kill_at_every_step(lambda: remove_lines(compact(run, record())), check) >= 10


def test_a_failure_at_any_step_loses_and_doubles_nothing(run: RunLayout, tmp_path: Path) -> None:
    """It is said as trouble of the disk, if it matters, and leaves no temporary file."""
    rows = read_rows(run)
    pristine = tmp_path / "pristine"
    shutil.copytree(run.folder, pristine)

    def check(raised: BaseException | None, failed: str) -> None:
        assert raised is None or isinstance(raised, StoreError), (raised, failed)
        assert read_rows(run) == rows
        if failed != "unlink":
            assert not list(run.history.glob(".*"))
        shutil.rmtree(run.folder)
        shutil.copytree(pristine, run.folder)

    assert fail_at_every_step(lambda: remove_lines(compact(run, record())), check) >= 10
