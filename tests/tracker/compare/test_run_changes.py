"""Why two runs differ: code, inputs path by path, metrics with deltas, and what is no difference."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import git
from tests.tracker.compare.runs_on_disk import make_run, store_texts
from tests.tracker.storage.build import set_, write
from tracker.compare.run_changes import MetricChange, diff_runs
from tracker.compare.values import ABSENT
from tracker.storage.catalog import RunEntry
from tracker.storage.records import Used
from vcs.artifacts.manifest import Manifest
from vcs.repo import Repo

LOSSES = [{"loss": 1.0}, {"loss": 0.5}, {"loss": 0.25, "acc": 0.9}]

Make = Callable[..., RunEntry]


@pytest.fixture
def repo(git_repo: Path) -> Repo:
    return Repo.open(git_repo)


@pytest.fixture
def make(repo: Repo) -> Make:
    return lambda *arguments, **options: make_run(repo.layout, *arguments, **options)


def version(repo: Repo, folder: Path, **texts: str) -> Manifest:
    """Make a version of `p/mnist`."""
    store_texts(folder, texts)
    return repo.log_artifact("p", "mnist", "dataset", repo.add_tree(folder)).manifest


def used(manifest: Manifest, **fields: Any) -> Used:
    """A run used this version."""
    about = {"artifact": "p/mnist", "version": manifest.version, "digest": manifest.digest}
    return Used(**{**about, **fields})


def test_runs_that_did_the_same_are_the_same(repo: Repo, make: Make) -> None:
    """Names, hosts and times do not count; the host is named."""
    a = make("a", LOSSES, session={"host": "one"})
    b = make("b", LOSSES, session={"host": "two"})
    found = diff_runs(repo, a, b)
    assert (found.same, found.metrics, found.metrics_same, found.reasons) == (True, (), 2, ())
    assert found.to_plain()["environment"]["machine"] == {"host": {"old": "one", "new": "two"}}


def test_metrics_have_deltas_and_the_step_at_which_they_part(repo: Repo, make: Make) -> None:
    """Of the summary; the step is that of the history."""
    found = diff_runs(
        repo, make("a", LOSSES), make("b", [{"loss": 1.0}, {"loss": 0.4}, {"loss": 0.3, "acc": 0.9}])
    )
    (change,) = found.metrics
    assert (change.key, change.old, change.new, change.first_step) == ("loss", 0.25, 0.3, 1)
    assert change.delta == pytest.approx(0.05)
    assert change.relative == pytest.approx(0.2)
    assert (change.rows, change.unequal, found.metrics_same) == (3, 2, 1)
    assert not found.same


def test_histories_that_part_and_meet_again_differ(repo: Repo, make: Make) -> None:
    """Although the summary says nothing of it."""
    found = diff_runs(repo, make("a", [{"x": 1}, {"x": 2}]), make("b", [{"x": 0}, {"x": 2}]))
    (change,) = found.metrics
    assert (change.delta, change.first_step) == (0.0, 0)


def test_metrics_of_one_run_and_values_set_by_hand(repo: Repo, make: Make) -> None:
    """There is no delta without two numbers."""
    a, b = make("a", [{"x": 1, "name": "m"}]), make("b", [{"x": 1, "y": 2, "name": "n"}])
    write(b.layout, 1, [set_(best=7)], from_step=1)
    found = {change.key: (change.old, change.new, change.delta) for change in diff_runs(repo, a, b).metrics}
    assert found == {"y": (ABSENT, 2, None), "best": (ABSENT, 7, None), "name": ("m", "n", None)}


@pytest.mark.parametrize(
    ("old", "new", "delta", "relative"),
    [
        (0, 1, 1.0, None),
        (-2, -1, 1.0, 0.5),
        (True, False, None, None),
        (math.inf, 1.0, -math.inf, None),
        (10**400, 1, None, None),
    ],
)
def test_deltas_of_odd_numbers(old: Any, new: Any, delta: float | None, relative: float | None) -> None:
    """Never an error."""
    change = MetricChange("x", old, new)
    assert (change.delta, change.relative) == (delta, relative)


def test_the_code_is_compared_commit_by_commit(repo: Repo, make: Make, git_repo: Path) -> None:
    """An amended message is no change of the code."""
    first = git(git_repo, "rev-parse", "HEAD").strip()
    git(git_repo, "commit", "-q", "--amend", "-m", "better words")
    amended = git(git_repo, "rev-parse", "HEAD").strip()
    (git_repo / "train.py").write_text("print('faster')\n")
    git(git_repo, "commit", "-qam", "second")
    second = git(git_repo, "rev-parse", "HEAD").strip()
    runs = [
        make(name, LOSSES, session={"code_commit": commit})
        for name, commit in zip("abc", (first, amended, second), strict=True)
    ]
    assert diff_runs(repo, runs[0], runs[1]).code is None
    code = diff_runs(repo, runs[1], runs[2]).code
    assert code is not None
    assert [file.path for file in code.files] == ["train.py"]


def test_inputs_are_compared_path_by_path(repo: Repo, make: Make, tmp_path: Path) -> None:
    """By digest, so it does not matter how versions are numbered now."""
    old, new = version(repo, tmp_path, x="1", y="1"), version(repo, tmp_path, x="2", z="1")
    a, b = make("a", LOSSES, used=[used(old)]), make("b", LOSSES, used=[used(new, version="v77")])
    found = diff_runs(repo, a, b)
    (change,) = found.inputs
    assert (change.artifact, change.versions.old, change.versions.new) == ("p/mnist", "v0", "v77")
    assert change.paths is not None
    assert {c.path: c.kind for c in change.paths} == {"x": "changed", "z": "added"}
    assert not found.same
    assert not found.reasons  # The numbers are the same all the same.


def test_inputs_of_one_run_and_inputs_that_are_gone(repo: Repo, make: Make, tmp_path: Path) -> None:
    """That they differ is known from the record."""
    old, new = version(repo, tmp_path, x="1"), version(repo, tmp_path, x="2")
    a, b, c = make("a", used=[used(old)]), make("b", used=[used(new)]), make("c")
    (change,) = diff_runs(repo, a, c).inputs
    assert (change.versions.new, change.paths) == (ABSENT, None)
    repo.delete_artifact(old)
    (change,) = diff_runs(repo, a, b).inputs
    assert change.paths is None
    assert change.note
    assert not diff_runs(repo, a, b).same


def test_reasons_are_given_where_the_numbers_differ(repo: Repo, make: Make) -> None:
    """As reproduce gives them."""
    found = diff_runs(
        repo,
        make("a", LOSSES, config={"lr": 0.1}, packages=["torch==1"]),
        make("b", [{"loss": 9}], config={"lr": 0.2}, packages=["torch==2"]),
    )
    assert [reason.kind for reason in found.reasons] == ["config", "package"]


def test_everything_can_be_written_as_json(repo: Repo, make: Make, tmp_path: Path) -> None:
    """For programs."""
    old, new = version(repo, tmp_path, x="1"), version(repo, tmp_path, x="2")
    a = make("a", LOSSES, config={"lr": 0.1}, used=[used(old)], session={"code_commit": "1" * 40})
    b = make("b", LOSSES[:1], used=[used(new)], session={"code_commit": "2" * 40, "argv": ["python", "x"]})
    plain = json.loads(json.dumps(diff_runs(repo, a, b).to_plain()))
    assert plain["same"] is False
    assert plain["old"]["run"] == "p/a"
    assert plain["config"] == {"lr": {"old": 0.1}}
    assert plain["inputs"]["p/mnist"]["changed"] == [{"path": "x", "old_size_bytes": 1, "new_size_bytes": 1}]
    assert plain["code"]["note"] == "commit 1111111111 is not in this repository"
    assert plain["metrics"]["acc"] == {
        "old": 0.9,
        "delta": None,
        "relative": None,
        "first_step": 2,
        "rows": 1,
        "unequal_rows": 1,
    }
