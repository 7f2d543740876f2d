"""Trainings in environments of their own, and the records that they leave."""

from __future__ import annotations

import os
import shutil
import signal
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

# The longest takes half a minute on an idle machine.
_LIMIT_S = 900.0


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


def run_to_its_end(words: list[str], folder: Path, surroundings: dict[str, str]) -> tuple[int, str]:
    """Run a program; return its status and what it said. One that hangs says where it stands."""
    process = subprocess.Popen(
        words,
        cwd=folder,
        env={**surroundings, "PYTHONFAULTHANDLER": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = process.communicate(timeout=_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        output, _ = process.communicate()
    return process.returncode, output


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
        status, output = run_to_its_end(words, project, surroundings)
        assert status == 0, output[-6000:]
        return Trained(project, output)

    return call
