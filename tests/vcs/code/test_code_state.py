"""Code commits: they hold what ran, and nothing of the user's has changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import git
from tests.vcs.code.captured import capture, named, tree
from vcs.code.code_state import CodeState, capture_code
from vcs.discover import find_layout
from vcs.errors import GitError
from vcs.git import Git

GITHUB_TOKEN = "ghp_" + "a1B2" * 9


def test_a_clean_tree_is_head_and_head_is_kept_alive(git_repo: Path) -> None:
    """No new commit is needed; a later rebase cannot take HEAD away."""
    head = git(git_repo, "rev-parse", "HEAD").strip()
    assert capture(git_repo) == CodeState(head, "main", None, head, dirty=False, left_out=[])
    assert git(git_repo, "rev-parse", f"refs/tracker/code/{head}").strip() == head


@pytest.fixture
def dirty_repo(git_repo: Path) -> Path:
    """One path of every kind, as a working tree has them in the middle of work."""
    (git_repo / "modified.py").write_text("old\n")
    (git_repo / "deleted.py").write_text("gone\n")
    (git_repo / "staged.py").write_text("first\n")
    (git_repo / "mode.sh").write_text("#!/bin/sh\n")
    (git_repo / "becomes_link").write_text("file\n")
    (git_repo / "becomes_folder").write_text("file\n")
    (git_repo / "folder_becomes").mkdir()
    (git_repo / "folder_becomes/file").write_text("deep\n")
    (git_repo / "folder_becomes_link").mkdir()
    (git_repo / "folder_becomes_link/inner.py").write_text("deep\n")
    (git_repo / "unstaged_from_index.py").write_text("kept on disk\n")
    (git_repo / ".gitignore").write_text("*.log\n/ignored/\n")
    (git_repo / ".trackerignore").write_text("scratch/\n")
    git(git_repo, "add", "-A")
    git(git_repo, "commit", "-q", "-m", "second")
    (git_repo / "modified.py").write_text("new\n")
    (git_repo / "deleted.py").unlink()
    (git_repo / "staged.py").write_text("second\n")
    git(git_repo, "add", "staged.py")
    (git_repo / "staged.py").write_text("third\n")
    (git_repo / "added.py").write_text("added\n")
    (git_repo / "intent.py").write_text("intended\n")
    (git_repo / "added_and_gone.py").write_text("x\n")
    git(git_repo, "add", "added.py", "added_and_gone.py")
    git(git_repo, "add", "--intent-to-add", "intent.py")
    git(git_repo, "rm", "-q", "--cached", "unstaged_from_index.py")
    (git_repo / "added_and_gone.py").unlink()
    (git_repo / "mode.sh").chmod(0o755)
    (git_repo / "becomes_link").unlink()
    (git_repo / "becomes_link").symlink_to("train.py")
    (git_repo / "becomes_folder").unlink()
    (git_repo / "becomes_folder").mkdir()
    (git_repo / "becomes_folder/inside.py").write_text("inside\n")
    shutil.rmtree(git_repo / "folder_becomes")
    (git_repo / "folder_becomes").write_text("file now\n")
    shutil.rmtree(git_repo / "folder_becomes_link")
    (git_repo / "folder_becomes_link").symlink_to("becomes_folder")
    (git_repo / "untracked.py").write_text("untracked\n")
    (git_repo / "run.sh").write_text("#!/bin/sh\n")
    (git_repo / "run.sh").chmod(0o755)
    (git_repo / "link").symlink_to("nowhere/at all")
    (git_repo / "binary.bin").write_bytes(bytes(range(256)))
    (git_repo / "empty.py").touch()
    (git_repo / "noise.log").write_text("ignored\n")
    (git_repo / "ignored").mkdir()
    (git_repo / "ignored/x.py").write_text("ignored\n")
    (git_repo / "scratch").mkdir()
    (git_repo / "scratch/x.py").write_text("ignored by the tracker\n")
    (git_repo / ".env").write_text("PASSWORD=x\n")
    (git_repo / "token.py").write_text(f"TOKEN = '{GITHUB_TOKEN}'\n")
    (git_repo / "large.bin").write_bytes(b"\0" * ((1 << 20) + 1))
    return git_repo


WHAT_RAN = {
    ".gitignore": ("100644", b"*.log\n/ignored/\n"),
    ".trackerignore": ("100644", b"scratch/\n"),
    "train.py": ("100644", b"print('training')\n"),
    "modified.py": ("100644", b"new\n"),
    "staged.py": ("100644", b"third\n"),
    "added.py": ("100644", b"added\n"),
    "intent.py": ("100644", b"intended\n"),
    "unstaged_from_index.py": ("100644", b"kept on disk\n"),
    "mode.sh": ("100755", b"#!/bin/sh\n"),
    "becomes_link": ("120000", b"train.py"),
    "becomes_folder/inside.py": ("100644", b"inside\n"),
    "folder_becomes": ("100644", b"file now\n"),
    "folder_becomes_link": ("120000", b"becomes_folder"),
    "untracked.py": ("100644", b"untracked\n"),
    "run.sh": ("100755", b"#!/bin/sh\n"),
    "link": ("120000", b"nowhere/at all"),
    "binary.bin": ("100644", bytes(range(256))),
    "empty.py": ("100644", b""),
}


def test_a_dirty_tree_becomes_a_commit_with_exactly_what_ran(dirty_repo: Path) -> None:
    """Bytes and modes of all kinds of paths; secret and oversized files are named."""
    state = capture(dirty_repo)
    assert tree(dirty_repo, state.code_commit) == WHAT_RAN
    assert named(state) == {".env": "secret", "token.py": "secret", "large.bin": "size"}
    assert state.dirty
    assert state.commit == git(dirty_repo, "rev-parse", "HEAD").strip()
    assert git(dirty_repo, "rev-parse", f"{state.code_commit}^").strip() == state.commit
    git(dirty_repo, "fsck", "--strict")


def test_equal_code_is_an_equal_commit(dirty_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second capture, later and elsewhere, finds the same commit."""
    first = capture(dirty_repo)
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2030-01-01T00:00:00Z")
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Somebody Else")
    assert capture(dirty_repo) == first
    copy = dirty_repo.parent / "copy"
    shutil.copytree(dirty_repo, copy, symlinks=True)
    assert capture(copy) == first


def test_the_commit_outlives_what_users_do_to_history(dirty_repo: Path) -> None:
    """Amend, squash, rebase, branch deletion, reflog expiry and `git gc --prune=now`."""
    state = capture(dirty_repo)
    expected = tree(dirty_repo, state.code_commit)
    git(dirty_repo, "add", "-A")
    git(dirty_repo, "commit", "-q", "-m", "work")
    git(dirty_repo, "commit", "-q", "--amend", "-m", "amended")
    git(dirty_repo, "checkout", "-q", "-b", "side", "HEAD~2")
    (dirty_repo / "side.py").write_text("side\n")
    git(dirty_repo, "add", "side.py")
    git(dirty_repo, "commit", "-q", "-m", "side")
    git(dirty_repo, "rebase", "-q", "main")
    git(dirty_repo, "reset", "-q", "--soft", "HEAD~3")
    git(dirty_repo, "commit", "-q", "-m", "squashed")
    git(dirty_repo, "checkout", "-q", "--orphan", "fresh")
    git(dirty_repo, "commit", "-q", "-m", "new history")
    git(dirty_repo, "branch", "-D", "main", "side")
    git(dirty_repo, "reflog", "expire", "--expire=now", "--all")
    git(dirty_repo, "gc", "-q", "--prune=now", "--aggressive")
    git(dirty_repo, "prune", "--expire=now")
    assert tree(dirty_repo, state.code_commit) == expected
    assert state.commit is not None
    assert git(dirty_repo, "cat-file", "-t", state.commit).strip() == "commit"


def test_head_outlives_too(git_repo: Path) -> None:
    """A clean HEAD that is rebased away is still there for `reproduce`."""
    state = capture(git_repo)
    assert state.commit is not None
    git(git_repo, "commit", "-q", "--amend", "-m", "other")
    git(git_repo, "reflog", "expire", "--expire=now", "--all")
    git(git_repo, "gc", "-q", "--prune=now")
    assert git(git_repo, "show", "-s", "--format=%s", state.commit).strip() == "first"


def test_many_untracked_files_in_a_folder_are_data(git_repo: Path) -> None:
    """The folder is named once; code beside it is taken."""
    for number in range(30):
        folder = git_repo / "research/data" / f"class{number % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.txt").write_text("x\n")
    (git_repo / "research/model.py").write_text("x\n")
    state = capture(git_repo, folder_files=20)
    assert named(state) == {"research/data/": "count"}
    assert tree(git_repo, state.code_commit).keys() == {"train.py", "research/model.py"}


def test_of_much_that_is_untracked_the_largest_stays_out(git_repo: Path) -> None:
    """Small files are code."""
    for number in range(1, 6):
        (git_repo / f"{number}.txt").write_bytes(b"x" * (number * 1000))
    state = capture(git_repo, total_bytes=6000)
    assert named(state) == {"4.txt": "size", "5.txt": "size"}


def test_a_limit_counts_for_untracked_files_only(git_repo: Path) -> None:
    """What the user has put under version control is code, however large."""
    (git_repo / "train.py").write_bytes(b"x" * 5000)
    (git_repo / "new.py").write_bytes(b"x" * 1001)
    state = capture(git_repo, limit_bytes=1000)
    assert named(state) == {"new.py": "size"}
    assert len(tree(git_repo, state.code_commit)["train.py"][1]) == 5000


def test_a_new_secret_in_a_tracked_file_stays_out(git_repo: Path) -> None:
    """The file is as in HEAD then; a secret that HEAD has is no secret any more."""
    (git_repo / "old.py").write_text(f"T = '{GITHUB_TOKEN}'\n")
    git(git_repo, "add", "-A")
    git(git_repo, "commit", "-q", "-m", "leaked")
    (git_repo / "old.py").write_text(f"T = '{GITHUB_TOKEN}'\nmore\n")
    (git_repo / "train.py").write_text(f"T = '{GITHUB_TOKEN}'\n")
    (git_repo / "added.py").write_text(f"T = '{GITHUB_TOKEN}'\n")
    git(git_repo, "add", "train.py", "added.py")
    state = capture(git_repo)
    assert named(state) == {"added.py": "secret", "train.py": "secret"}
    held = tree(git_repo, state.code_commit)
    assert held.keys() == {"old.py", "train.py"}
    assert held["train.py"][1] == b"print('training')\n"
    assert held["old.py"][1].endswith(b"more\n")


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_changes_that_git_was_told_not_to_see_are_named(git_repo: Path, flag: str) -> None:
    """People hide their passwords so; they stay as they are in the index."""
    (git_repo / "same.py").write_text("same\n")
    git(git_repo, "add", "-A")
    git(git_repo, "commit", "-q", "-m", "x")
    git(git_repo, "update-index", flag, "train.py", "same.py")
    assert not capture(git_repo).dirty
    (git_repo / "train.py").write_text("password = 'hidden'\n")
    state = capture(git_repo)
    assert named(state) == {"train.py": "hidden"}
    assert state.dirty
    assert state.code_commit == state.commit


def test_a_full_object_database_is_an_error_and_not_a_broken_file(
    git_repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When git can write nothing at all, no file is to blame."""
    (git_repo / "new.py").write_text("x\n")
    real = shutil.which("git")
    folder = tmp_path / "bin"
    folder.mkdir()
    full = 'echo "fatal: No space left on device" >&2; exit 128'
    script = f'case " $* " in *" update-index "*) {full};; esac; exec {real} "$@"'
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    (git_repo / "train.py").unlink()
    before = git(git_repo, "for-each-ref")
    with pytest.raises(GitError, match="No space left"):
        capture_code(Git(git_repo), find_layout(git_repo))
    assert git(git_repo, "for-each-ref") == before


@pytest.fixture
def awkward_settings(git_repo: Path) -> Iterator[Path]:
    """Everything a user may have set that would get in the way of a naive tool."""
    for key, value in {
        "commit.gpgSign": "true",
        "gpg.program": "/nonexistent",
        "user.signingKey": "none",
        "user.useConfigOnly": "true",
        "core.fsmonitor": str(git_repo.parent / "monitor"),
        "core.untrackedCache": "true",
        "core.splitIndex": "true",
        "index.version": "4",
        "status.showUntrackedFiles": "no",
        "status.relativePaths": "true",
        "status.renames": "copies",
        "core.quotePath": "true",
        "i18n.commitEncoding": "latin-1",
        "submodule.recurse": "true",
        "core.logAllRefUpdates": "always",
        "log.showSignature": "true",
        "color.ui": "always",
        "advice.statusHints": "false",
        "diff.external": "false",
        "core.hooksPath": str(git_repo.parent / "hooks"),
    }.items():
        git(git_repo, "config", key, value)
    monitor = git_repo.parent / "monitor"
    # One that lies: nothing has changed since ever.
    monitor.write_text(f"#!/bin/sh\ntouch '{git_repo.parent}/monitor-ran'\nprintf 'token\\0'\n")
    hooks = git_repo.parent / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "post-index-change", "reference-transaction", "post-commit", "commit-msg"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch '{git_repo.parent}/hook-ran'\nexit 1\n")
        (hooks / name).chmod(0o755)
    monitor.chmod(0o755)
    yield git_repo
    assert not (git_repo.parent / "hook-ran").exists()
    assert not (git_repo.parent / "monitor-ran").exists()


def test_no_setting_of_the_user_gets_in_the_way(awkward_settings: Path) -> None:
    """Signing, monitors, hooks, split indexes, colours: none runs, none changes the result."""
    folder = awkward_settings
    (folder / "train.py").write_text("changed\n")
    (folder / "new.py").write_text("new\n")
    state = capture(folder)
    assert tree(folder, state.code_commit).keys() == {"train.py", "new.py"}
    assert "gpgsig" not in git(folder, "cat-file", "commit", str(state.code_commit))
    assert not (folder / ".git/logs/refs/tracker").exists()


def test_a_split_index_and_a_file_system_monitor_do_not_hide_changes(git_repo: Path) -> None:
    """Both are states of the user's index that a copy inherits."""
    monitor = git_repo.parent / "monitor"
    monitor.write_text("#!/bin/sh\nprintf 'token\\0'\n")
    monitor.chmod(0o755)
    git(git_repo, "config", "core.fsmonitor", str(monitor))
    git(git_repo, "update-index", "--split-index")
    git(git_repo, "update-index", "--fsmonitor")
    git(git_repo, "status")
    (git_repo / "train.py").write_text("changed!\n")
    layout = find_layout(git_repo)
    index = (git_repo / ".git/index").read_bytes()
    state = capture_code(Git(git_repo), layout)
    assert tree(git_repo, state.code_commit)["train.py"][1] == b"changed!\n"
    assert (git_repo / ".git/index").read_bytes() == index


def test_a_change_in_the_same_instant_as_the_index_is_seen(git_repo: Path) -> None:
    """Same size, same time: git looks into the file then, and so must a copy of the index."""
    for number in range(20):
        (git_repo / "train.py").write_text(f"print('tr{number:02d}ning')\n")
        git(git_repo, "add", "train.py")
        (git_repo / "train.py").write_text(f"print('tr{number:02d}nXng')\n")
        state = capture_code(Git(git_repo), find_layout(git_repo))
        assert tree(git_repo, state.code_commit)["train.py"][1] == f"print('tr{number:02d}nXng')\n".encode()


def test_without_a_name_the_commit_is_of_the_tracker(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which git was never set up can still record."""
    (git_repo / "new.py").write_text("x\n")
    form = "--format=%an <%ae> %cn %at %ct"
    head_date = git(git_repo, "show", "-s", "--format=%ct").strip()
    state = capture(git_repo)
    assert git(git_repo, "show", "-s", form, str(state.code_commit)).strip() == (
        f"Test <test@example.org> Test {head_date} {head_date}"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/nonexistent")
    state = capture(git_repo)
    assert "tracker <tracker@localhost> tracker" in git(git_repo, "show", "-s", form, str(state.code_commit))


def test_an_index_that_another_git_has_locked_is_no_obstacle(git_repo: Path) -> None:
    """A commit in an editor holds index.lock for minutes."""
    (git_repo / "train.py").write_text("changed\n")
    (git_repo / ".git/index.lock").touch()
    assert capture(git_repo).dirty


def test_the_remote_is_recorded_without_credentials(git_repo: Path) -> None:
    """The address of the branch's remote."""
    git(git_repo, "remote", "add", "origin", "https://ann:s3cret@host/team/project.git")
    assert capture(git_repo).remote == "https://host/team/project.git"


def test_private_indexes_of_killed_processes_are_removed_after_a_day(git_repo: Path) -> None:
    """And fresh ones, of processes that may be running, are not."""
    folder = git_repo / ".git/tracker/tmp"
    folder.mkdir(parents=True)
    old, fresh = folder / "index-1-old", folder / "index-2-new.lock"
    old.touch()
    fresh.touch()
    os.utime(old, (0, 0))
    capture_code(Git(git_repo), find_layout(git_repo))
    assert list(folder.iterdir()) == [fresh]


def test_the_ledger_of_code_does_not_grow_when_nothing_changes(dirty_repo: Path) -> None:
    """Ten runs of the same code are one ref."""
    capture(dirty_repo)
    before = git(dirty_repo, "for-each-ref")
    objects = git(dirty_repo, "count-objects", "-v")
    capture(dirty_repo)
    assert git(dirty_repo, "for-each-ref") == before
    assert git(dirty_repo, "count-objects", "-v") == objects


def test_the_records_are_no_code(git_repo: Path) -> None:
    """Even when they do not ignore themselves yet."""
    (git_repo / ".tracker/runs").mkdir(parents=True)
    (git_repo / ".tracker/runs/x.yaml").write_text("x\n")
    assert capture(git_repo).code_commit == git(git_repo, "rev-parse", "HEAD").strip()
