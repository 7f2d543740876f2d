"""mode="disabled": every call works, and nothing is left on disk."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

import tracker
from tests.tracker.live.conftest import run_python
from tracker.errors import NotFoundError, UsageError


def everything(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


@pytest.fixture
def run(project: Path) -> tracker.Run:
    return tracker.init(project="p", mode="disabled", config={"lr": 0.1}, name="n", tags=["a"])


def test_it_is_a_run_and_the_current_one(run: tracker.Run) -> None:
    assert isinstance(run, tracker.Run)
    assert tracker.run is run
    assert run.disabled
    assert (run.name, run.project, run.tags, run.url) == ("n", "p", ("a",), None)
    assert isinstance(run.entity, str)


def test_nothing_is_created(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    before = everything(project)
    run = tracker.init(mode="disabled", config={"lr": 0.1})
    run.log({"loss": 1.0, "image": {"nested": [1, 2]}})
    run.summary["best"] = 3
    run.config.update({"lr": 0.2})
    run.define_metric("loss", summary="min")
    run.alert("title", "text")
    run.save("*.py")
    run.finish()
    assert everything(project) == before
    assert everything(temporary) == set()
    assert not (project / ".git" / "tracker").exists()


def test_summary_and_config_work(run: tracker.Run) -> None:
    run.log({"loss": 2.0})
    run.log({"loss": 1.0}, step=7, commit=True)
    run.summary["best"] = 0.5
    run.config.update({"lr": 0.2, "epochs": 3})
    assert (run.summary["loss"], run.summary["best"], run.step) == (1.0, 0.5, 8)
    assert tracker.config.as_dict() == {"lr": 0.2, "epochs": 3}


def test_aggregations_work(run: tracker.Run) -> None:
    run.define_metric("loss", summary="min,max")
    for loss in (3, 1, 2):
        run.log({"loss": loss})
    assert run.summary["loss"] == {"min": 1, "max": 3}


def test_the_folder_of_the_run_exists(run: tracker.Run) -> None:
    assert os.path.isdir(run.dir)


def test_an_artifact_can_be_logged_and_used_and_is_gone_at_the_end(run: tracker.Run, project: Path) -> None:
    before = everything(project)
    artifact = tracker.Artifact("data", "dataset")
    artifact.add_file(str(project / "train.py"))
    logged = run.log_artifact(artifact, aliases=["best"]).wait()
    assert (logged.version, sorted(logged.aliases)) == ("v0", ["best", "latest"])
    used = run.use_artifact("data:best")
    assert Path(used.download(project / "out"), "train.py").read_text() == "print('training')\n"
    run.finish()
    assert everything(project) - before == {str(project / "out"), str(project / "out" / "train.py")}


def test_an_artifact_that_exists_can_be_used(project: Path) -> None:
    with tracker.init(project="p") as real:
        artifact = tracker.Artifact("data", "dataset")
        artifact.add_file("train.py")
        real.log_artifact(artifact)
    run = tracker.init(project="p", mode="disabled")
    assert run.use_artifact("data:latest").version == "v0"
    assert run.use_artifact("data:latest").used_by() == []
    with pytest.raises(NotFoundError):
        run.use_artifact("nothing:latest")


def test_after_the_end_it_refuses_as_any_run(run: tracker.Run) -> None:
    run.finish()
    assert tracker.run is None
    with pytest.raises(UsageError, match="has ended"):
        run.log({"a": 1})


def test_resume_options_are_of_no_consequence(project: Path) -> None:
    run = tracker.init(mode="disabled", id="abc", resume="must")
    assert (run.id, run.resumed) == ("abc", False)


def test_the_environment_can_switch_it_on(git_repo: Path) -> None:
    done = run_python(git_repo, "import tracker; tracker.init().log({'a': 1})", TRACKER_MODE="disabled")
    assert (done.stdout, done.stderr) == ("", "")
    assert not (git_repo / ".tracker").exists()
