"""One line in a .gitignore, with git as the judge."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import git
from vcs.errors import ConflictError, UsageError
from vcs.tracked.gitignore_line import add_line, has_line, line_for, remove_line

NAMES = [
    "MNIST",
    "mein Bild",
    "实验",
    "#note",
    "!important",
    "a*b",
    "what?",
    "[x]",
    "back\\slash",
    "trailing ",
    "two  ",
    "back\\ ",
    " leading",
    "-dash",
    "tab\t",
    "a.b",
    "**",
]


def ignored(folder: Path, name: str) -> bool:
    """Whether git ignores a name."""
    command = ["git", "-C", str(folder), "check-ignore", "--no-index", "-z", "--stdin"]
    done = subprocess.run(command, input=name, capture_output=True, text=True, check=False)
    return bool(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_the_line_ignores_the_name_and_no_other(git_repo: Path, name: str) -> None:
    """Whatever characters it has."""
    add_line(git_repo / ".gitignore", line_for(name))
    for other in NAMES:
        assert ignored(git_repo, other) is (other == name)


def test_a_name_below_another_folder_is_not_ignored(git_repo: Path) -> None:
    """The line speaks of its own folder only."""
    add_line(git_repo / ".gitignore", line_for("data"))
    (git_repo / "src" / "data").mkdir(parents=True)
    assert ignored(git_repo, "data")
    assert not ignored(git_repo, "src/data")


def test_a_name_with_a_line_break_is_refused() -> None:
    """No line can say it."""
    with pytest.raises(UsageError, match="line break"):
        line_for("a\nb")


def test_a_file_is_made_and_removed_again(tmp_path: Path) -> None:
    """If there was none."""
    file = tmp_path / ".gitignore"
    assert add_line(file, "/data")
    assert file.read_text() == "/data\n"
    assert remove_line(file, "/data")
    assert not file.exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a\nb\n", b"a\nb\n/data\n"),
        (b"a", b"a\n/data\n"),
        (b"a\r\nb\r\n", b"a\r\nb\r\n/data\r\n"),
        (b"# note\n\n", b"# note\n\n/data\n"),
        (b"caf\xe9\n", b"caf\xe9\n/data\n"),
        (b"", b"/data\n"),
    ],
)
def test_the_rest_stays_as_it_is(tmp_path: Path, before: bytes, after: bytes) -> None:
    """Line ends, a missing newline, bytes that are no text."""
    file = tmp_path / ".gitignore"
    file.write_bytes(before)
    add_line(file, "/data")
    assert file.read_bytes() == after
    remove_line(file, "/data")
    assert not file.exists() if not before else file.read_bytes() == (before if before != b"a" else b"a\n")


def test_a_second_line_is_not_added(tmp_path: Path) -> None:
    """It is there already, also with other line ends."""
    file = tmp_path / ".gitignore"
    file.write_bytes(b"/data\r\n")
    assert not add_line(file, "/data")
    assert has_line(file, "/data")
    assert not remove_line(file, "/other")
    assert file.read_bytes() == b"/data\r\n"


def test_the_mode_stays(tmp_path: Path) -> None:
    """As the user has set it."""
    file = tmp_path / ".gitignore"
    file.write_text("a\n")
    os.chmod(file, 0o600)
    add_line(file, "/data")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """git does not follow it either, and it may lead anywhere."""
    (tmp_path / "elsewhere").write_text("mine\n")
    (tmp_path / ".gitignore").symlink_to("elsewhere")
    with pytest.raises(ConflictError, match="link"):
        add_line(tmp_path / ".gitignore", "/data")
    assert (tmp_path / "elsewhere").read_text() == "mine\n"


def test_git_agrees_about_a_file_with_other_rules(git_repo: Path) -> None:
    """Our line comes last, so an earlier exception does not undo it."""
    (git_repo / ".gitignore").write_text("!/data\n")
    (git_repo / "data").mkdir()
    (git_repo / "data" / "x").write_text("x")
    add_line(git_repo / ".gitignore", line_for("data"))
    assert git(git_repo, "status", "--porcelain", "-uall").split() == ["??", ".gitignore"]
