"""Code of the past where it can run, and nobody's changes touched."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import git
from tracker.errors import ConflictError, GitError, NotFoundError
from tracker.revive.worktrees import (
    CodeFiles,
    TreePlan,
    ignored_paths,
    plan_in_place,
    plan_worktree,
    remove_worktree,
)
from vcs.repo import Repo


@pytest.fixture
def repo(git_repo: Path) -> Repo:
    return Repo.open(git_repo)


@pytest.fixture
def folder(repo: Repo) -> Path:
    return repo.layout.worktree_of("p", "night")


def commit(folder: Path, text: str, name: str = "train.py") -> str:
    """Commit a file; return the commit."""
    (folder / name).write_text(text)
    git(folder, "add", name)
    git(folder, "commit", "-q", "-m", text)
    return head(folder)


def head(folder: Path) -> str:
    return git(folder, "rev-parse", "HEAD").strip()


def made(repo: Repo, folder: Path, commit: str) -> TreePlan:
    plan = plan_worktree(repo, folder, commit)
    plan.apply(repo)
    return plan


def test_a_worktree_holds_the_old_code_and_the_users_tree_is_as_it_was(
    repo: Repo, git_repo: Path, folder: Path
) -> None:
    old = head(git_repo)
    commit(git_repo, "new\n")
    (git_repo / "train.py").write_text("newer\n")
    assert made(repo, folder, old).action == "create"
    assert (folder / "train.py").read_text() == "print('training')\n"
    assert head(folder) == old
    assert (git_repo / "train.py").read_text() == "newer\n"
    assert git(git_repo, "branch", "--show-current") == "main\n"
    assert Repo.open(folder).layout.records == repo.layout.records


def test_a_code_commit_with_uncommitted_files_is_checked_out_whole(
    repo: Repo, git_repo: Path, folder: Path
) -> None:
    (git_repo / "train.py").write_text("changed\n")
    (git_repo / "helper.py").write_text("untracked\n")
    code = repo.capture_code().code_commit
    assert code is not None
    git(git_repo, "checkout", "-q", "--", "train.py")
    (git_repo / "helper.py").unlink()
    made(repo, folder, code)
    assert (folder / "train.py").read_text() == "changed\n"
    assert (folder / "helper.py").read_text() == "untracked\n"


def test_a_clean_worktree_is_used_again_with_what_a_run_wrote_there(
    repo: Repo, git_repo: Path, folder: Path
) -> None:
    made(repo, folder, head(git_repo))
    (folder / "out.txt").write_text("output")
    assert made(repo, folder, head(git_repo)).action == "reuse"
    assert (folder / "out.txt").exists()


def test_what_a_session_added_itself_needs_no_other_worktree(
    repo: Repo, git_repo: Path, folder: Path
) -> None:
    first = head(git_repo)
    made(repo, folder, first)
    (folder / "out.txt").write_text("output")
    second = Repo.open(folder).capture_code().code_commit
    assert second is not None
    assert plan_worktree(repo, folder, second, started_from=first).action == "reuse"
    assert plan_worktree(repo, folder, second).action == "move"


def test_a_clean_worktree_goes_to_another_commit(repo: Repo, git_repo: Path, folder: Path) -> None:
    old = head(git_repo)
    made(repo, folder, old)
    new = commit(git_repo, "new\n")
    assert made(repo, folder, new).action == "move"
    assert (folder / "train.py").read_text() == "new\n"


def test_a_changed_worktree_is_never_touched(repo: Repo, git_repo: Path, folder: Path) -> None:
    made(repo, folder, head(git_repo))
    (folder / "train.py").write_text("by hand\n")
    with pytest.raises(ConflictError, match=r"was changed: train\.py") as raised:
        plan_worktree(repo, folder, head(git_repo))
    assert raised.value.hint is not None
    assert f"git worktree remove --force {folder}" in raised.value.hint
    assert (folder / "train.py").read_text() == "by hand\n"


def test_git_refuses_to_overwrite_a_file_that_it_does_not_know(
    repo: Repo, git_repo: Path, folder: Path
) -> None:
    made(repo, folder, head(git_repo))
    (folder / "more.py").write_text("by hand\n")
    new = commit(git_repo, "committed\n", "more.py")
    with pytest.raises(GitError, match="overwritten"):
        made(repo, folder, new)
    assert (folder / "more.py").read_text() == "by hand\n"


def test_a_folder_that_is_no_worktree_is_left_alone(repo: Repo, git_repo: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "mine").write_text("x")
    with pytest.raises(ConflictError, match="no worktree"):
        plan_worktree(repo, folder, head(git_repo))


def test_a_worktree_whose_folder_was_removed_is_made_again(repo: Repo, git_repo: Path, folder: Path) -> None:
    import shutil

    made(repo, folder, head(git_repo))
    shutil.rmtree(folder)
    assert made(repo, folder, head(git_repo)).action == "create"
    assert (folder / "train.py").exists()


def test_a_worktree_that_git_did_not_finish_is_made_anew(repo: Repo, git_repo: Path, folder: Path) -> None:
    made(repo, folder, head(git_repo))
    (folder / "train.py").unlink()
    admin = Path((folder / ".git").read_text().removeprefix("gitdir: ").strip())
    (admin / "locked").write_text("initializing")
    assert made(repo, folder, head(git_repo)).action == "create"
    assert (folder / "train.py").exists()


def test_code_that_the_repository_lacks_is_said(repo: Repo, folder: Path) -> None:
    with pytest.raises(NotFoundError, match="is not in this repository"):
        plan_worktree(repo, folder, "a" * 40)


def test_a_worktree_can_be_removed_with_what_lies_in_it(repo: Repo, git_repo: Path, folder: Path) -> None:
    made(repo, folder, head(git_repo))
    (folder / "out.txt").write_text("output")
    remove_worktree(repo, folder)
    assert not folder.exists()
    assert len(git(git_repo, "worktree", "list").splitlines()) == 1


# in place


def test_in_place_head_is_detached_and_can_go_back(repo: Repo, git_repo: Path) -> None:
    old = head(git_repo)
    commit(git_repo, "new\n")
    plan = plan_in_place(repo, old)
    assert (plan.action, plan.back) == ("checkout", "main")
    plan.apply(repo)
    assert (head(git_repo), (git_repo / "train.py").read_text()) == (old, "print('training')\n")
    git(git_repo, "switch", "-q", "main")
    assert (git_repo / "train.py").read_text() == "new\n"


def test_in_place_nothing_is_done_where_the_code_lies_already_committed_or_not(
    repo: Repo, git_repo: Path
) -> None:
    assert plan_in_place(repo, head(git_repo)).action == "none"
    (git_repo / "train.py").write_text("dirty\n")
    code = repo.capture_code().code_commit
    assert code is not None
    assert plan_in_place(repo, code).action == "none"


@pytest.mark.parametrize("name", ["train.py", "untracked.py"])
def test_in_place_changes_are_refused(repo: Repo, git_repo: Path, name: str) -> None:
    old = head(git_repo)
    commit(git_repo, "new\n")
    (git_repo / name).write_text("by hand\n")
    with pytest.raises(ConflictError, match=f"not clean: {name}"):
        plan_in_place(repo, old)


def test_in_place_an_ignored_file_is_not_overwritten(repo: Repo, git_repo: Path) -> None:
    old = commit(git_repo, "once committed\n", "notes.txt")
    git(git_repo, "rm", "-q", "notes.txt")
    commit(git_repo, "notes.txt\n", ".gitignore")
    (git_repo / "notes.txt").write_text("my notes\n")
    with pytest.raises(GitError):
        plan_in_place(repo, old).apply(repo)
    assert (git_repo / "notes.txt").read_text() == "my notes\n"


def test_in_place_a_commit_that_only_head_keeps_is_not_left(repo: Repo, git_repo: Path) -> None:
    old = head(git_repo)
    git(git_repo, "checkout", "-q", "--detach")
    commit(git_repo, "on no branch\n")
    with pytest.raises(ConflictError, match="no branch has the commit"):
        plan_in_place(repo, old)
    git(git_repo, "branch", "kept")
    assert plan_in_place(repo, old).action == "checkout"


def test_in_place_an_unfinished_merge_is_refused(repo: Repo, git_repo: Path) -> None:
    old = head(git_repo)
    git(git_repo, "switch", "-q", "-c", "side")
    commit(git_repo, "side\n")
    git(git_repo, "switch", "-q", "main")
    commit(git_repo, "main\n")
    subprocess.run(["git", "-C", git_repo, "merge", "side"], check=False, capture_output=True)
    with pytest.raises(ConflictError, match="a merge is not finished"):
        plan_in_place(repo, old)


# what there is


def test_what_a_commit_holds_and_what_git_ignores_is_known(repo: Repo, git_repo: Path) -> None:
    commit(git_repo, "data/\n*.pth\n", ".gitignore")
    (git_repo / "data").mkdir()
    (git_repo / "data" / "x").write_text("1")
    (git_repo / "net.pth").write_text("1")
    commit(git_repo, "x = 1\n", "lib.py")
    files = CodeFiles(repo, head(git_repo))
    assert files.has("train.py")
    assert files.has(".")
    assert not files.has("net.pth")
    assert {"data/", "net.pth"} <= set(ignored_paths(repo))
