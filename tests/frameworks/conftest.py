"""Trainings in environments of their own, and the records that they leave."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import git
from tests.frameworks.environments import NotInstallable, environment
from tracker.read.api import Api

SCRIPTS = Path(__file__).with_name("scripts")
# Nothing of these frameworks may try the network.
_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
_QUIET = {"OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "Agg", "PYTHONUNBUFFERED": "1"}


@dataclass
class Trained:
    """A script that ran to its end in a project of its own."""

    folder: Path
    output: str

    @property
    def api(self) -> Api:
        return Api(root=self.folder)

    def run(self, project: str) -> Any:
        """Return the only run of a project."""
        runs = list(self.api.runs(project))
        assert len(runs) == 1, [run.name for run in runs]
        return runs[0]


Train = Callable[..., Trained]


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """Run a script of `scripts/` as a user would: `tracker run script.py`, in its framework's environment."""

    def call(
        name: str,
        script: str,
        *arguments: str,
        variables: dict[str, str] | None = None,
        files: tuple[str, ...] = (),
        launcher: tuple[str, ...] = ("tracker", "run"),
    ) -> Trained:
        try:
            folder = environment(name)
        except NotInstallable as error:
            pytest.skip(f"the environment {name} cannot be made: {error}")
        project = tmp_path / "project"
        if not project.exists():
            project.mkdir()
            git(project, "init", "-q", "-b", "main")
        for file in (script, *files):
            shutil.copy(SCRIPTS / file, project / file)
        words = [str(folder / "bin" / launcher[0]), *launcher[1:], script, *arguments]
        path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
        surroundings = {**os.environ, "PATH": path, **_OFFLINE, **_QUIET, **(variables or {})}
        surroundings.pop("PYTHONPATH", None)
        done = subprocess.run(
            words, cwd=project, env=surroundings, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        output = done.stdout + done.stderr
        assert done.returncode == 0, output[-6000:]
        return Trained(project, output)

    return call
