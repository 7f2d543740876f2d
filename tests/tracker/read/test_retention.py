"""Which versions rules and lifetimes keep."""

from __future__ import annotations

from pathlib import Path

import pytest

import tracker
from tests.conftest import git
from tracker.read.retention import plan_retention
from vcs.artifacts.keep_rules import Best, KeepRule, parse_keep, rule_for
from vcs.clock import parse_time
from vcs.errors import UsageError
from vcs.repo import Repo
from vcs.tracked.pointer import pointer_of, render


@pytest.fixture(autouse=True)
def inside(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project is the current folder."""
    monkeypatch.chdir(git_repo)


def checkpoints(folder: Path, losses: list[float], **options: str) -> Repo:
    """A run that logs a version of `ckpt` after each row."""
    with tracker.init(project="p", settings=tracker.Settings(silent=True)) as run:
        for number, loss in enumerate(losses):
            run.log({"val/loss": loss})
            path = folder / "weights"
            path.write_text(str(number))
            artifact = tracker.Artifact("ckpt", "model")
            artifact.add_file(str(path))
            run.log_artifact(artifact, **options)
            path.unlink()
    return Repo.open(folder)


def expired(repo: Repo) -> list[str]:
    return [one.manifest.version for one in plan_retention(repo).expired]


def test_a_rule_is_read_and_others_are_refused() -> None:
    assert parse_keep("last 3, best val/loss min, every 10, days 30") == KeepRule(
        "last 3, best val/loss min, every 10, days 30", 3, 10, 30.0, (Best("val/loss", "min"),)
    )
    for text in ("", "first 3", "last", "last 0", "best loss", "best loss low", "every x", "last 3,", 7):
        with pytest.raises(UsageError, match="which versions to keep"):
            parse_keep(text)


def test_the_first_pattern_that_fits_decides() -> None:
    rules = [("p/x*", parse_keep("last 1")), ("x*", parse_keep("last 2")), ("*", parse_keep("all"))]
    found = [rule_for(rules, *name) for name in (("p", "x1"), ("q", "x1"), ("q", "y"))]
    assert [rule.text for rule in found if rule] == ["last 1", "last 2", "all"]


def test_last_best_and_every_keep_what_they_say(git_repo: Path) -> None:
    """By the metric at the step at which each was logged."""
    repo = checkpoints(git_repo, [5, 4, 1, 3, 6, 7, 8, 9], keep="last 2, best val/loss min, every 4")
    assert expired(repo) == ["v1", "v3", "v5"]


def test_the_settings_come_before_what_a_run_said(git_repo: Path) -> None:
    (git_repo / "tracker.yaml").write_text("keep: {p/ckpt: last 1}\n")
    assert expired(checkpoints(git_repo, [3, 2, 1], keep="all")) == ["v0", "v1"]


def test_without_a_rule_everything_is_kept(git_repo: Path) -> None:
    assert expired(checkpoints(git_repo, [3, 2, 1])) == []


def test_a_metric_that_no_version_has_keeps_all(git_repo: Path) -> None:
    """It may be a slip of the pen."""
    plan = plan_retention(checkpoints(git_repo, [3, 2, 1], keep="best val/lost min"))
    assert plan.expired == ()
    assert plan.warnings == ("no version of p/ckpt has the metric val/lost, so all are kept",)


def test_what_has_an_alias_a_tag_a_user_or_a_pointer_stays(git_repo: Path) -> None:
    repo = checkpoints(git_repo, [5, 4, 3, 2, 1, 0], keep="last 1")
    assert expired(repo) == ["v0", "v1", "v2", "v3", "v4"]
    repo.move_alias("p", "ckpt", "good", "v0")
    repo.edit_artifact(repo.resolve("ckpt:v1", project="p"), tags=["reviewed"])
    with tracker.init(project="p", settings=tracker.Settings(silent=True)) as run:
        run.use_artifact("ckpt:v2")
    (git_repo / "data.tracker").write_text(
        render(pointer_of(repo.resolve("ckpt:v3", project="p"), single=False))
    )
    git(git_repo, "add", "-A")
    git(git_repo, "commit", "-q", "-m", "data")
    git(git_repo, "rm", "-q", "data.tracker")
    git(git_repo, "commit", "-q", "-m", "no data")
    assert expired(Repo.open(git_repo)) == ["v4"]


def test_a_lifetime_that_is_over_ends_a_version(git_repo: Path) -> None:
    repo = checkpoints(git_repo, [2, 1])
    version = repo.resolve("ckpt:v0", project="p")
    repo.edit_artifact(version, ttl_s=60.0)
    created_s = parse_time(version.created).timestamp()
    assert plan_retention(repo, now_s=created_s + 59).expired == ()
    (one,) = plan_retention(repo, now_s=created_s + 61).expired
    assert (one.manifest.version, one.reason) == ("v0", "its lifetime of 60 s is over")
