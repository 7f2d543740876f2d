"""auto_log: declared files become a run of the commit that changes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.hooks.project import Project
from vcs.records.commit_log import CommitRun
from vcs.yaml_io import load_yaml

SETTINGS = """\
project: LeNet5
auto_log:
  params: params.yaml
  metrics: [metrics.json, results/*.csv]
  artifacts: [best.pt, {path: report, name: the-report, type: report}]
"""


@pytest.fixture
def declared(bare_project: Project) -> Project:
    """A project that declares files, has them, and whose hooks are called in this process."""
    bare_project.write("tracker.yaml", SETTINGS)
    bare_project.write("params.yaml", "lr: 0.1\n")
    bare_project.write("metrics.json", '{"acc": 0.9}')
    bare_project.git("add", "-A")
    bare_project.git("commit", "-q", "-m", "results of today\n\nmore")
    return bare_project


def test_a_commit_becomes_a_run(declared: Project) -> None:
    """Of the commit, with its title; and the commit log says so."""
    assert declared.hook("post-commit") == 0
    commit = declared.ask("rev-parse", "HEAD")
    (made,) = declared.runs
    assert (made.project, made.commit, made.title) == ("LeNet5", commit, "results of today")
    assert (made.config, made.summary, made.rows) == ({"lr": 0.1}, {"acc": 0.9}, [])
    assert declared.log().runs == (CommitRun(commit, "LeNet5", "run1"),)


def test_nothing_changed_makes_no_run(declared: Project) -> None:
    """Code alone is not a result."""
    declared.hook("post-commit")
    declared.write("train.py", "print(2)\n")
    declared.git("commit", "-q", "-a", "-m", "code")
    declared.hook("post-commit")
    assert len(declared.runs) == 1


def test_what_is_committed_counts_not_what_lies_around(declared: Project) -> None:
    """A file of the commit is read from the commit."""
    declared.write("metrics.json", '{"acc": 0.1}')
    declared.hook("post-commit")
    assert declared.runs[0].summary == {"acc": 0.9}


def test_files_that_git_has_not_are_read_where_they_lie(declared: Project) -> None:
    """Results are often ignored."""
    declared.write("results/b.csv", "step,loss\n1,0.5\n2,0.25\n")
    declared.write("results/a.csv", "step,acc\n2,0.9\n3,0.95\n")
    declared.hook("post-commit")
    assert [(step, dict(row)) for step, row in declared.runs[0].rows] == [
        (1, {"step": 1, "loss": 0.5}),
        (2, {"step": 2, "acc": 0.9, "loss": 0.25}),
        (3, {"step": 3, "acc": 0.95}),
    ]


def test_artifacts_have_names_and_types(declared: Project) -> None:
    """Made up from the path where they are not given; a change of them makes a run."""
    declared.write("best.pt", b"weights")
    declared.write("report/index.html", "<p>\n")
    declared.hook("post-commit")
    found = [(one.path.name, one.name, one.type) for one in declared.runs[0].artifacts]
    assert found == [("best.pt", "best.pt", "model"), ("report", "the-report", "report")]
    declared.write("report/index.html", "<p>better\n")
    declared.hook("post-commit")
    assert len(declared.runs) == 2


def test_metrics_of_two_files_with_one_name_are_kept_apart(declared: Project) -> None:
    """The second has its path before it."""
    declared.write("tracker.yaml", "auto_log: {metrics: [a/m.json, b/m.json]}\n")
    declared.write("a/m.json", '{"acc": 0.9, "n": 1}')
    declared.write("b/m.json", '{"acc": 0.8, "n": 1}')
    declared.hook("post-commit")
    assert declared.runs[0].summary == {"acc": 0.9, "b/m/acc": 0.8, "n": 1}


def test_parameters_of_two_files_are_kept_apart(declared: Project) -> None:
    """What the second one says of a key that is taken is below its name."""
    declared.write("tracker.yaml", "auto_log: {params: [a.yaml, b.yaml]}\n")
    declared.write("a.yaml", "lr: 0.1\nx: 1\n")
    declared.write("b.yaml", "lr: 0.2\ny: 2\n")
    declared.hook("post-commit")
    assert declared.runs[0].config == {"lr": 0.1, "x": 1, "y": 2, "b.yaml": {"lr": 0.2}}


def test_a_file_that_cannot_be_read_is_told_and_left_out(declared: Project) -> None:
    """The rest becomes a run."""
    declared.write("metrics.json", "{")
    declared.git("commit", "-q", "-a", "-m", "broken")
    declared.hook("post-commit")
    assert declared.runs[0].config == {"lr": 0.1}
    assert "auto_log leaves out metrics.json cannot be read" in declared.said[0]


def test_files_outside_of_the_project_are_left_out(declared: Project, tmp_path: Path) -> None:
    """Settings and links come with a clone, and must not make private files public."""
    (tmp_path / "private.json").write_text('{"secret": 1}')
    (tmp_path / "private.pt").write_text("secret")
    declared.git("rm", "-q", "metrics.json")
    declared.git("commit", "-q", "-m", "removed")
    (declared.root / "metrics.json").symlink_to(tmp_path / "private.json")
    (declared.root / "best.pt").symlink_to(tmp_path / "private.pt")
    declared.hook("post-commit")
    assert (declared.runs[0].summary, declared.runs[0].artifacts) == ({}, [])
    assert len(declared.said) == 2


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.json", "a/../../x.json", ".git/config", "~/x.json"])
def test_paths_outside_of_the_project_are_no_settings(declared: Project, path: str) -> None:
    """They are refused where they are written; the commit has been made."""
    declared.write("tracker.yaml", f"auto_log: {{metrics: ['{path}']}}\n")
    assert declared.hook("post-commit") == 0
    assert "a path inside the project" in declared.said[0]
    assert declared.runs == []


def test_a_failure_to_write_is_tried_again(declared: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the next commit; this one stands."""

    def fail(made: Any) -> tuple[str, str]:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(declared, "_keep", fail)
        assert declared.hook("post-commit") == 0
    assert "No space left" in declared.said[0]
    declared.hook("post-commit")
    assert len(declared.runs) == 1


def test_a_real_commit_writes_a_real_run(declared: Project) -> None:
    """End to end: finished, of the commit, with rows, summary and a version."""
    declared.install()
    declared.write("best.pt", b"weights")
    declared.write("results/train.csv", "step,loss\n1,0.5\n2,0.25\n")
    declared.write(".gitignore", "best.pt\nresults/\n")
    declared.write("params.yaml", "lr: 0.2\n")
    declared.git("add", ".gitignore")
    declared.commit("better", TRACKER_RUN_ID="somebody", TRACKER_MODE="disabled")
    (folder,) = (declared.root / ".tracker" / "runs" / "LeNet5").glob("[!.]*")
    record = load_yaml(folder / "run.yaml", "run")
    commit = declared.ask("rev-parse", "HEAD")
    assert (record["state"], record["job_type"], record["notes"]) == ("finished", "auto-log", "better")
    assert record["sessions"][0]["commit"] == commit
    assert record["name"] == f"commit-{commit[:7]}"
    assert [one["artifact"] for one in record["logged"]] == ["LeNet5/best.pt"]
    assert load_yaml(folder / "config.yaml", "config")["lr"] == 0.2
    summary = load_yaml(folder / "summary.yaml", "summary")
    assert (summary["acc"], summary["loss"]) == (0.9, 0.25)
    lines = (folder / "history" / "0-0.jsonl").read_text().splitlines()
    assert len([line for line in lines if isinstance(json.loads(line), list)]) == 2
    assert declared.log().runs_of(commit)[0].run == folder.name
    assert declared.ask("status", "--porcelain") == ""
    declared.write("train.py", "print(2)\n")
    declared.commit("code")
    assert "Tracker-Run" not in declared.ask("log", "-1", "--format=%B")
