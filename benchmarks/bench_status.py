"""What `tracker status` costs for a tracked folder of many files, beside walking it with a stat of each.

python -m benchmarks.bench_status [--files 100000] [--repeat 5]
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, alternating, print_figures, process
from benchmarks.trees import walk
from vcs.repo import Repo
from vcs.tracked import verbs as tracked

SMALL = {"files": 10_000, "repeat": 3}


def measure(files: int = 100_000, repeat: int = 5) -> list[Figure]:
    """Return the figures of a look with nothing changed, with one file changed, and of its commit."""
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary)
        subprocess.run(["git", "init", "-q", str(project)], check=True)
        folder = project / "data"
        make_files(folder, files)
        tracked.track(Repo.open(project), folder, project="bench")
        first = timed(lambda: expect(project, "unchanged"))
        time.sleep(3.0)  # A look at younger files is not yet trusted the next time.
        expect(project, "unchanged")
        walked, unchanged = alternating([lambda: walk(folder), lambda: expect(project, "unchanged")], repeat)
        with tempfile.TemporaryDirectory() as empty:
            subprocess.run(["git", "init", "-q", empty], check=True)
            started, command = alternating(
                [
                    lambda where=where: process("-m", "tracker.cli.main", "status", cwd=where)
                    for where in (empty, temporary)
                ],
                repeat,
            )
        (folder / "0000" / "0000000.png").write_bytes(b"changed")
        changed = timed(lambda: expect(project, "changed"))
        committed = timed(lambda: tracked.commit(Repo.open(project)))
    what, floor = f"of {files} tracked files", "walk and stat"
    return [
        Figure(f"look {what}, unchanged", unchanged, "s", walked, floor, target=2.0),
        Figure(f"look {what}, the first", first, "s", walked, floor),
        Figure(f"look {what}, one changed", changed, "s", walked, floor),
        Figure(f"commit {what}, one changed", committed, "s", walked, floor),
        Figure(
            f"`tracker status` {what}, unchanged, over its start",
            command - started,
            "s",
            walked,
            floor,
            target=2.0,
            key="status",
        ),
        Figure("`tracker status` where nothing is tracked: its start", started, "s"),
    ]


def make_files(folder: Path, count: int) -> None:
    """Small files, a thousand to a folder, as a dataset of images has them."""
    for index in range(count):
        below = folder / f"{index // 1000:04}"
        if index % 1000 == 0:
            below.mkdir(parents=True)
        (below / f"{index:07}.png").write_bytes(b"%d" % index)


def expect(project: Path, wanted: str) -> None:
    """Look as `tracker status` does, and check that the figure is of what it says."""
    found = tracked.status(Repo.open(project, create=False))[0].state
    if found != wanted:
        raise SystemExit(f"status says {found}, not {wanted}")


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    print_figures(measure(options.files, options.repeat))


if __name__ == "__main__":
    main()
