"""What aim read becomes runs of ours; that it reads is a test of the frameworks."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Tracker
from tracker.importers import aim
from tracker.importers.found import FoundRow, FoundRun, Notes
from tracker.importers.report import Report
from tracker.importers.segment_out import NullSink
from vcs.errors import ConflictError, FormatError, NotFoundError, UsageError

RUN = {
    "id": "abc",
    "name": "Run: abc",
    "experiment": "digits",
    "notes": None,
    "tags": [],
    "archived": False,
    "created": 100.0,
    "ended": 200.0,
    "params": {},
    "artifacts": [],
    "points": "abc.jsonl",
    "is_watched": False,
    "output": [],
    "left_out": [],
    "active": False,
}


def point(name: str, step: int, value: Any, *, epoch: int | None = None, **context: Any) -> dict[str, Any]:
    return {
        "name": name,
        "context": context,
        "step": step,
        "time": 100.0 + step,
        "epoch": epoch,
        "kind": "number",
        "value": value,
    }


def found_in(folder: Path, points: list[dict[str, Any]], **changes: Any) -> tuple[FoundRun, Report]:
    (folder / "runs.jsonl").write_text(json.dumps({**RUN, **changes}) + "\n")
    (folder / "abc.jsonl").write_text("".join(json.dumps(one) + "\n" for one in points))
    report = Report("aim", "store", False)
    (run,) = aim.find_runs(folder, folder, None, report)
    return run, report


def rows_of(run: FoundRun) -> list[tuple[int, dict[str, Any]]]:
    items = list(run.sessions[0].rows(NullSink(), Notes()))
    assert all(isinstance(item, FoundRow) for item in items)
    return [(item.step, dict(item.values)) for item in items if isinstance(item, FoundRow)]


def test_points_of_one_step_are_one_row_and_contexts_part_of_the_key(tmp_path: Path) -> None:
    points = [
        point("loss", 0, 1.0, epoch=0, subset="train"),
        point("loss", 0, 2.0, subset="val"),
        point("loss", 1, 3.0, epoch=0, subset="train", head=2),
        point("loss", 1, 4.0, epoch=1, subset="train"),
    ]
    run, _ = found_in(tmp_path, points)

    assert rows_of(run) == [
        (0, {"train/loss": 1.0, "epoch": 0, "val/loss": 2.0}),
        (1, {"head=2/train/loss": 3.0, "epoch": 0}),
        (1, {"train/loss": 4.0, "epoch": 1}),
    ]
    assert (run.project, run.name, run.sessions[0].state) == ("digits", "", "finished")


def test_two_names_that_would_be_one_key_stay_apart(tmp_path: Path) -> None:
    run, _ = found_in(tmp_path, [point("train/loss", 0, 1.0), point("loss", 0, 2.0, subset="train")])

    assert rows_of(run) == [(0, {"train/loss": 1.0, 'loss {"subset": "train"}': 2.0})]


def test_a_run_that_aim_cannot_read_is_named_and_the_others_are_there(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_text(json.dumps({"id": "bad", "error": "Corruption: x"}) + "\n")
    report = Report("aim", "store", False)

    assert list(aim.find_runs(tmp_path, tmp_path, None, report)) == []
    assert report.remarks == ["run bad is left out: aim cannot read it: Corruption: x"]


def test_what_aim_recorded_of_the_machine_is_the_session_s_and_variables_stay_out(tmp_path: Path) -> None:
    machine = {
        "packages": {"numpy": "2.4.6"},
        "arguments": ["train.py", "--lr", "1"],
        "env_variables": {"PASSPHRASE": "hunter2"},
        "git_info": {
            "branch": "main",
            "remote_origin_url": "https://me:secret@example.org/x.git",
            "commit": {"hash": "abc123"},
        },
    }
    run, _ = found_in(tmp_path, [], params={"__system_params": machine, "lr": 1}, ended=None)

    assert (run.config, run.requirements) == ({"lr": 1}, "numpy==2.4.6\n")
    session = run.sessions[0]
    assert session.state == "crashed"
    assert (session.facts["argv"], session.facts["commit"]) == (["train.py", "--lr", "1"], "abc123")
    assert "secret" not in repr(run)
    assert "hunter2" not in repr(run)
    assert any("environment variables" in line for line in run.remarks.lines())


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    (folder / ".aim" / "meta" / "chunks").mkdir(parents=True)
    return folder


def python_that(tmp_path: Path, script: str) -> str:
    """Return a program that stands in the place of a Python."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


def test_without_aim_the_command_says_what_to_install(tracker: Tracker, store: Path) -> None:
    bare = python_that(store.parent, f'exec {sys.executable} -I -S "$@"')
    said = tracker("import", "aim", str(store), "--python", bare)

    assert said.status == 2
    assert "pip install aim" in said.err


def test_what_cannot_be_read_is_said_and_no_copy_stays(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(copies))
    with pytest.raises(NotFoundError, match="no store of aim"), aim.read_by_aim(tmp_path):
        pass
    with pytest.raises(UsageError, match="no program"), aim.read_by_aim(store, "no-such-python"):
        pass
    failing = python_that(tmp_path, 'test -d "$3/.aim/meta" && echo torn >&2; exit 1')
    with pytest.raises(FormatError, match="aim cannot read the store: torn"), aim.read_by_aim(store, failing):
        pass
    (store / ".aim" / "gone").symlink_to("nowhere")
    with pytest.raises(ConflictError, match="No such file"), aim.read_by_aim(store):
        pass
    assert list(copies.iterdir()) == []
