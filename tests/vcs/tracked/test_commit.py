"""Committing what changed below tracked paths."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import git
from tests.vcs.tracked_project import (
    PROJECT,
    commit,
    save,
    settle_clock,
    state,
    status,
    tracked_folder,
    write,
)
from vcs.errors import ConflictError, StoreError
from vcs.repo import Repo
from vcs.tracked import verbs as tracked
from vcs.tracked.pointer import read_pointer


def test_a_commit_makes_a_version_of_what_changed(git_repo: Path) -> None:
    """And only of that; the pointer names it, git is not told."""
    folder = tracked_folder(git_repo)
    tracked_folder(git_repo, "other")
    write(folder, {"a.txt": "a2", "new.txt": "n"})
    (folder / "deep" / "b.txt").unlink()
    done = commit(git_repo, message="better")
    assert done.pointer_paths == ("data/MNIST.tracker",)
    (one,) = done.paths
    assert (one.before.version, one.pointer.version, one.logged.new) == ("v0", "v1", True)
    assert one.logged.manifest.parent == "v0"
    assert one.logged.manifest.description == "better"
    assert git(git_repo, "status", "--porcelain").split() == ["M", "data/MNIST.tracker"]
    assert state(git_repo, "data/MNIST") == "unchanged"
    assert commit(git_repo).paths == ()


def test_a_commit_of_old_contents_finds_their_version(git_repo: Path) -> None:
    """A, B, A is v0, v1, v0."""
    folder = tracked_folder(git_repo)
    write(folder, {"a.txt": "a2"})
    commit(git_repo)
    write(folder, {"a.txt": "a1"})
    # The pointer names v1, and v0 lies there: put back by hand, so it counts as changed.
    assert state(git_repo, "data/MNIST") == "changed"
    done = commit(git_repo)
    assert [(one.pointer.version, one.logged.new) for one in done.paths] == [("v0", False)]


def test_only_the_changed_file_is_read(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stat cache knows the others."""
    files = {f"{index}.txt": f"text {index}" for index in range(50)}
    folder = tracked_folder(git_repo, files=files)
    settle_clock()
    status(git_repo)
    write(folder, {"7.txt": "changed"})
    settle_clock()
    opened: list[str] = []
    real_open = os.open

    def spying(path: object, *arguments: object, **options: object) -> int:
        if str(path).startswith(str(folder)) and str(path).endswith(".txt"):
            opened.append(Path(str(path)).name)
        return real_open(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", spying)
    assert len(commit(git_repo).paths) == 1
    assert set(opened) == {"7.txt"}


def test_changed_tells_what_commit_would_do(git_repo: Path) -> None:
    """For a hook that wants to know first."""
    folder = tracked_folder(git_repo)
    tracked_folder(git_repo, "other")
    repo = Repo.open(git_repo)
    assert tracked.changed(repo) == []
    write(folder, {"new.txt": "n"})
    assert [(one.path, one.added) for one in tracked.changed(repo)] == [("data/MNIST", ("new.txt",))]


def test_old_data_is_not_committed_over_a_new_pointer(git_repo: Path) -> None:
    """After a git switch without our hooks, the folder is old and not changed."""
    folder = tracked_folder(git_repo)
    git(git_repo, "branch", "old")
    write(folder, {"a.txt": "a2"})
    commit(git_repo)
    save(git_repo)
    git(git_repo, "checkout", "-q", "old")
    done = commit(git_repo)
    assert done.paths == ()
    assert [(one.path, one.state) for one in done.left] == [("data/MNIST", "outdated")]
    with pytest.raises(ConflictError, match="holds MNIST:v1 as it was") as caught:
        commit(git_repo, "data/MNIST")
    assert "tracker checkout" in str(caught.value.hint)


def test_a_forced_commit_takes_what_lies_there(git_repo: Path) -> None:
    """The old data becomes what the pointer names."""
    folder = tracked_folder(git_repo)
    git(git_repo, "branch", "old")
    write(folder, {"a.txt": "a2"})
    commit(git_repo)
    save(git_repo)
    git(git_repo, "checkout", "-q", "old")
    assert [one.pointer.version for one in commit(git_repo, "data/MNIST", force=True).paths] == ["v1"]
    assert state(git_repo, "data/MNIST") == "unchanged"


def test_a_missing_path_is_not_committed(git_repo: Path) -> None:
    """Nobody wants a version without files because a disk was not mounted."""
    folder = tracked_folder(git_repo)
    folder.rename(git_repo / "away")
    assert [one.state for one in commit(git_repo).left] == ["missing"]
    with pytest.raises(ConflictError, match="not there"):
        commit(git_repo, "data/MNIST")


def test_a_folder_may_become_a_file(git_repo: Path) -> None:
    """The pointer then says so."""
    folder = tracked_folder(git_repo)
    for path in (folder / "a.txt", folder / "deep" / "b.txt"):
        path.unlink()
    (folder / "deep").rmdir()
    folder.rmdir()
    folder.write_text("one file now")
    assert state(git_repo, "data/MNIST") == "changed"
    (one,) = commit(git_repo).paths
    assert one.pointer.single
    assert state(git_repo, "data/MNIST") == "unchanged"


def test_a_full_disk_leaves_the_pointer(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pointer names what is not stored."""
    folder = tracked_folder(git_repo)
    before = (git_repo / "data" / "MNIST.tracker").read_bytes()
    write(folder, {"a.txt": "a2" * 1000})

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StoreError, match="full"):
            commit(git_repo)
    assert (git_repo / "data" / "MNIST.tracker").read_bytes() == before
    assert len(commit(git_repo).paths) == 1


@pytest.mark.parametrize(
    "step", ["vcs.tracked.verbs.write_pointer", "vcs.tracked.memory.TrackedMemory.set_base"]
)
def test_an_interrupted_commit_is_completed(
    git_repo: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The version is there before its pointer, and is found again."""
    folder = tracked_folder(git_repo)
    write(folder, {"a.txt": "a2"})

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(step, killed)
        with pytest.raises(KeyboardInterrupt):
            commit(git_repo)
    commit(git_repo)
    assert read_pointer(git_repo / "data" / "MNIST.tracker").version == "v1"
    assert state(git_repo, "data/MNIST") == "unchanged"
    write(folder, {"a.txt": "a3"})
    assert state(git_repo, "data/MNIST") == "changed"
    assert len(Repo.open(git_repo).collections.versions(PROJECT, "MNIST")) == 2
