"""Scripts of our own that make the tutorial's calls in its order, started both ways."""

from __future__ import annotations

from pathlib import Path

import pytest

import tracker
from tests.conftest import git
from tests.tutorial.conftest import Start

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.slow]


def api(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tracker.Api:
    monkeypatch.chdir(folder)
    return tracker.Api()


def test_the_shortest_script_leaves_its_rows(
    start: Start, git_repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start("basics.py")
    (run,) = api(git_repo, monkeypatch).runs("demo")
    rows = run.history(pandas=False)
    assert run.name == "run-basics"
    assert run.state == "finished"
    assert [row["acc"] for row in rows] == [1 - 2**-epoch for epoch in range(2, 10)]
    assert [row["_step"] for row in rows] == list(range(8))
    assert run.config["architecture"] == "CNN"


def test_config_is_read_extended_and_overwritten(
    start: Start, git_repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = start("configured.py")
    assert done.stdout.split() == ["0.02", "10", "64", "12"]
    (run,) = api(git_repo, monkeypatch).runs("demo")
    assert {"learning_rate": 0.02, "epochs": 12, "batch_size": 64}.items() <= run.config.items()


def test_watch_artifact_use_and_resume_in_the_order_of_the_tutorial(
    start: Start, git_repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start("watched.py")
    reader = api(git_repo, monkeypatch)
    (run,) = reader.runs("LeNet5")
    rows = run.history(pandas=False)
    assert len(rows) == 8
    keys = {key for row in rows for key in row}
    assert "gradients/features.0.weight" in keys
    assert "parameters/classifier.2.bias" in keys
    assert rows[0]["step_loss"] == pytest.approx(rows[0]["loss"])
    artifact = reader.artifact("LeNet5/lenet5-mnist:v0")
    assert sorted(artifact.manifest.entries) == ["images.pt", "labels.pt", "lenet5.pth", "watched.py"]
    assert artifact.logged_by().id == run.id

    done = start("used.py")
    assert "['images.pt', 'labels.pt', 'lenet5.pth', 'watched.py']" in done.stdout
    (user,) = reader.runs("uncategorized")
    assert [used.name for used in user.used_artifacts()] == ["lenet5-mnist:v0"]

    start("resumed.py")
    start("resumed.py")
    resumed = tracker.Api().run("LeNet5/if8bjzd0")
    assert [row["_step"] for row in resumed.history(pandas=False)] == list(range(6))
    assert len(resumed.used_artifacts()) == 1


def test_git_sees_nothing_of_a_run(start: Start, git_repo: Path) -> None:
    def look() -> tuple[str, bytes, str]:
        status = git(git_repo, "status", "--porcelain", "--ignored=no")
        return status, Path(git_repo, ".git/index").read_bytes(), git(git_repo, "branch", "-av")

    start("basics.py")
    before = look()
    start("basics.py")
    assert look() == before
    assert ".tracker" not in before[0]
