"""Code is told from data, and a secret from both."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcs.code.untracked import LeftOut, choose_untracked, crowded_folders
from vcs.settings import CodeLimits


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a", "b", "c", "d"], []),
        (["d/1", "d/2", "d/3"], ["d/"]),
        (["d/1", "d/2"], []),
        (["d/x/1", "d/x/2", "d/y/1"], ["d/"]),
        (["r/train.py", "r/d/1", "r/d/2", "r/d/3"], ["r/d/"]),
        (["r/a/1", "r/a/2", "r/a/3", "r/b/1", "r/b/2", "r/b/3", "r/x"], ["r/a/", "r/b/"]),
        (["deep/er/est/1", "deep/er/est/2", "deep/er/est/3"], ["deep/er/est/"]),
        (["data/1", "data/2", "data/3", "database.py"], ["data/"]),
    ],
)
def test_the_folder_that_is_crowded_is_the_one_that_holds_the_data(
    paths: list[str], expected: list[str]
) -> None:
    """With more than two files; never the top, and no more than what is needed."""
    assert crowded_folders(paths, 2) == expected


FOLDERS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=4)


@given(st.lists(FOLDERS, max_size=40), st.integers(0, 5))
def test_without_the_crowded_folders_none_is_crowded(folders: list[list[str]], most: int) -> None:
    """And none of them lies in another."""
    paths = ["/".join([*folder, f"file{number}"]) for number, folder in enumerate(folders)]
    crowded = crowded_folders(paths, most)
    left = [path for path in paths if not path.startswith(tuple(crowded))] if crowded else paths
    assert crowded_folders(left, most) == []
    assert not any(one != two and one.startswith(two) for one in crowded for two in crowded)


def choose(folder: Path, *paths: str, **limits: int) -> tuple[list[str], list[LeftOut]]:
    return choose_untracked(folder, paths, lambda path: path.startswith("ignored"), CodeLimits(**limits))


def test_a_file_that_is_gone_or_is_no_file_is_neither_taken_nor_named(plain_dir: Path) -> None:
    """Files come and go while a run starts."""
    (plain_dir / "folder").mkdir()
    assert choose(plain_dir, "gone.py", "folder", "ignored.py", "ignored/") == ([], [])


def test_a_binary_file_is_not_searched_for_secrets(plain_dir: Path) -> None:
    """Random bytes spell anything; a text with the same bytes is one."""
    token = b"ghp_" + b"a1B2" * 9
    (plain_dir / "weights.bin").write_bytes(b"\0" + token)
    (plain_dir / "notes.txt").write_bytes(token)
    assert choose(plain_dir, "weights.bin", "notes.txt") == (
        ["weights.bin"],
        [LeftOut("notes.txt", "secret")],
    )


def test_a_link_is_taken_whatever_it_points_to(plain_dir: Path) -> None:
    """It is only a name; the name itself can be that of a secret."""
    (plain_dir / "big").symlink_to("/dev/zero")
    (plain_dir / ".env").symlink_to("elsewhere")
    assert choose(plain_dir, "big", ".env") == (["big"], [LeftOut(".env", "secret")])


def test_at_the_limits_a_file_is_taken(plain_dir: Path) -> None:
    """One byte more is too much."""
    (plain_dir / "a").write_bytes(b"x" * 10)
    (plain_dir / "b").write_bytes(b"x" * 11)
    assert choose(plain_dir, "a", "b", file_bytes=10) == (["a"], [LeftOut("b", "size")])
    assert choose(plain_dir, "a", "b", total_bytes=21) == (["a", "b"], [])
    assert choose(plain_dir, "a", "b", total_bytes=20) == (["a"], [LeftOut("b", "size")])
