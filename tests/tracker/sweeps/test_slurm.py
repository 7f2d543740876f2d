"""Sweeps on a real Slurm."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Tracker, tracker
from tests.servers.process import program
from tests.servers.slurm import run_slurm
from tests.waiting import until
from tracker import Api

pytest.importorskip("optuna")
pytest.importorskip("submitit")
pytestmark = pytest.mark.slow
__all__ = ["tracker"]

PROGRAM = """
import os, pathlib, time
import wandb
run = wandb.init(settings={"x_disable_stats": True})
run.log({"loss": run.config["lr"], "job": int(os.environ["SLURM_JOB_ID"])})
while pathlib.Path("hold").exists():
    time.sleep(0.05)
run.finish()
"""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with run_slurm(tmp_path_factory.mktemp("slurm")) as config:
        yield config


@pytest.fixture
def sweep_id(slurm: Path, tracker: Tracker, git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SLURM_CONF", str(slurm))
    (git_repo / "train.py").write_text(PROGRAM)
    (git_repo / "sweep.yaml").write_text(
        "program: train.py\nmethod: grid\nmetric: {name: loss}\n"
        "parameters:\n  lr: {values: [0.5, 0.25, 1.0]}\n"
    )
    return tracker("sweep", "create", "sweep.yaml", "-p", "p").out.strip()


def test_agents_are_jobs_of_slurm(tracker: Tracker, sweep_id: str) -> None:
    said = tracker(
        "sweep", "agent", sweep_id, "--engine", "slurm", "--jobs", "2", "--option", "timeout_min=60"
    )
    assert said.status == 0, said.err

    shown = tracker("sweep", "show", sweep_id, "--json").json
    assert (shown["state"], shown["runs"], shown["best"]) == ("finished", 3, 0.25)
    assert {run.summary["job"] > 0 for run in Api().runs("p")} == {True}


def test_a_job_that_was_cancelled_is_said_and_its_values_are_tried_again(
    tracker: Tracker, sweep_id: str, git_repo: Path
) -> None:
    """Without accounting, only the queue says that a job is no more."""
    hold = git_repo / "hold"
    hold.touch()
    words = [sys.executable, "-m", "tracker.cli.main", "sweep", "agent", sweep_id, "--engine", "slurm"]
    agent = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until(lambda: any("job" in run.summary for run in Api().runs()))
    (first,) = Api().runs()
    subprocess.run([program("scancel"), "--signal=KILL", str(first.summary["job"])], check=True)
    _, said = agent.communicate()
    assert agent.returncode != 0
    assert "ended without a result" in said

    hold.unlink()
    until(lambda: Api().run(f"p/{first.id}").state != "running")
    assert tracker("sweep", "agent", sweep_id, "--engine", "slurm").status == 0
    ended = sorted(run.config["lr"] for run in Api().runs("p") if run.state == "finished")
    assert ended == [0.25, 0.5, 1.0]
