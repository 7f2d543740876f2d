"""Where a project's places are, seen from every kind of folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import git
from vcs.discover import discover, find_layout
from vcs.errors import GitError, UsageError
from vcs.layout import Layout


def expect(layout: Layout, root: Path, *, worktree: Path | None = None, git_dir: Path | None) -> None:
    assert layout.root == root
    assert layout.worktree == (worktree or root)
    assert layout.records == root / ".tracker"
    assert layout.git_dir == git_dir
    assert layout.machinery == (git_dir / "tracker" if git_dir else root / ".tracker/store")
    assert layout.objects_root == layout.machinery


def snapshot(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


def test_a_repository_is_found_from_any_folder_in_it(git_repo: Path) -> None:
    """Also from inside `.git`, where a hook may run; and nothing is created."""
    deep = git_repo / "src" / "deep"
    deep.mkdir(parents=True)
    before = snapshot(git_repo)
    for start in (git_repo, deep, git_repo / ".git", git_repo / ".git" / "refs"):
        expect(find_layout(start), git_repo, git_dir=git_repo / ".git")
    assert snapshot(git_repo) == before


def test_a_linked_worktree_has_the_records_of_the_main_one(git_repo: Path, tmp_path: Path) -> None:
    """Its code is its own; the records and the bytes are shared."""
    linked = tmp_path / "linked"
    git(git_repo, "worktree", "add", "-q", "-b", "side", str(linked))
    expect(find_layout(linked), git_repo, worktree=linked, git_dir=git_repo / ".git")


@pytest.mark.parametrize("name", ["with space", "new\nline", "ünïcödé", "quo\"te'", "-dash", "back\\slash"])
def test_paths_of_any_spelling_are_found(tmp_path: Path, name: str) -> None:
    """The main working tree and a linked one of it, both with an odd name."""
    folder = tmp_path / name
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")
    expect(find_layout(folder), folder, git_dir=folder / ".git")
    linked = tmp_path / f"linked {name}"
    git(folder, "worktree", "add", "-q", "--detach", str(linked))
    expect(find_layout(linked), folder, worktree=linked, git_dir=folder / ".git")


def test_a_submodule_is_a_repository_of_its_own(git_repo: Path, tmp_path: Path) -> None:
    """Its records lie in it, its bytes under the git directory that outlives a checkout."""
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(git_repo), "lib/inner")
    inner = outer / "lib/inner"
    expect(find_layout(inner), inner, git_dir=outer / ".git/modules/lib/inner")
    linked = tmp_path / "linked-submodule"
    git(inner, "worktree", "add", "-q", "--detach", str(linked))
    expect(find_layout(linked), inner, worktree=linked, git_dir=outer / ".git/modules/lib/inner")
    expect(find_layout(outer), outer, git_dir=outer / ".git")


def test_worktrees_of_a_bare_repository_share_the_records_in_it(git_repo: Path, tmp_path: Path) -> None:
    """There is no main working tree that could hold them."""
    bare = tmp_path / "hub" / ".bare"
    git(tmp_path, "clone", "-q", "--bare", str(git_repo), str(bare))
    one, two = tmp_path / "hub" / "one", tmp_path / "hub" / "two"
    git(bare, "worktree", "add", "-q", "--detach", str(one))
    git(bare, "worktree", "add", "-q", "--detach", str(two))
    expect(find_layout(one), bare, worktree=one, git_dir=bare)
    expect(find_layout(two), bare, worktree=two, git_dir=bare)
    expect(find_layout(bare), bare, git_dir=bare)
    (tmp_path / "hub" / ".git").write_text("gitdir: ./.bare\n")
    expect(find_layout(tmp_path / "hub"), bare, git_dir=bare)


def test_a_separate_git_directory_is_followed(tmp_path: Path) -> None:
    """`.git` is a file that names it."""
    folder = tmp_path / "work"
    git(tmp_path, "init", "-q", "--separate-git-dir", str(tmp_path / "store.git"), str(folder))
    expect(find_layout(folder), folder, git_dir=tmp_path / "store.git")


def test_a_repository_without_a_commit_is_a_repository(tmp_path: Path) -> None:
    """`git init` and the first run come in any order."""
    git(tmp_path, "init", "-q", "new")
    expect(find_layout(tmp_path / "new"), tmp_path / "new", git_dir=tmp_path / "new/.git")


def test_a_plain_folder_is_its_own_root(plain_dir: Path) -> None:
    """Without git and without a project above, where the script runs is the project."""
    expect(find_layout(plain_dir), plain_dir, git_dir=None)


@pytest.mark.parametrize("marker", [".tracker/", "tracker.yaml"])
def test_a_plain_project_is_found_from_below(plain_dir: Path, marker: str) -> None:
    """The nearest folder upwards that is one."""
    if marker.endswith("/"):
        (plain_dir / marker).mkdir()
    else:
        (plain_dir / marker).touch()
    deep = plain_dir / "a" / "b"
    deep.mkdir(parents=True)
    expect(find_layout(deep), plain_dir, git_dir=None)


def test_records_in_the_home_folder_do_not_swallow_the_projects_below() -> None:
    """A run that was once started there is a project for that folder only."""
    home = Path(os.environ["HOME"]).resolve()
    (home / ".tracker").mkdir()
    project = home / "project"
    project.mkdir()
    expect(find_layout(project), project, git_dir=None)
    expect(find_layout(home), home, git_dir=None)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to give a folder away")
def test_records_that_somebody_else_put_into_a_shared_folder_are_not_ours(plain_dir: Path) -> None:
    """In /tmp anybody could lay a project around the folders of others."""
    plain_dir.chmod(0o1777)
    (plain_dir / ".tracker").mkdir()
    mine = plain_dir / "mine"
    mine.mkdir()
    assert find_layout(mine).root == plain_dir
    os.chown(plain_dir / ".tracker", 12345, 12345)
    assert find_layout(mine).root == mine


def test_the_store_can_lie_elsewhere(git_repo: Path, tmp_path: Path) -> None:
    """Only objects and packs move."""
    layout = find_layout(git_repo, store=tmp_path / "scratch")
    assert layout.objects == tmp_path / "scratch/objects"
    assert layout.locks == git_repo / ".git/tracker/locks"


def test_symbolic_links_to_a_project_lead_to_one_place(git_repo: Path, tmp_path: Path) -> None:
    """Two spellings of one folder are one project."""
    (tmp_path / "link").symlink_to(git_repo)
    assert find_layout(tmp_path / "link") == find_layout(git_repo)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """One sentence, not git's."""
    with pytest.raises(UsageError, match="gone does not exist"):
        find_layout(tmp_path / "gone")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to give a folder away")
def test_a_repository_of_somebody_else_says_how_to_trust_it(git_repo: Path) -> None:
    """git refuses it; the hint is the command that git names."""
    for path in (git_repo, *git_repo.rglob("*")):
        os.lchown(path, 12345, 12345)
    with pytest.raises(GitError, match="belongs to another user") as caught:
        find_layout(git_repo)
    assert caught.value.hint is not None
    assert f"git config --global --add safe.directory {git_repo}" in caught.value.hint


def test_a_worktree_whose_repository_is_gone_is_an_error(git_repo: Path, tmp_path: Path) -> None:
    """It is not silently a plain folder: its records are elsewhere."""
    linked = tmp_path / "linked"
    git(git_repo, "worktree", "add", "-q", "--detach", str(linked))
    (git_repo / ".git").rename(tmp_path / "away")
    with pytest.raises(GitError, match="not a git repository"):
        find_layout(linked)


def test_a_damaged_repository_is_an_error(git_repo: Path) -> None:
    """git's own words say what is wrong with it."""
    (git_repo / ".git/config").write_text("[core\n")
    with pytest.raises(GitError, match="bad config"):
        find_layout(git_repo)


def test_without_git_a_plain_folder_works_and_a_repository_says_what_is_missing(
    git_repo: Path, plain_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run in a repository must not quietly keep its bytes elsewhere than the next one."""
    monkeypatch.setenv("PATH", "/nonexistent")
    expect(find_layout(plain_dir), plain_dir, git_dir=None)
    with pytest.raises(GitError, match="not installed"):
        find_layout(git_repo)


def test_the_environment_of_a_hook_does_not_change_the_answer(
    git_repo: Path, plain_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIT_DIR speaks of the repository that the hook is for, not of the folder asked about."""
    monkeypatch.setenv("GIT_DIR", str(git_repo / ".git"))
    assert discover(plain_dir) is None


def test_ceilings_of_the_user_are_respected(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIT_CEILING_DIRECTORIES keeps git from looking further up."""
    sub = git_repo / "sub"
    sub.mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(git_repo))
    assert discover(sub) is None


def test_one_git_process_is_enough(git_repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a project is on the way of every run."""
    log = tmp_path / "log"
    real = subprocess.check_output(["sh", "-c", "command -v git"], text=True).strip()
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "git"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\nexec {real} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    find_layout(git_repo)
    assert len(log.read_text().splitlines()) == 1
