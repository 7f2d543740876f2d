"""Pointers: their text, what they may say, and finding them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import git
from vcs.digest import Digest, digest_bytes
from vcs.errors import FormatError, NotFoundError
from vcs.git import Git
from vcs.tracked.pointer import (
    Pointer,
    PointerFile,
    check_tracked_path,
    find_pointers,
    parse,
    read_pointer,
    render,
    tracked_path,
    write_pointer,
)

DIGEST = digest_bytes(b"data")
POINTER = Pointer("LeNet5", "mnist", "dataset", 3, DIGEST, 1234, 5)
TEXT = f"""\
format: 1
artifact: LeNet5/mnist
type: dataset
version: v3
digest: {DIGEST}
size_bytes: 1234
files: 5
"""


def test_the_text_is_plain_yaml() -> None:
    """As docs and people expect it."""
    assert render(POINTER) == TEXT
    assert parse(TEXT, "x") == POINTER
    assert "kind: file" in render(Pointer("P", "w", "model", 0, DIGEST, 1, 1, single=True))


def test_names_for_people() -> None:
    """Short, and in full."""
    assert (POINTER.short_name, POINTER.qualified_name) == ("mnist:v3", "LeNet5/mnist:v3")


@given(
    st.builds(
        Pointer,
        project=st.sampled_from(["LeNet5", "a b", "1e5", "true", "实验"]),
        name=st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,20}", fullmatch=True),
        type=st.text("abcxyz #:'\"{}[]é-", min_size=1, max_size=20),
        number=st.integers(0, 999_999_999),
        digest=st.binary(max_size=4).map(digest_bytes),
        size_bytes=st.integers(0, 1 << 60),
        file_count=st.integers(0, 1 << 40),
        single=st.booleans(),
        more=st.dictionaries(st.sampled_from(["note", "was"]), st.text(max_size=10), max_size=2),
    )
)
def test_reading_gives_back_what_was_written(pointer: Pointer) -> None:
    """Also fields of a newer release."""
    assert parse(render(pointer), "x") == pointer


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("format: 1", "format: 2", "newer tracker"),
        ("format: 1\n", "", "does not say its format"),
        ("artifact: LeNet5/mnist", "artifact: mnist", "project/name"),
        ("artifact: LeNet5/mnist", "artifact: ../mnist", "damaged"),
        ("artifact: LeNet5/mnist", "artifact: a/b/mnist", "damaged"),
        ("artifact: LeNet5/mnist", "artifact: LeNet5/..", "damaged"),
        ("version: v3", "version: 3", "version"),
        ("version: v3", "version: latest", "version"),
        (f"digest: {DIGEST}", "digest: abc", "digest"),
        (f"digest: {DIGEST}\n", "", "digest"),
        ("size_bytes: 1234", "size_bytes: -1", "size_bytes"),
        ("files: 5", "files: many", "files"),
        ("type: dataset", "type: ''", "type"),
        ("files: 5", "files: 5\nkind: socket", "kind"),
        ("format: 1", "<<<<<<< HEAD\nformat: 1", "marks of a merge"),
        (TEXT, "", "no mapping"),
        (TEXT, "- 1\n", "no mapping"),
        (TEXT, "&a [*a]\n", "anchors"),
    ],
)
def test_what_is_no_pointer_is_refused(old: str, new: str, says: str) -> None:
    """With the reason."""
    with pytest.raises(FormatError, match=says):
        parse(TEXT.replace(old, new), "x")


def test_a_pointer_cut_anywhere_is_refused_or_whole(tmp_path: Path) -> None:
    """No cut text passes for another version."""
    for end in range(len(TEXT)):
        try:
            pointer = parse(TEXT[:end], "x")
        except FormatError:
            continue
        # The number of files is for people; all that is checked out comes before it.
        assert pointer.digest == DIGEST
        assert end > len(TEXT) - 4


def test_an_equal_pointer_is_not_written_again(tmp_path: Path) -> None:
    """So git need not read it."""
    path = tmp_path / "x.tracker"
    assert write_pointer(path, POINTER)
    before = path.stat()
    assert not write_pointer(path, POINTER)
    assert path.stat() == before or path.stat().st_mtime_ns == before.st_mtime_ns
    assert read_pointer(path) == POINTER


def test_a_missing_pointer_and_a_link(tmp_path: Path) -> None:
    """A link could show anything."""
    with pytest.raises(NotFoundError):
        read_pointer(tmp_path / "x.tracker")
    (tmp_path / "real").write_text(TEXT)
    (tmp_path / "x.tracker").symlink_to("real")
    with pytest.raises(FormatError, match="link"):
        read_pointer(tmp_path / "x.tracker")


@pytest.mark.parametrize(
    "path", [".git", "a/.git", ".GIT/hooks", ".tracker/runs", "a/../b", "/etc", "x.tracker", ""]
)
def test_no_pointer_speaks_of_such_a_path(path: str) -> None:
    """`.git.tracker` in a hostile repository would let a checkout write hooks."""
    with pytest.raises(FormatError):
        check_tracked_path(path)


def test_the_path_of_a_pointer() -> None:
    """The records folder itself is none."""
    assert tracked_path("data/x.tracker") == "data/x"
    assert tracked_path(".tracker") is None
    assert tracked_path("data/.tracker") is None
    assert tracked_path("data/x") is None


def test_pointers_are_found_in_git_and_beside_it(git_repo: Path) -> None:
    """In folders, with spaces and letters of any language; not ignored ones, not gone ones."""
    for name in (
        "a.tracker",
        "sub/b b.tracker",
        "sub/ü.tracker",
        "new.tracker",
        "gone.tracker",
        "ignored.tracker",
    ):
        write_pointer(git_repo / name, POINTER)
    (git_repo / ".gitignore").write_text("ignored.tracker\n/big\n")
    (git_repo / "big").mkdir()
    write_pointer(git_repo / "big" / "x.tracker", POINTER)
    git(git_repo, "add", ".gitignore", "a.tracker", "sub", "gone.tracker")
    (git_repo / "gone.tracker").unlink()
    found = find_pointers(Git(git_repo))
    assert found == [
        PointerFile("a"),
        PointerFile("new", in_git=False),
        PointerFile("sub/b b"),
        PointerFile("sub/ü"),
    ]
    assert found[2].pointer_path == "sub/b b.tracker"


def test_settings_of_a_calling_git_do_not_hide_pointers(
    git_repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """magit commits with --literal-pathspecs, and hooks inherit that."""
    write_pointer(git_repo / "sub" / "a.tracker", POINTER)
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")
    assert [file.path for file in find_pointers(Git(git_repo))] == ["sub/a"]


def test_digests_are_text() -> None:
    """A digest that YAML would take for a number stays text."""
    digest = Digest("1" * 64)
    pointer = Pointer("P", "n", "t", 0, digest, 0, 0)
    assert parse(render(pointer), "x").digest == digest
