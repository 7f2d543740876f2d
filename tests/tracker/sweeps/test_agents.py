"""Sweeps as people run them: functions, programs, the terminal, and kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tracker as wandb
from tests.cli.conftest import Tracker, tracker
from tests.waiting import until
from tracker import Api

pytest.importorskip("optuna")
__all__ = ["tracker"]

QUIET = {"console": "off", "x_disable_stats": True, "silent": True}
SPACE = {"lr": {"values": [0.1, 0.2]}, "opt": {"parameters": {"name": {"value": "adam"}}}}
CONFIG = {"method": "grid", "metric": {"name": "loss", "goal": "minimize"}, "parameters": SPACE}


def test_a_function_gets_its_values_and_its_runs_say_which_sweep(tracker: Tracker) -> None:
    seen: list[Any] = []

    def train() -> None:
        with wandb.init(project="ignored", config={"lr": 9, "more": 1}, settings=QUIET) as run:
            run.config.update({"lr": 8})
            seen.append((run.sweep_id, run.config.lr, run.config.opt["name"], run.project))
            run.log({"loss": run.config.lr * 2})

    sweep_id = wandb.sweep(CONFIG, project="p")
    wandb.agent(sweep_id, train)

    assert seen == [(sweep_id, 0.1, "adam", "p"), (sweep_id, 0.2, "adam", "p")]
    runs = list(Api().runs("p", {"sweep": sweep_id}))
    assert sorted((run.config["lr"], run.config["more"], run.state) for run in runs) == [
        (0.1, 1, "finished"),
        (0.2, 1, "finished"),
    ]
    sweep = runs[0].sweep
    assert (sweep.id, sweep.state, sweep.best_run().config["lr"]) == (sweep_id, "finished", 0.1)
    with wandb.init(project="p", settings=QUIET) as after:
        assert after.sweep_id is None


def test_a_function_that_fails_does_not_end_the_agent(tracker: Tracker) -> None:
    def train() -> None:
        run = wandb.init(settings=QUIET)
        if run.config.lr == 0.1:
            raise RuntimeError("on purpose")
        run.log({"loss": 1.0})

    sweep_id = wandb.sweep(CONFIG, project="p")
    wandb.agent(sweep_id, train)

    states = {run.config["lr"]: run.state for run in Api().runs()}
    assert states == {0.1: "failed", 0.2: "finished"}


def test_an_agent_gives_up_when_nothing_works_at_first(tracker: Tracker, capfd: Any) -> None:
    def train() -> None:
        raise RuntimeError("wrong from the beginning")

    config = {**CONFIG, "parameters": {"lr": {"values": list(range(10))}}}
    wandb.agent(wandb.sweep(config, project="p"), train)
    assert "3 runs of sweep" in capfd.readouterr().err


PROGRAM = """
import sys, time
import wandb
run = wandb.init(settings={"x_disable_stats": True})
run.log({"loss": run.config["lr"], "arguments": sys.argv[1]})
while __import__("pathlib").Path("hold").exists():
    time.sleep(0.05)
run.finish()
"""


def prepared(folder: Path) -> Path:
    """A program and the configuration of its sweep."""
    (folder / "train.py").write_text(PROGRAM)
    (folder / "sweep.yaml").write_text(
        "program: train.py\nmethod: grid\nmetric: {name: loss}\nparameters:\n  lr: {values: [0.5, 0.25]}\n"
    )
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["processes", "submitit"])
def test_a_program_is_started_for_each_run_from_the_terminal(
    tracker: Tracker, git_repo: Path, engine: str
) -> None:
    """submitit's executor for one machine stands for Slurm: it submits, waits and pickles as that does."""
    if engine == "submitit":
        pytest.importorskip("submitit")
    prepared(git_repo)
    sweep_id = tracker("sweep", "create", "sweep.yaml", "-p", "p").out.strip()
    said = tracker("sweep", "agent", sweep_id, "--jobs", "2", "--engine", engine)
    assert said.status == 0, said.err

    shown = tracker("sweep", "show", sweep_id, "--json").json
    assert (shown["state"], shown["runs"], shown["best"]) == ("finished", 2, 0.25)
    assert [row["lr"] for row in shown["table"]] == [0.25, 0.5]
    assert Api().run(f"p/{shown['best_run']}").summary["arguments"] == "--lr=0.25"
    assert sweep_id in tracker("sweep", "ls").out


@pytest.mark.slow
@pytest.mark.parametrize("both", [True, False])
def test_a_sweep_goes_on_after_its_agent_was_killed(tracker: Tracker, git_repo: Path, both: bool) -> None:
    """With the training too its values are tried again; without it the training ends by itself and counts."""
    hold = prepared(git_repo) / "hold"
    hold.touch()
    sweep_id = tracker("sweep", "create", "sweep.yaml", "-p", "p").out.strip()
    words = [sys.executable, "-m", "tracker.cli.main", "sweep", "agent", sweep_id]
    agent = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: any(run.summary.get("loss") for run in Api().runs()))
    (first,) = Api().runs()
    agent.kill()
    agent.wait()
    if both:
        os.kill(first.record.sessions[0].pid, signal.SIGKILL)
    hold.unlink()
    until(lambda: Api().run(f"p/{first.id}").state != "running")
    assert tracker("sweep", "agent", sweep_id).status == 0

    runs = sorted((run.config["lr"], run.state) for run in Api().runs())
    expected = [(0.25, "finished"), (0.5, "finished")]
    assert runs == sorted([*expected, (0.5, "crashed")] if both else expected)
    assert tracker("sweep", "show", sweep_id, "--json").json["state"] == "finished"


@pytest.mark.slow
def test_the_values_of_a_run_that_was_asked_to_go_are_tried_again(tracker: Tracker, git_repo: Path) -> None:
    """As by a scheduler that needs the machine: with SIGTERM."""
    (git_repo / "train.py").write_text(
        "import os, pathlib, signal\nimport wandb\nrun = wandb.init(settings={'x_disable_stats': True})\n"
        "run.log({'loss': run.config['lr']})\n"
        "if not pathlib.Path('once').exists():\n"
        "    pathlib.Path('once').touch()\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    (git_repo / "sweep.yaml").write_text(
        "program: train.py\nmethod: grid\nmetric: {name: loss}\nparameters:\n  lr: {values: [0.5, 0.25]}\n"
    )
    sweep_id = tracker("sweep", "create", "sweep.yaml", "-p", "p").out.strip()
    assert tracker("sweep", "agent", sweep_id).status == 0

    runs = sorted((run.config["lr"], run.state) for run in Api().runs())
    assert runs == [(0.25, "finished"), (0.5, "finished"), (0.5, "preempted")]


@pytest.mark.slow
def test_a_run_that_hyperband_stops_is_killed_and_says_by_whom(tracker: Tracker, git_repo: Path) -> None:
    (git_repo / "train.py").write_text(
        "import time\nimport wandb\nrun = wandb.init(settings={'x_disable_stats': True})\n"
        "run.log({'loss': run.config['lr']})\n"
        "while run.config['lr'] > 1: time.sleep(0.05)\n"
    )
    (git_repo / "sweep.yaml").write_text(
        "program: train.py\nmethod: grid\nmetric: {name: loss}\n"
        "early_terminate: {type: hyperband, min_iter: 1, eta: 2}\nparameters:\n  lr: {values: [0.5, 2.0]}\n"
    )
    sweep_id = tracker("sweep", "create", "sweep.yaml", "-p", "p").out.strip()
    # The second program never ends by itself, so the first values have to be there when it is compared.
    assert tracker("sweep", "agent", sweep_id).status == 0

    states = {run.config["lr"]: run.state for run in Api().runs()}
    assert states == {0.5: "finished", 2.0: "killed"}
    (killed,) = [run for run in Api().runs() if run.state == "killed"]
    assert "hyperband" in killed.record.sessions[0].extra["stopped_by"]


def test_a_sweep_is_stopped_paused_and_started(tracker: Tracker, git_repo: Path) -> None:
    prepared(git_repo)
    sweep_id = tracker("sweep", "create", "sweep.yaml", "-p", "p").out.strip()
    for word, state in (("pause", "paused"), ("stop", "stopped"), ("start", "running")):
        tracker("sweep", word, sweep_id)
        assert tracker("sweep", "ls", "--json").json[0]["state"] == state
    tracker("sweep", "stop", sweep_id)
    assert tracker("sweep", "agent", sweep_id).status == 0
    assert list(Api().runs()) == []


def test_where_optuna_is_missing_a_sweep_says_so_when_it_is_made(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setattr("tracker.sweeps.calls.find_spec", lambda name: None)
    wandb.sweep({**CONFIG, "method": "bayes"}, project="p")
    assert "pip install 'tracker[sweeps]'" in capfd.readouterr().err


def test_mistakes_are_named(tracker: Tracker, git_repo: Path) -> None:
    (git_repo / "bad.yaml").write_text("method: gird\nparameters: {a: {value: 1}}\n")
    said = tracker("sweep", "create", "bad.yaml")
    assert (said.status, "no sweep method" in said.err) == (2, True)
    assert tracker("sweep", "show", "nothing").status == 3
    (git_repo / "bare.yaml").write_text("parameters: {a: {value: 1}}\n")
    sweep_id = tracker("sweep", "create", "bare.yaml").out.strip()
    for words in ([], ["--jobs", "2"]):
        said = tracker("sweep", "agent", sweep_id, *words)
        assert (said.status, "has no program" in said.err) == (2, True)
    said = tracker("sweep", "agent", sweep_id, "--jobs", "2", "--option", "a=1")
    assert said.status == 2
