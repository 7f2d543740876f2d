"""Tracked paths follow their pointers, and nothing made by hand is lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import git
from tests.vcs.tracked.two_versions import V0, V1
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
from vcs.elsewhere import BRING_OBJECTS
from vcs.errors import ConflictError, NotFoundError, StoreError, UsageError
from vcs.git import Git
from vcs.repo import Repo
from vcs.tracked import verbs as tracked
from vcs.tracked.memory import TrackedMemory
from vcs.tracked.pointer import read_pointer


def test_a_missing_path_comes_back(git_repo: Path, folder: Path) -> None:
    """As after a clone; the plan says so before."""
    shutil.rmtree(folder)
    plan = tracked.plan_checkout(Repo.open(git_repo))
    (one,) = plan.paths
    assert one.placing is not None
    assert (one.placing.add, one.placing.replace, one.placing.remove) == (("a.txt", "new/c.txt"), (), ())
    assert (one.placing.write_bytes, one.changes_nothing) == (4, False)
    assert not folder.exists()
    plan.apply()
    assert read(folder) == V1
    assert state(git_repo, "data/MNIST") == "unchanged"


def test_data_follows_the_branches(git_repo: Path, folder: Path) -> None:
    """There and back, with nothing left of the other version."""
    for branch, files in (("old", V0), ("main", V1), ("old", V0)):
        git(git_repo, "checkout", "-q", branch)
        done = checkout(git_repo)
        assert read(folder) == files
        assert not any(path.is_dir() and not any(path.iterdir()) for path in folder.rglob("*"))
        assert [one.path for one in done.done] == ["data/MNIST"]
        assert (done.saved, state(git_repo, "data/MNIST")) == (None, "unchanged")


def test_nothing_to_do_writes_nothing(git_repo: Path, folder: Path) -> None:
    """The files are those of before, by inode."""
    before = {path: path.stat().st_ino for path in folder.rglob("*")}
    plan = tracked.plan_checkout(Repo.open(git_repo))
    assert plan.paths[0].changes_nothing
    plan.apply()
    assert {path: path.stat().st_ino for path in folder.rglob("*")} == before


def test_only_what_differs_is_written(git_repo: Path) -> None:
    """A file that both versions have stays the same file."""
    folder = tracked_folder(git_repo, files={"same.txt": "same", "a.txt": "a1"})
    write(folder, {"a.txt": "a2"})
    commit(git_repo)
    save(git_repo)
    inode = (folder / "same.txt").stat().st_ino
    git(git_repo, "checkout", "-q", "HEAD~1")
    checkout(git_repo)
    assert (folder / "same.txt").stat().st_ino == inode


def test_a_file_changed_by_hand_is_not_overwritten(git_repo: Path, folder: Path) -> None:
    """Asked for by its path; the hint says what can be done."""
    write(folder, {"a.txt": "mine"})
    with pytest.raises(ConflictError, match=r"changed by hand.*a\.txt in data/MNIST") as caught:
        checkout(git_repo, "data/MNIST")
    assert "tracker commit data/MNIST" in str(caught.value.hint)
    assert "--force" in str(caught.value.hint)
    assert read(folder) == {**V1, "a.txt": "mine"}


def test_without_paths_changes_stay_and_are_told(git_repo: Path, folder: Path) -> None:
    """As git does; the pointer has not moved."""
    write(folder, {"a.txt": "mine", "extra.txt": "x"})
    done = checkout(git_repo)
    assert done.done[0].placing is not None
    assert done.done[0].placing.kept == ("a.txt", "extra.txt")
    assert read(folder) == {**V1, "a.txt": "mine", "extra.txt": "x"}
    assert state(git_repo, "data/MNIST") == "changed"


def test_a_file_deleted_by_hand_comes_back(git_repo: Path, folder: Path) -> None:
    """That loses nothing. A hook leaves it deleted."""
    (folder / "a.txt").unlink()
    write(folder, {"extra.txt": "x"})
    checkout(git_repo, restore=False)
    assert read(folder) == {"new/c.txt": "c1", "extra.txt": "x"}
    checkout(git_repo)
    assert read(folder) == {**V1, "extra.txt": "x"}


def test_a_switch_carries_changes_that_it_need_not_touch(git_repo: Path) -> None:
    """Also if the path itself is asked for: the pointer has moved."""
    folder = tracked_folder(git_repo, files={"a": "a1", "b": "b1", "gone": "g"})
    write(folder, {"a": "a2"})
    commit(git_repo)
    save(git_repo)
    write(folder, {"b": "mine", "extra": "x"})
    (folder / "gone").unlink()
    git(git_repo, "checkout", "-q", "HEAD~1")
    assert state(git_repo, "data/MNIST") == "diverged"
    with pytest.raises(ConflictError, match="with changes"):
        commit(git_repo, "data/MNIST")
    done = checkout(git_repo, "data/MNIST", restore=False)
    assert read(folder) == {"a": "a1", "b": "mine", "extra": "x"}
    assert done.done[0].placing is not None
    assert done.done[0].placing.kept == ("b", "extra", "gone")
    # Now the changes are those against the pointer, and can be committed.
    one = status(git_repo)["data/MNIST"]
    assert (one.state, one.added, one.removed, one.modified) == ("changed", ("extra",), ("gone",), ("b",))


def test_a_switch_that_would_touch_changes_is_refused(git_repo: Path, folder: Path) -> None:
    """Modified here and replaced there; modified here and gone there; made here and there."""
    git(git_repo, "checkout", "-q", "old")
    mine = {"a.txt": "mine", "new/c.txt": "mine too", "deep/b.txt": "made here"}
    write(folder, mine)
    (one,) = tracked.plan_checkout(Repo.open(git_repo)).paths
    assert one.conflicts == ("a.txt", "deep/b.txt", "new/c.txt")
    assert one.problem is not None
    assert "tracker commit --force" in str(one.problem.hint)
    applied = tracked.plan_checkout(Repo.open(git_repo)).apply()
    assert applied.done == ()
    assert read(folder) == mine


def test_one_blocked_path_does_not_keep_back_the_others(git_repo: Path, folder: Path) -> None:
    """A hook brings what it can."""
    tracked_folder(git_repo, "other", {"x": "x"})
    shutil.rmtree(git_repo / "other")
    git(git_repo, "checkout", "-q", "old", "--", "data/MNIST.tracker")
    write(folder, {"a.txt": "mine"})
    plan = tracked.plan_checkout(Repo.open(git_repo), restore=False)
    assert [one.path for one in plan.blocked] == ["data/MNIST"]
    assert [one.path for one in plan.apply().done] == ["other"]
    assert read(git_repo / "other") == {"x": "x"}
    assert (folder / "a.txt").read_text() == "mine"


def test_force_keeps_copies(git_repo: Path, folder: Path) -> None:
    """Of what exists nowhere else, and says where; all becomes as in the version."""
    write(folder, {"a.txt": "mine", "new/c.txt": "mine too", "extra/x": "x"})
    (folder / "extra" / "link").symlink_to("x")
    git(git_repo, "checkout", "-q", "old")
    plan = tracked.plan_checkout(Repo.open(git_repo), [git_repo / "data"], force=True)
    assert plan.paths[0].placing is not None
    assert plan.paths[0].placing.saves == ("a.txt", "extra/link", "extra/x", "new/c.txt")
    done = plan.apply()
    assert read(folder) == V0
    assert done.saved is not None
    assert done.saved.is_relative_to(git_repo / ".git" / "tracker" / "saved")
    assert read(done.saved / "data" / "MNIST") == {
        "a.txt": "mine",
        "extra/link": "-> x",
        "extra/x": "x",
        "new/c.txt": "mine too",
    }
    assert not (folder / "extra").exists()
    assert state(git_repo, "data/MNIST") == "unchanged"


def test_a_copy_does_not_change_with_the_file(git_repo: Path, folder: Path) -> None:
    """The new file at the path is another one."""
    write(folder, {"a.txt": "mine"})
    done = checkout(git_repo, "data/MNIST", force=True)
    assert done.saved is not None
    with (folder / "a.txt").open("a") as stream:
        stream.write("more")
    assert read(done.saved) == {"data/MNIST/a.txt": "mine"}


def test_copies_are_made_where_links_cannot_be(
    git_repo: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The git directory may lie on another disk."""

    def no_link(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    write(folder, {"a.txt": "mine"})
    monkeypatch.setattr(os, "link", no_link)
    done = checkout(git_repo, "data/MNIST", force=True)
    assert done.saved is not None
    assert read(done.saved) == {"data/MNIST/a.txt": "mine"}


def test_a_copy_that_cannot_be_kept_stops_everything(
    git_repo: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is overwritten then."""
    write(folder, {"a.txt": "mine"})
    (git_repo / ".git" / "tracker" / "saved").write_text("in the way")
    with pytest.raises(StoreError):
        checkout(git_repo, "data/MNIST", force=True)
    assert (folder / "a.txt").read_text() == "mine"


def test_a_change_after_the_plan_is_not_overwritten(git_repo: Path, folder: Path) -> None:
    """The plan said that the file was as it was put there."""
    git(git_repo, "checkout", "-q", "old")
    plan = tracked.plan_checkout(Repo.open(git_repo))
    write(folder, {"a.txt": "written just now"})
    applied = plan.apply()
    assert applied.done == ()
    assert isinstance(applied.failed[0][1], ConflictError)
    assert (folder / "a.txt").read_text() == "written just now"


def test_data_that_nobody_knows_is_in_the_way(git_repo: Path, folder: Path) -> None:
    """Put there by hand after a clone; files that the version does not have may stay."""
    shutil.rmtree(folder)
    TrackedMemory(Git(git_repo)).forget("data/MNIST")
    write(folder, {"a.txt": "from elsewhere", "extra": "x"})
    with pytest.raises(ConflictError, match=r"a\.txt"):
        checkout(git_repo)
    write(folder, {"a.txt": "a2"})
    checkout(git_repo)
    assert read(folder) == {**V1, "extra": "x"}


def test_a_file_follows_too(git_repo: Path) -> None:
    """And a change of it by hand is kept as any other."""
    (git_repo / "my w.pt").write_text("1")
    track(git_repo, "my w.pt", name="w")
    save(git_repo)
    (git_repo / "my w.pt").write_text("2")
    commit(git_repo)
    save(git_repo)
    git(git_repo, "checkout", "-q", "HEAD~1")
    checkout(git_repo)
    assert (git_repo / "my w.pt").read_text() == "1"
    (git_repo / "my w.pt").write_text("mine")
    with pytest.raises(ConflictError):
        checkout(git_repo, "my w.pt")
    done = checkout(git_repo, "my w.pt", force=True)
    assert (git_repo / "my w.pt").read_text() == "1"
    assert done.saved is not None
    assert read(done.saved) == {"my w.pt": "mine"}


def test_a_file_where_a_folder_was_and_back(git_repo: Path) -> None:
    """The pointers of two commits differ in kind."""
    folder = tracked_folder(git_repo, "thing", V0)
    shutil.rmtree(folder)
    folder.write_text("a file")
    commit(git_repo)
    save(git_repo)
    git(git_repo, "checkout", "-q", "HEAD~1")
    checkout(git_repo)
    assert read(folder) == V0
    git(git_repo, "checkout", "-q", "main")
    write(folder, {"mine": "m"})
    with pytest.raises(ConflictError, match="mine"):
        checkout(git_repo)
    (folder / "mine").unlink()
    checkout(git_repo)
    assert folder.read_text() == "a file"
    folder.write_text("mine")
    git(git_repo, "checkout", "-q", "HEAD~1")
    with pytest.raises(ConflictError, match="thing"):
        checkout(git_repo)
    done = checkout(git_repo, force=True)
    assert read(folder) == V0
    assert done.saved is not None
    assert read(done.saved) == {"thing": "mine"}


def test_modes_links_and_empty_folders_come_back(git_repo: Path) -> None:
    """All that a listing holds."""
    folder = git_repo / "x"
    write(folder, {"run.sh": "#!/bin/sh", "d/a": "a"})
    os.chmod(folder / "run.sh", 0o755)
    (folder / "d" / "link").symlink_to("../run.sh")
    (folder / "empty").mkdir()
    track(git_repo, "x")
    shutil.rmtree(folder)
    checkout(git_repo)
    assert os.access(folder / "run.sh", os.X_OK)
    assert os.readlink(folder / "d" / "link") == "../run.sh"
    assert (folder / "empty").is_dir()
    assert state(git_repo, "x") == "unchanged"


def test_what_a_checkout_put_there_goes_with_its_pointer(git_repo: Path) -> None:
    """As git's own files do, with the folders that this leaves empty; and it comes back."""
    folder = tracked_folder(git_repo, "big/data", V0)
    shutil.rmtree(folder)
    checkout(git_repo)
    git(git_repo, "checkout", "-q", "HEAD~1")
    plan = tracked.plan_checkout(Repo.open(git_repo))
    assert [(one.path, one.pointer) for one in plan.paths] == [("big/data", None)]
    assert plan.paths[0].placing is not None
    assert plan.paths[0].placing.remove == ("a.txt", "deep/b.txt")
    plan.apply()
    assert not (git_repo / "big").exists()
    assert tracked.plan_checkout(Repo.open(git_repo)).paths == ()
    git(git_repo, "checkout", "-q", "main")
    checkout(git_repo)
    assert read(folder) == V0


def test_what_the_user_put_there_stays(git_repo: Path) -> None:
    """Data that was tracked where it lay was there before its pointer."""
    folder = tracked_folder(git_repo, files=V0)
    git(git_repo, "checkout", "-q", "HEAD~1")
    checkout(git_repo)
    assert read(folder) == V0


def test_changes_by_hand_stay_when_the_pointer_goes(git_repo: Path) -> None:
    """Only what the store has is removed."""
    folder = tracked_folder(git_repo, files=V0)
    shutil.rmtree(folder)
    checkout(git_repo)
    write(folder, {"deep/b.txt": "mine", "extra": "x"})
    git(git_repo, "checkout", "-q", "HEAD~1")
    checkout(git_repo)
    assert read(folder) == {"deep/b.txt": "mine", "extra": "x"}


def test_a_file_goes_with_its_pointer(git_repo: Path) -> None:
    """Unless it was changed."""
    for text in ("w", "changed"):
        (git_repo / "w.pt").write_text("w")
        track(git_repo, "w.pt")
        save(git_repo)
        (git_repo / "w.pt").unlink()
        checkout(git_repo)
        (git_repo / "w.pt").write_text(text)
        git(git_repo, "rm", "-q", "w.pt.tracker")
        git(git_repo, "commit", "-q", "-m", "without")
        checkout(git_repo)
        assert (git_repo / "w.pt").exists() is (text == "changed")


def test_a_pointer_deleted_by_accident_takes_nothing_along(git_repo: Path) -> None:
    """It is in git's index still."""
    folder = tracked_folder(git_repo, files=V0)
    shutil.rmtree(folder)
    checkout(git_repo)
    (git_repo / "data" / "MNIST.tracker").unlink()
    assert checkout(git_repo).done == ()
    assert read(folder) == V0


def test_files_that_git_has_now_are_gits(git_repo: Path) -> None:
    """The other branch keeps the data in git itself."""
    folder = tracked_folder(git_repo, files=V0)
    shutil.rmtree(folder)
    checkout(git_repo)
    git(git_repo, "rm", "-q", "--cached", "data/MNIST.tracker", "data/.gitignore")
    (git_repo / "data" / "MNIST.tracker").unlink()
    (git_repo / "data" / ".gitignore").unlink()
    save(git_repo)
    assert git(git_repo, "ls-files", "data/MNIST").split() == ["data/MNIST/a.txt", "data/MNIST/deep/b.txt"]
    assert checkout(git_repo).done == ()
    assert read(folder) == V0


def test_a_pointer_that_moved(git_repo: Path) -> None:
    """git mv of the pointer, then a checkout: the data moves along."""
    folder = tracked_folder(git_repo, files=V0)
    shutil.rmtree(folder)
    checkout(git_repo)
    git(git_repo, "mv", "data/MNIST.tracker", "moved.tracker")
    checkout(git_repo)
    assert not folder.exists()
    assert read(git_repo / "moved") == V0


def test_another_version_and_its_pointer(git_repo: Path, folder: Path) -> None:
    """By number, by alias, by digest; git is not told."""
    digest = read_pointer(git_repo / "data" / "MNIST.tracker").digest
    for selector, version, files in (
        ("v0", "v0", V0),
        ("latest", "v1", V1),
        ("v0", "v0", V0),
        (f"@{digest[:8]}", "v1", V1),
    ):
        checkout(git_repo, "data/MNIST", to=selector)
        assert read(folder) == files
        assert read_pointer(git_repo / "data" / "MNIST.tracker").version == version
        assert state(git_repo, "data/MNIST") == "unchanged"


def test_another_version_is_of_one_path(git_repo: Path, folder: Path) -> None:
    """And must exist; nothing changes else."""
    tracked_folder(git_repo, "other")
    with pytest.raises(UsageError, match="one path"):
        checkout(git_repo, to="v0")
    with pytest.raises(NotFoundError, match="v9"):
        checkout(git_repo, "data/MNIST", to="v9")
    write(folder, {"a.txt": "mine"})
    with pytest.raises(ConflictError):
        checkout(git_repo, "data/MNIST", to="v0")
    assert read_pointer(git_repo / "data" / "MNIST.tracker").version == "v1"


def test_a_version_that_is_not_here_changes_nothing(git_repo: Path, folder: Path) -> None:
    """The records, or an object, are elsewhere."""
    pointer = read_pointer(git_repo / "data" / "MNIST.tracker")
    git(git_repo, "checkout", "-q", "old")
    repo = Repo.open(git_repo)
    gone = next(entry for entry in repo.collections.listing(repo.resolve("MNIST:v0", project=PROJECT)))
    repo.store.delete([gone.digest])  # type: ignore[list-item]
    with pytest.raises(NotFoundError, match=r"a\.txt is not in") as caught:
        checkout(git_repo)
    assert caught.value.hint == BRING_OBJECTS
    shutil.rmtree(git_repo / ".tracker" / "artifacts")
    with pytest.raises(NotFoundError, match="not among the records"):
        checkout(git_repo)
    assert read(folder) == V1
    assert pointer.version == "v1"
