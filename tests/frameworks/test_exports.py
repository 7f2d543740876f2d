"""What we export, read by the tools that it is for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.frameworks.environments import NotInstallable, environment
from tests.frameworks.wandb_server import wandb_server
from tracker.read.api import Api

pytestmark = [pytest.mark.frameworks, pytest.mark.timeout(1500)]

READERS = Path(__file__).with_name("readers")
_SCRIPT = """
import numpy as np
import tracker
config = {"lr": 0.5, "opt": {"name": "adam"}}
with tracker.init(project="p", name="calm", id="calm1234", config=config, settings={"silent": True}) as run:
    for step in range(3000):
        run.log({"loss": step / 8, "val/acc": step})
    picture = tracker.Image(np.zeros((4, 4, 3), dtype=np.uint8))
    run.log({"picture": picture, "weights": tracker.Histogram([1, 2, 2])})
    run.log({"table": tracker.Table(columns=["a"], data=[[1]])})
    with open("note.txt", "w") as file:
        file.write("kept")
    run.save("note.txt")
"""


@pytest.fixture
def read(git_repo: Path) -> Callable[[str], Any]:
    """Record a run, export it, and read it in the environment of the tool."""

    def call(name: str) -> Any:
        try:
            python = environment(name) / "bin" / "python"
        except NotInstallable as error:
            pytest.skip(f"{name} cannot be installed: {error}")
        for words in (
            ["-c", _SCRIPT],
            ["-m", "tracker.cli.main", "export", "calm", f"--{name}", "-o", "out"],
        ):
            subprocess.run([sys.executable, *words], cwd=git_repo, check=True, capture_output=True)
        variables = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
        done = subprocess.run(
            [str(python), str(READERS / f"read_{name}.py"), str(git_repo / "out")],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout.strip().rpartition("\n")[2])

    return call


def test_tensorboard_reads_it(read: Callable[[str], Any]) -> None:
    found = read("tensorboard")
    assert found["scalars"]["loss"] == [[step, step / 8] for step in range(3000)]
    assert found["scalars"]["val/acc"] == [[step, step] for step in range(3000)]
    assert (found["images"], found["histograms"]) == (["picture"], ["weights"])


def test_mlflow_reads_it(read: Callable[[str], Any]) -> None:
    found = read("mlflow")
    assert found["metrics"]["loss"] == [[step, step / 8] for step in range(3000)]
    assert found["params"] == {"lr": "0.5", "opt.name": "adam"}
    assert (found["name"], found["status"], found["experiment"]) == ("calm", "FINISHED", "p")
    assert "media" in found["files"]


def test_wandb_reads_it(read: Callable[[str], Any]) -> None:
    found = read("wandb")
    assert found["losses"] == [step / 8 for step in range(3000)]
    assert found["run"] == ["calm1234", "p", "calm"]
    assert found["config"] == {"lr": 0.5, "opt": {"name": "adam"}}
    assert found["exit"] == 0


def test_wandb_sync_sends_all_of_it(read: Callable[[str], Any], git_repo: Path) -> None:
    """To a server of ours, which keeps what the real `wandb sync` sends."""
    read("wandb")
    with wandb_server() as (address, received):
        variables = {"WANDB_BASE_URL": address, "WANDB_API_KEY": "a" * 40, "WANDB_ERROR_REPORTING": "false"}
        done = subprocess.run(
            [str(environment("wandb") / "bin" / "wandb"), "sync", "--yes", "out"],
            cwd=git_repo,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr

    run = Api(root=git_repo).run("p/calm1234")
    assert (received.run["name"], received.run["project"]) == ("calm1234", "p")
    config = json.loads(received.run["config"])
    assert {key: config[key]["value"] for key in run.config} == dict(run.config)
    rows = [received.rows[place] for place in sorted(received.rows)]
    assert [row["_step"] for row in rows] == list(range(3002))
    assert [row["loss"] for row in rows[:3000]] == [step / 8 for step in range(3000)]
    assert sum(rows[3000]["weights"]["values"]) == 3
    for media in (rows[3000]["picture"], rows[3001]["table"]):
        assert received.files[media["path"]] == Path(run.dir, media["path"]).read_bytes()
    assert received.files["note.txt"] == b"kept"
    assert json.loads(received.files["wandb-summary.json"])["loss"] == 2999 / 8
    assert received.exit_code == 0
