"""Code commits of every kind of repository, file name and filter."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import git
from tests.vcs.code.captured import capture, named, tree
from vcs.code.code_state import CodeState, capture_code
from vcs.code.untracked import LeftOut
from vcs.discover import find_layout
from vcs.errors import GitError
from vcs.git import Git


def test_a_repository_without_a_commit_has_a_code_commit_without_a_parent(tmp_path: Path) -> None:
    """The first run may come before the first commit."""
    git(tmp_path, "init", "-q", "-b", "trunk", "new")
    folder = tmp_path / "new"
    assert capture(folder) == CodeState(None, "trunk", None, None, dirty=False, left_out=[])
    (folder / "train.py").write_text("x\n")
    (folder / "staged.py").write_text("y\n")
    git(folder, "add", "staged.py")
    state = capture(folder)
    assert (state.commit, state.branch, state.dirty) == (None, "trunk", True)
    assert tree(folder, state.code_commit).keys() == {"train.py", "staged.py"}
    assert git(folder, "rev-list", "--parents", str(state.code_commit)).split() == [state.code_commit]


def test_a_sha256_repository_works(tmp_path: Path) -> None:
    """Names of objects are twice as long there."""
    git(tmp_path, "init", "-q", "--object-format=sha256", "long")
    folder = tmp_path / "long"
    (folder / "a.py").write_text("a\n")
    (folder / "b.py").write_text("b\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")
    (folder / "a.py").unlink()
    (folder / "c.py").write_text("c\n")
    state = capture(folder)
    assert len(state.code_commit or "") == 64
    assert tree(folder, state.code_commit).keys() == {"b.py", "c.py"}


def test_a_linked_worktree_has_code_of_its_own(git_repo: Path, tmp_path: Path) -> None:
    """Its index and files, under the refs that all worktrees share."""
    linked = tmp_path / "linked tree"
    git(git_repo, "worktree", "add", "-q", "-b", "side", str(linked))
    (linked / "new.py").write_text("new\n")
    (git_repo / "other.py").write_text("other\n")
    state = capture(linked)
    assert state.branch == "side"
    assert tree(linked, state.code_commit).keys() == {"train.py", "new.py"}
    assert git(git_repo, "rev-parse", f"refs/tracker/code/{state.code_commit}")


def test_a_detached_head_has_no_branch(git_repo: Path) -> None:
    """Bisecting and rebasing people train too."""
    git(git_repo, "checkout", "-q", "--detach")
    assert capture(git_repo).branch is None


def test_a_submodule_is_recorded_by_its_commit_and_its_changes_are_named(
    git_repo: Path, tmp_path: Path
) -> None:
    """A commit of ours cannot hold what a submodule did not commit."""
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(git_repo), "lib")
    git(outer, "commit", "-q", "-m", "with a submodule")
    inner = outer / "lib"
    assert not capture(outer).dirty
    (inner / "train.py").write_text("changed\n")
    assert named(capture(outer)) == {"lib": "submodule"}
    git(inner, "commit", "-q", "-a", "-m", "inner")
    state = capture(outer)
    assert named(state) == {}
    listed = git(outer, "ls-tree", str(state.code_commit), "lib")
    assert git(inner, "rev-parse", "HEAD").strip() in listed
    (inner / "new.py").write_text("new\n")
    assert tree(inner, capture(inner).code_commit).keys() == {"train.py", "new.py"}


def test_a_repository_within_is_named_and_not_taken(git_repo: Path) -> None:
    """git would add it as a submodule that nobody can fetch."""
    git(git_repo, "init", "-q", "vendor/other")
    (git_repo / "vendor/other/x.py").write_text("x\n")
    git(git_repo / "vendor/other", "add", "-A")
    git(git_repo / "vendor/other", "commit", "-q", "-m", "x")
    state = capture(git_repo)
    assert named(state) == {"vendor/other/": "repository"}
    assert state.code_commit == state.commit
    assert state.dirty


@pytest.mark.parametrize(
    "name", ["with space.py", "new\nline.py", "ünïcödé.py", "quo\"te'.py", "-rf", ":(top)x", "*"]
)
def test_names_of_any_spelling_are_taken_as_they_are(git_repo: Path, name: str) -> None:
    """Tracked and changed, removed, and untracked."""
    for folder in ("kept", "gone"):
        (git_repo / folder).mkdir()
        (git_repo / folder / name).write_text("old\n")
    git(git_repo, "add", "-A")
    git(git_repo, "commit", "-q", "-m", "odd names")
    (git_repo / "kept" / name).write_text("changed\n")
    (git_repo / "gone" / name).unlink()
    (git_repo / name).write_text("untracked\n")
    state = capture(git_repo)
    assert tree(git_repo, state.code_commit) == {
        "train.py": ("100644", b"print('training')\n"),
        f"kept/{name}": ("100644", b"changed\n"),
        name: ("100644", b"untracked\n"),
    }


def test_a_name_that_is_not_utf8_is_taken_and_can_be_printed(git_repo: Path) -> None:
    """Old archives have them; a record has text only."""
    (git_repo / os.fsdecode(b"caf\xe9.py")).write_text("x\n")
    (git_repo / os.fsdecode(b"caf\xe9.pem")).write_text("x\n")
    state = capture(git_repo)
    assert os.fsdecode(b"caf\xe9.py") in tree(git_repo, state.code_commit)
    assert state.left_out == [LeftOut("caf\\xe9.pem", "secret")]


def test_conflicts_are_taken_as_they_lie_in_the_working_tree(git_repo: Path) -> None:
    """In the middle of a merge, with the marks of the conflict."""
    git(git_repo, "checkout", "-q", "-b", "side")
    (git_repo / "train.py").write_text("side\n")
    (git_repo / "both.py").write_text("side\n")
    git(git_repo, "add", "-A")
    git(git_repo, "commit", "-q", "-m", "side")
    git(git_repo, "checkout", "-q", "main")
    (git_repo / "train.py").write_text("main\n")
    (git_repo / "both.py").write_text("main\n")
    git(git_repo, "add", "-A")
    git(git_repo, "commit", "-q", "-m", "main")
    with pytest.raises(subprocess.CalledProcessError):
        git(git_repo, "merge", "side")
    (git_repo / "both.py").unlink()
    state = capture(git_repo)
    assert tree(git_repo, state.code_commit) == {"train.py": ("100644", (git_repo / "train.py").read_bytes())}
    assert b"<<<<<<<" in (git_repo / "train.py").read_bytes()


def test_a_sparse_checkout_keeps_what_is_not_there(git_repo: Path) -> None:
    """Files outside of the cone are in the commit as they are in HEAD."""
    (git_repo / "far").mkdir()
    (git_repo / "far/x.py").write_text("x\n")
    git(git_repo, "add", "-A")
    git(git_repo, "commit", "-q", "-m", "far")
    for options in ([], ["--sparse-index"]):
        git(git_repo, "sparse-checkout", "set", "--cone", *options, "near")
        assert not (git_repo / "far").exists()
        assert not capture(git_repo).dirty
        (git_repo / "train.py").write_text(f"{options}\n")
        assert tree(git_repo, capture(git_repo).code_commit).keys() == {"train.py", "far/x.py"}
        git(git_repo, "checkout", "-q", "train.py")


def test_line_ends_and_filters_are_those_of_git_add(git_repo: Path) -> None:
    """What `git add` would store is what the commit has, also where git would warn."""
    git(git_repo, "config", "core.autocrlf", "true")
    git(git_repo, "config", "core.safecrlf", "true")
    git(git_repo, "config", "filter.shout.clean", "tr a-z A-Z")
    (git_repo / ".gitattributes").write_text(
        "*.loud filter=shout\n*.latin text working-tree-encoding=latin-1\n"
    )
    (git_repo / "dos.txt").write_bytes(b"one\r\ntwo\n")
    (git_repo / "x.loud").write_text("quiet\n")
    (git_repo / "x.latin").write_bytes(b"caf\xe9\n")
    held = tree(git_repo, capture(git_repo).code_commit)
    assert held["dos.txt"][1] == b"one\ntwo\n"
    assert held["x.loud"][1] == b"QUIET\n"
    assert held["x.latin"][1] == "café\n".encode()
    git(git_repo, "config", "core.safecrlf", "false")
    git(git_repo, "add", "-A")
    assert git(git_repo, "write-tree") == git(
        git_repo, "rev-parse", f"{capture(git_repo).code_commit}^{{tree}}"
    )


def test_a_file_that_a_filter_refuses_is_named_and_the_rest_taken(git_repo: Path) -> None:
    """One broken file does not cost the record of all others."""
    git(git_repo, "config", "filter.broken.clean", "false")
    git(git_repo, "config", "filter.broken.required", "true")
    (git_repo / ".gitattributes").write_text("*.broken filter=broken\n")
    for name in ("a.py", "b.broken", "c.py", "d.broken"):
        (git_repo / name).write_text("x\n")
    state = capture(git_repo)
    assert named(state) == {"b.broken": "unreadable", "d.broken": "unreadable"}
    assert tree(git_repo, state.code_commit).keys() == {"train.py", ".gitattributes", "a.py", "c.py"}


def test_a_bare_repository_has_no_code(tmp_path: Path) -> None:
    """The error says so, in git's words."""
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    layout = find_layout(tmp_path / "bare.git")
    with pytest.raises(GitError, match="work tree"):
        capture_code(Git(layout.worktree), layout)
