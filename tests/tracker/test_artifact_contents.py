"""Contents of versions brought back: download, checkout, verify, files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tracker.live.port import PortRun, log_files
from tracker.artifact import Artifact
from tracker.artifacts.logged import VerificationError
from tracker.errors import IntegrityError, NotFoundError, UsageError
from vcs.digest import Digest


@pytest.fixture
def here(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository as the current directory."""
    monkeypatch.chdir(git_repo)
    return git_repo


@pytest.fixture
def run(here: Path) -> PortRun:
    """A run in it, of the project LeNet5."""
    return PortRun(here)


def test_download_goes_to_its_own_folder_or_where_the_environment_says(
    run: PortRun, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """./artifacts/name:version."""
    artifact = log_files(run, a="1")
    assert artifact.download() == "./artifacts/mnist:v0"
    assert (here / "artifacts" / "mnist:v0" / "a").read_text() == "1"
    monkeypatch.setenv("TRACKER_ARTIFACT_DIR", str(here / "elsewhere"))
    assert artifact.download() == str(here / "elsewhere" / "mnist:v0")


def test_download_keeps_other_files_and_checkout_removes_them(run: PortRun, here: Path) -> None:
    """The root of a checkout has no version in its name."""
    artifact = log_files(run, a="1")
    folder = Path(artifact.checkout())
    assert folder == Path("artifacts/mnist")
    (folder / "mine").write_text("mine")
    (folder / "a").write_text("changed")
    artifact.download(folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a": "1", "mine": "mine"}
    artifact.checkout()
    assert [path.name for path in folder.iterdir()] == ["a"]


def test_checkout_refuses_a_folder_that_holds_the_project(run: PortRun, here: Path) -> None:
    """It would remove the user's work."""
    artifact = log_files(run, a="1")
    for root in (here, ".", here.parent):
        with pytest.raises(UsageError, match="project lies there"):
            artifact.checkout(root)
    assert (here / "train.py").exists()


def test_what_is_there_already_is_not_written_again(run: PortRun) -> None:
    """Its inode stays."""
    artifact = log_files(run, a="1", b="2")
    folder = Path(artifact.download())
    (folder / "b").write_text("3")
    before = (folder / "a").stat().st_ino
    artifact.download()
    assert (folder / "a").stat().st_ino == before
    assert (folder / "b").read_text() == "2"


def test_a_file_changed_behind_its_time_stamp_is_found_and_mended(run: PortRun) -> None:
    """The hole of wandb: equal mtimes were trusted, and a wrong digest was cached for ever."""
    artifact = log_files(run, a="right")
    file = Path(artifact.download(), "a")
    artifact.download()
    before = file.stat()
    with file.open("r+") as stream:
        stream.write("wrong")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    with pytest.raises(ValueError, match="a: changed"):
        artifact.verify()

    artifact.download()
    assert file.read_text() == "right"
    artifact.verify()

    # Neither has the wrong content got the right digest in any cache.
    other = Artifact("other", "dataset")
    with file.open("r+") as stream:
        stream.write("wrong")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.add_file(file)
    assert other.get_entry("a").digest != artifact.get_entry("a").digest


def test_parts_of_a_version_can_be_brought_alone(run: PortRun, tmp_path: Path) -> None:
    """By a plain prefix, or by patterns as in .gitignore."""
    artifact = log_files(
        run, **{"train/a.png": "1", "train/b.txt": "2", "trainer.py": "3", "test/c.png": "4"}
    )

    def got(**options: object) -> list[str]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        artifact.download(folder, **options)  # type: ignore[arg-type]
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

    assert got(path_prefix="train") == ["train/a.png", "train/b.txt", "trainer.py"]
    assert got(include="*.png") == ["test/c.png", "train/a.png"]
    assert got(include=["*.png", "*.py"], exclude="test/") == ["train/a.png", "trainer.py"]


def test_one_file_can_be_brought_by_its_entry(run: PortRun, tmp_path: Path) -> None:
    """Below the root, at its own path."""
    artifact = log_files(run, **{"d/a": "1", "b": "2"})
    out = tmp_path / "out"
    assert artifact.get_entry("d/a").download(out) == str(out / "d" / "a")
    assert [path.name for path in out.iterdir()] == ["d"]
    assert Path(artifact.get_path("b").download()) == Path("artifacts/mnist:v0/b")


def test_files_are_a_list_that_can_be_downloaded(run: PortRun, tmp_path: Path) -> None:
    """As wandb's; an existing file is not replaced without a word."""
    artifact = log_files(run, **{"d/a": "1", "b": "22"})
    files = artifact.files()
    assert ([file.name for file in files], len(files), files[0].size) == (["b", "d/a"], 2, 2)
    assert [file.name for file in artifact.files(names=["b"])] == ["b"]
    where = files[1].download(tmp_path)
    assert where.read_text() == "1"
    where.write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        files[1].download(tmp_path)
    assert files[1].download(tmp_path, exist_ok=True).read_text() == "mine"
    assert files[1].download(tmp_path, replace=True).read_text() == "1"
    with pytest.raises(ValueError, match="2 files"):
        artifact.file()
    assert Path(log_files(run, "single", x="x").file()).read_text() == "x"


def test_verify_names_what_is_missing_changed_and_extra(run: PortRun) -> None:
    """As one ValueError."""
    artifact = log_files(run, a="1", b="2")
    folder = Path(artifact.download())
    artifact.verify()
    (folder / "a").unlink()
    (folder / "b").write_text("3")
    (folder / "c").write_text("4")
    with pytest.raises(VerificationError, match="a: missing, b: changed, c: extra") as caught:
        artifact.verify(folder)
    assert isinstance(caught.value, ValueError)
    artifact.checkout(folder)
    artifact.verify(folder)


def test_a_damaged_object_never_reaches_a_folder(run: PortRun, tmp_path: Path) -> None:
    """The path is named; nothing is written."""
    artifact = log_files(run, **{"d/a": "content"})
    digest = Digest(artifact.get_entry("d/a").digest)
    store = run.repo.store
    path = Path(store.file_of(digest) or store.loose_path(digest))  # type: ignore[attr-defined]
    path.chmod(0o644)
    path.write_text("Content")
    with pytest.raises(IntegrityError, match="d/a"):
        artifact.download(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_contents_that_the_store_lacks_are_named(run: PortRun, tmp_path: Path) -> None:
    """With the way to get them."""
    artifact = log_files(run, a="content")
    run.repo.store.delete([Digest(artifact.get_entry("a").digest)])
    with pytest.raises(NotFoundError, match="a: object"):
        artifact.download(tmp_path / "out")
