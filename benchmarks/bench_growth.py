"""How cost grows: with files, with versions, with runs and with rows.

Each curve is the same work at several sizes, in seconds of processor time, for sizes that
are measured minutes apart on a machine with other work have no other measure in common.
A figure says by how much more than linearly
the last step grew: cost over cost, divided by size over size; 1 is linear. Where the cost
should not grow at all (a version of a long history), the whole growth is said.

    python -m benchmarks.bench_growth [--files 10000,100000] [--rows 1000,10000,100000,1000000]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench_history import segment, to_columns, training, write
from benchmarks.bench_runs import make_project
from benchmarks.figures import Figure, print_figures, process
from benchmarks.places import allocated_bytes, has_memory, scratch
from benchmarks.trees import make_tree, next_version
from benchmarks.worker import cpu_s, spent
from tracker.storage.history import read_columns
from vcs.layout import RunLayout

SMALL = {"files": (1000, 10_000), "versions": 20, "runs": (100, 1000), "rows": (1000, 10_000, 100_000)}
HUGE = {
    "files": (10_000, 100_000, 1_000_000),
    "versions": 100,
    "runs": (100, 1000, 10_000),
    "rows": tuple(10**n for n in range(3, 8)),
}

# Growth of cost over growth of size that is still called linear: caches end in between.
LINEAR = 1.5
# Of the last versions over the first ones, which are of the same size.
FLAT = 1.5
FILES_A_VERSION = 5000
# A block of 4 KiB in the folder and in the checkout, the store, and what inodes take.
_BYTES_A_FILE = 12_000


@dataclass(frozen=True)
class Grown:
    """One curve: seconds of processor time, or what `unit` says, at each size."""

    work: str
    of: str
    sizes: tuple[int, ...]
    costs: tuple[float, ...]
    unit: str = "s"


def measure(
    files: Sequence[int] = (10_000, 100_000),
    versions: int = 50,
    runs: Sequence[int] = (100, 1000, 10_000),
    rows: Sequence[int] = (1000, 10_000, 100_000, 1_000_000),
) -> list[Figure]:
    """Return one figure for each curve; the curves themselves are in `CURVES`."""
    CURVES.clear()
    CURVES.extend([*_by_files(files), *_by_versions(versions), *_by_runs(runs), *_by_rows(rows)])
    return [_figure(curve) for curve in CURVES]


# What was measured last, for the picture.
CURVES: list[Grown] = []


def _figure(curve: Grown) -> Figure:
    if curve.of == "versions":
        size = max(1, len(curve.costs) // 4)
        first, last = statistics.median(curve.costs[1 : size + 1]), statistics.median(curve.costs[-size:])
        what = f"{curve.work}, of {curve.sizes[-1]} versions: the last quarter over the first"
        return Figure(what, last, curve.unit, first, "the first quarter", FLAT)
    size_grew = curve.sizes[-1] / curve.sizes[-2]
    what = f"{curve.work}, {curve.sizes[-2]} to {curve.sizes[-1]} {curve.of}"
    return Figure(what, curve.costs[-1], curve.unit, curve.costs[-2] * size_grew, "linear", LINEAR)


def _by_files(counts: Sequence[int]) -> list[Grown]:
    names = ("first add", "again, unchanged", "checkout", "peak memory of the add")
    found: dict[str, list[float]] = {name: [] for name in names}
    # All on the same file system, the largest too.
    memory = has_memory(max(counts) * _BYTES_A_FILE)
    for count in counts:
        with scratch(count * _BYTES_A_FILE, memory=memory) as place:
            data, project, out = place / "data", place / "project", place / "out"
            make_tree(data, count, median=256)  # So that a million find room.
            subprocess.run(["git", "init", "-q", str(project)], check=True)
            first = spent("add", str(project), str(data))
            time.sleep(2.6)  # A look at younger files is not yet trusted the next time.
            spent("add", str(project), str(data))
            again = spent("add", str(project), str(data))
            got = spent("get", str(project), str(out))
            costs = (first.cpu_s, again.cpu_s, got.cpu_s, first.peak_bytes / 1e6)
            for name, cost in zip(names, costs, strict=True):
                found[name].append(cost)
    units = ("s", "s", "s", "MB")
    return [
        Grown(name, "files", tuple(counts), tuple(found[name]), unit)
        for name, unit in zip(names, units, strict=True)
    ]


def _by_versions(count: int) -> list[Grown]:
    """Versions of one folder, each with one file in a hundred changed and a few more."""
    adds, sizes = [], []
    with scratch(FILES_A_VERSION * 40_000) as place:
        data, project = place / "data", place / "project"
        make_tree(data, FILES_A_VERSION, median=1024)
        subprocess.run(["git", "init", "-q", str(project)], check=True)
        for version in range(count):
            if version:
                next_version(data, FILES_A_VERSION, version)
            adds.append(spent("add", str(project), str(data)).cpu_s)
            sizes.append(allocated_bytes(project / ".git" / "tracker") / 1e6)
    grown = tuple(now - before for before, now in zip([0.0, *sizes], sizes, strict=False))
    numbers = tuple(range(1, count + 1))
    return [
        Grown("add of a next version", "versions", numbers, tuple(adds)),
        Grown("disk for a next version", "versions", numbers, grown, "MB"),
    ]


def _by_runs(counts: Sequence[int]) -> list[Grown]:
    listed, shown, empty = [], [], []
    code = 'import tracker; tracker.init(project="bench"); tracker.finish()'
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            make_project(Path(folder), count)
            run = f"r{count // 2:07x}"
            for work in (("-c", code), ("-m", "tracker.cli.main", "runs")):
                process(*work, cwd=folder)
            empty.append(_best(lambda: process("-c", code, cwd=folder)))
            listed.append(_best(lambda: process("-m", "tracker.cli.main", "runs", cwd=folder)))
            shown.append(_best(lambda: process("-m", "tracker.cli.main", "show", run, cwd=folder)))  # noqa: B023
    sizes = tuple(counts)
    return [
        Grown("tracker runs", "runs", sizes, tuple(listed)),
        Grown("tracker show of one", "runs", sizes, tuple(shown)),
        Grown("an empty run more", "runs", sizes, tuple(empty)),
    ]


def _by_rows(counts: Sequence[int]) -> list[Grown]:
    read, compacted, space = [], {}, []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            run = RunLayout(Path(folder) / "run")
            write(run, training(count))
            if segment(run).stat().st_size > _COMPACTED_FROM:
                compacted[count] = _processor_s(lambda: to_columns(run))  # noqa: B023
            read.append(_best(lambda: read_columns(run, ["_step", "train/loss"])))  # noqa: B023
            space.append(sum(path.stat().st_size for path in segment(run).parent.iterdir()) / 1e6)
            shutil.rmtree(run.folder)
    sizes = tuple(counts)
    return [
        Grown("one metric read", "rows", sizes, tuple(read)),
        Grown("compaction", "rows", tuple(compacted), tuple(compacted.values())),
        Grown("disk", "rows", sizes, tuple(space), "MB"),
    ]


# A shorter history stays lines.
_COMPACTED_FROM = 128 << 10


def _best(work: Callable[[], object]) -> float:
    return min(_processor_s(work) for _ in range(3))


def _processor_s(work: Callable[[], object]) -> float:
    """Return what the work took of the processor, in this process and in those that it ended."""
    start = cpu_s()
    work()
    return cpu_s() - start


def main() -> None:
    def sizes(text: str) -> tuple[int, ...]:
        return tuple(int(float(part)) for part in text.split(","))

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=sizes, default=(10_000, 100_000))
    parser.add_argument("--versions", type=int, default=50)
    parser.add_argument("--runs", type=sizes, default=(100, 1000, 10_000))
    parser.add_argument("--rows", type=sizes, default=(1000, 10_000, 100_000, 1_000_000))
    options = parser.parse_args()
    print_figures(measure(options.files, options.versions, options.runs, options.rows))
    for curve in CURVES:
        points = ", ".join(f"{size}: {cost:.3g}" for size, cost in zip(curve.sizes, curve.costs, strict=True))
        print(f"{curve.work} [{curve.unit}] by {curve.of}: {points}", file=sys.stderr)


if __name__ == "__main__":
    main()
