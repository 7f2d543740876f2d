"""A sweep on a Ray cluster of this machine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.frameworks.environments import NotInstallable, environment

pytestmark = [pytest.mark.frameworks, pytest.mark.timeout(1500)]


def test_agents_are_tasks_of_ray(git_repo: Path) -> None:
    try:
        python = environment("ray") / "bin" / "python"
    except NotInstallable as error:
        pytest.skip(f"ray cannot be installed: {error}")
    (git_repo / "train.py").write_text(
        "import wandb\nrun = wandb.init()\nrun.log({'loss': run.config['lr']})\nrun.finish()\n"
    )
    (git_repo / "sweep.yaml").write_text(
        "program: train.py\nmethod: grid\nmetric: {name: loss}\n"
        "parameters:\n  lr: {values: [0.5, 0.25, 1.0]}\n"
    )

    def tracker(*words: str) -> str:
        command = [str(python), "-m", "tracker.cli.main", "sweep", *words]
        done = subprocess.run(command, cwd=git_repo, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    sweep_id = tracker("create", "sweep.yaml", "-p", "p").strip()
    tracker("agent", sweep_id, "--engine", "ray", "--jobs", "2", "--option", "num_cpus=2")

    shown = json.loads(tracker("show", sweep_id, "--json"))
    assert (shown["state"], shown["runs"], shown["best"]) == ("finished", 3, 0.25)
