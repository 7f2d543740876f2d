"""What a Python has, asked of it itself: version, packages, and where it imports from.

A project that is installed editable, or on PYTHONPATH, is imported from its folder and not
from the worktree that holds the old code; so those folders have to be known.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tracker.compare.environment import normalised
from tracker.errors import NotFoundError, StoreError

_TIMEOUT_S = 120.0
# Only the standard library: the Python that is asked need not have anything of ours.
_QUESTION = """
import importlib.metadata, json, os, platform, sys
paths = [os.path.abspath(path) for path in sys.path if path and not path.startswith("__editable__")]
for name, module in list(sys.modules.items()):
    if name.startswith("__editable__"):
        paths += [os.path.dirname(path) for path in getattr(module, "MAPPING", {}).values()]
packages = {}
for found in importlib.metadata.distributions():
    name = found.metadata["Name"]
    if name and found.version:
        packages.setdefault(name, found.version)
facts = {"version": platform.python_version(), "prefix": sys.prefix, "paths": paths, "packages": packages}
print(json.dumps(facts))
"""


@dataclass(frozen=True)
class PythonFacts:
    """What one interpreter says of itself.

    Attributes:
        packages: Versions by normalised name.
        paths: The folders that it imports from, without those of its own installation.
    """

    version: str
    packages: dict[str, str]
    paths: tuple[str, ...]

    def paths_below(self, root: Path) -> list[str]:
        """Return the folders that it imports from in a project, relative to it, in order."""
        top = os.path.realpath(root)
        inside = [os.path.relpath(os.path.realpath(path), top) for path in self.paths]
        return list(dict.fromkeys(path for path in inside if not path.startswith("..")))


def ask(python: str, *, folder: Path) -> PythonFacts:
    """Ask an interpreter, started in `folder`; costs some 0.2 s.

    Raises:
        NotFoundError: There is no such interpreter.
        StoreError: It cannot be asked.
    """
    try:
        words = [python, "-c", _QUESTION]
        done = subprocess.run(
            words, capture_output=True, text=True, cwd=folder, timeout=_TIMEOUT_S, check=False
        )
        said = json.loads(done.stdout)
    except FileNotFoundError:
        raise NotFoundError(f"there is no Python {python}") from None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise StoreError(f"{python} cannot be asked what it has: {error}") from error
    prefix = os.path.join(os.path.realpath(said["prefix"]), "")
    paths = [path for path in said["paths"] if not os.path.realpath(path).startswith(prefix)]
    return PythonFacts(
        version=said["version"],
        packages={normalised(name): version for name, version in said["packages"].items()},
        paths=tuple(path for path in paths if "site-packages" not in path and "dist-packages" not in path),
    )
