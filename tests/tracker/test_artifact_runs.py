"""Artifacts and real runs: what a script does from before init to after finish."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import tracker
from tracker.live import term
from tracker.storage.records import RunRecord, load
from vcs.repo import Repo


@pytest.fixture
def here(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository as the current directory; no run outlives the test."""
    monkeypatch.chdir(git_repo)
    monkeypatch.setattr(term, "_loudness", "normal")
    monkeypatch.setenv("TRACKER_SILENT", "true")
    monkeypatch.setenv("TRACKER_CONSOLE", "off")
    monkeypatch.setenv("TRACKER_X_DISABLE_STATS", "true")
    yield git_repo
    tracker.finish()


def record(run: tracker.Run) -> RunRecord:
    """What run.yaml says."""
    return load(Repo.open().layout.run(run.project, run.id))


def test_an_artifact_made_before_init_is_logged_by_the_run(here: Path) -> None:
    """As many scripts do it."""
    artifact = tracker.Artifact("mnist", "dataset")
    artifact.add_file("train.py")
    run = tracker.init(project="LeNet5")
    run.log({"x": 1})
    logged = tracker.log_artifact(artifact, aliases=["raw"])
    assert logged is artifact
    assert (artifact.qualified_name, artifact.history_step) == ("LeNet5/mnist:v0", 0)
    assert artifact.logged_by().id == run.id
    tracker.finish()

    (entry,) = record(run).logged
    assert (entry.artifact, entry.version, entry.digest) == ("LeNet5/mnist", "v0", artifact.digest)
    assert sorted(entry.aliases) == ["latest", "raw"]
    assert artifact.commit_hash == artifact.code_commit


def test_a_run_records_what_it_used_and_where_it_put_it(here: Path) -> None:
    """And the version knows its users."""
    with tracker.init(project="LeNet5") as run:
        run.log_artifact("train.py", name="code", type="code")
    with tracker.init(project="LeNet5") as user:
        artifact = tracker.use_artifact("code:latest", type="code")
        folder = artifact.download()
        tracker.use_artifact("code:latest").download()
    assert Path(folder, "train.py").exists()
    (used,) = record(user).used
    assert (used.artifact, used.version, used.as_, used.path) == (
        *("LeNet5/code", "v0", "code:latest", "./artifacts/code:v0"),
    )
    assert used.digest == artifact.digest
    assert [each.id for each in artifact.used_by()] == [user.id]
    assert artifact.logged_by().id == run.id


def test_a_draft_that_moves_to_another_folder_stays_with_the_run(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a run is live, nothing is made in the folder that the script happens to be in."""
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "a.txt").write_text("a")
    tracker.init(project="LeNet5")
    monkeypatch.chdir(other)
    artifact = tracker.Artifact("a", "text")
    artifact.add_file("a.txt")
    artifact.save()
    assert [path.name for path in other.iterdir()] == ["a.txt"]
    assert artifact.project == "LeNet5"


def test_artifacts_of_a_disabled_run_leave_nothing(plain_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls work."""
    monkeypatch.chdir(plain_dir)
    (plain_dir / "a.txt").write_text("a")
    run = tracker.init(mode="disabled")
    artifact = tracker.Artifact("a", "text")
    artifact.add_file("a.txt")
    run.log_artifact(artifact).wait()
    run.finish()
    assert [path.name for path in plain_dir.iterdir()] == ["a.txt"]


def test_a_resumed_run_goes_on_from_its_checkpoint(here: Path) -> None:
    """Step, rows and values, through the real run."""
    pytest.importorskip("torch")
    with tracker.init(project="LeNet5", id="night") as run:
        for value in range(5):
            run.log({"x": value})
        run.save_checkpoint(epoch=1, best=0.5)
        for value in range(5, 9):
            run.log({"x": value})
    with tracker.init(project="LeNet5", id="night", resume="must") as run:
        assert run.step == 9
        assert run.load_checkpoint() == {"step": 5, "epoch": 1, "best": 0.5}
        assert run.step == 5
        run.log({"x": "again"})
    from tracker.storage.history import read_rows

    rows = read_rows(Repo.open().layout.run("LeNet5", "night"))
    assert [row["x"] for row in rows] == [0, 1, 2, 3, 4, "again"]
    everything = read_rows(Repo.open().layout.run("LeNet5", "night"), all_segments=True)
    assert len(everything) == 10


def test_a_version_of_the_last_step_that_there_can_be_is_read_back(here: Path) -> None:
    """What `log` takes as a step, a version can hold."""
    run = tracker.init(project="LeNet5")
    run.log({"x": 1}, step=2**62 - 2)
    version = run.log_artifact("train.py")
    assert tracker.Api().artifact(f"LeNet5/{version.name}").history_step == 2**62 - 2


def test_what_is_no_name_of_a_version_is_said(here: Path) -> None:
    """In words, not as an attribute that a number lacks."""
    run = tracker.init(project="LeNet5")
    with pytest.raises(TypeError, match="a version is named by text, not by int"):
        run.use_artifact(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a version is named by text, not by int"):
        tracker.Api().artifact(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a run is named by text, not by int"):
        tracker.Api().run(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="takes an Artifact, not int"):
        run.link_artifact(5, "x")  # type: ignore[arg-type]


def test_code_of_which_no_file_fits_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty answer alone would be overlooked."""
    run = tracker.init(project="LeNet5")
    term.set_loudness("normal")
    assert run.log_code("nowhere") is None
    assert "warning: log_code: no file below" in capsys.readouterr().err
