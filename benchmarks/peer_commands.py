"""Running peers: their commands and their Pythons, offline, in a folder of their own, for so long."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from benchmarks.peer_environments import python_of

# A command that takes longer is ended.
LIMIT_S = 90

# The key of a figure, and what measures it and says what to put beside it; steps come in order.
Step: TypeAlias = tuple[str, Callable[[], str]]
# Given the name of a peer. What fails in it ends it.
Work: TypeAlias = Callable[[str], Iterator[Step]]

# With no server to talk to: a closed port stands for the network.
_OFFLINE = {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db",
    "DVC_NO_ANALYTICS": "true",
    "HF_HUB_OFFLINE": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "RESTIC_PASSWORD": "bench",
    "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
    **{f"{name}_PROXY": "http://127.0.0.1:9" for name in ("HTTP", "HTTPS")},
    **{f"GIT_{role}_{what}": "bench" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def run(command: Sequence[str], folder: Path, more: Mapping[str, str] | None = None) -> str:
    """Run a command in a folder, which is its home too; return what it printed.

    `more` goes into its environment. All that it started ends with it, so nothing is waited
    for that it left behind.

    Raises:
        TimeoutExpired, CalledProcessError: It took too long, or failed.
    """
    environment = {**os.environ, **_OFFLINE, "HOME": str(folder), **(more or {})}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    output, errors = folder / ".output", folder / ".errors"
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            status = process.wait(LIMIT_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    said, wrong = (path.read_text(errors="replace") for path in (output, errors))
    if status:
        raise subprocess.CalledProcessError(status, command, said, wrong)
    return said


def python(name: str, code: str, folder: Path, paths: Sequence[Path] = ()) -> str:
    """Run code in the Python of a peer; `paths` are where it finds more modules."""
    return run([str(python_of(name)), "-c", code], folder, variables(paths))


def variables(paths: Sequence[Path]) -> dict[str, str]:
    """Return the environment in which a Python finds more modules."""
    return {"PYTHONPATH": os.pathsep.join(map(str, paths))} if paths else {}


class Shell:
    """The commands of one peer in one folder; a call returns the seconds that one takes."""

    def __init__(self, name: str, folder: Path, commands: Mapping[str, str]) -> None:
        self._commands = commands
        self._folder = folder
        self._variables = {"python": str(python_of(name)), "dvc": f"{python_of(name)} -m dvc"}

    def __call__(self, what: str) -> float:
        return timed(lambda: run(["bash", "-ec", self._commands[what]], self._folder, self._variables))


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median_of_three(work: Callable[[], object]) -> float:
    """Return the middle one of three times."""
    return statistics.median(timed(work) for _ in range(3))
