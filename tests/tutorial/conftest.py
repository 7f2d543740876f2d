"""Ways to start a tutorial script: with one changed line, and unchanged under `tracker run`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent

Start = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=["changed line", "tracker run"])
def start(request: pytest.FixtureRequest, git_repo: Path) -> Start:
    """Return a function that copies a script into the repository and runs it there."""

    def run(name: str, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        for script in (name, "lenet.py"):
            shutil.copy(HERE / "scripts" / script, git_repo / script)
        return start_script(git_repo, name, *arguments, way=request.param, status=status)

    return run


def start_script(
    folder: Path, name: str, *arguments: str, way: str, status: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a script of `folder` in one of the two ways; fail with its output on another exit status."""
    if way == "changed line":
        path = folder / name
        path.write_text(path.read_text().replace("import wandb", "import tracker as wandb"))
        command = [sys.executable, name, *arguments]
    else:
        command = [sys.executable, "-m", "tracker.cli.main", "run", name, *arguments]
    paths = [str(HERE / "standins"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done
