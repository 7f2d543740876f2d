"""The shim: when Python is started, what was there before, and what happens without Python.

A small program stands in for the interpreter: it writes down how it was called.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from hooks.dispatch import REFUSED
from tests.hooks.project import Project, make

POINTER = "format: 1\nartifact: p/data\n"


@dataclass
class Python:
    """The stand-in."""

    path: Path
    calls_file: Path

    @property
    def calls(self) -> list[str]:
        """How it was started: the index, the hook, its arguments."""
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []

    @property
    def names(self) -> list[str]:
        """The hooks for which it was started."""
        return [call.split(" ")[1] for call in self.calls]

    def exits_with(self, status: int) -> None:
        script = f'#!/bin/sh\nshift 3\necho "$@" >> "{self.calls_file}"\ncat >/dev/null\nexit {status}\n'
        self.path.write_text(script)
        self.path.chmod(0o755)


@pytest.fixture
def python(bare_project: Project, tmp_path: Path) -> Python:
    """An interpreter that only writes down its calls; the hooks of `bare_project` start it."""
    place = tmp_path / "bin with spaces"
    place.mkdir()
    stand_in = Python(place / "python", tmp_path / "calls")
    stand_in.exits_with(0)
    bare_project.install(stand_in.path)
    return stand_in


def old_hook(project: Project, name: str, script: str) -> Path:
    """Make an executable hook where git finds it."""
    path = project.root / ".git" / "hooks" / name
    path.write_text(script)
    path.chmod(0o755)
    return path


def commit_code(project: Project, text: str = "print(2)\n", *arguments: str, **env: str) -> str:
    project.write("train.py", text)
    return project.commit("change", *arguments, **env).text


def test_a_repository_that_tracks_nothing_starts_no_python(bare_project: Project, python: Python) -> None:
    """Committing, amending, branching, merging and rebasing cost the shell only."""
    commit_code(bare_project)
    bare_project.git("commit", "--amend", "-m", "again")
    bare_project.git("checkout", "-q", "-b", "side")
    bare_project.write("side.py", "1\n")
    bare_project.git("add", "side.py")
    bare_project.git("commit", "-q", "-m", "side")
    bare_project.git("checkout", "-q", "main")
    commit_code(bare_project, "print(3)\n")
    bare_project.git("merge", "-q", "side", "-m", "merge")
    bare_project.git("checkout", "-q", "-b", "rebased", "HEAD~1")
    bare_project.write("more.py", "1\n")
    bare_project.git("add", "more.py")
    bare_project.git("commit", "-q", "-m", "more")
    bare_project.git("rebase", "-q", "main")
    assert python.calls == []


def test_a_tracked_path_wakes_the_hooks_that_it_concerns(bare_project: Project, python: Python) -> None:
    """Every commit looks at the data; only one that changes a pointer has something to do afterwards."""
    bare_project.write("data.tracker", POINTER)
    bare_project.git("add", "data.tracker")
    bare_project.git("commit", "-q", "-m", "track")
    assert python.names == ["pre-commit", "post-commit"]
    python.calls_file.unlink()
    commit_code(bare_project)
    assert python.names == ["pre-commit"]


def test_a_switch_wakes_python_only_if_pointers_differ(bare_project: Project, python: Python) -> None:
    """A new branch, and one with other code only, cost no start."""
    bare_project.write("data.tracker", POINTER)
    bare_project.git("add", "data.tracker")
    bare_project.git("commit", "-q", "-m", "track")
    bare_project.git("checkout", "-q", "-b", "code")
    commit_code(bare_project)
    bare_project.git("checkout", "-q", "-b", "data")
    bare_project.write("data.tracker", POINTER + "version: v1\n")
    bare_project.commit("data")
    python.calls_file.unlink()
    bare_project.git("checkout", "-q", "code")
    bare_project.git("checkout", "-q", "main")
    assert python.names == ["post-checkout"]


def test_a_checkout_of_a_file_does_nothing(bare_project: Project, python: Python) -> None:
    """Flag 0: not even for a pointer."""
    bare_project.write("data.tracker", POINTER)
    bare_project.git("add", "data.tracker")
    bare_project.git("commit", "-q", "-m", "track")
    bare_project.write("data.tracker", POINTER + "version: v1\n")
    python.calls_file.unlink()
    bare_project.git("checkout", "--", "data.tracker")
    assert python.calls == []


@pytest.mark.parametrize(
    ("name", "size"), [("model.pt", 7), ("Model.SafeTensors", 7), ("table.csv", 11 << 20)]
)
def test_large_and_model_like_files_wake_python(
    bare_project: Project, python: Python, name: str, size: int
) -> None:
    """The shell sees sizes and endings; Python decides."""
    bare_project.write(name, b"\0" * size)
    bare_project.git("add", name)
    bare_project.git("commit", "-q", "-m", "large")
    assert python.names == ["pre-commit"]


def test_settings_wake_python(bare_project: Project, python: Python) -> None:
    """`hooks:` may lower the limit, so that only Python can judge; `auto_log:` is about every commit."""
    bare_project.write("tracker.yaml", "hooks: {max_file: 1KiB}\nauto_log: {params: params.yaml}\n")
    bare_project.git("add", "tracker.yaml")
    bare_project.git("commit", "-q", "-m", "settings")
    assert python.names == ["pre-commit", "post-commit"]


def test_a_run_since_the_last_commit_wakes_python(bare_project: Project, python: Python) -> None:
    """By the time of its folder; older ones, of whatever number, do not."""
    runs = bare_project.root / ".tracker" / "runs" / "p"
    for name in ("older", "newer"):
        (runs / name).mkdir(parents=True)
        (runs / name / "run.yaml").write_text("{}")
    long_ago = 1_700_000_000
    for name in ("older", "newer"):
        os.utime(runs / name, (long_ago, long_ago))
    (bare_project.root / ".tracker" / ".gitignore").write_text("*\n")
    commit_code(bare_project)
    assert python.calls == []
    os.utime(runs / "newer")
    commit_code(bare_project, "print(3)\n")
    assert python.names == ["prepare-commit-msg"]


def test_a_refusal_stops_the_commit(bare_project: Project, python: Python) -> None:
    """And `--no-verify` passes."""
    python.exits_with(REFUSED)
    bare_project.write("model.pt", b"weights")
    bare_project.git("add", "model.pt")
    assert bare_project.git("commit", "-m", "x", check=False).code == 1
    assert bare_project.git("commit", "--no-verify", "-m", "x").code == 0


def test_a_failure_of_ours_stops_nothing(bare_project: Project, python: Python) -> None:
    """It is told in a line."""
    python.exits_with(3)
    bare_project.write("model.pt", b"weights")
    bare_project.git("add", "model.pt")
    said = bare_project.git("commit", "-m", "x").text
    assert "tracker: pre-commit failed (status 3); git goes on" in said


def test_without_python_the_command_on_the_path_is_used(
    bare_project: Project, python: Python, tmp_path: Path
) -> None:
    """`tracker hooks run` takes the same words."""
    python.path.unlink()
    command = tmp_path / "elsewhere" / "tracker"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\necho "$@" >> "{python.calls_file}"\n')
    command.chmod(0o755)
    bare_project.write("model.pt", b"weights")
    bare_project.git("add", "model.pt")
    bare_project.git("commit", "-m", "x", PATH=f"{command.parent}:{os.environ['PATH']}")
    assert python.calls == ["hooks run --index=.git/index pre-commit"]


def path_without_tracker(tmp_path: Path) -> str:
    """A PATH with the usual tools only."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in (
        "git",
        "sh",
        "env",
        "cat",
        "grep",
        "awk",
        "find",
        "head",
        "cut",
        "tr",
        "touch",
        "mkdir",
        "sed",
    ):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return str(folder)


def test_without_python_and_command_one_line_is_said(
    bare_project: Project, python: Python, tmp_path: Path
) -> None:
    """A commit in a tool without the environment goes through."""
    python.path.unlink()
    bare_project.write("model.pt", b"weights")
    bare_project.git("add", "model.pt")
    said = bare_project.git("commit", "-m", "x", PATH=path_without_tracker(tmp_path)).text
    assert "tracker: pre-commit does nothing: " in said
    assert said.count("tracker:") == 1


def test_without_python_changed_data_stops_the_commit(git_repo: Path, tmp_path: Path) -> None:
    """The commit would name the old data; `--no-verify` is the way on."""
    project = make(git_repo)
    project.write("train.py", "print(2)\n")
    project.commit("with everything in place")
    python = tmp_path / "python"
    project.install(python)
    path = path_without_tracker(tmp_path)
    assert "does nothing" in commit_code(project, "print(3)\n", PATH=path)
    project.write("data/0.txt", "second\n")
    project.write("train.py", "print(4)\n")
    refused = project.commit("x", check=False, PATH=path)
    assert refused.code == 1
    assert "data has changed, and the commit would point to its old version" in refused.text
    assert "--no-verify" in refused.text
    assert project.commit("x", "--no-verify", PATH=path).code == 0


def test_the_hook_from_before_is_called_first_with_its_arguments(
    bare_project: Project, python: Python, tmp_path: Path
) -> None:
    """All that git gives arrives, and its words reach the user."""
    old_hook(bare_project, "prepare-commit-msg", f'#!/bin/sh\necho "$#:$2" >> "{tmp_path}/old"\n')
    bare_project.install(python.path)
    commit_code(bare_project)
    assert (tmp_path / "old").read_text() == "2:message\n"


def test_the_hook_from_before_can_stop_the_commit(bare_project: Project, python: Python) -> None:
    """Then we are not even asked."""
    old_hook(bare_project, "pre-commit", "#!/bin/sh\necho no way >&2\nexit 7\n")
    bare_project.install(python.path)
    bare_project.write("model.pt", b"weights")
    bare_project.git("add", "model.pt")
    refused = bare_project.git("commit", "-m", "x", check=False)
    assert refused.code == 1
    assert "no way" in refused.text
    assert python.calls == []


def test_a_hook_that_is_not_executable_is_not_called(bare_project: Project, python: Python) -> None:
    """git does not call it either."""
    old_hook(bare_project, "pre-commit", "#!/bin/sh\nexit 1\n").chmod(0o644)
    bare_project.install(python.path)
    assert commit_code(bare_project)


@pytest.mark.parametrize("first", ["#!/bin/sh", "#!/bin/sh -e", "#!/usr/bin/env bash", "#!/bin/bash -eu"])
def test_a_script_that_asks_for_its_name_is_told_the_old_one(
    bare_project: Project, python: Python, tmp_path: Path, first: str
) -> None:
    """One script for many hooks (husky, and many a home-made one) tells them apart by `$0`."""
    script = f'{first}\nset -- "$@"\necho "$(basename "$0") $(dirname "$0") $#" >> "{tmp_path}/old"\nexit 0\n'
    old_hook(bare_project, "post-checkout", script)
    bare_project.install(python.path)
    bare_project.git("checkout", "-q", "-b", "other")
    assert (tmp_path / "old").read_text() == "post-checkout .git/hooks 3\n"


def test_input_reaches_the_hook_from_before_and_us(
    bare_project: Project, python: Python, tmp_path: Path
) -> None:
    """pre-push reads what is pushed; both get all of it."""
    bare_project.git("init", "-q", "--bare", str(tmp_path / "remote"))
    old_hook(bare_project, "pre-push", f'#!/bin/sh\ncat > "{tmp_path}/old"\n')
    python.path.write_text(f'#!/bin/sh\ncat > "{tmp_path}/ours"\n')
    bare_project.install(python.path)
    bare_project.write("data.tracker", POINTER)
    bare_project.git("add", "data.tracker")
    bare_project.git("commit", "-q", "-m", "track", "--no-verify")
    bare_project.git("push", "-q", str(tmp_path / "remote"), "main")
    head = bare_project.ask("rev-parse", "HEAD")
    assert (tmp_path / "old").read_text() == f"refs/heads/main {head} refs/heads/main {'0' * 40}\n"
    assert (tmp_path / "ours").read_text() == (tmp_path / "old").read_text()


def test_the_way_that_git_reads_patterns_does_not_matter(bare_project: Project, python: Python) -> None:
    """Some editors tell git to take patterns literally."""
    bare_project.write("data.tracker", POINTER)
    bare_project.git("add", "data.tracker")
    bare_project.git("commit", "-q", "-m", "track", GIT_LITERAL_PATHSPECS="1")
    assert python.names == ["pre-commit", "post-commit"]


def test_the_first_commit_of_a_repository_passes(tmp_path: Path, python: Python) -> None:
    """There is no HEAD to compare with."""
    root = tmp_path / "new repository"
    root.mkdir()
    project = Project(root)
    project.git("init", "-q", "-b", "main")
    project.install(python.path)
    project.write("train.py", "1\n")
    project.git("add", "train.py")
    assert project.git("commit", "-q", "-m", "first").text == ""
    assert python.calls == []
