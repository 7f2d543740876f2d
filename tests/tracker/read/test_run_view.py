"""Runs as a list shows them: the same answers, and nothing read that was not asked for."""

from __future__ import annotations

import os
import time

import msgspec
import pytest

from tests.tracker.read.conftest import Lab, write_rows
from tracker.artifacts.home import Home
from tracker.read.fields import FIELDS
from tracker.read.run_view import RunView
from tracker.read.runs import Run
from tracker.read.selection import Question, row_of
from tracker.storage import records, run_index
from tracker.storage.records import RunRecord
from vcs.errors import FormatError


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the index from the first run on."""
    monkeypatch.setattr(run_index, "WORTH_WRITING", 1)


def settle(lab: Lab) -> None:
    """Let all files have been written a while ago."""
    then = time.time() - 60
    for path in lab.repo.layout.runs.glob("*/*/*.yaml"):
        os.utime(path, (then, then))


def views(lab: Lab, text: str | None = None, order: str = "+created_at") -> list[RunView]:
    """List runs as the command line does."""
    return Question(Home(lab.repo, "p", ""), None, text, order).answer(RunView)


def test_a_view_answers_what_the_run_does(lab: Lab) -> None:
    """Every field, with the index and without, of runs in any state."""
    lab.add("done", [{"loss": 1}], config={"lr": 0.1}, tags=["a"], group="g", notes="n", job_type="j")
    lab.add("dead", [{"loss": 2}], state="running")
    lab.add("live", [{"loss": 3}], state="running", alive=True)
    lab.add("bare", summary=False)
    settle(lab)
    for _ in range(2):
        for view in views(lab):
            run = lab.api.run(view.id)
            assert isinstance(run, Run)
            assert (view, hash(view), repr(view)) == (run, hash(run), repr(run))
            for field in set(FIELDS) - {"duration"}:
                assert view.plain_field(field) == run.plain_field(field), field
            assert view.duration == pytest.approx(run.duration, abs=5)
            assert (view.config, view.summary) == (run.config, dict(run.summary))
            assert view.record == run.record


def test_the_time_between_a_kill_and_the_resume_does_not_count(lab: Lab) -> None:
    """A session that was killed has no end; its last row, 100 s after its start, tells."""
    lab.add("twice", [{"loss": 1}])

    def resume(record: RunRecord) -> None:
        first = record.sessions[0]
        started, ended = "2026-01-01T10:00:00.000Z", "2026-01-01T10:01:40.000Z"
        second = msgspec.structs.replace(first, number=1, started=started, ended=ended)
        record.sessions = [msgspec.structs.replace(first, ended=None, state="crashed"), second]

    records.update(lab.layout("twice", "p"), resume)
    write_rows(lab.layout("twice", "p"), [{"loss": 2}], session=1, from_step=1)
    for view in views(lab):
        assert view.duration == pytest.approx(200, abs=20)


def test_a_list_of_settled_runs_reads_no_yaml(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for a filter and an order, nor for its rows."""
    for number in range(3):
        lab.add(f"r{number}", [{"loss": number}], config={"lr": number / 10})
    settle(lab)
    views(lab)

    def refuse(*arguments: object) -> None:
        raise AssertionError(arguments)

    monkeypatch.setattr(records, "load", refuse)
    monkeypatch.setattr(run_index, "load_yaml", refuse)

    found = views(lab, "config.lr > 0 and state = finished", "-summary.loss")
    assert [(row["id"], row["config.lr"], row["summary.loss"]) for row in map(row_of, found)] == [
        ("r2", 0.2, 2),
        ("r1", 0.1, 1),
    ]


def test_a_run_that_is_running_shows_its_live_summary(lab: Lab) -> None:
    """Not the file that its process writes now and then."""
    run = lab.add("live", [{"loss": 1}, {"loss": 0.5}], state="running", alive=True)
    run.layout.summary.write_text("loss: 1\n")
    settle(lab)
    for _ in range(2):
        (view,) = views(lab)
        assert (view.state, view.summary["loss"]) == ("running", 0.5)


def test_a_summary_that_is_damaged_is_made_again(lab: Lab) -> None:
    """From the history; a damaged config cannot be, and says so."""
    run = lab.add("r", [{"loss": 0.25}], config={"lr": 1})
    run.layout.summary.write_text("{[")
    run.layout.config.write_text("{[")
    settle(lab)
    for _ in range(2):
        (view,) = views(lab)
        assert view.summary["loss"] == 0.25
        with pytest.raises(FormatError):
            view.config


def test_a_change_of_a_run_is_in_the_next_list(lab: Lab) -> None:
    """Made through the API, whatever the index had."""
    lab.add("r", [{"loss": 1}], config={"lr": 1})
    settle(lab)
    views(lab)
    run = lab.api.run("r")
    run.name, run.config["lr"] = "renamed", 2
    run.summary["loss"] = 7
    run.update()

    (view,) = views(lab)
    assert (view.name, view.config["lr"], view.summary["loss"]) == ("renamed", 2, 7)
