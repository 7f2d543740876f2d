"""A run is run again, and compared with what it was."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import git
from tests.tracker.live.conftest import written
from tests.tracker.revive.scripts import COUNTING, commit_script, only_run, start, tracker_command
from tracker.revive.reproduce import ReproduceOptions, plan_reproduction, session_to_reproduce
from tracker.storage.catalog import Catalog
from vcs.repo import Repo

# Random numbers without a seed, beside a loss that is always the same.
UNSEEDED = """
    import random, sys
    import tracker
    run = tracker.init(project="p")
    if "seed" in sys.argv:
        random.seed(0)
    for i in range(5):
        run.log({"loss": 1 / (i + 1), "noise": random.random() if i > 1 else 0.0})
"""


def reproduced(folder: Path, run: str, *options: str, status: int) -> dict[str, Any]:
    """Reproduce a run on the command line; return what --json says."""
    done = tracker_command(folder, "reproduce", run, "--json", *options, status=status)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def worktrees(folder: Path) -> list[Path]:
    return [Path(line.split()[0]) for line in git(folder, "worktree", "list").splitlines()[1:]]


def test_a_run_without_chance_is_identical_though_the_code_was_changed(git_repo: Path) -> None:
    commit_script(git_repo)
    start(git_repo, "train.py")
    first = only_run(git_repo)
    commit_script(git_repo, COUNTING.replace("CODE = 1", "CODE = 2"), message="new code")
    found = reproduced(git_repo, first, status=0)
    assert found["status"] == "identical"
    assert (found["rows"], found["first_step"], found["folder"]) == (10, None, None)
    assert [output["name"] for output in found["outputs"]] == ["{run}-checkpoint", "{run}-checkpoint"]
    new = found["new"].removeprefix("p/")
    assert written(git_repo, new).record.reproduces == first
    assert written(git_repo, new).rows() == written(git_repo, first).rows()
    assert written(git_repo, first).record.reproduces is None
    assert worktrees(git_repo) == []


def test_chance_without_a_seed_differs_and_the_step_and_the_seed_are_named(git_repo: Path) -> None:
    commit_script(git_repo, UNSEEDED)
    start(git_repo, "train.py")
    done = tracker_command(git_repo, "reproduce", only_run(git_repo), status=1)
    assert "differs" in done.stdout
    assert "First difference at step 2" in done.stdout
    assert "the seed of Python's random was not set alike" in done.stdout
    assert "random.seed(0) before its first use" in done.stdout
    (kept,) = worktrees(git_repo)
    assert f"The worktree is kept: {kept}" in done.stdout


def test_with_a_seed_the_same_script_is_identical(git_repo: Path) -> None:
    commit_script(git_repo, UNSEEDED)
    start(git_repo, "train.py", "seed")
    assert reproduced(git_repo, only_run(git_repo), status=0)["status"] == "identical"


@pytest.mark.slow
def test_two_runs_that_exist_are_compared_without_running_any(git_repo: Path) -> None:
    commit_script(git_repo, UNSEEDED)
    start(git_repo, "train.py", "seed")
    seeded = only_run(git_repo)
    start(git_repo, "train.py")
    (other,) = [p.name for p in (git_repo / ".tracker/runs/p").glob("[!.]*") if p.name != seeded]
    found = json.loads(
        tracker_command(git_repo, "reproduce", "--check-only", seeded, other, "--json", status=1).stdout
    )
    assert (found["status"], found["first_step"]) == ("differs", 2)
    assert [reason["kind"] for reason in found["reasons"]] == ["command", "seed"]
    tracker_command(git_repo, "reproduce", "--check-only", seeded, seeded, status=0)
    tracker_command(git_repo, "reproduce", "--check-only", seeded, other, "--ignore", "noise", status=0)
    tracker_command(git_repo, "reproduce", "--check-only", seeded, status=2)
    assert len(list((git_repo / ".tracker/runs/p").glob("[!.]*"))) == 2


def test_a_tolerance_is_said_to_have_been_needed(git_repo: Path) -> None:
    commit_script(git_repo, UNSEEDED)
    start(git_repo, "train.py")
    found = reproduced(git_repo, only_run(git_repo), "--atol", "1", status=0)
    assert (found["status"], found["atol"]) == ("within tolerance", 1.0)


@pytest.mark.slow
def test_a_script_with_an_id_of_its_own_makes_a_new_run(git_repo: Path) -> None:
    """Also one that would resume, or begin under a name."""
    code = UNSEEDED.replace(
        'init(project="p")', 'init(project="p", id="night", resume="allow", name="tonight")'
    )
    commit_script(git_repo, code)
    start(git_repo, "train.py", "seed")
    found = reproduced(git_repo, "night", status=0)
    assert found["new"] != "p/night"
    assert len(written(git_repo, "night").record.sessions) == 1
    assert Catalog(Repo.open(git_repo).layout).find("tonight").id == "night"


def test_options_that_came_by_variable_are_given_again(git_repo: Path) -> None:
    commit_script(git_repo, UNSEEDED.replace('project="p"', ""))
    start(git_repo, "train.py", "seed", TRACKER_PROJECT="q", TRACKER_TAGS="a,b", PYTHONHASHSEED="7")
    found = reproduced(git_repo, only_run(git_repo, "q"), status=0)
    record = written(git_repo, found["new"].removeprefix("q/")).record
    assert record.tags == ["a", "b"]
    assert record.sessions[0].environment["PYTHONHASHSEED"] == "7"


def test_a_script_that_came_through_the_shim_does_so_again(git_repo: Path) -> None:
    commit_script(git_repo, "import wandb; wandb.init(project='p').log({'a': 1})")
    tracker_command(git_repo, "run", "train.py")
    assert reproduced(git_repo, only_run(git_repo), status=0)["status"] == "identical"


def test_inputs_are_those_of_then_by_digest(git_repo: Path) -> None:
    data = git_repo.parent / "mnist"
    data.mkdir()

    def put(text: str) -> None:
        (data / "x").write_text(text)
        tracker_command(git_repo, "artifact", "put", str(data), "--name", "mnist", "-p", "p")

    put("old")
    commit_script(
        git_repo,
        """
        import tracker
        run = tracker.init(project="p")
        run.log({"text": open(run.use_artifact("mnist:latest").download() + "/x").read()})
        """,
    )
    start(git_repo, "train.py")
    put("new")
    found = reproduced(git_repo, only_run(git_repo), status=0)
    assert (found["status"], found["inputs"]) == ("identical", {})


def test_names_stay_where_the_team_put_them_and_the_run_alone_sees_them_move(git_repo: Path) -> None:
    commit_script(
        git_repo,
        """
        import sys, tracker
        run = tracker.init(project="p")
        artifact = tracker.Artifact("weights", type="model")
        with artifact.new_file("w.txt") as file:
            file.write(sys.argv[1])
        run.log_artifact(artifact, aliases=["best"])
        run.log({"seen": open(run.use_artifact("weights:best").download() + "/w.txt").read()})
        """,
    )
    start(git_repo, "train.py", "one")
    first = only_run(git_repo)
    start(git_repo, "train.py", "two")
    found = reproduced(git_repo, first, status=0)
    assert found["status"] == "identical"
    aliases = Repo.open(git_repo).collections.aliases("p", "weights")
    assert aliases == {"best": "v1", "latest": "v1"}


@pytest.mark.slow
def test_a_killed_run_is_compared_as_far_as_it_came(git_repo: Path) -> None:
    commit_script(git_repo)
    start(git_repo, "train.py", "die=6", status=-9)
    found = reproduced(git_repo, only_run(git_repo), "--", "train.py", status=0)
    assert found["status"] == "identical"
    assert any("the older run is crashed" in text for text in found["limits"])


@pytest.mark.slow
def test_a_failing_reproduction_says_how_it_ended(git_repo: Path) -> None:
    """It needs a file that git ignores, and that is not there."""
    (git_repo / ".gitignore").write_text("raw\n")
    (git_repo / "raw").write_text("1")
    commit_script(
        git_repo,
        """
        import tracker
        run = tracker.init(project="p")
        run.log({"a": 1})
        run.log({"b": open("raw").read()})
        """,
    )
    start(git_repo, "train.py")
    done = tracker_command(git_repo, "reproduce", only_run(git_repo), status=1)
    assert "the end: finished then, failed (FileNotFoundError" in done.stdout
    assert "because git ignores it: raw" in done.stderr
    assert "What was not as then" in done.stdout
    assert reproduced(git_repo, only_first(git_repo), "--with", "raw", status=0)["status"] == "identical"


def only_first(folder: Path) -> str:
    """Return the id of the run that reproduces no other."""
    found = Catalog(Repo.open(folder).layout).runs()
    (first,) = [entry.id for entry in found if entry.record.reproduces is None]
    return first


def test_a_command_that_begins_no_run_is_an_error(git_repo: Path) -> None:
    commit_script(git_repo)
    start(git_repo, "train.py")
    done = tracker_command(
        git_repo, "reproduce", only_run(git_repo), "--", "-c", "raise SystemExit(4)", status=3
    )
    assert "began no run in project p, and ended with status 4" in done.stderr


def test_the_plan_is_shown_and_nothing_is_done(git_repo: Path) -> None:
    commit_script(git_repo)
    start(git_repo, "train.py")
    done = tracker_command(git_repo, "reproduce", only_run(git_repo), "--print")
    assert "in a new worktree" in done.stdout
    assert worktrees(git_repo) == []
    plain = json.loads(tracker_command(git_repo, "reproduce", only_run(git_repo), "--print", "--json").stdout)
    assert plain["variables"]["TRACKER_REVIVE_REPRODUCES"] == only_run(git_repo)


def test_the_worktree_is_kept_on_request(git_repo: Path) -> None:
    commit_script(git_repo)
    start(git_repo, "train.py")
    found = reproduced(git_repo, only_run(git_repo), "--keep", status=0)
    assert worktrees(git_repo) == [Path(found["folder"])]


@pytest.mark.slow
def test_a_resumed_run_is_run_again_from_its_beginning(git_repo: Path) -> None:
    commit_script(git_repo)
    start(git_repo, "train.py", "die=6", status=-9)
    tracker_command(git_repo, "resume", only_run(git_repo), "--", "train.py", "x=1")
    repo = Repo.open(git_repo)
    entry = Catalog(repo.layout).find(only_run(git_repo))
    assert session_to_reproduce(entry).number == 0
    plan = plan_reproduction(repo, entry, ReproduceOptions(), {})
    assert plan.command.words[1:] == ("train.py", "die=6")
    assert any("sessions of other code or commands" in note for note in plan.notes)
    assert reproduced(git_repo, entry.id, "--", "train.py", status=0)["status"] == "identical"


def test_an_interrupted_reproduction_is_no_verdict(git_repo: Path) -> None:
    waiting = """
        import sys, time, tracker
        run = tracker.init(project="p")
        run.log({"a": 1})
        print("up", flush=True)
        time.sleep(0 if sys.argv[1:] else 60)
    """
    commit_script(git_repo, waiting)
    start(git_repo, "train.py", "quick")
    command = [sys.executable, "-m", "tracker.cli.main", "reproduce", only_run(git_repo), "--", "train.py"]
    with subprocess.Popen(command, cwd=git_repo, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        assert process.wait() == 128 + signal.SIGTERM
    states = sorted(entry.state for entry in Catalog(Repo.open(git_repo).layout).runs())
    assert states == ["finished", "preempted"]


@pytest.mark.parametrize("layout", ["src", "flat"])
@pytest.mark.slow
def test_a_project_on_the_path_is_imported_from_the_old_code(git_repo: Path, layout: str) -> None:
    """Not from the user's tree, where PYTHONPATH points."""
    top = git_repo / "src" if layout == "src" else git_repo
    (top / "lib").mkdir(parents=True)
    (top / "lib" / "__init__.py").write_text("VALUE = 1\n")
    commit_script(
        git_repo,
        "import lib, tracker; tracker.init(project='p').log({'value': lib.VALUE})",
        "scripts/train.py",
    )
    start(git_repo, "scripts/train.py", PYTHONPATH=str(top))
    (top / "lib" / "__init__.py").write_text("VALUE = 2\n")
    done = tracker_command(git_repo, "reproduce", only_run(git_repo), "--json", status=0, PYTHONPATH=str(top))
    assert json.loads(done.stdout)["status"] == "identical"
