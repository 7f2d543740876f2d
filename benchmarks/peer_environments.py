"""The peers: how each is installed, and whether it is there.

Python packages get an environment each under `.cache/peers`, so that none of them changes
another; programs come from the system's packages, where this may install them.

    python -m benchmarks.peer_environments [NAMES]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parents[1] / ".cache" / "peers"
PACKAGES = {name: name for name in ("dvc", "wandb", "trackio", "mlflow", "boto3", "tensorboard")}
# Program, and the Debian package that has it.
PROGRAMS = {"git": "git", "restic": "restic", "borg": "borgbackup", "git-lfs": "git-lfs"}


def python_of(name: str) -> Path | None:
    """Return the Python that has a peer; None if it is not installed."""
    path = HERE / name / "bin" / "python"
    return path if path.exists() and (HERE / name / "installed").exists() else None


def why_absent(name: str) -> str | None:
    """Return why a peer cannot be measured; None if it can."""
    if name in PROGRAMS:
        return None if shutil.which(name) else f"the program {name} is not installed"
    return None if python_of(name) else "it has no environment: make bench-peers"


def install(name: str) -> str | None:
    """Install a peer unless it is there; return why that did not work."""
    if why_absent(name) is None:
        return None
    if name in PROGRAMS:
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            return f"install {PROGRAMS[name]} with the package manager of this system"
        done = subprocess.run(
            ["apt-get", "install", "-y", "-q", PROGRAMS[name]], capture_output=True, text=True, check=False
        )
    else:
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        command = [sys.executable, "-m", "uv", "pip", "install", "-q"]
        command += ["--python", str(folder / "bin" / "python"), PACKAGES[name]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            (folder / "installed").touch()
    return None if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def main() -> int:
    """Install all peers, or those that are named; say which are there."""
    for name in sys.argv[1:] or [*PACKAGES, *PROGRAMS]:
        reason = install(name)
        print(f"{name}: {'ready' if reason is None else f'left out: {reason}'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
