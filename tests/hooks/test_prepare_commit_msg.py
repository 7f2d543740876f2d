"""Messages name the runs that finished: which ones, how, and never twice."""

from __future__ import annotations

import getpass
import time
from pathlib import Path
from typing import Any

import pytest

from tests.hooks.project import Project
from vcs.clock import iso_time
from vcs.yaml_io import dump_yaml

RECENTLY = 3600.0


@pytest.fixture
def project(bare_project: Project) -> Project:
    """A repository with hooks and without tracked data."""
    bare_project.install()
    return bare_project


def finish_run(
    project: Project,
    run_id: str = "aaaa1111",
    name: str = "calm-otter-12",
    *,
    ago_s: float = RECENTLY,
    state: str = "finished",
    summary: dict[str, Any] | None = None,
    **more: Any,
) -> Path:
    """Write the records of a run that has ended, as the tracker does."""
    folder = project.root / ".tracker" / "runs" / "p" / run_id
    folder.mkdir(parents=True)
    (project.root / ".tracker" / ".gitignore").write_text("*\n")
    session = {
        "number": 0,
        "started": iso_time(time.time() - ago_s - 60),
        "ended": iso_time(time.time() - ago_s),
        "commit": project.ask("rev-parse", "HEAD"),
        "branch": "main",
        "user": getpass.getuser(),
    }
    metrics = more.pop("metrics", [])
    record = {"format": 1, "id": run_id, "project": "p", "name": name, "state": state, "metrics": metrics}
    (folder / "run.yaml").write_text(dump_yaml({**record, "sessions": [{**session, **more}]}))
    if summary is not None:
        (folder / "summary.yaml").write_text(dump_yaml(summary))
    return folder


def trailers(project: Project, commit: str = "HEAD") -> list[str]:
    """The trailers of a commit, as git reads them."""
    return project.ask("log", "-1", "--format=%(trailers:key=Tracker-Run,unfold)", commit).splitlines()


def commit(project: Project, *arguments: str) -> None:
    project.git("commit", "-q", "--allow-empty", *(arguments or ("-m", "change")))


def test_a_finished_run_is_named_with_its_metric(project: Project) -> None:
    """As a trailer, which git itself can read."""
    finish_run(project, summary={"val/acc": 0.9871, "val/loss": 0.04, "_step": 12})
    commit(project)
    assert trailers(project) == ["Tracker-Run: calm-otter-12 val/acc=0.9871"]
    assert project.ask("log", "-1", "--format=%s") == "change"


def test_a_run_is_named_once(project: Project) -> None:
    """The next commit has only what came since, also within the same second."""
    finish_run(project)
    commit(project)
    commit(project)
    finish_run(project, "bbbb2222", "brave-newt-13", ago_s=0)
    commit(project)
    assert [trailers(project, f"HEAD~{n}") for n in (2, 1, 0)] == [
        ["Tracker-Run: calm-otter-12"],
        [],
        ["Tracker-Run: brave-newt-13"],
    ]


def test_several_runs_are_named_in_the_order_in_which_they_ended(project: Project) -> None:
    """The newest last."""
    finish_run(project, "aaaa1111", "second", ago_s=100)
    finish_run(project, "bbbb2222", "first", ago_s=200)
    commit(project)
    assert trailers(project) == ["Tracker-Run: first", "Tracker-Run: second"]


def test_the_trailers_join_those_that_are_there(project: Project) -> None:
    """After a sign-off, in the same block."""
    finish_run(project)
    commit(project, "-s", "-m", "change\n\nWhy it was changed.")
    assert project.ask("log", "-1", "--format=%b").splitlines() == [
        "Why it was changed.",
        "",
        "Signed-off-by: Test <test@example.org>",
        "Tracker-Run: calm-otter-12",
    ]


@pytest.mark.parametrize("state", ["running", "failed", "killed", "preempted", "crashed"])
def test_runs_that_did_not_end_well_are_not_named(project: Project, state: str) -> None:
    """Only finished ones speak for a commit."""
    finish_run(project, state=state)
    commit(project)
    assert trailers(project) == []


def test_runs_before_the_last_commit_are_not_named(project: Project) -> None:
    """They belong to an earlier one."""
    now = {f"GIT_{who}_DATE": "2030-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")}
    project.git("commit", "-q", "--allow-empty", "-m", "now", **now)
    finish_run(project)
    commit(project)
    assert trailers(project) == []


def test_runs_of_other_people_are_not_named(project: Project) -> None:
    """Records of a team come in by pulling; each names their own."""
    finish_run(project, user="somebody else")
    commit(project)
    assert trailers(project) == []


def test_runs_of_other_lines_of_history_are_not_named(project: Project) -> None:
    """What ran on another branch is not about this one, however recent it is."""
    project.git("checkout", "-q", "-b", "other")
    project.git("commit", "-q", "--allow-empty", "-m", "other")
    finish_run(project, branch="other")
    project.git("checkout", "-q", "main")
    commit(project)
    assert trailers(project) == []
    project.git("checkout", "-q", "other")
    commit(project)
    assert trailers(project) == ["Tracker-Run: calm-otter-12"]


def test_a_run_that_ended_before_an_amend_is_named(project: Project) -> None:
    """Its commit is gone from the history, and the new one is younger than the run."""
    finish_run(project)
    commit = project.ask("rev-parse", "HEAD")
    project.git("update-ref", f"refs/tracker/code/{commit}", commit)
    project.git("commit", "-q", "--amend", "--no-edit", GIT_COMMITTER_DATE="2030-01-01T00:00:00Z")
    assert [one.old for one in project.log().rewrites] == [commit]
    project.git("commit", "-q", "--allow-empty", "-m", "change")
    assert trailers(project) == ["Tracker-Run: calm-otter-12"]


def test_a_run_named_on_one_branch_is_not_named_on_another(project: Project) -> None:
    """The log of commits remembers, as messages on other branches are not looked at."""
    finish_run(project)
    project.git("checkout", "-q", "-b", "other")
    commit(project)
    project.git("checkout", "-q", "main")
    commit(project)
    assert trailers(project) == []
    assert [one.run for one in project.log().runs] == ["aaaa1111"]


def test_amending_adds_nothing_and_keeps_what_is_there(project: Project) -> None:
    """The message is that of the commit before."""
    finish_run(project)
    commit(project)
    finish_run(project, "bbbb2222", "brave-newt-13", ago_s=0)
    commit(project, "--amend", "--no-edit")
    assert trailers(project) == ["Tracker-Run: calm-otter-12"]


def test_a_merge_adds_nothing(project: Project) -> None:
    """git writes the message of a merge."""
    project.git("checkout", "-q", "-b", "other")
    commit(project)
    project.git("checkout", "-q", "main")
    commit(project)
    finish_run(project)
    project.git("merge", "-q", "--no-ff", "other", "-m", "merge")
    assert trailers(project) == []


def test_squash_fixup_and_replayed_commits_add_nothing(project: Project) -> None:
    """They become part of other commits, or are others."""
    commit(project, "-m", "one")
    project.git("checkout", "-q", "-b", "other", "HEAD~1")
    project.write("side.py", "1\n")
    project.git("add", "side.py")
    project.git("commit", "-q", "-m", "side")
    project.git("checkout", "-q", "main")
    finish_run(project)
    project.git("cherry-pick", "other")
    assert trailers(project) == []
    commit(project, "--fixup", "HEAD")
    assert trailers(project) == []
    project.git("rebase", "-q", "-i", "--autosquash", "HEAD~2", GIT_SEQUENCE_EDITOR="true")
    assert trailers(project) == []
    commit(project)
    assert trailers(project) == ["Tracker-Run: calm-otter-12"]


def test_an_aborted_commit_names_nothing_for_ever(project: Project) -> None:
    """A later hook refused; the next try has the run again."""
    finish_run(project)
    refuse = project.root / ".git" / "hooks" / "commit-msg.before-tracker"
    refuse.write_text("#!/bin/sh\nexit 1\n")
    refuse.chmod(0o755)
    assert project.git("commit", "--allow-empty", "-m", "x", check=False).code == 1
    refuse.unlink()
    commit(project)
    assert trailers(project) == ["Tracker-Run: calm-otter-12"]


def test_the_editor_shows_them_and_the_user_may_take_them_out(project: Project) -> None:
    """What was taken out is not named by this commit, nor by the next."""
    finish_run(project)
    editor = "sed -i -e '1i a title' -e '/^Tracker-Run/d'"
    project.git("commit", "-q", "--allow-empty", GIT_EDITOR=editor)
    assert project.ask("log", "-1", "--format=%B").strip() == "a title"
    assert project.log().runs == ()


def test_the_editor_keeps_them_below_the_text(project: Project) -> None:
    """The first line is free for the title."""
    finish_run(project)
    project.git("commit", "-q", "--allow-empty", GIT_EDITOR="sed -i '1i a title'")
    assert project.ask("log", "-1", "--format=%s") == "a title"
    assert trailers(project) == ["Tracker-Run: calm-otter-12"]


@pytest.mark.parametrize("arguments", [(), ("--verbose",), ("--no-verify",)])
def test_a_message_left_empty_still_aborts_the_commit(project: Project, arguments: tuple[str, ...]) -> None:
    """Trailers alone are no message."""
    finish_run(project)
    project.write("train.py", "print(2)\n")
    done = project.git("commit", "-a", *arguments, check=False, GIT_EDITOR="true")
    assert done.code == 1
    assert "Aborting commit due to empty commit message" in done.text


def test_an_untouched_template_still_aborts_the_commit(project: Project) -> None:
    """As git does without us."""
    template = project.write("template.txt", "title\n\nwhy\n")
    finish_run(project)
    done = project.git("commit", "--allow-empty", "-t", str(template), check=False, GIT_EDITOR="true")
    assert done.code == 1
    assert "you did not edit the message" in done.text


def test_a_sweep_is_named_by_its_newest_runs(project: Project) -> None:
    """Twenty; the others are counted, and belong to the same commit."""
    for number in range(23):
        finish_run(project, f"{number:08d}", f"run-{number:02d}", ago_s=1000 - number)
    said = project.git("commit", "--allow-empty", "-m", "sweep").text
    assert "23 runs finished since the last commit; the message names the newest 20" in said
    assert trailers(project) == [f"Tracker-Run: run-{number:02d}" for number in range(3, 23)]
    commit(project)
    assert trailers(project) == []
    assert len(project.log().runs) == 23


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ({"loss": 0.5, "acc": 0.9, "epoch": 3}, "acc=0.9"),
        ({"train/acc": 0.99, "val/acc": 0.9, "test/acc": 0.8}, "test/acc=0.8"),
        ({"train": {"loss": 0.25}, "lr": 0.1}, "train.loss=0.25"),
        ({"loss": float("nan"), "epoch": 3}, "epoch=3"),
        ({"images": {"_type": "images", "width": 28}, "name": "x", "ok": True}, ""),
        ({}, ""),
    ],
)
def test_the_most_telling_metric_is_chosen(project: Project, summary: dict[str, Any], expected: str) -> None:
    """Accuracies before losses before the rest; test before validation before training."""
    finish_run(project, summary=summary)
    commit(project)
    assert trailers(project) == [f"Tracker-Run: calm-otter-12 {expected}".rstrip()]


def test_what_the_script_defined_is_most_telling(project: Project) -> None:
    """`define_metric("loss", summary="min")`."""
    finish_run(
        project, summary={"acc": 0.9, "loss": {"min": 0.1}}, metrics=[{"name": "loss", "summary": ["min"]}]
    )
    commit(project)
    assert trailers(project) == ["Tracker-Run: calm-otter-12 loss.min=0.1"]


def test_the_metrics_are_a_setting(project: Project) -> None:
    """`hooks: {metrics: […]}`, in that order, as far as the run has them."""
    project.write("tracker.yaml", "hooks: {metrics: [loss, missing, acc]}\n")
    finish_run(project, summary={"acc": 0.9, "loss": 0.123456})
    commit(project)
    assert trailers(project) == ["Tracker-Run: calm-otter-12 loss=0.1235 acc=0.9"]


@pytest.mark.parametrize("damage", ["", "sessions: [", "state: finished\n", "- 1\n"])
def test_a_damaged_run_is_left_out(project: Project, damage: str) -> None:
    """It neither stops the commit nor hides the others."""
    (finish_run(project) / "run.yaml").write_text(damage)
    finish_run(project, "bbbb2222", "brave-newt-13")
    commit(project)
    assert trailers(project) == ["Tracker-Run: brave-newt-13"]


def test_a_hostile_name_stays_one_line(project: Project) -> None:
    """A record cannot write another trailer into the message."""
    finish_run(project, name="otter\nSigned-off-by: Mallory <m@example.org>")
    commit(project)
    assert trailers(project) == ["Tracker-Run: otter Signed-off-by: Mallory <m@example.org>"]


def test_the_first_commit_names_runs_too(tmp_path: Path) -> None:
    """They ran before there was any."""
    root = tmp_path / "new"
    root.mkdir()
    project = Project(root)
    project.git("init", "-q", "-b", "main")
    project.install()
    project.git("symbolic-ref", "HEAD", "refs/heads/main")
    folder = root / ".tracker" / "runs" / "p" / "aaaa1111"
    folder.mkdir(parents=True)
    (root / ".tracker" / ".gitignore").write_text("*\n")
    session = {"number": 0, "ended": iso_time(time.time()), "user": getpass.getuser()}
    record = {"name": "calm-otter-12", "state": "finished", "sessions": [session]}
    (folder / "run.yaml").write_text(dump_yaml(record))
    commit(project)
    assert trailers(project) == ["Tracker-Run: calm-otter-12"]
