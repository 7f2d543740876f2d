"""What a list of many runs costs: as a command, with its index and without, and to a script.

python -m benchmarks.bench_runs [--runs 10000] [--repeat 7]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, alternating, print_figures, process
from tracker.read.api import Api
from tracker.storage import records
from tracker.storage.catalog import CACHE_NAME
from tracker.storage.records import LoggedVersion, RunFile, RunRecord, Session, Used
from vcs.clock import iso_time
from vcs.layout import RunLayout
from vcs.repo import Repo
from vcs.yaml_io import dump_yaml

SMALL = {"runs": 1000, "repeat": 3}

FILTER = "config.lr > 0.5"
_ID = "rbadcafe"


def measure(runs: int = 10_000, repeat: int = 7) -> list[Figure]:
    """Return the figures; targets are for ten thousand runs."""
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary)
        make_project(project, runs)
        index = Repo.open(project).layout.machinery / CACHE_NAME
        command = ("-m", "tracker.cli.main", "runs")
        process("-m", "tracker.cli.main", "runs", "-n", "1", cwd=temporary)  # byte code and page cache
        rebuilt = alternating([index.unlink, lambda: process(*command, cwd=temporary)], 1)[1]
        bare, listed, filtered, ordered, api = alternating(
            [
                lambda: process("-c", "pass", cwd=temporary),
                lambda: process(*command, cwd=temporary),
                lambda: process(*command, "-f", FILTER, cwd=temporary),
                lambda: process(*command, "-f", FILTER, "--sort", "-summary.val/acc", cwd=temporary),
                lambda: look(project, runs),
            ],
            repeat,
        )
    whole = runs >= 10_000
    what, floor = f"{runs} runs", "bare Python"
    return [
        Figure(f"`tracker runs`, {what}", listed, "s", bare, floor, 0.4 if whole else None, absolute=True),
        Figure(
            f"`tracker runs -f '{FILTER}'`, {what}",
            filtered,
            "s",
            bare,
            floor,
            0.4 if whole else None,
            absolute=True,
        ),
        Figure(f"the same, ordered by a metric, {what}", ordered, "s", bare, floor),
        Figure(
            f"`tracker runs` without its index, {what}",
            rebuilt,
            "s",
            bare,
            floor,
            10 if whole else None,
            absolute=True,
        ),
        Figure(f"Api().runs() with config and summary of each, {what}", api, "s"),
    ]


def look(project: Path, count: int) -> None:
    """Look at every run, as a script does."""
    found = Api(root=project).runs()
    assert sum(1 for run in found if run.config["lr"] >= 0 and run.summary["val/acc"] >= 0) == count


def make_project(folder: Path, count: int) -> None:
    """Make a repository with runs of four projects, as they lie on disk after some weeks."""
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    repo = Repo.open(folder)
    repo.layout.ledger_mark.write_text("")  # so that nothing looks lost
    text = records.render(example(time.time() - 86400))
    then = time.time() - 3600
    for number in range(count):
        project, run_id = f"project-{number % 4}", f"r{number:07x}"
        run = repo.layout.run(project, run_id)
        fill(run, text.replace(_ID, run_id).replace("project-0", project), number)
        for path in (run.record, run.config, run.summary):
            os.utime(path, (then, then))


def fill(run: RunLayout, record: str, number: int) -> None:
    """Write the three files that a list looks at."""
    run.folder.mkdir(parents=True)
    run.record.write_text(record)
    share = number % 1000 / 1000
    config = {"lr": share, "batch_size": 64, "epochs": 5, "model": "lenet5", "optimizer": {"name": "adam"}}
    run.config.write_text(dump_yaml(config))
    metrics = {"train/loss": 1 - share, "train/acc": share, "val/loss": 1.1 - share, "val/acc": share / 2}
    run.summary.write_text(dump_yaml({**metrics, "epoch": 5, "_step": 1200, "_runtime": 600.5}))


def example(started: float) -> RunRecord:
    """The record of a finished run of one session."""
    session = Session(
        number=0,
        started=iso_time(started),
        ended=iso_time(started + 600),
        exit_code=0,
        state="finished",
        host="box",
        boot="0c5a4f1e-7d3b-4c8e-9a60-1f2e3d4c5b6a",
        pid=4711,
        pid_start=123.45,
        user="ann",
        cwd="examples",
        argv=["python", "train.py", "--lr", "0.1"],
        commit="9f" * 20,
        branch="main",
        remote="https://host/team/project.git",
        code_commit="1c" * 20,
        dirty=True,
        left_out=[{"path": ".env", "reason": "secret"}],
        python="3.11.7",
        platform="Linux-6.1",
        cpu={"count": 2, "model": "a processor"},
        seeds={"python": "ab" * 16, "numpy": "cd" * 16},
        environment={"CUDA_VISIBLE_DEVICES": "0"},
        rows=1200,
        dropped_rows=0,
    )
    paths = ("config.yaml", "history/0-0.jsonl", "output.log", "requirements.txt", "summary.yaml")
    return RunRecord(
        id=_ID,
        project="project-0",
        name=f"calm-otter-{_ID}",
        created=iso_time(started),
        state="finished",
        sessions=[session],
        used=[Used(artifact="project-0/mnist", version="v0", digest="d" * 64, as_="mnist:latest")],
        logged=[LoggedVersion(artifact="project-0/lenet5", version="v0", digest="e" * 64, step=1200)],
        files=[RunFile(path=path, digest="f" * 64, size=12345) for path in paths],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    print_figures(measure(options.runs, options.repeat))


if __name__ == "__main__":
    main()
