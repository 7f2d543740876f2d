"""How tracked paths stand, and that looking changes nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import git
from tests.vcs.tracked_project import (
    PROJECT,
    checkout,
    commit,
    save,
    settle_clock,
    state,
    status,
    track,
    tracked_folder,
    write,
)
from tests.vcs.user_state import user_state
from vcs.elsewhere import FETCH_RECORDS
from vcs.files.listing import Entry, Listing
from vcs.git import Git
from vcs.layout import tracked_memory
from vcs.repo import Repo
from vcs.tracked import verbs as tracked
from vcs.tracked.memory import Base, TrackedMemory
from vcs.tracked.pointer import read_pointer, write_pointer
from vcs.tracked.status import look
from vcs.tracked.status import status as status_of


def test_nothing_is_tracked(git_repo: Path) -> None:
    """An empty list, and nothing is made."""
    assert tracked.status(Repo.open(git_repo, create=False)) == []
    assert not (git_repo / ".git" / "tracker").exists()


def test_what_changed_is_named(git_repo: Path) -> None:
    """Added, removed and modified; a bit counts, and so does a link."""
    folder = tracked_folder(git_repo, files={"a": "a", "b": "b", "c": "c", "d/e": "e", "same": "same"})
    (folder / "link").symlink_to("a")
    commit(git_repo)
    write(folder, {"a": "other", "new ü.txt": "n"})
    (folder / "b").unlink()
    os.chmod(folder / "c", 0o755)
    (folder / "link").unlink()
    (folder / "link").symlink_to("same")
    one = status(git_repo)["data/MNIST"]
    assert one.state == "changed"
    assert (one.added, one.removed, one.modified) == (("new ü.txt",), ("b",), ("a", "c", "link"))
    assert (one.differs, one.here, one.newer, one.known, one.in_git) == (5, None, None, True, True)


def test_a_touched_file_is_unchanged(git_repo: Path) -> None:
    """Times alone are no change; nor is a file written anew with the same bytes."""
    folder = tracked_folder(git_repo)
    os.utime(folder / "a.txt", (1, 1))
    write(folder, {"deep/b.txt": "b1"})
    assert state(git_repo, "data/MNIST") == "unchanged"


def test_an_empty_folder_is_a_change(git_repo: Path) -> None:
    """It would come back empty."""
    folder = tracked_folder(git_repo)
    (folder / "empty").mkdir()
    assert status(git_repo)["data/MNIST"].added == ("empty",)


def test_a_missing_path(git_repo: Path) -> None:
    """As after a clone."""
    folder = tracked_folder(git_repo)
    shutil.rmtree(folder)
    assert state(git_repo, "data/MNIST") == "missing"


def test_an_old_folder_is_outdated_and_not_changed(git_repo: Path) -> None:
    """Its pointer has moved on, and nobody has touched the files."""
    folder = tracked_folder(git_repo)
    write(folder, {"a.txt": "a2"})
    commit(git_repo)
    save(git_repo)
    git(git_repo, "checkout", "-q", "HEAD~1")
    one = status(git_repo)["data/MNIST"]
    assert (one.state, one.here) == ("outdated", "MNIST:v1")
    assert one.pointer is not None
    assert one.pointer.version == "v0"


def test_an_old_folder_with_changes_has_diverged(git_repo: Path) -> None:
    """The changes are those by hand, not what the versions differ in."""
    folder = tracked_folder(git_repo)
    write(folder, {"a.txt": "a2"})
    commit(git_repo)
    save(git_repo)
    git(git_repo, "checkout", "-q", "HEAD~1")
    write(folder, {"mine.txt": "m"})
    one = status(git_repo)["data/MNIST"]
    assert (one.state, one.here, one.added, one.modified) == ("diverged", "MNIST:v1", ("mine.txt",), ())


def test_a_lost_memory_is_guessed_from_the_versions(git_repo: Path) -> None:
    """A folder that is an old version whole was not changed by hand."""
    folder = tracked_folder(git_repo)
    write(folder, {"a.txt": "a2"})
    commit(git_repo)
    save(git_repo)
    git(git_repo, "checkout", "-q", "HEAD~1")
    shutil.rmtree(tracked_memory(git_repo / ".git"))
    assert (state(git_repo, "data/MNIST"), status(git_repo)["data/MNIST"].here) == ("outdated", "MNIST:v1")


@pytest.mark.parametrize("damage", [b"", b"{", b'{"path": 1}', b"\xff" * 100])
def test_a_damaged_memory_is_none(git_repo: Path, damage: bytes) -> None:
    """Whatever is wrong with the files."""
    tracked_folder(git_repo)
    for file in tracked_memory(git_repo / ".git").glob("*.json"):
        file.write_bytes(damage)
    assert state(git_repo, "data/MNIST") == "unchanged"


def test_a_newer_version_is_told(git_repo: Path) -> None:
    """`latest` went on; a pointer on an old branch is still as it was."""
    folder = tracked_folder(git_repo)
    write(folder, {"a.txt": "a2"})
    commit(git_repo)
    assert status(git_repo)["data/MNIST"].newer is None
    git(git_repo, "checkout", "-q", "data/MNIST.tracker")
    checkout(git_repo)
    one = status(git_repo)["data/MNIST"]
    assert (one.state, one.newer) == ("unchanged", "v1")


def test_a_version_that_the_records_lack(git_repo: Path) -> None:
    """A pointer came by git pull, its version did not."""
    folder = tracked_folder(git_repo)
    pointer = read_pointer(git_repo / "data" / "MNIST.tracker")
    listing = Listing()
    other = type(pointer)(pointer.project, pointer.name, pointer.type, 7, listing.digest, 0, 0)
    write_pointer(git_repo / "data" / "MNIST.tracker", other)
    one = status(git_repo)["data/MNIST"]
    # It holds what was put there last, so it is not a change by hand.
    assert (one.state, one.known, one.here) == ("outdated", False, "MNIST:v0")
    shutil.rmtree(tracked_memory(git_repo / ".git"))
    write(folder, {"a.txt": "other"})
    one = status(git_repo)["data/MNIST"]
    assert (one.state, one.known) == ("unknown", False)
    assert one.reason is not None
    assert "LeNet5/MNIST:v7" in one.reason
    assert FETCH_RECORDS in str(one.hint)


def test_version_numbers_may_have_been_dealt_anew(git_repo: Path) -> None:
    """After two clones were united the digest says which version is meant."""
    folder = tracked_folder(git_repo)
    path = git_repo / "data" / "MNIST.tracker"
    write(folder, {"a.txt": "a2"})
    commit(git_repo)
    pointer = read_pointer(path)
    path.write_text(path.read_text().replace("version: v1", "version: v0"))
    assert read_pointer(path).digest == pointer.digest
    assert state(git_repo, "data/MNIST") == "unchanged"
    write(folder, {"a.txt": "a3"})
    assert status(git_repo)["data/MNIST"].modified == ("a.txt",)


def test_broken_pointers_do_not_hide_the_others(git_repo: Path) -> None:
    """Each with its reason."""
    tracked_folder(git_repo)
    (git_repo / "x.tracker").write_text("<<<<<<< ours\n")
    (git_repo / ".git.tracker").write_text((git_repo / "data" / "MNIST.tracker").read_text())
    found = status(git_repo)
    assert {path: one.state for path, one in found.items()} == {
        ".git": "broken",
        "data/MNIST": "unchanged",
        "x": "broken",
    }
    assert "marks of a merge" in str(found["x"].reason)
    assert "belongs to git" in str(found[".git"].reason)


def test_what_cannot_be_looked_into_is_broken(git_repo: Path) -> None:
    """A pipe in the folder; a link in its place; a link on the way to it."""
    folder = tracked_folder(git_repo)
    os.mkfifo(folder / "pipe")
    assert "pipe" in str(status(git_repo)["data/MNIST"].reason)
    shutil.rmtree(folder)
    (git_repo / "elsewhere").mkdir()
    folder.symlink_to("../elsewhere")
    assert "is a link" in str(status(git_repo)["data/MNIST"].reason)
    folder.unlink()
    (git_repo / "data").rename(git_repo / "real")
    (git_repo / "data").symlink_to("real")
    write_pointer(git_repo / "real" / "MNIST.tracker", read_pointer(git_repo / "real" / "MNIST.tracker"))
    repo = Repo.open(git_repo)
    (one,) = status_of(repo, [type(tracked.find(repo)[0])("data/MNIST")])
    assert (one.state, "is a link" in str(one.reason)) == ("broken", True)


def test_looking_changes_nothing_of_the_users(git_repo: Path) -> None:
    """Not the index, not a time of a file."""
    folder = tracked_folder(git_repo)
    write(folder, {"new": "n"})
    before = user_state(git_repo)
    status(git_repo)
    assert user_state(git_repo) == before


def test_a_linked_worktree_has_a_memory_of_its_own(git_repo: Path) -> None:
    """Each holds its own version, and git takes the memory away with the worktree."""
    folder = tracked_folder(git_repo)
    git(git_repo, "worktree", "add", "-q", "../linked ü", "HEAD")
    linked = git_repo.parent / "linked ü"
    assert state(linked, "data/MNIST") == "missing"
    checkout(linked)
    write(folder, {"a.txt": "a2"})
    commit(git_repo)
    assert state(linked, "data/MNIST") == "unchanged"
    assert state(git_repo, "data/MNIST") == "unchanged"
    own = TrackedMemory(Git(linked)).folder
    assert own.is_relative_to(git_repo / ".git" / "worktrees")
    assert own.exists()
    git(git_repo, "worktree", "remove", "--force", str(linked))
    assert not own.exists()


def test_paths_select(git_repo: Path) -> None:
    """A path, a folder above, all."""
    for path in ("data/a", "data/b", "c"):
        tracked_folder(git_repo, path)
    assert list(status(git_repo)) == ["c", "data/a", "data/b"]
    assert list(status(git_repo, "data")) == ["data/a", "data/b"]
    assert list(status(git_repo, "data/b.tracker", "c")) == ["c", "data/b"]


def test_a_file_that_moved_with_its_pointer_is_unchanged(git_repo: Path) -> None:
    """The name in its listing is that of long ago."""
    (git_repo / "w.pt").write_text("weights")
    track(git_repo, "w.pt")
    save(git_repo)
    git(git_repo, "mv", "w.pt.tracker", "best.pt.tracker")
    (git_repo / "w.pt").rename(git_repo / "best.pt")
    assert state(git_repo, "best.pt") == "unchanged"
    (git_repo / "best.pt").write_text("better")
    assert status(git_repo)["best.pt"].modified == ("best.pt",)


# looks


def test_everything_that_counts_shows(git_repo: Path) -> None:
    """Bytes, names, bits, links, folders, and rules above; though nothing that did not change is read."""
    folder = write(git_repo / "data" / "x", {"a": "a", "d/b": "b"})
    repo = Repo.open(git_repo)

    def digest() -> str:
        settle_clock()
        found = look(repo, "data/x")
        assert found is not None
        return found.digest

    def touch_rules() -> None:
        (git_repo / "data" / ".trackerignore").write_text("link\n")

    digests = [digest()]
    for change in (
        lambda: write(folder, {"a": "b"}),
        lambda: write(folder, {"new": ""}),
        lambda: os.chmod(folder / "a", 0o755),
        lambda: (folder / "new").rename(folder / "newer"),
        lambda: (folder / "d" / "b").unlink(),
        lambda: (folder / "link").symlink_to("a"),
    ):
        change()  # type: ignore[no-untyped-call]
        digests.append(digest())
    assert len(set(digests)) == len(digests)
    assert digest() == digests[-1]
    touch_rules()
    assert digest() == digests[-2]


def test_a_look_at_what_is_settled_reads_no_file(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed or not, as long as it does not change again."""
    folder = tracked_folder(git_repo)
    settle_clock()
    assert state(git_repo, "data/MNIST") == "unchanged"

    def no_reading(*_: object, **__: object) -> None:
        raise AssertionError("read")

    with monkeypatch.context() as patch:
        patch.setattr("vcs.stores.base.Batch.put_small_files", no_reading)
        assert state(git_repo, "data/MNIST") == "unchanged"
    write(folder, {"a.txt": "a2"})
    settle_clock()
    assert state(git_repo, "data/MNIST") == "changed"
    with monkeypatch.context() as patch:
        patch.setattr("vcs.stores.base.Batch.put_small_files", no_reading)
        assert state(git_repo, "data/MNIST") == "changed"


def test_files_that_came_in_another_way_become_the_base(git_repo: Path) -> None:
    """Copied by hand, or left by a checkout that was killed at its very end."""
    folder = tracked_folder(git_repo)
    memories = TrackedMemory(Git(git_repo))
    right = memories.base("data/MNIST")
    assert right is not None
    memories.set_base(Base(path="data/MNIST", artifact=f"{PROJECT}/MNIST:v9", digest="0" * 64))
    memories.begin("data/MNIST")
    assert state(git_repo, "data/MNIST") == "unchanged"
    assert memories.base("data/MNIST") == right
    assert not memories.is_unfinished("data/MNIST")
    write(folder, {"a.txt": "a2"})
    assert state(git_repo, "data/MNIST") == "changed"


def test_a_damaged_listing_is_said(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the path should hold is unknown then; the others are told all the same."""
    folder = tracked_folder(git_repo)
    write(folder, {"a.txt": "a2"})
    hostile = Listing([Entry("../x", "0" * 64, 0)]).encoded
    monkeypatch.setattr("vcs.artifacts.collection_reader.CollectionReader.listing_text", lambda *_: hostile)
    one = status(git_repo)["data/MNIST"]
    assert (one.state, "damaged" in str(one.reason)) == ("unknown", True)
