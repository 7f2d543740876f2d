"""Data follows git: switching, merging, rebasing, stashing, other working trees and clones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import git
from tests.hooks.project import Project
from vcs.tracked import verbs as tracked


@pytest.fixture
def two(project: Project) -> Project:
    """On `main` the first data; on `other`, which is checked out, another version and other code."""
    project.git("checkout", "-q", "-b", "other")
    project.write("data/0.txt", "second\n")
    project.write("data/new.txt", "new\n")
    project.write("train.py", "print('other')\n")
    project.commit("second")
    return project


def state(project: Project, path: str = "data") -> str:
    """How a tracked path stands."""
    return next(one.state for one in tracked.status(project.repo) if one.path == path)


def test_a_switch_brings_the_data_of_the_commit(two: Project) -> None:
    """There and back, with one line each."""
    said = two.git("checkout", "main").text
    assert two.read("data/0.txt") == "first 0\n"
    assert not (two.root / "data" / "new.txt").exists()
    assert "tracker: data is data:v0 now (1 file written, 1 file removed)" in said
    two.git("switch", "-q", "other")
    assert two.read("data/0.txt") == "second\n"
    assert two.read("data/new.txt") == "new\n"


def test_a_branch_without_the_pointer_has_no_data(two: Project) -> None:
    """What a checkout put there goes, as git does with its files, and comes back."""
    two.git("checkout", "-q", "main")
    two.git("checkout", "-q", "HEAD~1")
    assert not (two.root / "data").exists()
    two.git("checkout", "-q", "main")
    assert two.read("data/1.txt") == "first 1\n"


def test_files_changed_by_hand_are_never_overwritten(two: Project) -> None:
    """The path stays where it is, and which files are in the way is said; git has switched."""
    two.write("data/0.txt", "by hand\n")
    said = two.git("checkout", "main").text
    assert two.read("data/0.txt") == "by hand\n"
    assert "data stays at data:v1, because these were changed by hand: 0.txt" in said
    assert "tracker checkout --force data" in said
    assert two.ask("rev-parse", "--abbrev-ref", "HEAD") == "main"


def test_files_changed_by_hand_stay_where_they_are_in_nobodys_way(two: Project) -> None:
    """Both versions have this file alike; the rest follows."""
    two.write("data/1.txt", "by hand\n")
    two.write("data/mine.txt", "mine\n")
    said = two.git("checkout", "main").text
    assert (two.read("data/0.txt"), two.read("data/1.txt")) == ("first 0\n", "by hand\n")
    assert two.read("data/mine.txt") == "mine\n"
    assert "data: left as they are, changed by hand: 1.txt, mine.txt" in said


def test_a_file_level_checkout_moves_no_data(two: Project) -> None:
    """`git checkout main -- data.tracker` is the next step of the user's own; committing it completes it."""
    assert "tracker" not in two.git("checkout", "-q", "main", "--", "data.tracker").text
    assert two.read("data/0.txt") == "second\n"
    two.commit("back to the first data")
    assert two.committed() == "v0"
    assert two.read("data/0.txt") == "first 0\n"


def test_a_fast_forward_brings_the_data(two: Project) -> None:
    """post-merge comes then too."""
    two.git("checkout", "-q", "main")
    two.git("merge", "-q", "--ff-only", "other")
    assert two.read("data/0.txt") == "second\n"


def test_a_merge_brings_the_data(two: Project) -> None:
    """Of the side that changed it."""
    two.git("checkout", "-q", "main")
    two.write("more.py", "1\n")
    two.git("add", "more.py")
    two.git("commit", "-q", "-m", "more")
    two.git("merge", "-q", "other", "-m", "merge")
    assert two.read("data/0.txt") == "second\n"
    assert state(two) == "unchanged"


def test_a_squash_merge_brings_the_data(two: Project) -> None:
    """Before the commit: the pointer is in the working tree already."""
    two.git("checkout", "-q", "main")
    two.git("merge", "-q", "--squash", "other")
    assert two.read("data/0.txt") == "second\n"
    two.commit("squashed")
    assert two.committed() == "v1"


def test_a_merge_with_a_conflict_in_the_code_ends_with_the_data(two: Project) -> None:
    """git calls no post-merge for it; the commit that ends it brings the data."""
    two.git("checkout", "-q", "main")
    two.write("train.py", "print('main')\n")
    two.commit("main")
    assert two.git("merge", "other", check=False).code == 1
    assert two.read("data/0.txt") == "first 0\n"
    two.write("train.py", "print('both')\n")
    two.commit("merge")
    assert two.committed() == "v1"
    assert two.read("data/0.txt") == "second\n"


def test_a_cherry_pick_brings_the_data(two: Project) -> None:
    """As a commit of one's own would have it."""
    two.git("checkout", "-q", "main")
    two.git("cherry-pick", "other")
    assert two.read("data/0.txt") == "second\n"


def test_a_revert_takes_the_data_back(two: Project) -> None:
    """The pointer that was, and what it names."""
    two.git("revert", "--no-edit", "HEAD")
    assert two.committed() == "v0"
    assert two.read("data/0.txt") == "first 0\n"


def test_a_rebase_moves_the_data_at_its_end_only(two: Project) -> None:
    """No file of the data is touched by the commits in between."""
    two.git("checkout", "-q", "main")
    two.write("more.py", "1\n")
    two.git("add", "more.py")
    two.git("commit", "-q", "-m", "more")
    two.git("checkout", "-q", "other")
    inode = (two.root / "data" / "0.txt").stat().st_ino
    said = two.git("rebase", "main").text
    assert "tracker: data is" not in said
    assert (two.root / "data" / "0.txt").stat().st_ino == inode
    assert (two.read("data/0.txt"), two.committed()) == ("second\n", "v1")


def test_an_interactive_rebase_that_drops_data_ends_with_the_right_one(two: Project) -> None:
    """The commit with the data is dropped, the one on top stays."""
    two.write("more.py", "1\n")
    two.git("add", "more.py")
    two.git("commit", "-q", "-m", "more")
    two.git("rebase", "-q", "-i", "main", GIT_SEQUENCE_EDITOR="sed -i 1d")
    assert two.committed() == "v0"
    assert two.read("data/0.txt") == "first 0\n"


def test_a_commit_in_a_stopped_rebase_takes_no_data_along(two: Project) -> None:
    """While `edit` waits, the data is still that of the tip; an amend must not swallow it."""
    two.write("data/0.txt", "third\n")
    two.write("train.py", "print('third')\n")
    two.commit("third")
    two.git("rebase", "-q", "-i", "main", GIT_SEQUENCE_EDITOR="sed -i 1s/pick/edit/")
    assert two.committed() == "v1"
    two.write("train.py", "print('edited')\n")
    two.git("commit", "-q", "-a", "--amend", "--no-edit")
    assert two.committed() == "v1"
    assert two.git("rebase", "--continue", check=False, GIT_EDITOR="true").code == 1
    two.write("train.py", "print('third, edited')\n")
    two.git("add", "train.py")
    two.git("rebase", "--continue", GIT_EDITOR="true")
    assert (two.committed(commit="HEAD~1"), two.committed()) == ("v1", "v2")
    assert two.read("data/0.txt") == "third\n"


def test_an_aborted_rebase_leaves_the_data_as_it_was(two: Project) -> None:
    """Nothing moved, so nothing has to come back."""
    two.git("checkout", "-q", "main")
    two.write("train.py", "print('main')\n")
    two.commit("main")
    two.git("checkout", "-q", "other")
    assert two.git("rebase", "main", check=False).code == 1
    two.git("rebase", "--abort")
    assert two.read("data/0.txt") == "second\n"
    assert state(two) == "unchanged"


@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_a_rebase_that_only_moves_forward_brings_the_data(two: Project, backend: str) -> None:
    """No commit is rewritten, so git calls no post-rewrite."""
    two.git("checkout", "-q", "main")
    two.git("rebase", "-q", backend, "other")
    assert two.ask("rev-parse", "main") == two.ask("rev-parse", "other")
    assert two.read("data/0.txt") == "second\n"


def test_a_stash_leaves_the_data_and_comes_back(two: Project) -> None:
    """git calls no hook for it: nothing is lost, and `tracker status` says how things stand."""
    two.write("data/0.txt", "third\n")
    tracked.commit(two.repo)
    two.write("train.py", "print('third')\n")
    two.git("stash", "-q")
    assert (two.pointer().version, two.read("data/0.txt")) == ("v1", "third\n")
    assert state(two) == "outdated"
    two.git("stash", "pop", "-q")
    assert (two.pointer().version, state(two)) == ("v2", "unchanged")
    two.commit("third")
    assert two.committed() == "v2"


def test_a_new_working_tree_gets_its_data(two: Project, tmp_path: Path) -> None:
    """`git worktree add` is a checkout too; its own data, and no other's."""
    two.git("worktree", "add", "-q", str(tmp_path / "linked"), "main")
    linked = Project(tmp_path / "linked")
    assert linked.read("data/0.txt") == "first 0\n"
    assert two.read("data/0.txt") == "second\n"
    linked.git("checkout", "-q", "--detach", "other")
    assert linked.read("data/0.txt") == "second\n"
    assert state(linked) == "unchanged"
    two.git("worktree", "remove", "--force", str(tmp_path / "linked"))
    assert state(two) == "unchanged"


def test_a_clone_without_the_contents_switches_all_the_same(two: Project, tmp_path: Path) -> None:
    """What cannot be brought is said; the command of git succeeds."""
    git(tmp_path, "clone", "-q", str(two.root), "clone")
    clone = Project(tmp_path / "clone")
    clone.install()
    said = clone.git("checkout", "main")
    assert said.code == 0
    assert "data stays as it is: " in said.text
    assert not (clone.root / "data").exists()
    clone.write("train.py", "print('clone')\n")
    clone.commit("in the clone")
    assert clone.committed() == "v0"


def test_a_clone_with_the_records_and_a_common_store_has_the_data(two: Project, tmp_path: Path) -> None:
    """`store:` names a folder that both use; the ledger came by fetch."""
    git(tmp_path, "clone", "-q", str(two.root), "clone")
    clone = Project(tmp_path / "clone")
    clone.git("fetch", "-q", "origin", "refs/tracker/ledger:refs/tracker/ledger")
    clone.install()
    store = str(two.root / ".git" / "tracker")
    clone.git("checkout", "-q", "main", TRACKER_STORE=store)
    assert clone.read("data/0.txt") == "first 0\n"
    clone.git("checkout", "-q", "other", TRACKER_STORE=store)
    assert clone.read("data/0.txt") == "second\n"


def test_a_damaged_object_stops_no_switch(two: Project) -> None:
    """The path stays whole as it was."""
    for folder in ("objects", "packs"):
        for path in (two.root / ".git" / "tracker" / folder).rglob("*"):
            if path.is_file():
                path.unlink()
    done = two.git("checkout", "main")
    assert "data stays as it is: " in done.text
    assert two.read("data/0.txt") == "second\n"
