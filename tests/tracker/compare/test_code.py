"""The code of two commits: numbers of lines, the patch, and settings that must not interfere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import git
from tracker.compare import code
from tracker.compare.code import CodeChanges, FileStat, compare_code
from vcs.git import Git


def commit(folder: Path, message: str = "next") -> str:
    """Commit everything and return the commit."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD").strip()


def compare(folder: Path, old: str | None = "HEAD~1", new: str | None = "HEAD") -> CodeChanges:
    """Compare two commits."""
    return compare_code(Git(folder), old, new)


def test_files_by_lines_renames_and_binaries(git_repo: Path) -> None:
    """Sorted by path."""
    (git_repo / "long.py").write_text("".join(f"line {number}\n" for number in range(20)))
    commit(git_repo)
    (git_repo / "long.py").rename(git_repo / "a new ünïcode name.py")
    (git_repo / "train.py").write_text("one\ntwo\n")
    (git_repo / "logo.bin").write_bytes(b"\0\1\2")
    commit(git_repo)
    assert compare(git_repo).files == (
        FileStat("a new ünïcode name.py", 0, 0, "long.py"),
        FileStat("logo.bin", None, None),
        FileStat("train.py", 2, 1),
    )


def test_the_patch_is_what_git_prints(git_repo: Path) -> None:
    """And the command that prints it is named."""
    (git_repo / "train.py").write_text("print('faster')\n")
    now = commit(git_repo)
    found = compare(git_repo, git(git_repo, "rev-parse", "HEAD~1").strip(), now)
    assert found.patch == tuple(git(git_repo, "diff", "HEAD~1", "HEAD").splitlines())
    assert (found.added, found.removed, found.left_out) == (1, 1, 0)
    assert found.command == f"git diff {git(git_repo, 'rev-parse', 'HEAD~1')[:10]} {now[:10]}"


def test_settings_of_the_user_change_nothing_and_run_nothing(git_repo: Path, tmp_path: Path) -> None:
    """An external diff, a text conversion, colors, prefixes, an order of files."""
    (git_repo / "train.py").write_text("print('faster')\n")
    (git_repo / ".gitattributes").write_text("*.py diff=trap\n")
    commit(git_repo)
    plain = compare(git_repo)
    trap = tmp_path / "trap.sh"
    trap.write_text(f'#!/bin/sh\ntouch {tmp_path}/sprung\ncat "$1"\n')
    trap.chmod(0o755)
    (git_repo / "order").write_text("train.py\n")
    for key, value in {
        "diff.external": str(trap),
        "diff.trap.command": str(trap),
        "diff.trap.textconv": str(trap),
        "color.ui": "always",
        "color.diff": "always",
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "diff.orderFile": "order",
        "core.quotePath": "true",
    }.items():
        git(git_repo, "config", key, value)
    assert compare(git_repo) == plain
    assert not (tmp_path / "sprung").exists()


def test_long_patches_and_lines_are_cut(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a new program there are only the numbers."""
    (git_repo / "big.py").write_text("x" * 1000 + "\n" + "y\n" * 5000)
    commit(git_repo)
    found = compare(git_repo)
    assert len(found.patch) == code.MOST_LINES
    assert found.left_out == 5007 - code.MOST_LINES
    assert max(map(len, found.patch)) == code.MOST_COLUMNS + 1
    monkeypatch.setattr(code, "MOST_CHANGED_LINES", 5000)
    found = compare(git_repo)
    assert (found.patch, found.left_out, found.added) == ((), None, 5001)


def test_bytes_that_are_no_text_are_shown_as_far_as_they_are(git_repo: Path) -> None:
    """Latin-1 in a source file."""
    (git_repo / "train.py").write_bytes(b"# caf\xe9\n")
    commit(git_repo)
    assert "+# caf\N{REPLACEMENT CHARACTER}" in compare(git_repo).patch


def test_commits_that_are_not_known_or_not_here_are_a_note(git_repo: Path) -> None:
    """A diff of two runs shows the rest."""
    assert "was not recorded" in compare(git_repo, None).note
    assert compare(git_repo, "HEAD", "1" * 40).note == "commit 1111111111 is not in this repository"
    assert "no git repository" in compare_code(None, "1" * 40, "2" * 40).note
