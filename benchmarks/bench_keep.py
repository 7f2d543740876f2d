"""Merging ledgers and looking for garbage, beside the bare operations of git and the disk.

python -m benchmarks.bench_keep [--runs 1000] [--files 100000]
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, print_figures
from vcs.git import Git
from vcs.layout import LEDGER_REF, remote_ledger
from vcs.records.ledger_tree import entries_of
from vcs.records.merge import merge_ledgers
from vcs.repo import Repo
from vcs.retention.gc import plan_gc
from vcs.retention.repair import verify_everything

SMALL = {"runs": 200, "files": 10_000}


def measure(runs: int = 1000, files: int = 100_000) -> list[Figure]:
    """Return what a merge, a plan of garbage and a verification cost."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
        subprocess.run(["git", "-C", str(folder), "commit", "-q", "--allow-empty", "-m", "first"], check=True)
        repo = Repo.open(folder)
        figures = _merge(repo, runs)
        _store(repo, files)
        return figures + _garbage(repo, runs, files)


def _merge(repo: Repo, runs: int) -> list[Figure]:
    """Two clones that made runs apart, with all versions of one name in conflict."""
    git = Git(repo.layout.root)
    base = _commit(repo, "base", 10)
    theirs = _commit(repo, "theirs", runs)
    git.run("update-ref", LEDGER_REF, base)
    subprocess.run(["rm", "-rf", str(repo.layout.records)], check=True)
    repo.ledger.restore_if_lost()
    ours = _commit(repo, "ours", runs)
    listed_s = _timed(lambda: [entries_of(git, commit, ()) for commit in (theirs, ours)])
    merged: list[str] = []
    merged_s = _timed(lambda: merged.append(merge_ledgers(git, theirs, ours).commit))
    brought_s = _timed(lambda: repo.ledger.step_to(merged[0], expected=ours))
    git.run("update-ref", remote_ledger("origin"), theirs)
    what = f"2 ledgers with {runs} runs each"
    return [
        Figure(f"merge of {what}", merged_s, "s", listed_s, "git ls-tree -r of both"),
        Figure(f"records of {runs} runs brought to disk", brought_s * 1e3 / runs, "ms a run"),
    ]


def _commit(repo: Repo, word: str, runs: int) -> str:
    """Write runs, and commit all at once."""
    for number in range(runs):
        run = repo.layout.run("p", f"{word}{number:05}")
        run.history.mkdir(parents=True)
        run.record.write_text(f"format: 1\nid: {word}{number:05}\nproject: p\ncreated: {number}\n")
        run.config.write_text(f"lr: {number}\n")
        run.summary.write_text(f"loss: {number}\n")
        rows = "".join(f"[0,{step},{step * 7},{step / 3}]\n" for step in range(200))
        run.history_segment(0, "0").write_text(rows)
    commit = repo.ledger.commit([repo.layout.records], f"{runs} runs")
    assert commit is not None
    return commit


def _store(repo: Repo, files: int) -> None:
    tree = repo.layout.root / "tree"
    for number in range(files):
        path = tree / f"{number // 1000}" / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(number.to_bytes(4, "big") * 64)
    repo.log_artifact("p", "tree", "dataset", repo.add_tree(tree))


def _garbage(repo: Repo, runs: int, files: int) -> list[Figure]:
    store = repo.here
    records = [path for path in repo.layout.records.rglob("*") if path.is_file()]
    floor = _timed(lambda: (list(store.list()), [path.read_bytes() for path in records]))
    planned_s = _timed(
        lambda: plan_gc(repo.layout, repo.git, store, expand=lambda _, content: content, grace_s=0.0)
    )
    listed = list(store.list())
    read_s = _timed(lambda: [None for _ in store.read_many(listed)])
    verified_s = _timed(lambda: verify_everything(repo.collections, store))
    return [
        Figure(
            f"tracker gc: {files} objects, {2 * runs} runs",
            planned_s,
            "s",
            floor,
            "listing the store, reading the records",
        ),
        Figure(f"tracker verify: {files} objects", verified_s, "s", read_s, "reading and hashing them"),
    ]


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--files", type=int, default=100_000)
    options = parser.parse_args()
    print_figures(measure(options.runs, options.files))
