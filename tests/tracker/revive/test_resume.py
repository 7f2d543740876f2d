"""A run goes on: old code, inputs, checkpoint, step, command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import tracker
from tests.conftest import git
from tests.tracker.live.conftest import written
from tests.tracker.revive.scripts import COUNTING, commit_script, only_run, start, tracker_command
from tracker.errors import ConflictError, LockedError, NotFoundError, UsageError
from tracker.revive.resume import ResumeOptions, environment_notes, plan_auto, plan_resume
from tracker.storage.catalog import Catalog
from vcs.repo import Repo


@pytest.fixture
def killed(git_repo: Path) -> Path:
    """A repository with a run that was killed after six rows, its last checkpoint after four."""
    commit_script(git_repo)
    start(git_repo, "train.py", "die=6", status=-9)
    return git_repo


def plan_for(folder: Path, **options: Any) -> Any:
    repo = Repo.open(folder)
    (entry,) = Catalog(repo.layout).runs()
    return plan_resume(repo, entry, ResumeOptions(**options), dict(os.environ))


def rows(folder: Path) -> list[tuple[int, int, int]]:
    """Step, counter and version of the code in each row that counts."""
    return [(row["_step"], row["i"], row["code"]) for row in written(folder).rows()]


def new_code(folder: Path) -> str:
    return commit_script(folder, COUNTING.replace("CODE = 1", "CODE = 2"), message="new code")


def test_old_code_checkpoint_and_step_come_back_after_the_code_was_changed(killed: Path) -> None:
    new_code(killed)
    (killed / "train.py").write_text("raise SystemExit('not this one')")
    tracker_command(killed, "resume", only_run(killed))
    assert rows(killed) == [(i, i, 1) for i in range(10)]
    record = written(killed).record
    assert (record.state, len(record.sessions), record.sessions[1].from_step) == ("finished", 2, 4)
    assert record.sessions[1].code_commit == record.sessions[0].code_commit
    worktree = Repo.open(killed).layout.worktree_of("p", record.id)
    assert (worktree / "result.txt").read_text() == "1 4"
    assert not (killed / "result.txt").exists()
    assert (killed / "train.py").read_text() == "raise SystemExit('not this one')"


def test_the_plan_is_shown_and_nothing_is_done(killed: Path) -> None:
    before = sorted(killed.rglob("*"))
    run_id = only_run(killed)
    shown = tracker_command(killed, "resume", run_id, "--print").stdout
    plain = json.loads(tracker_command(killed, "resume", run_id, "--json").stdout)
    assert f"p/{run_id}-checkpoint:v0" in shown
    assert "4; 3 rows from there on will be masked, none removed" in shown
    assert plain["step"] == 4
    assert plain["masked_rows"] == 3
    assert plain["action"] == "create"
    assert plain["command"] == [sys.executable, "train.py", "die=6"]
    assert [path for path in sorted(killed.rglob("*")) if path not in before] == []


@pytest.mark.slow
def test_a_dirty_tree_of_then_comes_back_with_its_untracked_files(git_repo: Path) -> None:
    commit_script(git_repo)
    (git_repo / "train.py").write_text(
        (git_repo / "train.py").read_text().replace("CODE = 1", "from helper import CODE")
    )
    (git_repo / "helper.py").write_text("CODE = 7\n")
    start(git_repo, "train.py", "die=6", status=-9)
    git(git_repo, "checkout", "-q", "--", "train.py")
    (git_repo / "helper.py").unlink()
    tracker_command(git_repo, "resume", only_run(git_repo))
    assert rows(git_repo) == [(i, i, 7) for i in range(10)]


@pytest.mark.slow
def test_another_checkpoint_is_loaded_under_the_name_that_the_script_asks_for(killed: Path) -> None:
    run_id = only_run(killed)
    tracker_command(killed, "resume", run_id)
    done = tracker_command(killed, "resume", run_id, "--checkpoint", "v0")
    assert f"{run_id}-checkpoint:latest means p/{run_id}-checkpoint:v0 in this run" in done.stderr
    assert rows(killed) == [(i, i, 1) for i in range(10)]
    assert written(killed).record.sessions[2].from_step == 4


def test_a_script_that_loads_no_checkpoint_is_set_to_its_step_all_the_same(killed: Path) -> None:
    code = "import tracker; run = tracker.init(project='p'); print('step', run.step, run.resumed)"
    done = tracker_command(killed, "resume", only_run(killed), "--", sys.executable, "-c", code)
    assert "step 4 True" in done.stdout
    assert [row["_step"] for row in written(killed).rows()] == [0, 1, 2, 3]


@pytest.mark.slow
def test_a_checkpoint_that_another_run_logged_first_has_the_step_at_which_this_one_did(
    git_repo: Path,
) -> None:
    """Equal contents are one version, whoever logs them."""
    commit_script(git_repo, COUNTING.replace("{run.id}-checkpoint", "ck"))
    start(git_repo, "train.py")
    start(git_repo, "train.py", "die=6", status=-9)
    (killed,) = [run for run in Catalog(Repo.open(git_repo).layout).runs() if run.state == "crashed"]
    tracker_command(git_repo, "resume", killed.id)
    found = written(git_repo, killed.id)
    assert found.record.sessions[1].from_step == 4
    assert [(row["_step"], row["i"]) for row in found.rows()] == [(i, i) for i in range(10)]


def test_a_step_can_be_given(killed: Path) -> None:
    assert plan_for(killed, step=2).revival.step == 2
    assert plan_for(killed, step=2).masked == 5


def test_without_a_checkpoint_the_run_begins_again_and_that_is_said(git_repo: Path) -> None:
    commit_script(git_repo)
    start(git_repo, "train.py", "die=2", status=-9)
    plan = plan_for(git_repo)
    assert (plan.checkpoint, plan.step, plan.masked) == (None, 0, 3)
    assert any("has no checkpoint" in note for note in plan.notes)
    with pytest.raises(NotFoundError):
        plan_for(git_repo, checkpoint="best")


def test_the_script_runs_where_it_ran(git_repo: Path) -> None:
    commit_script(git_repo, name="examples/small/train.py")
    start(git_repo / "examples" / "small", "train.py", "die=6", status=-9)
    tracker_command(git_repo, "resume", only_run(git_repo))
    worktree = Repo.open(git_repo).layout.worktree_of("p", only_run(git_repo))
    assert (worktree / "examples/small/result.txt").read_text() == "1 4"


def test_an_absolute_path_to_the_script_leads_to_the_old_one(git_repo: Path) -> None:
    commit_script(git_repo)
    start(git_repo, str(git_repo / "train.py"), "die=6", status=-9)
    new_code(git_repo)
    tracker_command(git_repo, "resume", only_run(git_repo))
    assert rows(git_repo) == [(i, i, 1) for i in range(10)]


def test_the_exit_status_is_the_scripts(killed: Path) -> None:
    tracker_command(killed, "resume", only_run(killed), "--", "train.py", "status=5", status=5)
    assert written(killed).record.state == "failed"


@pytest.mark.slow
def test_a_second_resume_uses_the_worktree_again(git_repo: Path) -> None:
    commit_script(git_repo)
    start(git_repo, "train.py", "die=6", status=-9)
    run_id = only_run(git_repo)
    for _ in range(2):
        tracker_command(git_repo, "resume", run_id)
    # The first one wrote result.txt, which is part of the second one's code.
    assert plan_for(git_repo).code.tree.action == "reuse"
    assert rows(git_repo) == [(i, i, 1) for i in range(10)]


def test_a_worktree_that_was_changed_is_not_touched(killed: Path) -> None:
    run_id = only_run(killed)
    tracker_command(killed, "resume", run_id)
    worktree = Repo.open(killed).layout.worktree_of("p", run_id)
    (worktree / "train.py").write_text("by hand")
    done = tracker_command(killed, "resume", run_id, status=5)
    assert "was changed: train.py" in done.stderr
    assert "git worktree remove --force" in done.stderr
    assert (worktree / "train.py").read_text() == "by hand"


def test_in_place_the_old_code_is_checked_out_here(killed: Path) -> None:
    (killed / ".gitignore").write_text("artifacts/\nresult.txt\n")
    git(killed, "add", ".gitignore")
    git(killed, "commit", "-q", "-m", "ignore")
    new_code(killed)
    tracker_command(killed, "resume", only_run(killed), "--in-place")
    assert rows(killed) == [(i, i, 1) for i in range(10)]
    assert (killed / "result.txt").read_text() == "1 4"
    assert git(killed, "branch", "--show-current") == ""


def test_in_place_a_dirty_tree_is_refused_unless_it_is_that_code(killed: Path) -> None:
    (killed / "train.py").write_text("by hand")
    with pytest.raises(ConflictError, match="not clean"):
        plan_for(killed, in_place=True)
    git(killed, "checkout", "-q", "--", "train.py")
    assert plan_for(killed, in_place=True).code.tree.action == "none"


def test_a_run_that_is_going_on_is_refused(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(git_repo)
    with tracker.init(project="p"), pytest.raises(LockedError, match="still going on"):
        plan_for(git_repo)


# inputs


def log_data(folder: Path, text: str, name: str = "data") -> None:
    (folder.parent / "mnist").mkdir(exist_ok=True)
    (folder.parent / "mnist" / "x.txt").write_text(text)
    tracker_command(
        folder,
        "artifact",
        "put",
        str(folder.parent / "mnist"),
        "--name",
        name,
        "--type",
        "dataset",
        "-p",
        "p",
    )


READING = """
    import os, sys
    from pathlib import Path
    import tracker
    run = tracker.init(project="p")
    there = Path("mnist/x.txt").exists()
    folder = run.use_artifact("data:latest").download("mnist")
    run.log({"there": there, "text": Path(folder, "x.txt").read_text()})
    if not run.resumed:
        run._port().flush()
        os.kill(os.getpid(), 9)
"""


@pytest.mark.slow
def test_inputs_lie_where_the_run_had_them_as_they_were(git_repo: Path) -> None:
    """Also when `latest` is another version by now."""
    commit_script(git_repo, READING)
    log_data(git_repo, "old")
    start(git_repo, "train.py", status=-9)
    log_data(git_repo, "new")
    plan = plan_for(git_repo)
    assert [(one.version, one.state) for one in plan.inputs] == [("p/data:v0", "to bring")]
    tracker_command(git_repo, "resume", only_run(git_repo))
    assert written(git_repo).rows() == [{"_step": 0, "there": True, "text": "old"}]
    assert plan_for(git_repo).inputs[0].state == "in place"


@pytest.mark.slow
def test_an_input_that_is_gone_is_said_and_stops_it(git_repo: Path) -> None:
    commit_script(git_repo, READING)
    log_data(git_repo, "old")
    start(git_repo, "train.py", status=-9)
    tracker_command(git_repo, "artifact", "rm", "p/data:v0", "--yes", "--delete-aliases")
    assert plan_for(git_repo).inputs[0].state == "missing"
    done = tracker_command(git_repo, "resume", only_run(git_repo), status=3)
    assert "the input p/data:v0 is gone" in done.stderr


@pytest.mark.slow
def test_ignored_data_is_named_and_copied_on_request(git_repo: Path) -> None:
    (git_repo / ".gitignore").write_text("/raw/\n*.pyc\n")
    code = "import tracker, os; tracker.init(project='p').log({'raw': os.path.exists('raw/x')})"
    commit_script(git_repo, code)
    (git_repo / "raw").mkdir()
    (git_repo / "raw" / "x").write_text("1")
    start(git_repo, "train.py")
    plan = plan_for(git_repo)
    assert plan.code.unknown == ("raw/",)
    assert any("raw/" in note and "was not recorded" in note for note in plan.notes)
    tracker_command(git_repo, "resume", only_run(git_repo))
    assert written(git_repo).rows()[0]["raw"] is False
    tracker_command(git_repo, "resume", only_run(git_repo), "--with", "raw", "--step", "0")
    assert written(git_repo).rows()[0]["raw"] is True


@pytest.mark.slow
def test_tracked_paths_are_brought_to_the_pointers_of_then(git_repo: Path) -> None:
    code = "import tracker; tracker.init(project='p').log({'text': open('data/x').read()})"
    commit_script(git_repo, code)
    for text in ("old", "new"):
        (git_repo / "data").mkdir(exist_ok=True)
        (git_repo / "data" / "x").write_text(text)
        tracker_command(git_repo, *(["track", "data"] if text == "old" else ["commit"]))
        git(git_repo, "add", "-A")
        git(git_repo, "commit", "-q", "-m", text)
        if text == "old":
            start(git_repo, "train.py")
    assert plan_for(git_repo).code.tracked == ("data",)
    tracker_command(git_repo, "resume", only_run(git_repo), "--step", "0")
    assert [row["text"] for row in written(git_repo).rows()] == ["old"]
    assert (git_repo / "data" / "x").read_text() == "new"


# from Python


@pytest.mark.slow
def test_python_does_the_same_and_returns_the_status(
    killed: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(killed)
    assert tracker.resume(only_run(killed)) == 0
    assert rows(killed) == [(i, i, 1) for i in range(10)]
    assert tracker.resume(only_run(killed), command=["train.py", "status=4"]) == 4


# preemption and job scripts


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
@pytest.mark.slow
def test_a_preempted_run_is_ready_to_go_on(git_repo: Path, name: str) -> None:
    number = getattr(signal, name)
    commit_script(git_repo)
    start(git_repo, "train.py", "die=6", f"signal={int(number)}", status=-number)
    assert written(git_repo).record.state == "preempted"
    tracker_command(git_repo, "resume", only_run(git_repo))
    assert rows(git_repo) == [(i, i, 1) for i in range(10)]


def test_a_signal_to_the_command_reaches_the_script(git_repo: Path) -> None:
    waiting = "import tracker, time; run = tracker.init(project='p'); print('up', flush=True); time.sleep(60)"
    commit_script(git_repo, waiting)
    command = [sys.executable, "-m", "tracker.cli.main", "resume", "--auto", "--", "train.py"]
    with subprocess.Popen(command, cwd=git_repo, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        assert process.wait() == -signal.SIGTERM
    assert written(git_repo).record.state == "preempted"


@pytest.mark.slow
def test_a_job_script_can_call_it_blindly(git_repo: Path) -> None:
    commit_script(git_repo)
    job = ("resume", "--auto", "--", "python", "train.py", "die=6", "signal=15")
    assert tracker_command(git_repo, *job, "--print-nothing", status=-15).returncode == -15
    again = job[:2] + job[2:] + ("--print-nothing",)
    tracker_command(git_repo, *again)
    assert rows(git_repo) == [(i, i, 1) for i in range(10)]
    assert len(written(git_repo).record.sessions) == 2
    # It ended well, so the next one is a new run.
    tracker_command(git_repo, *again, status=-15)
    assert len(list((git_repo / ".tracker/runs/p").glob("[!.]*"))) == 2


def test_jobs_are_told_apart_by_command_directory_label_and_array(git_repo: Path) -> None:
    from tracker.revive.resume import job_key

    base = job_key(["train.py"], {}, "")
    assert base == job_key(["train.py"], {"HOME": "/x"}, "")
    others = {
        job_key(["train.py", "--lr"], {}, ""),
        job_key(["train.py"], {}, "a"),
        job_key(["train.py"], {"SLURM_ARRAY_TASK_ID": "3"}, ""),
    }
    assert len({base, *others}) == 4


@pytest.mark.slow
def test_a_failed_job_goes_on_too_until_it_ends_well(git_repo: Path) -> None:
    commit_script(git_repo)
    job = ("resume", "--auto", "--", "train.py", "status=3")
    tracker_command(git_repo, *job, status=3)
    tracker_command(git_repo, *job, status=3)
    assert len(written(git_repo).record.sessions) == 2


def test_auto_shows_its_plan(killed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(killed)
    repo = Repo.open()
    plan = plan_auto(repo, ["train.py"], dict(os.environ))
    assert (plan.verb, plan.run, plan.code) == ("start", None, None)
    with pytest.raises(UsageError, match="needs the command"):
        plan_auto(repo, [], {})
    done = tracker_command(killed, "resume", "--auto", "--in-place", "--", "train.py", status=2)
    assert "--in-place has no place beside --auto" in done.stderr


def test_a_job_that_is_going_on_is_not_begun_twice(git_repo: Path) -> None:
    waiting = (
        "import tracker, sys; run = tracker.init(project='p'); print('up', flush=True); sys.stdin.readline()"
    )
    commit_script(git_repo, waiting)
    command = [sys.executable, "-m", "tracker.cli.main", "resume", "--auto", "--", "train.py"]
    with subprocess.Popen(
        command, cwd=git_repo, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        done = tracker_command(git_repo, "resume", "--auto", "--", "train.py", status=6)
        assert "--label" in done.stderr
        process.communicate("\n")


# what is not as it was


def test_other_packages_are_named(killed: Path) -> None:
    from tracker.compare.runs import ComparedRun
    from tracker.revive.python_facts import PythonFacts

    (entry,) = Catalog(Repo.open(killed).layout).runs()
    entry.layout.requirements.write_text("torch==1.0\ngone==2\nsame==3  # file:///x\n")
    facts = PythonFacts("3.9.1", {"torch": "2.0", "same": "3"}, ())
    notes = environment_notes(ComparedRun(entry), facts)
    assert notes[0].startswith("Python was 3.")
    assert notes[1:] == ["packages are not as then: torch 1.0 -> 2.0", "packages of then are missing: gone"]


def test_code_that_was_not_recorded_runs_in_place_only(git_repo: Path) -> None:
    commit_script(git_repo)
    start(git_repo, "train.py", "die=6", status=-9, TRACKER_DISABLE_CODE="true")
    with pytest.raises(UsageError, match="was not recorded"):
        plan_for(git_repo)
    plan = plan_for(git_repo, in_place=True)
    assert any("what lies in" in note for note in plan.notes)


@pytest.mark.slow
def test_a_folder_without_git_has_jobs_and_runs_that_go_on_in_place(plain_dir: Path) -> None:
    (plain_dir / "train.py").write_text(textwrap.dedent(COUNTING))
    job = ("resume", "--auto", "--", "train.py", "die=6", "signal=15")
    tracker_command(plain_dir, *job, status=-15)
    tracker_command(plain_dir, *job)
    assert rows(plain_dir) == [(i, i, 1) for i in range(10)]
    run_id = only_run(plain_dir)
    assert "--in-place" in tracker_command(plain_dir, "resume", run_id, status=2).stderr
    tracker_command(plain_dir, "resume", run_id, "--in-place")
    assert len(written(plain_dir).record.sessions) == 3
