"""Processes of a distributed job: rank 0 is the run, the others write histories of their own in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tracker.read.api import Api
from tracker.settings import rank_of_process

JOB = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}

TRAIN = """
import os, sys, time, tracker
from pathlib import Path
rank = os.environ["RANK"]
if rank == "1":
    Path("waiting").touch()
elif len(sys.argv) > 1:
    while not Path("waiting").exists():
        time.sleep(0.01)
run = tracker.init(project="p", name=f"rank {rank}", config={"lr": 0.1})
assert not run.resumed
for step in range(3):
    run.log({"loss": step + 10 * int(rank)})
if rank == "0":
    while not Path("done").exists():
        time.sleep(0.01)
run.finish()
Path("done").touch()
"""


def start(folder: Path, rank: int, script: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    environment = {**os.environ, **JOB, "RANK": str(rank), **variables}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def finish(*processes: subprocess.Popen[str]) -> list[str]:
    said = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), said
    return said


@pytest.mark.slow
def test_ranks_write_one_run_with_a_history_each(git_repo: Path) -> None:
    finish(start(git_repo, 1, TRAIN), start(git_repo, 0, TRAIN, "second"))
    (run,) = Api(root=git_repo).runs("p")

    assert (run.name, run.state, run.config["lr"]) == ("rank 0", "finished", 0.1)
    assert len(run.sessions) == 1
    assert [row["loss"] for row in run.history(pandas=False)] == [0, 1, 2]
    assert [row["loss"] for row in run.history(pandas=False, ranks=[1])] == [10, 11, 12]
    both = run.history(pandas=False, ranks="all", keys=["loss"])
    assert sorted((row["_rank"], row["loss"]) for row in both) == [
        *(("0", loss) for loss in (0, 1, 2)),
        *(("1", loss) for loss in (10, 11, 12)),
    ]
    assert run.summary["loss"] == 2


def test_a_rank_whose_rank_0_never_begins_a_run_begins_its_own_and_says_so(git_repo: Path) -> None:
    script = "import tracker; tracker.init(project='p').log({'a': 1})"
    (said,) = finish(start(git_repo, 1, script, TRACKER_DISTRIBUTED_WAIT_S="0.1"))
    assert "rank 0 has no run" in said
    assert len(Api(root=git_repo).runs("p")) == 1


@pytest.mark.parametrize("how", ["group='g'", "reinit='create_new'", "settings={'distributed': False}"])
def test_ranks_that_ask_for_runs_of_their_own_get_them(git_repo: Path, how: str) -> None:
    script = f"import tracker; tracker.init(project='p', {how}).log({{'a': 1}})"
    said = finish(start(git_repo, 1, script, TRACKER_DISTRIBUTED_WAIT_S="3600"))
    assert "rank" not in said[0]
    assert len(Api(root=git_repo).runs("p")) == 1


@pytest.mark.slow
def test_a_job_of_another_port_is_another_job(git_repo: Path) -> None:
    leader = start(git_repo, 0, TRAIN)
    other = "import tracker; tracker.init(project='p', name='other').log({'a': 1})"
    finish(start(git_repo, 1, other, MASTER_PORT="1", TRACKER_DISTRIBUTED_WAIT_S="0.1"))
    (git_repo / "done").touch()
    finish(leader)
    assert sorted(run.name for run in Api(root=git_repo).runs("p")) == ["other", "rank 0"]


def test_a_process_alone_has_no_rank() -> None:
    assert rank_of_process({"RANK": "0", "WORLD_SIZE": "1"}) is None
    assert rank_of_process({"RANK": "x", "WORLD_SIZE": "2"}) is None
    assert rank_of_process({}) is None
    assert rank_of_process({**JOB, "RANK": "1"}) == (1, "127.0.0.1/29500////")
