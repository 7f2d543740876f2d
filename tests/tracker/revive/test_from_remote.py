"""A run of another clone goes on, and is run again, here, where no byte of its contents lies yet."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import git
from tests.sharing.clones import make_hub
from tests.tracker.live.conftest import written
from tests.tracker.revive.scripts import COUNTING, commit_script, only_run, start, tracker_command
from vcs.repo import Repo

READING = COUNTING.replace(
    "begin = 0\n",
    'begin = 0\n    DATA = Path(run.use_artifact("mnist:latest").download(), "x").stat().st_size\n',
    1,
).replace('"code": CODE', '"code": CODE, "data": DATA')
DATA_BYTES = 300_000


@pytest.fixture
def team(git_repo: Path, tmp_path: Path) -> Path:
    """A clone with a git server, a folder for contents, a data set, and a script that reads it."""
    git(git_repo, "remote", "add", "origin", str(make_hub(tmp_path / "hub.git")))
    tracker_command(git_repo, "remote", "add", "nas", str(tmp_path / "nas"))
    data = tmp_path / "mnist"
    data.mkdir()
    (data / "x").write_bytes(bytes(range(250)) * (DATA_BYTES // 250))
    tracker_command(git_repo, "artifact", "put", str(data), "--name", "mnist", "-p", "p")
    commit_script(git_repo, READING)
    git(git_repo, "push", "-q", "origin", "main")
    return git_repo


def colleague(team: Path) -> Path:
    """Push everything; return a new clone, whose store is empty. The first clone is gone then."""
    tracker_command(team, "push")
    hub = git(team, "remote", "get-url", "origin").strip()
    tracker_command(team.parent, "clone", hub, "bob")
    shutil.rmtree(team)
    bob = team.parent / "bob"
    assert not list(Repo.open(bob).store.list())
    return bob


@pytest.mark.slow
def test_a_run_goes_on_from_a_checkpoint_that_lies_on_a_remote_only(team: Path) -> None:
    start(team, "train.py", "die=6", status=-9)
    run_id = only_run(team)
    bob = colleague(team)

    tracker_command(bob, "resume", run_id)

    found = written(bob, run_id)
    assert [(row["_step"], row["i"], row["data"]) for row in found.rows()] == [
        (i, i, DATA_BYTES) for i in range(10)
    ]
    assert found.record.sessions[1].from_step == 4
    worktree = Repo.open(bob).layout.worktree_of("p", run_id)
    assert (worktree / "result.txt").read_text() == "1 4"


@pytest.mark.slow
def test_a_run_is_run_again_with_inputs_that_lie_on_a_remote_only(team: Path) -> None:
    start(team, "train.py")
    run_id = only_run(team)
    bob = colleague(team)

    found = json.loads(tracker_command(bob, "reproduce", run_id, "--json").stdout)

    assert (found["status"], found["rows"], found["inputs"]) == ("identical", 10, {})
    assert [row["data"] for row in written(bob, found["new"].removeprefix("p/")).rows()] == [DATA_BYTES] * 10


@pytest.mark.slow
def test_what_a_remote_has_lost_is_said_before_anything_is_started(team: Path) -> None:
    start(team, "train.py", "die=6", status=-9)
    run_id = only_run(team)
    bob = colleague(team)
    shutil.rmtree(team.parent / "nas")

    said = tracker_command(bob, "resume", run_id, status=3).stderr

    assert "checkpoint" in said
    assert "Traceback" not in said
    assert not Repo.open(bob).layout.worktree_of("p", run_id).exists()
