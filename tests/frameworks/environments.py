"""Python environments of the frameworks, one each, kept below `.frameworks/` of the project.

An environment is made by uv out of `requirements/<name>.txt` and this project. It is
made anew when its requirements, or what the project itself needs, have changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from vcs.lock import file_lock

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".frameworks"
REQUIREMENTS = Path(__file__).with_name("requirements")
_MAKING_S = 1200.0


class NotInstallable(Exception):
    """The packages of an environment cannot be had here; says why."""


def environment(name: str) -> Path:
    """Return the folder of the environment, made now if it is not there yet.

    Several processes may ask for one environment; one of them makes it.

    Raises:
        NotInstallable: A package cannot be installed.
    """
    folder, stamp = CACHE / name, CACHE / f"{name}.installed"
    with file_lock(CACHE / f"{name}.lock", timeout_s=_MAKING_S, what=f"the environment {name}"):
        wanted = _identity(name)
        if stamp.is_file() and stamp.read_text() == wanted and (folder / "bin" / "python").exists():
            return folder
        stamp.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        _make(name, folder)
        stamp.write_text(wanted)
    return folder


def _identity(name: str) -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    parts = [(REQUIREMENTS / f"{name}.txt").read_text(), *project["dependencies"], str(ROOT)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _make(name: str, folder: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        raise NotInstallable("there is no uv beside this Python; make test-frameworks installs it")
    # uv does not read pip's settings; a folder of wheels that pip knows serves both.
    surroundings = {"UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", ""), **os.environ}
    install = ["pip", "install", "-q", "--python", str(folder / "bin" / "python")]
    packages = ["-r", str(REQUIREMENTS / f"{name}.txt"), "-e", str(ROOT)]
    for arguments in (["venv", "-q", "--python", sys.executable, str(folder)], [*install, *packages]):
        done = subprocess.run([str(uv), *arguments], env=surroundings, capture_output=True, text=True)
        if done.returncode:
            raise NotInstallable(" ".join(done.stderr.split())[-300:] or f"uv ended with {done.returncode}")


def main() -> None:
    """Make the environments of the command line, or all."""
    for name in sys.argv[1:] or sorted(file.stem for file in REQUIREMENTS.glob("*.txt")):
        try:
            print(environment(name))
        except NotInstallable as error:
            print(f"{name}: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
