"""runs, show, log, config, doctor, init and completion, over runs that the API recorded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import tracker as api
from tests.cli.conftest import Tracker, save
from tests.conftest import git
from tests.tracker.compare.runs_on_disk import make_run
from tracker.live import session
from vcs.repo import Repo


@pytest.fixture
def trained(
    tracker: Tracker, git_repo: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> dict[str, str]:
    """Three runs by their names, recorded in this process: two of LeNet5, one of other that failed."""
    monkeypatch.setenv("TRACKER_CONSOLE", "off")
    monkeypatch.setattr(session, "_process_settings", api.Settings())
    ids = {}
    for name, lr, acc in (("first", 0.1, 0.9), ("second", 0.01, 0.95)):
        with api.init(
            project="LeNet5", name=name, config={"lr": lr, "model": {"size": 3}}, tags=["night"]
        ) as run:
            run.log({"acc": acc / 2, "loss": 1.0})
            run.log({"acc": acc, "loss": 0.5})
            artifact = api.Artifact("weights", "model")
            with artifact.new_file("w.txt", "w") as stream:
                stream.write(name)
            run.log_artifact(artifact, aliases=["best"])
            ids[name] = run.id
    with suppress(ZeroDivisionError), api.init(project="other", name="third") as run:
        ids["third"] = run.id
        run.log({"acc": float("nan")})
        1 / 0
    capfd.readouterr()
    return ids


# runs


def test_runs_lists_the_newest_first_with_their_results(tracker: Tracker, trained: dict[str, str]) -> None:
    """One line each."""
    lines = tracker("runs").out.splitlines()
    assert lines[0].split() == ["name", "id", "project", "state", "created", "runtime", "acc", "loss"]
    assert [line.split()[:4] for line in lines[1:]] == [
        ["third", trained["third"], "other", "failed"],
        ["second", trained["second"], "LeNet5", "finished"],
        ["first", trained["first"], "LeNet5", "finished"],
    ]
    assert lines[2].split()[-2:] == ["0.95", "0.5"]


def test_runs_of_a_project_by_a_filter_in_an_order(tracker: Tracker, trained: dict[str, str]) -> None:
    """Ids alone with -q; -n for the first ones."""
    assert tracker("runs", "-p", "LeNet5", "-q").out.split() == [trained["second"], trained["first"]]
    assert tracker("runs", "--filter", "config.lr > 0.05", "-q").out.split() == [trained["first"]]
    assert tracker("runs", "--sort", "summary.acc", "-p", "LeNet5", "-q", "-n", "1").out.split() == [
        trained["first"]
    ]
    assert tracker("runs", "-f", "state = failed", "-q").out.split() == [trained["third"]]


def test_runs_with_chosen_columns(tracker: Tracker, trained: dict[str, str]) -> None:
    """Of the configuration, of the summary; JSON has null for what a run lacks."""
    out = tracker("runs", "--columns", "name,config.model.size,summary.acc", "--sort", "name").out
    assert [line.split() for line in out.splitlines()[1:]] == [
        ["first", "3", "0.9"],
        ["second", "3", "0.95"],
        ["third", "nan"],
    ]
    rows = tracker("runs", "--columns", "name,config.lr", "--sort", "name", "--json").json
    assert rows == [
        {"name": "first", "config.lr": 0.1},
        {"name": "second", "config.lr": 0.01},
        {"name": "third", "config.lr": None},
    ]


def test_runs_as_json(tracker: Tracker, trained: dict[str, str]) -> None:
    """Flat rows; NaN is the text nan, since JSON has no number for it."""
    rows = {row["name"]: row for row in tracker("runs", "--json").json}
    assert rows["first"]["config.lr"] == 0.1
    assert rows["first"]["path"] == f"/LeNet5/{trained['first']}"
    assert rows["third"]["summary.acc"] == "nan"


def test_runs_on_a_commit(tracker: Tracker, trained: dict[str, str], git_repo: Path) -> None:
    """HEAD~1, a branch, a hash: as git names it."""
    old = git(git_repo, "rev-parse", "HEAD").strip()
    save(git_repo)
    make_run(Repo.open(git_repo).layout, "later", session={"commit": "1" * 40})
    assert set(tracker("runs", "--commit", old[:8], "-q").out.split()) == set(trained.values())
    assert tracker("runs", "--commit", "HEAD~1", "-p", "other", "-q").out.split() == [trained["third"]]
    said = tracker("runs", "--commit", "HEAD")
    assert (said.status, said.out) == (0, "")
    assert said.err == f"No run is on commit {git(git_repo, 'rev-parse', 'HEAD')[:10]}.\n"
    assert tracker("runs", "--commit", "nope").status == 3


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--filter", "state ="], "state ="),
        (["--filter", "stat = finished"], "did you mean state?"),
        (["--sort", "crated_at"], "did you mean created_at, "),
        (["--columns", "naem"], "did you mean name?"),
    ],
)
def test_runs_refuses_what_it_does_not_understand(tracker: Tracker, words: list[str], text: str) -> None:
    """With what was meant."""
    said = tracker("runs", *words)
    assert (said.status, said.out) == (2, "")
    assert text in said.err


def test_no_runs_says_how_to_begin(tracker: Tracker) -> None:
    """And an unknown project what there is."""
    said = tracker("runs")
    assert (said.status, said.out, said.err) == (0, "", "No runs yet. Start one: tracker run train.py\n")
    assert tracker("runs", "--json").json == []


def test_an_unknown_project_is_told_with_near_ones(tracker: Tracker, trained: dict[str, str]) -> None:
    """A misspelt question is no empty answer."""
    assert "did you mean LeNet5?" in tracker("runs", "-p", "lenet").err
    assert "No run passes the filter." in tracker("runs", "-f", "config.lr > 100").err


def test_a_damaged_record_hides_no_other_run(
    tracker: Tracker, trained: dict[str, str], git_repo: Path
) -> None:
    """It is named once."""
    (git_repo / ".tracker/runs/other" / trained["third"] / "run.yaml").write_text("format: 1\nid: [")
    said = tracker("runs", "-q")
    assert said.out.split() == [trained["second"], trained["first"]]
    assert said.err.count("run.yaml") == 1
    said = tracker("show", trained["third"])
    assert said.status == 8
    assert "run.yaml" in said.err


# show


def test_show_a_run_by_name_id_or_the_beginning_of_its_id(tracker: Tracker, trained: dict[str, str]) -> None:
    """With its project where one is wanted."""
    out = tracker("show", "first").out
    assert out.splitlines()[0] == f"first  LeNet5/{trained['first']}  finished"
    for name in (trained["first"], trained["first"][:6], f"LeNet5/{trained['first']}"):
        assert tracker("show", name).out.splitlines()[0] == out.splitlines()[0]


def test_show_has_config_summary_artifacts_and_sessions(
    tracker: Tracker, trained: dict[str, str], git_repo: Path
) -> None:
    """And what to do next."""
    out = tracker("show", "first").out
    commit = git(git_repo, "rev-parse", "HEAD").strip()
    for line in (
        "  lr             0.1",
        "  acc            0.9",
        "  LeNet5/weights:v0",
        f"  commit         {commit}",
        "  tags           night",
    ):
        assert f"{line}\n" in out
    assert "\nSession 0: finished, started " in out
    assert f"\nWhat happened: tracker log --run {trained['first']}\n" in out


def test_show_and_runs_tell_one_runtime(tracker: Tracker, git_repo: Path) -> None:
    """From the start to the end; not only to the last row."""
    make_run(
        Repo.open(git_repo).layout,
        "long",
        session={"ended": "2026-01-01T00:01:30.000Z"},
    )
    assert "  runtime        1:30\n" in tracker("show", "long").out
    assert tracker("show", "long", "--json").json["runtime_s"] == 90
    assert tracker("runs", "--json").json[0]["duration"] == 90


def test_show_of_a_failed_run_names_its_error(tracker: Tracker, trained: dict[str, str]) -> None:
    """Its type and message."""
    out = tracker("show", "third").out
    assert "  error          ZeroDivisionError: division by zero\n" in out


def test_show_as_json_is_the_whole_record(tracker: Tracker, trained: dict[str, str]) -> None:
    """With config, summary and keys beside it."""
    about = tracker("show", "second", "--json").json
    assert (about["id"], about["state"], about["config"]["model"]) == (
        trained["second"],
        "finished",
        {"size": 3},
    )
    assert (about["summary"]["acc"], about["keys"]) == (0.95, ["acc", "loss"])
    assert "best" in about["logged"][0]["aliases"]
    assert about["sessions"][0]["rows"] == 2


def test_show_a_run_whose_name_could_be_no_artifact(tracker: Tracker, git_repo: Path) -> None:
    """Names of runs are free."""
    make_run(Repo.open(git_repo).layout, "run1")
    run = api.Api().run("p/run1")
    run.name = "my best run!"
    run.update()
    assert tracker("show", "my best run!").out.startswith("my best run!  p/run1")


def test_show_a_version_by_its_name(tracker: Tracker, trained: dict[str, str]) -> None:
    """With and without an alias; found in the one project that has it."""
    assert tracker("show", "weights").out.startswith("LeNet5/weights:v1\n")
    assert tracker("show", "weights:v0", "--json").json["run"] == trained["first"]


def test_show_a_commit(tracker: Tracker, trained: dict[str, str], git_repo: Path) -> None:
    """Runs, versions and tracked data."""
    data = git_repo / "data"
    data.mkdir()
    (data / "x").write_text("x")
    assert tracker("track", "data", "--name", "mnist", "-p", "LeNet5").status == 0
    head = save(git_repo, "with data")
    lines = tracker("show", "HEAD").out.splitlines()
    assert lines[:2] == [f"commit {head}", "  with data"]
    assert [line.split()[:2] for line in lines if line.startswith("data ")] == [["data", "LeNet5/mnist:v0"]]
    before = tracker("show", "HEAD~1").out
    assert "\nRuns\n" in before
    assert "  LeNet5   finished" in before
    assert "LeNet5/weights:v0" in before
    about = tracker("show", head[:9], "--json").json
    assert (about["commit"], about["subject"]) == (head, "with data")
    assert [one["path"] for one in about["tracked"]] == ["data"]
    about = tracker("show", "HEAD~1", "--json").json
    assert {one["run"].split("/")[1] for one in about["runs"]} == set(trained.values())
    assert {one["code"] for one in about["runs"]} == {"as committed"}


def test_show_a_commit_of_which_nothing_is_recorded(tracker: Tracker, git_repo: Path) -> None:
    """Is said; a revision with @ is one too."""
    save(git_repo)
    assert tracker("show", "HEAD").out.endswith("\nNothing is recorded of it.\n")
    assert tracker("show", "main@{0}").out.splitlines()[1] == "  work"


@pytest.mark.parametrize("what", ["nothing", "no:v1", "no@ffff", "HEAD~99", "HEAD:train.py", "a b"])
def test_show_of_what_is_not_there(tracker: Tracker, trained: dict[str, str], what: str) -> None:
    """A sentence and a hint."""
    said = tracker("show", what)
    assert said.status in (2, 3)
    assert said.out == ""
    assert "\nHint: " in said.err


def test_several_runs_of_one_name_are_told(tracker: Tracker, git_repo: Path) -> None:
    """With their ids."""
    layout = Repo.open(git_repo).layout
    for run_id in ("abcd1", "abcd2"):
        make_run(layout, run_id)
    said = tracker("show", "abcd")
    assert said.status == 2
    assert "p/abcd1, p/abcd2" in said.err


# log


def test_log_reads_as_a_diary(tracker: Tracker, trained: dict[str, str]) -> None:
    """The newest first; of one run with --run."""
    lines = tracker("log").out.splitlines()
    assert f"run {trained['third']} failed" in lines[0]
    assert any("artifact LeNet5/weights:v1 (" in line for line in lines)
    mine = tracker("log", "--run", "first").out
    assert f"run {trained['first']} finished" in mine
    assert trained["second"] not in mine
    assert len(tracker("log", "-n", "2").out.splitlines()) == 2
    found = tracker("log", "--all", "--json").json
    assert set(found[0]) == {"commit", "time", "author", "message"}
    assert len(found) == len(lines)


def test_log_of_nothing_and_without_git(tracker: Tracker, plain_dir: Path) -> None:
    """Both are said."""
    said = tracker("log")
    assert (said.status, said.out) == (0, "")
    assert "Nothing recorded yet" in said.err
    said = tracker("-C", str(plain_dir), "log")
    assert said.status == 10
    assert "no ledger without a git repository" in said.err


# config, doctor, init, completion


def test_config_says_where_each_setting_comes_from(
    tracker: Tracker, git_repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment wins over tracker.yaml."""
    (git_repo / "tracker.yaml").write_text("project: LeNet5\nentity: team\n")
    found = {row["setting"]: (row["value"], row["from"]) for row in tracker("config", "--json").json}
    assert found["project"] == ("LeNet5", str(git_repo / "tracker.yaml"))
    assert found["store"][0] == str(git_repo / ".git/tracker")
    monkeypatch.setenv("TRACKER_PROJECT", "other")
    found = {row["setting"]: (row["value"], row["from"]) for row in tracker("config", "--json").json}
    assert found["project"] == ("other", "environment (TRACKER_PROJECT)")
    assert "team" in tracker("config").out


def test_a_damaged_tracker_yaml_is_an_error_with_its_name(tracker: Tracker, git_repo: Path) -> None:
    """Of every command; a key that looks like another is told."""
    (git_repo / "tracker.yaml").write_text("porject: x\n")
    said = tracker("runs")
    assert said.status == 8
    assert "tracker.yaml" in said.err
    assert "project" in said.err
    findings = {one["subject"]: one["verdict"] for one in tracker("doctor", "--json").json}
    assert findings["project"] == "problem"


def test_doctor_finds_a_good_project_good(tracker: Tracker, trained: dict[str, str]) -> None:
    """Status 0; nothing is a problem."""
    said = tracker("doctor")
    assert said.status == 0
    assert "PROBLEM" not in said.out
    assert "runs: 1 failed, 2 finished" in said.out
    found = tracker("doctor", "--json").json
    assert {one["verdict"] for one in found} <= {"ok", "note"}


def test_doctor_names_what_is_damaged(tracker: Tracker, trained: dict[str, str], git_repo: Path) -> None:
    """A run, a manifest; status 1."""
    (git_repo / ".tracker/runs/other" / trained["third"] / "run.yaml").write_text("id: [")
    (git_repo / ".tracker/artifacts/LeNet5/weights/v0.yaml").write_text("format: 1\n")
    said = tracker("doctor")
    assert said.status == 1
    problems = [line for line in said.out.splitlines() if line.startswith("PROBLEM")]
    assert any("run.yaml" in line for line in problems)
    assert any("v0.yaml" in line for line in problems)


@pytest.mark.parametrize("what", ["run", "version"])
def test_a_damaged_record_comes_with_the_command_that_brings_it_back(
    tracker: Tracker, trained: dict[str, str], git_repo: Path, what: str
) -> None:
    """Out of the ledger, as it was."""
    run_id = trained["third"]
    path = (
        git_repo
        / ".tracker"
        / (f"runs/other/{run_id}/run.yaml" if what == "run" else "artifacts/LeNet5/weights/v0.yaml")
    )
    asked = run_id if what == "run" else "LeNet5/weights:v0"
    before = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(before[:40])
    said = tracker("show", asked)
    assert said.status == 8
    hint = said.err.partition("Hint: bring back what the ledger has: ")[2]
    subprocess.run(["sh", "-ec", hint], check=True)
    assert path.read_bytes() == before
    assert tracker("show", asked).status == 0


def test_doctor_outside_of_git_says_what_is_lost(tracker: Tracker, plain_dir: Path) -> None:
    """A note, no problem."""
    said = tracker("-C", str(plain_dir), "doctor")
    assert said.status == 0
    assert "is no git repository: the code of runs is not recorded" in said.out


def test_doctor_says_that_git_is_too_old(
    tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before something fails for it."""
    real = shutil.which("git")
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$*" = version ] && exec echo git version 2.11.0\nexec {real} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    said = tracker("doctor")
    assert said.status == 1
    assert "PROBLEM git: git 2.11.0 is too old\n        Hint: install git 2.20 or newer\n" in said.out


@pytest.mark.parametrize("words", [(), ("--relogin", "0123456789")])
def test_a_habit_from_wandb_succeeds_and_says_that_no_account_is_needed(
    tracker: Tracker, words: tuple[str, ...]
) -> None:
    said = tracker("login", *words)
    assert (said.status, said.out) == (0, "")
    assert "No account and no login are needed" in said.err


@pytest.mark.parametrize(
    ("remote", "why"), [("../nas", "it is a folder"), ("ssh://box/folder", "ssh uses its own keys")]
)
def test_a_remote_without_keys_needs_no_login(tracker: Tracker, remote: str, why: str) -> None:
    """The habit succeeds there too."""
    assert tracker("remote", "add", "lab", remote).status == 0
    said = tracker("login")
    assert said.status == 0
    assert why in said.err
    assert tracker("login", "lab", "--key", "id:secret").status == 2


def test_init_prepares_a_folder_and_says_what_is_kept_where(tracker: Tracker, git_repo: Path) -> None:
    """A second call changes nothing; the settings are to be committed."""
    said = tracker("init", "--project", "LeNet5")
    assert said.status == 0
    assert f"Wrote {git_repo / 'tracker.yaml'}; commit it" in said.out
    assert (git_repo / "tracker.yaml").read_text() == "project: LeNet5\n"
    assert git(git_repo, "status", "--porcelain").split() == ["??", "tracker.yaml"]
    again = tracker("init", "--project", "LeNet5", "--json").json
    assert (again["project"], again["settings_written"], again["git"]) == ("LeNet5", False, True)
    said = tracker("init", "--project", "other")
    assert said.status == 2
    assert "names the project 'LeNet5'" in said.err


def test_init_refuses_a_project_that_cannot_be_before_it_makes_anything(
    tracker: Tracker, git_repo: Path
) -> None:
    """No folder is made."""
    assert tracker("init", "--project", "../x").status == 2
    assert not (git_repo / ".tracker").exists()


def test_init_without_git_says_so(tracker: Tracker, plain_dir: Path) -> None:
    """And works."""
    said = tracker("-C", str(plain_dir), "init")
    assert "git init" in said.out
    assert (plain_dir / ".tracker").is_dir()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(tracker: Tracker, shell: str) -> None:
    """Bash reads it without complaint."""
    said = tracker("completion", shell)
    assert said.status == 0
    assert "_TRACKER_COMPLETE" in said.out
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=said.out, text=True, check=True)


def test_completion_finds_the_shell_and_refuses_unknown_ones(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From SHELL."""
    monkeypatch.setenv("SHELL", "/bin/zsh")
    assert "compdef" in tracker("completion").out
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    said = tracker("completion")
    assert (said.status, "no completion for the shell 'tcsh'" in said.err) == (2, True)
    assert tracker("completion", "tcsh").status == 2


def test_looking_makes_nothing_on_disk(tracker: Tracker, git_repo: Path) -> None:
    """Commands that only show can be tried anywhere."""
    before = sorted(str(path) for path in git_repo.rglob("*"))
    for words in (
        ["runs"],
        ["artifact", "ls"],
        ["config"],
        ["doctor"],
        ["log"],
        ["show", "HEAD"],
        ["blame", "acc"],
    ):
        tracker(*words)
    assert sorted(str(path) for path in git_repo.rglob("*")) == before


def test_a_script_is_run_by_the_command(git_repo: Path) -> None:
    """Its exit status is that of the command; `import wandb` means tracker there."""
    (git_repo / "old.py").write_text("import sys, wandb\nassert wandb.__name__\nsys.exit(int(sys.argv[1]))\n")
    words = [sys.executable, "-m", "tracker.cli.main", "run", "old.py", "7"]
    done = subprocess.run(words, cwd=git_repo, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (7, "")


def test_doctor_tells_of_a_push_in_the_background_that_failed(tracker: Tracker, git_repo: Path) -> None:
    """Nobody else does: its run had ended."""
    (git_repo / "tracker.yaml").write_text("auto_push: true\n")
    repo = Repo.open(git_repo)
    repo.layout.push_log.parent.mkdir(parents=True, exist_ok=True)
    told = "2026-11-29T00:00:00Z push of run a\nError: no\n2026-11-29T01:00:00Z push of run b\n"
    repo.layout.push_log.write_text(f"{told}Pushed the records to origin.\n")
    assert "ok      auto_push" in tracker("doctor").out
    repo.layout.push_log.write_text(f"{told}Error: nobody answers\nHint: wait\n")
    said = tracker("doctor")
    assert said.status == 1
    assert "failed (2026-11-29T01:00:00Z push of run b): nobody answers" in said.out
