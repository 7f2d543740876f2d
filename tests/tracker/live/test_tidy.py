"""The end of a run compacts its history, and record and ledger say so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import tracker
from tests.tracker.live.conftest import Written, written
from tracker.live import tidy
from tracker.storage import compaction, records
from vcs.digest import digest_bytes
from vcs.repo import Repo

FILES = "0-0.columns"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compact files of some rows, however long that takes."""
    monkeypatch.setattr(compaction, "MIN_BYTES", 1000)
    for limit in ("QUICK_S", "LONGEST_S"):
        monkeypatch.setattr(tidy, limit, 1000.0)


def train(rows: int = 200, **options: object) -> None:
    """Log rows of one number."""
    with tracker.init(project="p", **options) as run:  # type: ignore[arg-type]
        for step in range(rows):
            run.log({"loss": step / 3})


def history(run: Written) -> list[str]:
    """The files of the history."""
    return sorted(path.name for path in run.files.history.iterdir())


def in_ledger(project: Path) -> str:
    """The paths in the ledger."""
    git = Repo.open(project).git
    assert git is not None
    return git.run("ls-tree", "-r", "--name-only", "refs/tracker/ledger").decode()


def test_a_run_that_ends_is_compacted(project: Path) -> None:
    """Rows and summary are the same; run.yaml and the ledger have the new file."""
    train()
    run = written(project)

    assert history(run) == [FILES]
    assert [row["loss"] for row in run.rows()] == [step / 3 for step in range(200)]
    listed = {file.path: file for file in run.record.files}
    assert listed[f"history/{FILES}"].digest == digest_bytes((run.files.history / FILES).read_bytes())
    assert not any(path.endswith(".jsonl") for path in listed)
    assert f"history/{FILES}" in in_ledger(project)
    assert ".jsonl" not in in_ledger(project)
    assert run.record.state == "finished"


def test_a_short_run_keeps_its_lines(project: Path) -> None:
    """People read them."""
    train(rows=3)

    assert history(written(project)) == ["0-0.jsonl"]


def test_a_run_goes_on_from_a_compacted_history(project: Path) -> None:
    """Step, summary and runtime continue; both sessions are compacted in the end."""
    train(id="r")
    train(id="r", resume="must")
    run = written(project)

    assert history(run) == [FILES, "1-0.columns"]
    assert [row["_step"] for row in run.rows()] == list(range(400))


def test_a_fork_of_a_compacted_run_has_its_rows(project: Path) -> None:
    """They are copied as lines and compacted with the fork's own."""
    train(id="r")
    train(id="f", fork_from="r?_step=99")
    run = written(project, "f")

    assert history(run) == ["0-0.columns", "from-r-0.columns"]
    assert [row["_step"] for row in run.rows()] == list(range(300))


def test_a_killed_run_is_compacted_when_it_was_resumed(project: Path) -> None:
    """Nobody else had the time."""
    code = """
import os, tracker
run = tracker.init(project="p", id="r")
for step in range(200):
    run.log({"loss": step / 3})
run._parts.disk.recorder.flush()
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    run = written(project)
    assert history(run) == ["0-0.jsonl"]

    train(id="r", resume="must", rows=10)
    assert history(run) == [FILES, "1-0.jsonl"]
    assert [row["_step"] for row in run.rows()] == list(range(210))


def test_trouble_with_compaction_costs_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The lines stay and are listed, the end is recorded."""
    real = os.utime

    def full(path: object, *arguments: object, **options: object) -> None:
        if "columns" in str(path):
            raise OSError(28, "No space left on device")
        real(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "utime", full)
    train()
    run = written(project)

    assert history(run) == ["0-0.jsonl"]
    assert len(run.rows()) == 200
    assert run.record.state == "finished"
    assert "history/0-0.jsonl" in [file.path for file in run.record.files]
    assert "compact the history: cannot write" in capfd.readouterr().err


def test_the_end_is_recorded_before_the_work(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is killed while it compacts has not crashed."""
    states = []
    real = compaction.compact

    def looking(run: object, record: records.RunRecord, **options: object) -> object:
        states.append(record.state)
        return real(run, record, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(tidy, "compact", looking)
    train()

    assert states == ["finished"]
