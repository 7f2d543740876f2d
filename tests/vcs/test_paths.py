"""Paths of artifacts: which are safe, which collide, where links may point."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcs.errors import FormatError, UsageError
from vcs.paths import (
    check_entry_path,
    check_link,
    check_no_collisions,
    is_reserved_name,
    look_hint,
    to_entry_path,
)

GOOD = [
    "a", "model.bin", "a/b/c", "..a", "a..", "...", "a/...", "ünï/ü", "with space", "a\nb", "mnist.tracker",
    ".gitignore", "git", "a/.trackerignore", "x" * 4096, "ab:c",
]  # fmt: skip
BAD = [
    "", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/.", "../a", "a/..", "a/../b", "a/./b", "a\\b", "\\\\a",
    "C:", "c:/a", "C:a", "a\0", "\0", "\udc80", "a/\ud800", "x" * 4097, "ü" * 2049,
    ".git", ".git/config", "a/.git/hooks/x", ".GIT/x", ".Git", ".git.", ".git ", "git~1/x", "GIT~1",
    ".g\u200cit/x", ".tracker/x", ".Tracker", "a/.tracker", "\ufeff.git",
]  # fmt: skip


@pytest.mark.parametrize("path", GOOD, ids=ascii)
def test_a_plain_relative_path_is_allowed(path: str) -> None:
    """It comes back as it is."""
    assert check_entry_path(path) is path


@pytest.mark.parametrize("path", BAD, ids=lambda path: ascii(path)[:20])
def test_a_path_that_could_lead_elsewhere_is_refused(path: str) -> None:
    """On this or another system."""
    with pytest.raises(FormatError):
        check_entry_path(path)


@given(st.text())
def test_an_allowed_path_stays_below_its_folder(path: str) -> None:
    """Whatever the text, what passes has only plain parts."""
    try:
        check_entry_path(path)
    except FormatError:
        return
    assert not path.startswith("/")
    for part in path.split("/"):
        assert part not in ("", ".", "..")
        assert "\\" not in part
        assert "\0" not in part
        assert not is_reserved_name(part)


@pytest.mark.parametrize(
    "paths",
    [
        ["a", "a"],
        ["a", "b", "A"],
        ["a/x", "A/x"],
        ["é", "e\u0301"],
        ["straße", "STRASSE"],
        ["a", "a/b"],
        ["a/b/c/d", "a/b"],
        ["A", "a/b"],
        ["a/b", "x", "a"],
    ],
    ids=str,
)
def test_paths_that_cannot_lie_in_one_folder_are_refused(paths: list[str]) -> None:
    """Both are named, in any order."""
    for order in (paths, paths[::-1]):
        with pytest.raises(FormatError):
            check_no_collisions(order)


def test_a_collision_names_both_paths() -> None:
    """So that one of them can be renamed."""
    with pytest.raises(FormatError, match=r"'data/Readme'.*'data/README'"):
        check_no_collisions(["data/Readme", "data/README"])


def test_different_paths_do_not_collide() -> None:
    """Also with common beginnings, and the same names in different folders."""
    check_no_collisions(["a", "ab", "b/a", "b/ab", "c/a", "b-a"])
    check_no_collisions([])


@given(st.lists(st.text("abAB/", min_size=1), max_size=6))
def test_the_collision_check_agrees_with_a_plain_one(paths: list[str]) -> None:
    """The quick way finds what comparing each with each finds."""
    paths = [path for path in paths if "//" not in f"/{path}/"]
    keys = [path.lower() for path in paths]
    plain = len(set(keys)) < len(keys) or any(
        other.startswith(f"{key}/") for key in keys for other in keys if other != key
    )
    try:
        check_no_collisions(paths)
        found = False
    except FormatError:
        found = True
    assert found == plain


@pytest.mark.parametrize(
    ("given_name", "path"),
    [("a", "a"), ("./a", "a"), ("a//b/", "a/b"), ("a/./b", "a/b"), ("ü", "ü")],
)
def test_a_given_name_becomes_a_path(given_name: str, path: str) -> None:
    """Harmless decoration goes."""
    assert to_entry_path(given_name) == path


@pytest.mark.parametrize("name", ["", ".", "/", "/a", "..", "a/../b", "../a", "a\\b", ".git/x", "a\0"])
def test_a_given_name_that_leaves_the_artifact_is_a_usage_error(name: str) -> None:
    """The caller made a mistake; no file is damaged."""
    with pytest.raises(UsageError):
        to_entry_path(name)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("a", "b"),
        ("a", "b/c"),
        ("a/b", "../c"),
        ("a/b/c", "../../d"),
        ("a", "./b"),
        ("a", "."),
        ("a/b", ".."),
    ],
)
def test_a_link_may_point_inside(path: str, target: str) -> None:
    """To what is there or not."""
    assert check_link(path, target) == target


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("a", ""), ("a", "/etc/passwd"), ("a", ".."), ("a", "../b"), ("a/b", "../../c"), ("a/b", "../.."),
        ("a", "b/../c"), ("a/b/c", "d/../../../../e"), ("a", "\udc80"), ("a", "b\0"),
    ],
)  # fmt: skip
def test_a_link_may_not_leave(path: str, target: str) -> None:
    """Also not by way of another link, which is what `..` behind a name could do."""
    with pytest.raises(FormatError):
        check_link(path, target)


def test_the_hint_for_a_missing_path_is_a_command_that_works(tmp_path: Path) -> None:
    """It lists the nearest folder that there is."""
    (tmp_path / "my data").mkdir()
    for missing in ("my data/x", "my data/a/b/x"):
        hint = look_hint(tmp_path / missing)
        assert hint == f"see what is there: ls '{tmp_path}/my data'"
    subprocess.run(["sh", "-c", hint.partition(": ")[2]], check=True)
