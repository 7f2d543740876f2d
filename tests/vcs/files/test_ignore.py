"""`.trackerignore`: the rules of gitignore, checked against git itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vcs.errors import StoreError
from vcs.files.ignore import Ignore, is_always_left_out


def write(folder: Path, files: dict[str, str]) -> Path:
    """Make files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_without_a_file_nothing_is_left_out(tmp_path: Path) -> None:
    """But for what belongs to git and to us."""
    ignore = Ignore.load(tmp_path)
    assert not ignore.matches("a.txt", False)
    assert not ignore.rules("")
    for name in (".git", ".tracker", "a/.git", "a/.tracker/x", ".GIT"):
        assert ignore.matches(name, True)


@pytest.mark.parametrize("name", ["git", ".gitignore", ".trackerignore", "x.tracker", ".github", "a.git"])
def test_names_that_only_look_like_ours_stay(name: str) -> None:
    """They are ordinary files."""
    assert not is_always_left_out(name)


def test_patterns_are_those_of_gitignore(tmp_path: Path) -> None:
    """A few of each kind."""
    write(tmp_path, {".trackerignore": "*.tmp\n!keep.tmp\n/build/\ndocs/*.html\nraw/**/x\n# no\n\\#yes\n"})
    ignore = Ignore.load(tmp_path)
    left_out = ["a.tmp", "d/a.tmp", "build/x", "docs/a.html", "raw/a/b/x", "raw/x", "#yes"]
    kept = ["keep.tmp", "d/keep.tmp", "d/build/x", "docs/d/a.html", "x", "# no", "a.tmpx"]

    assert [path for path in (*left_out, *kept) if ignore.matches(path, False)] == left_out
    assert ignore.matches("build", True)
    assert not ignore.matches("build", False)


def test_files_in_subfolders_speak_of_their_folder(tmp_path: Path) -> None:
    """And win over those above."""
    write(
        tmp_path,
        {".trackerignore": "*.log\n", "a/.trackerignore": "!*.log\n/only\n", "a/b/.trackerignore": "x\n"},
    )
    ignore = Ignore.load(tmp_path)

    assert ignore.matches("t.log", False)
    assert not ignore.matches("a/t.log", False)
    assert not ignore.matches("a/b/t.log", False)
    assert ignore.matches("a/only", False)
    assert not ignore.matches("only", False)
    assert ignore.matches("a/b/x", False)
    assert not ignore.matches("a/x", False)


def test_nothing_is_taken_back_from_a_folder_that_is_left_out(tmp_path: Path) -> None:
    """As git has it."""
    write(tmp_path, {".trackerignore": "out/\n!out/keep\n", "out/.trackerignore": "!keep\n"})
    assert Ignore.load(tmp_path).matches("out/keep", False)


def test_rules_above_the_folder_hold_when_asked_for(tmp_path: Path) -> None:
    """Adding `data` heeds the project's file; its anchored rules mean the project."""
    write(tmp_path, {".trackerignore": "*.tmp\n/data/raw\n", "data/.trackerignore": "x\n"})
    ignore = Ignore.load(tmp_path / "data", top=tmp_path)

    assert [name for name in ("a.tmp", "raw", "x", "y", "d/raw") if ignore.matches(name, False)] == [
        "a.tmp", "raw", "x",
    ]  # fmt: skip
    assert not Ignore.load(tmp_path / "data").matches("a.tmp", False)


def test_line_ends_and_marks_of_windows_are_no_part_of_a_rule(tmp_path: Path) -> None:
    """A file saved by another editor works."""
    (tmp_path / ".trackerignore").write_bytes("\ufeff*.tmp\r\nbuild/\r\n".encode())
    ignore = Ignore.load(tmp_path)
    assert ignore.matches("a.tmp", False)
    assert ignore.matches("build", True)


def test_bytes_that_are_no_text_are_a_rule_like_others(tmp_path: Path) -> None:
    """File names are bytes, so rules may be."""
    (tmp_path / ".trackerignore").write_bytes(b"\xff\xfe\n*.tmp\n")
    ignore = Ignore.load(tmp_path)
    assert ignore.matches("a.tmp", False)
    assert ignore.matches("\udcff\udcfe", False)


def test_a_folder_instead_of_the_file_is_one_sentence(tmp_path: Path) -> None:
    """The path is in it."""
    (tmp_path / ".trackerignore").mkdir()
    with pytest.raises(StoreError, match="trackerignore"):
        Ignore.load(tmp_path)


def test_the_example_file_can_be_used_as_it_is(tmp_path: Path) -> None:
    """Every pattern in it does what its comment says."""
    example = Path(__file__).parents[3] / ".trackerignore.example"
    write(tmp_path, {".trackerignore": example.read_text()})
    ignore = Ignore.load(tmp_path)
    left_out = [
        "a/__pycache__/m.cpython-311.pyc", "m.pyc", ".venv/bin/python", "x.egg-info/PKG", ".env",
        ".env.local", "id_rsa", "key.pem", "a/b.tmp", "w.part", "train.log", ".DS_Store", "wandb/run/x",
        "data/raw/1.png", "notes~", ".ipynb_checkpoints/n.ipynb",
    ]  # fmt: skip
    kept = ["train.py", ".env.example", "data/raw/README.md", "src/wandb/x", "model.pt", "data/x/raw.png"]
    assert [path for path in (*left_out, *kept) if ignore.matches(path, False)] == left_out


PARTS = st.sampled_from(["a", "b", "ab", "a.x", "b.x", "A"])
PATTERN_PARTS = st.sampled_from(
    ["a", "b", "*", "**", "***", "a*", "*.x", "?", "??", "[ab]", "ab", "[!a]", "[^b]", "[a-]", "[b-a]",
     "[]a]", "\\a", "a\\", "[[:upper:]]", "[[:nope:]]", "[a", "*b*", "a ", "a\\ ", "", "[a-b]",
     "[\\a]", "[!]b]"]
)  # fmt: skip
PATTERNS = st.builds(
    lambda no, front, parts, back: no + front + "/".join(parts) + back,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(PATTERN_PARTS, min_size=1, max_size=3),
    st.sampled_from(["", "", "/", " ", "\\ "]),
)


@pytest.mark.slow
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(PATTERNS, min_size=1, max_size=4),
    st.lists(PATTERNS, max_size=2),
    st.lists(st.lists(PARTS, min_size=1, max_size=3), min_size=1, max_size=8),
)
def test_git_agrees(
    tmp_path_factory: pytest.TempPathFactory, top: list[str], inner: list[str], paths: list[list[str]]
) -> None:
    """For any rules in two files and any paths, `git check-ignore` leaves out the same."""
    folder = tmp_path_factory.mktemp("git")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for name in (".gitignore", ".trackerignore"):
        write(folder, {name: "\n".join(top) + "\n", f"a/{name}": "\n".join(inner) + "\n"})
    names = sorted({"/".join(parts) for parts in paths})
    done = subprocess.run(
        ["git", "-C", str(folder), "check-ignore", "-z", "--stdin", "--no-index"],
        input="\0".join(names).encode(),
        capture_output=True,
    )
    left_out = sorted(filter(None, done.stdout.decode().split("\0")))
    ignore = Ignore.load(folder)
    assert [name for name in names if ignore.matches(name, (folder / name).is_dir())] == left_out
