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
_INSTALL_S = 400.0
# A registry may be slow, or fail once: uv asks it again by itself, and then we ask uv again.
_PATIENCE = {"UV_HTTP_TIMEOUT": "180", "UV_HTTP_RETRIES": "5"}
_TRIES = 2


class NotInstallable(Exception):
    """The packages of an environment cannot be had here; says why."""


# What could not be made is not tried again for each test.
_failed: dict[str, NotInstallable] = {}


def environment(name: str) -> Path:
    """Return the folder of the environment, made now if it is not there yet.

    Several processes may ask for one environment; one of them makes it.

    Raises:
        NotInstallable: A package cannot be installed.
    """
    if name in _failed:
        raise _failed[name]
    folder, stamp = CACHE / name, CACHE / f"{name}.installed"
    with file_lock(CACHE / f"{name}.lock", timeout_s=_MAKING_S, what=f"the environment {name}"):
        wanted = _identity(name)
        if stamp.is_file() and stamp.read_text() == wanted and (folder / "bin" / "python").exists():
            return folder
        stamp.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            _make(name, folder)
        except NotInstallable as error:
            _failed[name] = error
            raise
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
    surroundings = {"UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", ""), **_PATIENCE, **os.environ}
    install = ["pip", "install", "-q", "--python", str(folder / "bin" / "python")]
    packages = ["-r", str(REQUIREMENTS / f"{name}.txt"), "-e", str(ROOT)]
    said = _run([str(uv), "venv", "-q", "--python", sys.executable, str(folder)], surroundings)
    for _ in range(0 if said else _TRIES):
        said = _run([str(uv), *install, *packages], surroundings)
        if not said:
            return
    raise NotInstallable(said)


def _run(words: list[str], surroundings: dict[str, str]) -> str:
    """Run a command; return why it failed, empty if it did not."""
    try:
        done = subprocess.run(words, env=surroundings, capture_output=True, text=True, timeout=_INSTALL_S)
    except subprocess.TimeoutExpired:
        return f"uv did not end within {_INSTALL_S:.0f} s"
    if done.returncode == 0:
        return ""
    return " ".join(done.stderr.split())[-300:] or f"uv ended with {done.returncode}"


def main() -> None:
    """Make the environments of the command line, or all."""
    for name in sys.argv[1:] or sorted(file.stem for file in REQUIREMENTS.glob("*.txt")):
        try:
            print(environment(name))
        except NotInstallable as error:
            print(f"{name}: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
