"""One operation in a process of its own, so that its memory is its own too. Prints a line of JSON.

    python -m benchmarks.worker add PROJECT FOLDER
    python -m benchmarks.worker get PROJECT FOLDER [auto|copy|hardlink]

Counted from the opened interpreter with all modules loaded to the end of the work: the
version is logged and in the ledger, the checkout is in its place.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vcs.repo import Repo

PROJECT, NAME = "bench", "data"


@dataclass(frozen=True)
class Spent:
    """What an operation took; memory is the peak of the process and of its largest helper together."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def spent(*arguments: str) -> Spent:
    """Run an operation in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.worker", *arguments]
    root = str(Path(__file__).parents[1])
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    return Spent(**json.loads(done.stdout))


def add(repo: Repo, folder: Path) -> None:
    """Store a folder and log it."""
    repo.log_artifact(PROJECT, NAME, "dataset", repo.add_tree(folder))


def get(repo: Repo, folder: Path, link: Any = "auto") -> None:
    """Check the newest version out."""
    repo.checkout(repo.resolve(NAME, project=PROJECT), folder, link=link)


def main() -> None:
    """Do it, and print what it took."""
    import vcs.add
    import vcs.checkout
    import vcs.collection
    import vcs.ledger
    import vcs.stat_cache
    import vcs.stores.local  # noqa: F401
    from vcs.repo import Repo

    operation, project, folder, *options = sys.argv[1:]
    wall, cpu = time.perf_counter(), _cpu_s()
    repo = Repo.open(Path(project))
    {"add": add, "get": get}[operation](repo, Path(folder), *options)
    print(json.dumps({"wall_s": time.perf_counter() - wall, "cpu_s": _cpu_s() - cpu, "peak_bytes": _peak()}))


def _cpu_s() -> float:
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, both))


def _peak() -> int:
    # Not ru_maxrss of this process, which begins with that of the process that started it.
    own = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    return (own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024


if __name__ == "__main__":
    main()
