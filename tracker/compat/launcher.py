"""Start a program in which `import wandb` means `tracker`.

A folder with a package named `wandb` is put first on PYTHONPATH, so helper modules
and every child process that inherits the environment (spawn, fork, torchrun,
accelerate) find ours before an installed wandb, which is not imported. A folder
with a `wandb` command goes first on PATH for the same reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from vcs.errors import NotFoundError, UsageError

SHIM = Path(__file__).with_name("shim")
COMMANDS = Path(__file__).with_name("bin")


def shimmed_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of `environment` for a process in which `wandb` is ours.

    TRACKER_COMPAT makes the settings honour WANDB_* variables. A second call changes
    nothing, so nested `tracker run` is harmless.
    """
    result = dict(environment)
    result["PYTHONPATH"] = _prepend(SHIM, environment.get("PYTHONPATH", ""))
    result["PATH"] = _prepend(COMMANDS, environment.get("PATH", os.defpath))
    result["TRACKER_COMPAT"] = "wandb"
    result["TRACKER_PYTHON"] = sys.executable
    return result


def _prepend(folder: Path, path: str) -> str:
    kept = [part for part in path.split(os.pathsep) if part and part != str(folder)]
    return os.pathsep.join([str(folder), *kept])


def command_line(words: Sequence[str]) -> list[str]:
    """Turn what follows `tracker run` into the program to execute.

    `script.py …`, `-m module …` and `-c code …` go to this Python; anything else is a
    program on PATH (`torchrun`, `accelerate`, `bash`).

    Raises:
        UsageError: Nothing is to be run.
        NotFoundError: No such script or program.
    """
    if not words:
        raise UsageError("nothing to run", hint="tracker run train.py")
    first = words[0]
    if first in ("-m", "-c"):
        if len(words) < 2:
            raise UsageError(f"{first} needs an argument", hint="tracker run -m package.module")
        return [sys.executable, *words]
    if first.endswith((".py", ".pyw")) or Path(first, "__main__.py").is_file():
        if not Path(first).exists():
            raise NotFoundError(f"no script {first!r} in {Path.cwd()}", hint="give the path to the script")
        return [sys.executable, *words]
    program = shutil.which(first)
    if program is None:
        raise NotFoundError(
            f"{first!r} is neither a Python script nor a program on PATH",
            hint="tracker run train.py, tracker run -m package.module or tracker run torchrun train.py",
        )
    return [program, *words[1:]]


def launch(words: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Replace this process by the program, so signals and the exit status are its own.

    Raises:
        UsageError, NotFoundError: As for `command_line`.
    """
    command = command_line(words)
    prepared = shimmed_environment(environment)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":  # exec on Windows starts a second process and returns at once
        sys.exit(subprocess.run(command, env=prepared).returncode)
    os.execve(command[0], command, prepared)
