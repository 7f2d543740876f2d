"""One operation in a process of its own, so that its memory is its own too. Prints a line of JSON.

    python -m benchmarks.worker add PROJECT FOLDER
    python -m benchmarks.worker get PROJECT FOLDER [auto|copy|hardlink]

Counted from the opened interpreter with all modules loaded to the end of the work: the
version is logged and in the ledger, the checkout is in its place.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread
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
    import vcs.artifacts.collection
    import vcs.files.add
    import vcs.files.checkout
    import vcs.files.stat_cache
    import vcs.records.ledger
    import vcs.stores.local  # noqa: F401
    from vcs.repo import Repo

    operation, project, folder, *options = sys.argv[1:]
    memory = _Memory()
    memory.start()
    wall, cpu = time.perf_counter(), cpu_s()
    repo = Repo.open(Path(project))
    {"add": add, "get": get}[operation](repo, Path(folder), *options)
    found = Spent(time.perf_counter() - wall, cpu_s() - cpu, memory.peak_bytes())
    print(json.dumps(asdict(found)))


def cpu_s() -> float:
    """Return the processor time of this process and of those that it ended."""
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, both))


class _Memory(Thread):
    """Looks at the memory of this process and of those that it started, all together, again and again."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._ended = Event()
        self._peak = 0

    def run(self) -> None:
        while not self._ended.wait(0.02):
            now = _memory_of(os.getpid(), "VmRSS:") + sum(_memory_of(pid, "VmRSS:") for pid in _children())
            self._peak = max(self._peak, now)

    def peak_bytes(self) -> int:
        """Return the most that was seen, or the peak of this process alone if that is more."""
        self._ended.set()
        self.join()
        return max(self._peak, _memory_of(os.getpid(), "VmHWM:"))


def _children() -> list[int]:
    try:
        pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        # One that has not begun its own program yet still has the memory of this one.
        return [int(pid) for pid in pids if _program_of(pid) != _program_of("self")]
    except OSError:
        return []


def _program_of(pid: str) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _memory_of(pid: int, field: str) -> int:
    # Not ru_maxrss, which begins with that of the process that started this one.
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(text.partition(field)[2].split()[0]) * 1024 if field in text else 0


if __name__ == "__main__":
    main()
