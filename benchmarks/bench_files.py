"""Many small files: first version, the same again, the next version, checkout; in memory and on disk.

Each turn does all of it in an empty project, with `cp -r` and a walk between; what counts
is the best of the turns, of the work and of its floor alike.

    python -m benchmarks.bench_files [--files 100000] [--repeat 3]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, print_figures
from benchmarks.places import allocated_bytes, file_system, has_memory, scratch
from benchmarks.trees import make_tree, next_version, walk
from benchmarks.worker import spent

SMALL = {"files": 10_000, "repeat": 2}
HUGE = {"files": 1_000_000, "repeat": 1, "median": 256}

# A file of the usual size in a project, a copy and a checkout, with what an inode takes.
_BYTES_A_FILE = 5 * 10_000
_PATIENCE_S = 60.0


def measure(files: int = 100_000, repeat: int = 3, median: int = 4096) -> list[Figure]:
    """Return the figures for memory, and for the disk if that is something else."""
    need = files * _BYTES_A_FILE * (1 if median > 1000 else 0.3)
    figures: list[Figure] = []
    for memory in (True, False):
        if memory and not has_memory(int(need)):
            continue
        with scratch(int(need), memory=memory) as place:
            kind = file_system(place)
            if memory or kind != "tmpfs":
                turns = min(repeat, 3 if memory else 2)
                what = f"{files} files on {kind}"
            # Space and memory are the same on both, so they are told once.
            figures += _figures(place, files, median, turns, what, once=not figures)
    return figures


def _figures(place: Path, files: int, median: int, repeat: int, what: str, *, once: bool) -> list[Figure]:
    content = make_tree(place / "data", files, median=median)
    turns, began = [], time.monotonic()
    for number in range(repeat):
        turns.append(_turn(place, files, number))
        if time.monotonic() - began > _PATIENCE_S:  # A disk on which even cp takes minutes.
            break
    best = {name: min(turn[name] for turn in turns) for name in turns[0]}
    cp, seen, copied, looked = best["cp"], best["walk"], "cp -r", "walk and stat"
    # Peers are measured once, in memory if there is enough of it.
    add, again, later, get = (f"files.{name}" if once else "" for name in ("add", "again", "next", "get"))
    figures = [
        Figure(f"first add of {what}", best["add"], "s", cp, copied, 0.9, key=add),
        Figure(f"the same again, {what}", best["again"], "s", seen, looked, 2.0, key=again),
        Figure(
            f"1 % changed and {files // 1000} added, {what}", best["next"], "s", seen, looked, 3.0, key=later
        ),
        Figure(f"checkout, verified, {what}", best["get"], "s", cp, copied, 1.5, key=get),
        Figure(f"checkout by hard links where there are files, {what}", best["link"], "s", cp, copied, 0.5),
        Figure(f"links alone (cp -rl), {what}", best["cp -rl"], "s", cp, copied),
    ]
    if once:
        figures += [
            Figure(
                f"files in the store, {what}",
                best["count"],
                "files",
                target=100,
                absolute=True,
                key="files.count",
            ),
            Figure(
                f"space in the store, {what}",
                best["space"] / 1e6,
                "MB",
                content / 1e6,
                "content",
                1.02,
                key="files.space",
            ),
            *_memory_figures(best, files, what),
            Figure(f"processor time of the first add, {what}", best["add cpu"], "s", best["cp cpu"], "cp -r"),
        ]
    return figures


def _memory_figures(best: dict[str, float], files: int, what: str) -> list[Figure]:
    """Return the peaks, helpers included; a file where there are many."""
    peaks = {"add": best["peak"], "next version": best["next peak"], "checkout": best["get peak"]}
    if files <= 100_000:
        return [
            Figure(f"peak memory of the {work}, {what}", peak / 1e6, "MB", target=120, absolute=True)
            for work, peak in peaks.items()
        ]
    return [
        Figure(f"peak memory of the {work} a file, {what}", peak / files, "bytes", target=500, absolute=True)
        for work, peak in peaks.items()
    ]


def _turn(place: Path, files: int, number: int) -> dict[str, float]:
    """Do all of it once in an empty project."""
    data, project = place / "data", place / "project"
    cost: dict[str, float] = {}
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    cost["cp"], cost["cp cpu"] = _copied(["cp", "-r", str(data), str(place / "copy")], place / "copy")
    cost["cp -rl"], _ = _copied(["cp", "-rl", str(data), str(place / "copy")], place / "copy")
    added = spent("add", str(project), str(data))
    cost |= {"add": added.wall_s, "add cpu": added.cpu_s, "peak": added.peak_bytes}
    store = project / ".git" / "tracker"
    cost["count"] = sum(path.is_file() for path in store.rglob("*"))
    # The stat cache is no part of a version, and may be deleted.
    kept = [store / name for name in ("packs", "objects", "recipes", "extents")]
    cost["space"] = sum(allocated_bytes(folder) for folder in kept if folder.exists())
    cost["walk"] = _timed(lambda: walk(data))
    cost["again"] = min(spent("add", str(project), str(data)).wall_s for _ in range(2))
    cost["walk"] = min(cost["walk"], _timed(lambda: walk(data)))
    os.sync()  # What was written or removed before costs none of the two that follow.
    got = spent("get", str(project), str(place / "out"), "copy")
    cost |= {"get": got.wall_s, "get peak": got.peak_bytes}
    shutil.rmtree(place / "out")
    os.sync()
    cost["link"] = spent("get", str(project), str(place / "out"), "hardlink").wall_s
    shutil.rmtree(place / "out")
    next_version(data, files, number)
    after = spent("add", str(project), str(data))
    cost |= {"next": after.wall_s, "next peak": after.peak_bytes}
    shutil.rmtree(project)
    return cost


def _copied(command: list[str], target: Path) -> tuple[float, float]:
    """Return the wall and the processor seconds of a copy, which is removed again."""
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = _timed(lambda: subprocess.run(command, check=True))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(target)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    print_figures(measure(options.files, options.repeat))


if __name__ == "__main__":
    main()
