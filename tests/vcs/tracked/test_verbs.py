"""Tracking paths, committing what changed, and letting go of them again."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.conftest import git
from tests.vcs.tracked_project import (
    PROJECT,
    checkout,
    commit,
    read,
    save,
    state,
    status,
    track,
    tracked_folder,
    write,
)
from vcs.artifacts.manifest import Origin
from vcs.errors import NotFoundError, UsageError
from vcs.files.listing import Listing
from vcs.repo import Repo
from vcs.tracked import verbs as tracked
from vcs.tracked.pointer import read_pointer


def test_a_tracked_folder_is_a_version_a_pointer_and_a_line(git_repo: Path) -> None:
    """And git sees the pointer and not the data."""
    write(git_repo / "data" / "MNIST", {"a.txt": "a", "deep/b.txt": "b"})
    done = track(git_repo, "data/MNIST", name="mnist", type="dataset", description="the first")
    assert (done.path, done.pointer_path, done.ignore_path) == (
        "data/MNIST",
        "data/MNIST.tracker",
        "data/.gitignore",
    )
    pointer = read_pointer(git_repo / "data" / "MNIST.tracker")
    assert pointer == done.pointer
    assert (pointer.qualified_name, pointer.type, pointer.file_count) == (f"{PROJECT}/mnist:v0", "dataset", 2)
    assert (git_repo / "data" / ".gitignore").read_text() == "/MNIST\n"
    assert git(git_repo, "status", "--porcelain", "-uall").splitlines() == [
        "?? data/.gitignore",
        "?? data/MNIST.tracker",
    ]
    repo = Repo.open(git_repo)
    manifest = repo.resolve("mnist", project=PROJECT)
    assert manifest.digest == pointer.digest
    assert repo.collections.effective(manifest).description == "the first"
    assert [entry.path for entry in repo.collections.listing(manifest)] == ["a.txt", "deep/b.txt"]


def test_a_file_can_be_tracked(git_repo: Path) -> None:
    """With its executable bit."""
    (git_repo / "run.bin").write_text("x")
    os.chmod(git_repo / "run.bin", 0o755)
    done = track(git_repo, "run.bin", type="model")
    assert done.pointer.single
    save(git_repo)
    (git_repo / "run.bin").unlink()
    checkout(git_repo)
    assert (git_repo / "run.bin").read_text() == "x"
    assert (git_repo / "run.bin").stat().st_mode & stat.S_IXUSR


def test_tracking_again_changes_nothing(git_repo: Path) -> None:
    """Not even if the data changed; a missing line comes back."""
    folder = tracked_folder(git_repo)
    before = (git_repo / "data" / "MNIST.tracker").read_text()
    write(folder, {"new.txt": "n"})
    (git_repo / "data" / ".gitignore").unlink()
    done = track(git_repo, "data/MNIST")
    assert (done.logged, done.ignore_path) == (None, "data/.gitignore")
    assert (git_repo / "data" / "MNIST.tracker").read_text() == before
    assert state(git_repo, "data/MNIST") == "changed"


def test_tracking_again_under_another_name_is_refused(git_repo: Path) -> None:
    """It would be another artifact."""
    tracked_folder(git_repo)
    for options in ({"name": "other"}, {"type": "model"}):
        with pytest.raises(UsageError, match="tracked already"):
            track(git_repo, "data/MNIST", **options)


def test_names_with_spaces_and_letters_of_any_language(git_repo: Path) -> None:
    """The artifact's own name has only what names may have."""
    write(git_repo / "mein Ordner" / "Bilder ä", {"实验.txt": "x"})
    done = track(git_repo, "mein Ordner/Bilder ä")
    assert done.pointer.name == "Bilder"
    save(git_repo)
    assert git(git_repo, "status", "--porcelain", "-uall") == ""
    assert state(git_repo, "mein Ordner/Bilder ä") == "unchanged"


def test_a_path_without_letters_needs_a_name(git_repo: Path) -> None:
    """We do not make one up."""
    write(git_repo / "实验", {"x": "x"})
    with pytest.raises(UsageError, match="no letters") as caught:
        track(git_repo, "实验")
    assert "--name" in str(caught.value.hint)
    assert track(git_repo, "实验", name="study").pointer.name == "study"


def test_two_folders_of_one_name_do_not_share_an_artifact(git_repo: Path) -> None:
    """Unless that is said."""
    for folder in ("train/data", "test/data"):
        write(git_repo / folder, {"x": folder})
    track(git_repo, "train/data")
    with pytest.raises(UsageError, match="tracked as LeNet5/data") as caught:
        track(git_repo, "test/data")
    assert "--name test-data" in str(caught.value.hint)
    assert not (git_repo / "test" / ".gitignore").exists()
    assert track(git_repo, "test/data", name="data").pointer.version == "v1"


def test_what_cannot_be_tracked(git_repo: Path, tmp_path: Path) -> None:
    """Each with its reason, and nothing is left behind."""
    write(git_repo / "data" / "x", {"a": "a"})
    track(git_repo, "data/x")
    write(git_repo / "inner", {"d/a": "a"})
    git(git_repo / "inner", "init", "-q")
    (git_repo / "link").symlink_to("data")
    (tmp_path / "outside").mkdir()
    (git_repo / "y.tracker").write_text("no pointer")
    os.mkfifo(git_repo / "pipe")
    before = read(git_repo / "data")
    for path, error, says in [
        (".", UsageError, "whole working tree"),
        (".git/hooks", UsageError, "belongs to git"),
        (".tracker", UsageError, "named like a pointer|belongs to git"),
        ("../outside", UsageError, "outside"),
        ("missing", NotFoundError, "no such file"),
        ("train.py", UsageError, "git tracks train.py"),
        ("data", UsageError, "holds data/x"),
        ("data/x/a", UsageError, "lies in data/x"),
        ("data/x.tracker", UsageError, "named like a pointer"),
        ("y.tracker", UsageError, "named like a pointer"),
        ("inner/d", UsageError, "another repository"),
        ("link", UsageError, "is a link"),
        ("pipe", UsageError, "neither"),
    ]:
        with pytest.raises(error, match=says):
            track(git_repo, path)
    assert read(git_repo / "data") == before
    assert not (git_repo / ".gitignore").exists()


def test_a_folder_with_files_in_git_says_how_to_go_on(git_repo: Path) -> None:
    """git rm --cached keeps the files."""
    write(git_repo / "data" / "big x", {"a": "a", "b": "b"})
    save(git_repo)
    with pytest.raises(UsageError, match="git tracks files of data/big x") as caught:
        track(git_repo, "data/big x")
    assert caught.value.hint is not None
    assert "git rm -r --cached 'data/big x'" in caught.value.hint
    git(git_repo, "rm", "-r", "-q", "--cached", "data/big x")
    assert track(git_repo, "data/big x").pointer.file_count == 2


@pytest.mark.parametrize("rule", ["data/", "data", "*.tracker", "/data/*"])
def test_a_pointer_that_git_ignores_is_refused(git_repo: Path, rule: str) -> None:
    """It could never be committed; the rule is named, and the hint works."""
    (git_repo / ".gitignore").write_text(f"{rule}\n")
    write(git_repo / "data" / "x", {"a": "a"})
    with pytest.raises(UsageError, match=r"git ignores data/x\.tracker") as caught:
        track(git_repo, "data/x")
    assert rule in caught.value.message
    assert ".gitignore, line 1" in caught.value.message
    assert caught.value.hint is not None
    lines = caught.value.hint.split("`")[1::2]
    keep = "" if "below it" in caught.value.hint else None
    (git_repo / ".gitignore").write_text("\n".join([*([rule] if keep is not None else []), *lines]) + "\n")
    track(git_repo, "data/x")
    assert "data/x.tracker" in git(git_repo, "status", "--porcelain", "-uall")
    assert "data/x/a" not in git(git_repo, "status", "--porcelain", "-uall")


def test_a_path_that_the_repository_ignores_needs_no_line(git_repo: Path) -> None:
    """But rules of this machine alone do not help others."""
    (git_repo / ".gitignore").write_text("/data/*\n!*.tracker\n")
    write(git_repo / "data" / "x", {"a": "a"})
    assert track(git_repo, "data/x").ignore_path is None
    (git_repo / ".git" / "info").mkdir(exist_ok=True)
    (git_repo / ".git" / "info" / "exclude").write_text("/mine\n")
    write(git_repo / "mine", {"a": "a"})
    assert track(git_repo, "mine").ignore_path == ".gitignore"


def test_what_trackerignore_names_stays_out(git_repo: Path) -> None:
    """Above the folder and in it; a checkout leaves it alone."""
    (git_repo / ".trackerignore").write_text("*.tmp\n")
    files = {"a.txt": "a", "b.tmp": "b", "deep/c.log": "c", ".trackerignore": "*.log\n"}
    folder = tracked_folder(git_repo, files=files)
    assert read_pointer(git_repo / "data" / "MNIST.tracker").file_count == 2
    write(folder, {"d.tmp": "d"})
    assert state(git_repo, "data/MNIST") == "unchanged"
    write(folder, {"a.txt": "changed"})
    checkout(git_repo, "data/MNIST", force=True)
    assert read(folder) == {**files, "d.tmp": "d"}


def test_a_failure_leaves_the_path_as_it_was(git_repo: Path) -> None:
    """Git must not ignore what is stored nowhere."""
    write(git_repo / "data" / "x", {"a": "a"})
    os.mkfifo(git_repo / "data" / "x" / "pipe")
    with pytest.raises(UsageError, match="pipe"):
        track(git_repo, "data/x")
    assert not (git_repo / "data" / ".gitignore").exists()
    assert not (git_repo / "data" / "x.tracker").exists()


def test_the_origin_is_asked_when_git_ignores_the_path(git_repo: Path) -> None:
    """So a snapshot of the code does not take in the data."""
    write(git_repo / "data" / "x", {"a": "a"})
    seen: list[str] = []

    def origin() -> Origin:
        seen.append(git(git_repo, "status", "--porcelain", "-uall"))
        return Origin(commit="c" * 40)

    repo = Repo.open(git_repo)
    done = tracked.track(repo, git_repo / "data" / "x", project=PROJECT, origin=origin)
    assert done.logged is not None
    assert done.logged.manifest.origin.commit == "c" * 40
    assert seen == ["?? data/.gitignore\n"]


def test_the_origin_of_the_code(git_repo: Path) -> None:
    """Commit, branch, and the code as it lies there."""
    origin = tracked.code_origin(Repo.open(git_repo))()
    assert origin.commit == git(git_repo, "rev-parse", "HEAD").strip()
    assert (origin.branch, origin.dirty) == ("main", False)


def test_without_git_nothing_can_be_tracked(plain_dir: Path) -> None:
    """The hint names what can be done."""
    write(plain_dir / "x", {"a": "a"})
    with pytest.raises(UsageError, match="git repository") as caught:
        track(plain_dir, "x")
    assert "tracker add" in str(caught.value.hint)


def test_an_empty_folder(git_repo: Path) -> None:
    """Comes back as one."""
    (git_repo / "empty").mkdir()
    track(git_repo, "empty")
    save(git_repo)
    (git_repo / "empty").rmdir()
    assert state(git_repo, "empty") == "missing"
    checkout(git_repo)
    assert (git_repo / "empty").is_dir()
    assert state(git_repo, "empty") == "unchanged"


def test_tracking_from_a_subfolder(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are those of the current folder, as git takes them."""
    write(git_repo / "data" / "x", {"a": "a"})
    monkeypatch.chdir(git_repo / "data")
    assert tracked.track(Repo.open(), "x", project=PROJECT).path == "data/x"
    repo = Repo.open()
    for spelled in ("x", "./x/", "x.tracker", "../data/x", str(git_repo / "data" / "x"), "data/x"):
        assert [one.path for one in tracked.status(repo, [spelled])] == ["data/x"]


@pytest.mark.parametrize("step", ["log_artifact", "write_pointer", "set_base"])
def test_an_interrupted_track_is_completed(
    git_repo: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """And until then git ignores nothing that has no pointer."""
    write(git_repo / "data" / "x", {"a": "a"})
    where = {
        "log_artifact": "vcs.repo.Repo.log_artifact",
        "write_pointer": "vcs.tracked.add.write_pointer",
        "set_base": "vcs.tracked.memory.TrackedMemory.set_base",
    }

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(where[step], killed)
        with pytest.raises(KeyboardInterrupt):
            track(git_repo, "data/x")
    assert (git_repo / "data" / ".gitignore").exists() is (git_repo / "data" / "x.tracker").exists()
    track(git_repo, "data/x")
    assert state(git_repo, "data/x") == "unchanged"
    assert len(Repo.open(git_repo).collections.versions(PROJECT, "x")) == 1


def test_what_is_named_must_be_tracked(git_repo: Path) -> None:
    """With a near match, or the path that holds it."""
    tracked_folder(git_repo)
    with pytest.raises(NotFoundError, match="nothing is tracked") as caught:
        commit(git_repo, "data/MNST")
    assert "data/MNIST" in str(caught.value.hint)
    with pytest.raises(UsageError, match="part of data/MNIST"):
        commit(git_repo, "data/MNIST/a.txt")
    assert commit(git_repo, "data").paths == ()
    assert commit(git_repo, ".").paths == ()


def test_untracking_keeps_the_data(git_repo: Path) -> None:
    """And gives back the .gitignore as it was."""
    (git_repo / "data").mkdir()
    (git_repo / "data" / ".gitignore").write_text("*.tmp\n")
    folder = tracked_folder(git_repo)
    before = read(folder)
    dry = tracked.untrack(Repo.open(git_repo), git_repo / "data" / "MNIST", dry_run=True)
    assert (git_repo / "data" / "MNIST.tracker").exists()
    done = tracked.untrack(Repo.open(git_repo), git_repo / "data" / "MNIST")
    assert done == dry
    assert (done.pointer_path, done.ignore_path) == ("data/MNIST.tracker", "data/.gitignore")
    assert read(folder) == before
    assert (git_repo / "data" / ".gitignore").read_text() == "*.tmp\n"
    assert status(git_repo) == {}
    assert Repo.open(git_repo).resolve("MNIST", project=PROJECT).version == "v0"


def test_an_untracked_path_is_not_emptied_by_a_checkout(git_repo: Path) -> None:
    """Though a checkout has once put it there."""
    folder = tracked_folder(git_repo)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    checkout(git_repo, "data/MNIST")
    before = read(folder)
    assert before
    tracked.untrack(Repo.open(git_repo), git_repo / "data" / "MNIST")
    save(git_repo)
    checkout(git_repo)
    assert read(folder) == before


def test_untracking_what_is_not_tracked(git_repo: Path) -> None:
    """A folder above is not meant."""
    tracked_folder(git_repo)
    for path in ("data", "nothing"):
        with pytest.raises(NotFoundError, match="tracked"):
            tracked.untrack(Repo.open(git_repo), git_repo / path)


def test_tracking_after_untracking(git_repo: Path) -> None:
    """Finds the version that there is."""
    tracked_folder(git_repo)
    tracked.untrack(Repo.open(git_repo), git_repo / "data" / "MNIST")
    done = track(git_repo, "data/MNIST")
    assert done.logged is not None
    assert (done.pointer.version, done.logged.new) == ("v0", False)


def test_an_empty_listing_is_a_listing() -> None:
    """The digest of no files is no accident."""
    assert Listing().digest == Listing([]).digest
