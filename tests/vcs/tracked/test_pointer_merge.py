"""Pointers merged by git through the driver, and settled afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
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
from vcs.errors import ConflictError, FormatError, NotFoundError
from vcs.git import Git
from vcs.repo import Repo
from vcs.tracked import verbs as tracked
from vcs.tracked.pointer import read_pointer, write_pointer
from vcs.tracked.pointer_merge import (
    configure_merge_driver,
    merge_files,
    merge_pointers,
    read_stages,
    remove_merge_driver,
    settle,
)

BASE = {"a.txt": "a", "b.txt": "b", "deep/c.txt": "c"}
DRIVER = f"'{sys.executable}' -m tracker.cli.main"
POINTER = "data/my MNIST.tracker"


@pytest.fixture
def folder(git_repo: Path) -> Path:
    """A tracked folder in a repository whose git has the driver."""
    configure_merge_driver(Git(git_repo), DRIVER)
    return tracked_folder(git_repo, "data/my MNIST", BASE)


def diverge(project: Path, folder: Path, ours: dict[str, str | None], theirs: dict[str, str | None]) -> None:
    """Change the folder on the branches `main` and `theirs`; `main` is checked out. None removes."""
    git(project, "branch", "theirs")
    for branch, changes in (("main", ours), ("theirs", theirs)):
        git(project, "checkout", "-q", branch)
        checkout(project)
        for name, text in changes.items():
            if text is None:
                (folder / name).unlink()
            else:
                write(folder, {name: text})
        commit(project)
        save(project, branch)
    git(project, "checkout", "-q", "main")
    checkout(project)


def merge(project: Path, branch: str = "theirs", *options: str) -> subprocess.CompletedProcess[str]:
    """Run git merge as a user does, from a subfolder."""
    source = Path(__file__).resolve().parents[3]
    return subprocess.run(
        ["git", "merge", "-q", "--no-edit", *options, branch],
        cwd=project / "data",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(source)},
    )


# through git


def test_changes_of_different_files_merge(git_repo: Path, folder: Path) -> None:
    """The merge commit's pointer names a new version, and a checkout brings the data."""
    diverge(git_repo, folder, {"a.txt": "ours", "new": "n"}, {"b.txt": "theirs", "deep/c.txt": None})
    before = read(folder)
    done = merge(git_repo)
    assert done.returncode == 0, done.stderr
    pointer = read_pointer(git_repo / POINTER)
    assert (pointer.version, pointer.file_count) == ("v3", 3)
    assert git(git_repo, "status", "--porcelain") == ""
    repo = Repo.open(git_repo)
    manifest = repo.resolve("my-MNIST:v3", project=PROJECT)
    assert (manifest.parent, manifest.description) == ("v1", "merge of v1 and v2")
    assert manifest.origin.commit == git(git_repo, "rev-parse", "main~1").strip()
    assert (read(folder), state(git_repo, "data/my MNIST")) == (before, "outdated")
    checkout(git_repo)
    assert read(folder) == {"a.txt": "ours", "b.txt": "theirs", "new": "n"}


def test_both_sides_alike_is_no_new_version(git_repo: Path, folder: Path) -> None:
    """Nor is it when one side holds what the other has changed."""
    diverge(git_repo, folder, {"a.txt": "x", "new": "n"}, {"a.txt": "x"})
    assert merge(git_repo).returncode == 0
    assert read_pointer(git_repo / POINTER).version == "v1"
    assert len(Repo.open(git_repo).collections.versions(PROJECT, "my-MNIST")) == 3


def test_a_conflict_leaves_ours_and_names_the_files(git_repo: Path, folder: Path) -> None:
    """As git does with a binary file; status works out the files."""
    diverge(git_repo, folder, {"a.txt": "ours", "b.txt": "o"}, {"a.txt": "theirs", "new": "n"})
    ours = (git_repo / POINTER).read_text()
    done = merge(git_repo)
    assert done.returncode == 1
    assert "CONFLICT (tracked path): data/my MNIST/a.txt (changed on both sides)" in done.stderr
    assert (git_repo / POINTER).read_text() == ours
    assert git(git_repo, "status", "--porcelain").splitlines() == [f'UU "{POINTER}"']
    one = status(git_repo)["data/my MNIST"]
    assert (one.state, [str(conflict) for conflict in one.conflicts]) == (
        "unmerged",
        ["a.txt (changed on both sides)"],
    )
    with pytest.raises(ConflictError, match="in conflict"):
        checkout(git_repo)
    assert len(Repo.open(git_repo).collections.versions(PROJECT, "my-MNIST")) == 3
    git(git_repo, "merge", "--abort")
    assert state(git_repo, "data/my MNIST") == "unchanged"


@pytest.mark.parametrize(("side", "wins"), [("ours", "ours"), ("theirs", "theirs")])
def test_a_side_is_preferred_file_by_file(git_repo: Path, folder: Path, side: str, wins: str) -> None:
    """What the other side changed elsewhere is not lost."""
    diverge(git_repo, folder, {"a.txt": "ours", "b.txt": "o"}, {"a.txt": "theirs", "new": "n"})
    merge(git_repo)
    repo = Repo.open(git_repo)
    with pytest.raises(ConflictError, match=r"a\.txt") as caught:
        tracked.settle(repo, [folder])
    assert "--ours" in str(caught.value.hint)
    assert tracked.settle(repo) == {}
    settled = tracked.settle(repo, [folder], prefer=side)  # type: ignore[arg-type]
    assert list(settled) == ["data/my MNIST"]
    assert settled["data/my MNIST"].pointer == read_pointer(git_repo / POINTER)
    checkout(git_repo)
    assert read(folder) == {"a.txt": wins, "b.txt": "o", "deep/c.txt": "c", "new": "n"}
    assert tracked.settle(repo, [folder]) == {}
    git(git_repo, "add", POINTER)
    git(git_repo, "commit", "-q", "--no-edit")
    assert state(git_repo, "data/my MNIST") == "unchanged"


def test_a_conflict_can_be_settled_by_hand(git_repo: Path, folder: Path) -> None:
    """Edit the files, commit the path, add the pointer."""
    diverge(git_repo, folder, {"a.txt": "ours"}, {"a.txt": "theirs"})
    merge(git_repo)
    write(folder, {"a.txt": "both"})
    commit(git_repo, "data/my MNIST")
    assert state(git_repo, "data/my MNIST") == "unchanged"
    assert checkout(git_repo).done[0].changes_nothing
    git(git_repo, "add", POINTER)
    git(git_repo, "commit", "-q", "--no-edit")
    assert git(git_repo, "status", "--porcelain") == ""


def test_a_side_can_be_taken_with_git_alone(git_repo: Path, folder: Path) -> None:
    """git checkout --theirs, then a checkout of the data."""
    diverge(git_repo, folder, {"a.txt": "ours", "b.txt": "o"}, {"a.txt": "theirs"})
    merge(git_repo)
    git(git_repo, "checkout", "--theirs", "--", POINTER)
    git(git_repo, "add", POINTER)
    checkout(git_repo)
    assert read(folder) == {**BASE, "a.txt": "theirs"}


def test_without_the_driver_the_marks_are_no_pointer(git_repo: Path, folder: Path) -> None:
    """A checkout merges what git could not."""
    remove_merge_driver(Git(git_repo))
    diverge(git_repo, folder, {"a.txt": "ours"}, {"b.txt": "theirs"})
    assert merge(git_repo).returncode == 1
    assert "<<<<<<<" in (git_repo / POINTER).read_text()
    one = status(git_repo)["data/my MNIST"]
    assert (one.state, one.conflicts) == ("unmerged", ())
    assert list(tracked.settle(Repo.open(git_repo))) == ["data/my MNIST"]
    checkout(git_repo)
    assert read(folder) == {**BASE, "a.txt": "ours", "b.txt": "theirs"}


def test_a_rebase_merges_too(git_repo: Path, folder: Path) -> None:
    """There `ours` is the branch that is rebased onto."""
    diverge(git_repo, folder, {"a.txt": "ours"}, {"b.txt": "theirs"})
    source = Path(__file__).resolve().parents[3]
    subprocess.run(
        ["git", "-C", str(git_repo), "rebase", "-q", "theirs"],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(source)},
    )
    checkout(git_repo)
    assert read(folder) == {**BASE, "a.txt": "ours", "b.txt": "theirs"}


def test_a_merge_in_a_linked_worktree(git_repo: Path, folder: Path) -> None:
    """The driver works in the worktree where git is."""
    diverge(git_repo, folder, {"a.txt": "ours"}, {"b.txt": "theirs"})
    git(git_repo, "worktree", "add", "-q", "-b", "side", "../linked", "main")
    done = merge(git_repo.parent / "linked")
    assert done.returncode == 0, done.stderr
    checkout(git_repo.parent / "linked")
    assert read(git_repo.parent / "linked" / "data" / "my MNIST") == {
        **BASE,
        "a.txt": "ours",
        "b.txt": "theirs",
    }
    assert state(git_repo, "data/my MNIST") == "unchanged"


def test_both_branches_track_the_path_anew(git_repo: Path) -> None:
    """There is no base, so equal files go together and others are in conflict."""
    configure_merge_driver(Git(git_repo), DRIVER)
    git(git_repo, "branch", "theirs")
    for branch, files in (("main", {"a": "1", "b": "1"}), ("theirs", {"a": "1", "c": "1"})):
        git(git_repo, "checkout", "-q", branch)
        shutil.rmtree(git_repo / "data", ignore_errors=True)
        write(git_repo / "data" / "x", files)
        track(git_repo, "data/x")
        save(git_repo)
    git(git_repo, "checkout", "-q", "main")
    checkout(git_repo)
    done = merge(git_repo)
    assert done.returncode == 0, done.stderr
    checkout(git_repo)
    assert read(git_repo / "data" / "x") == {"a": "1", "b": "1", "c": "1"}


def test_a_pointer_that_one_side_removed(git_repo: Path, folder: Path) -> None:
    """git asks; we say how to answer."""
    git(git_repo, "branch", "theirs")
    write(folder, {"a.txt": "ours"})
    commit(git_repo)
    save(git_repo)
    git(git_repo, "checkout", "-q", "theirs")
    git(git_repo, "rm", "-q", POINTER)
    git(git_repo, "commit", "-q", "-m", "without")
    git(git_repo, "checkout", "-q", "main")
    assert merge(git_repo).returncode == 1
    assert state(git_repo, "data/my MNIST") == "unmerged"
    with pytest.raises(ConflictError, match="removed in theirs") as caught:
        settle(Repo.open(git_repo), "data/my MNIST")
    assert f"git add '{POINTER}'" in str(caught.value.hint)
    git(git_repo, "add", POINTER)
    git(git_repo, "commit", "-q", "--no-edit")
    assert state(git_repo, "data/my MNIST") == "unchanged"


# without git


def test_a_file_is_in_conflict_with_itself(git_repo: Path) -> None:
    """A tracked file has no smaller parts; one side's change is taken."""
    (git_repo / "w").write_text("1")
    repo = Repo.open(git_repo)
    pointers = [track(git_repo, "w").pointer]
    for text in ("2", "3"):
        (git_repo / "w").write_text(text)
        pointers.append(commit(git_repo).paths[0].pointer)
    base, ours, theirs = pointers
    assert [conflict.path for conflict in merge_pointers(repo, base, ours, theirs).conflicts] == ["w"]
    assert merge_pointers(repo, base, ours, base).pointer == ours
    assert merge_pointers(repo, base, base, theirs).pointer == theirs
    assert merge_pointers(repo, base, ours, theirs, prefer="theirs").pointer == theirs


def test_different_artifacts_cannot_be_merged(git_repo: Path) -> None:
    """Nor a file with a folder."""
    one = tracked_folder(git_repo, "one")
    tracked_folder(git_repo, "two")
    (git_repo / "w").write_text("w")
    file = track(git_repo, "w", name="one", type="dataset").pointer
    repo = Repo.open(git_repo)
    pointer = read_pointer(git_repo / "one.tracker")
    for other in (read_pointer(git_repo / "two.tracker"), file):
        with pytest.raises(ConflictError, match="cannot be merged"):
            merge_pointers(repo, None, pointer, other)
    assert one.is_dir()


def test_a_version_that_is_not_here_leaves_the_file(git_repo: Path, tmp_path: Path) -> None:
    """And so does a damaged pointer: git then has a conflict, and nothing is lost."""
    folder = tracked_folder(git_repo)
    base = read_pointer(git_repo / "data" / "MNIST.tracker")
    write(folder, {"a.txt": "2"})
    ours = commit(git_repo).paths[0].pointer
    unknown = type(base)(base.project, base.name, base.type, 9, "f" * 64, 1, 1)  # type: ignore[arg-type]
    files = [tmp_path / name for name in ("O", "A", "B")]
    for path, pointer in zip(files, (base, ours, unknown), strict=True):
        write_pointer(path, pointer)
    before = files[1].read_text()
    with pytest.raises(NotFoundError, match="not among the records"):
        merge_files(Repo.open(git_repo), *files)
    files[2].write_text("no pointer")
    with pytest.raises(FormatError):
        merge_files(Repo.open(git_repo), *files)
    assert files[1].read_text() == before


def test_the_stages_of_a_path_without_conflict_are_none(git_repo: Path) -> None:
    """All three."""
    tracked_folder(git_repo)
    stages = read_stages(Git(git_repo), "data/MNIST")
    assert (stages.base, stages.ours, stages.theirs) == (None, None, None)


# configuration


def test_the_driver_is_configured_once_and_taken_back(git_repo: Path) -> None:
    """What the user had in the file stays."""
    native = Git(git_repo)
    attributes = git_repo / ".git" / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("*.pt binary\n")
    config = git(git_repo, "config", "--local", "--list")
    assert configure_merge_driver(native, "/venv/bin/tracker")
    assert not configure_merge_driver(native, "/venv/bin/tracker")
    assert attributes.read_text() == "*.pt binary\n*.tracker merge=tracker\n"
    driver = git(git_repo, "config", "merge.tracker.driver").strip()
    assert driver == "/venv/bin/tracker merge-pointer %O %A %B %P"
    assert git(git_repo, "check-attr", "merge", "data/x.tracker").endswith("merge: tracker\n")
    assert git(git_repo, "status", "--porcelain") == ""
    assert remove_merge_driver(native)
    assert not remove_merge_driver(native)
    assert attributes.read_text() == "*.pt binary\n"
    assert git(git_repo, "config", "--local", "--list") == config
