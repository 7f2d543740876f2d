"""Which commits moved a metric: order, deltas, code that was not committed, rebases and branches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import save
from tests.conftest import git
from tests.tracker.compare.runs_on_disk import make_run
from tracker.artifacts.home import Home
from tracker.compare.blame import Blame, blame, mean, numbers_of
from tracker.read.selection import Runs
from tracker.storage.records import Used
from vcs.errors import GitError, NotFoundError
from vcs.records.commit_log import Rewrite, append_entries
from vcs.repo import Repo


class Project:
    """A repository in which commits are made and measured."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = Repo.open(folder)
        self._count = 0

    def commit(self, message: str) -> str:
        """Change the code and commit it."""
        self._count += 1
        (self.folder / "train.py").write_text(f"print({self._count})\n")
        return save(self.folder, message)

    def measure(
        self, value: Any, *, commit: str | None = "HEAD", code: str | None = None, **options: Any
    ) -> str:
        """Record a run that came to this accuracy; return its id."""
        self._count += 1
        run_id = f"run{self._count}"
        base = git(self.folder, "rev-parse", commit).strip() if commit == "HEAD" else commit
        session = {"commit": base, "code_commit": code or base}
        created = f"2026-01-01T00:00:{self._count:02}.000Z"
        make_run(self.repo.layout, run_id, [{"acc": value}], session=session, created=created, **options)
        return run_id

    def blame(self, metric: str = "acc") -> Blame:
        """Blame the metric of all runs."""
        return blame(self.repo, metric, Runs(Home(self.repo), None))

    def table(self) -> list[tuple[str, float, float | None]]:
        """Subject, value and rounded delta of each line."""
        return [
            (line.commit.subject, line.value, None if line.delta is None else round(line.delta, 6))
            for line in self.blame().lines
        ]


@pytest.fixture
def project(git_repo: Path) -> Project:
    # The commits of a test have one time, so that only the order of git can be right.
    return Project(git_repo)


def test_commits_come_in_the_order_of_git_with_deltas(project: Project) -> None:
    """Whatever the order in which the runs were made."""
    commits = [project.commit(name) for name in ("one", "two", "three")]
    for commit, value in zip(reversed(commits), (0.5, 0.9, 0.8), strict=True):
        project.measure(value, commit=commit)
    assert project.table() == [("one", 0.8, None), ("two", 0.9, 0.1), ("three", 0.5, -0.4)]


def test_commits_without_runs_are_passed_over(project: Project) -> None:
    """The delta is that of all of them together."""
    project.measure(0.8)
    project.commit("not measured")
    project.commit("measured")
    project.measure(0.7)
    assert project.table() == [("first", 0.8, None), ("measured", 0.7, -0.1)]


def test_several_runs_of_a_commit_count_by_their_mean(project: Project) -> None:
    """With their spread."""
    project.commit("one")
    runs = [project.measure(0.5), project.measure(0.75)]
    (line,) = project.blame().lines
    assert (line.value, line.spread, [one.run.id for one in line.runs]) == (0.625, 0.25, runs)


def test_a_run_with_uncommitted_changes_is_a_line_of_its_own(project: Project) -> None:
    """Behind the commit that it was based on; the next commit is not compared with it."""
    base = project.commit("base")
    project.measure(0.8)
    (project.folder / "train.py").write_text("print('changed')\n")
    code = project.repo.capture_code()
    assert code.code_commit is not None
    project.measure(0.6, commit=base, code=code.code_commit)
    project.commit("next")
    project.measure(0.9)
    lines = project.blame().lines
    assert [(line.based_on, line.previous) for line in lines] == [
        (None, None),
        (base, base),
        (None, base),
    ]
    assert [line.value for line in lines] == [0.8, 0.6, 0.9]


def test_branches_are_compared_with_where_they_began_and_merges_with_the_first_parent(
    project: Project,
) -> None:
    """Not with what happens to stand above."""
    project.commit("base")
    project.measure(0.5)
    git(project.folder, "checkout", "-q", "-b", "side")
    project.commit("side")
    project.measure(0.1)
    git(project.folder, "checkout", "-q", "main")
    project.commit("main")
    project.measure(0.7)
    git(project.folder, "merge", "-q", "-s", "ours", "-m", "merged", "side")
    project.measure(0.8)
    table = {subject: delta for subject, _, delta in project.table()}
    assert table == {"base": None, "side": -0.4, "main": 0.2, "merged": 0.1}


def test_runs_of_a_rebased_commit_count_to_what_it_became(project: Project) -> None:
    """The log of rewrites says so; what was not committed follows its base."""
    project.measure(0.5)
    old = project.commit("before")
    project.measure(0.6)
    (project.folder / "train.py").write_text("print('changed')\n")
    code = project.repo.capture_code().code_commit
    project.measure(0.7, commit=old, code=code)
    git(project.folder, "checkout", "-q", "--", ".")
    git(project.folder, "commit", "-q", "--amend", "-m", "after")
    new = git(project.folder, "rev-parse", "HEAD").strip()
    append_entries(project.repo.layout.commits, [Rewrite(old, new, "amend")], "2026-01-01T00:00:00.000Z")
    lines = project.blame().lines
    assert [(line.commit.subject, line.based_on, line.previous) for line in lines[:2]] == [
        ("first", None, None),
        ("after", None, lines[0].commit.id),
    ]
    assert (lines[2].based_on, lines[2].previous) == (old, new)


def test_what_else_differs_is_named(project: Project) -> None:
    """The metric may have moved for it."""
    project.commit("one")
    project.measure(0.5, config={"lr": 0.1}, used=[Used(artifact="p/mnist", version="v0", digest="0")])
    project.commit("two")
    project.measure(
        0.6,
        config={"lr": 0.2},
        packages=["torch==9"],
        used=[Used(artifact="p/mnist", version="v1", digest="1")],
    )
    assert project.blame().lines[1].also == ("config: lr", "input: mnist", "packages")


def test_runs_whose_commit_is_not_here_are_named(project: Project) -> None:
    """Or that have none."""
    project.measure(0.5)
    left = [project.measure(0.6, commit="1" * 40), project.measure(0.7, commit=None)]
    left.append(project.measure(0.6, code="2" * 40))
    found = project.blame()
    assert [run.id for run in found.left_out] == left
    assert len(found.lines) == 1


def test_a_metric_that_no_run_has(project: Project) -> None:
    """What looks like it is in the hint; text and flags are no metrics."""
    project.measure(0.5, config={})
    with pytest.raises(NotFoundError, match="'acd'") as caught:
        project.blame("acd")
    assert "acc" in (caught.value.hint or "")
    with pytest.raises(NotFoundError):
        project.blame("name")


def test_without_git_there_is_nothing_to_blame(plain_dir: Path) -> None:
    """A sentence, not a traceback."""
    repo = Repo.open(plain_dir)
    with pytest.raises(GitError, match="git repository"):
        blame(repo, "acc", [])


def test_json_has_everything(project: Project) -> None:
    """For programs."""
    first = git(project.folder, "rev-parse", "HEAD").strip()
    run = project.measure(0.5)
    project.commit("two")
    project.measure(0.25)
    plain = json.loads(json.dumps(project.blame().to_plain()))
    assert plain["metric"] == "acc"
    assert plain["commits"][0]["runs"] == [{"run": f"p/{run}", "value": 0.5}]
    assert plain["commits"][1]["previous"] == first
    assert plain["commits"][1]["delta"] == -0.25


def test_numbers_of_a_summary() -> None:
    """Nested ones by dotted keys; no flags, no text, nothing that fits no float."""
    summary = {"acc": {"max": 1}, "flag": True, "name": "x", "big": 10**400, "inf": float("inf")}
    assert numbers_of(summary) == {"acc.max": 1.0, "inf": float("inf")}


def test_the_mean_of_infinities_and_nothing_else_is_odd() -> None:
    """Small numbers do not vanish beside large ones."""
    assert mean([1e16, 1.0, -1e16]) == pytest.approx(1 / 3)
    assert mean([float("inf"), 1.0]) == float("inf")
