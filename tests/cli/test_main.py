"""What holds for every command: help, errors, pipes, folders."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.cli.conftest import Tracker
from tests.tracker.compare.runs_on_disk import make_run
from tracker._version import __version__
from tracker.cli import errors
from tracker.cli.main import COMMANDS, HIDDEN, THEMES
from vcs import errors as kinds
from vcs.repo import Repo

SHOWN = [name for name in COMMANDS if name not in HIDDEN]


def first_line(command: click.Command) -> str:
    """What a command says that it does."""
    return (command.help or "").split("\n\n")[0].strip()


def commands() -> list[tuple[str, click.Command]]:
    """Every command and every one below it, by its words."""
    found: list[tuple[str, click.Command]] = []
    for name, (module, attribute, _) in COMMANDS.items():
        command = getattr(importlib.import_module(module), attribute)
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {below}", each) for below, each in command.commands.items()]
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_of_a_command_is_that_of_its_own_help(name: str) -> None:
    """It stands in two places, so that `tracker --help` imports nothing."""
    module, attribute, line = COMMANDS[name]
    assert first_line(getattr(importlib.import_module(module), attribute)) == line


@pytest.mark.parametrize(("name", "command"), commands())
def test_every_help_is_short_plain_and_complete(name: str, command: click.Command) -> None:
    """The first line is a sentence without a period; each option says what it does."""
    line = first_line(command)
    assert line
    if not command.hidden and name not in HIDDEN:
        assert re.search("Examples?:\n  .*tracker", command.epilog or "")
    assert line[0].isupper()
    assert not line.endswith(".")
    assert len(line) <= 80
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, (name, parameter.name)


@pytest.mark.parametrize("name", SHOWN)
def test_help_of_every_command_is_printed(tracker: Tracker, name: str) -> None:
    """By -h and --help, anywhere."""
    said = tracker(name, "--help")
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith(f"Usage: tracker {name}")
    assert tracker(name, "-h").out == said.out


def test_help_lists_every_command_for_people(tracker: Tracker) -> None:
    """Those for git are not shown, and work."""
    out = tracker("--help").out
    assert all(f"  {name} " in out for name in SHOWN)
    assert not any(f"  {name} " in out for name in HIDDEN)
    assert all(COMMANDS[name][2].split()[0] in out for name in SHOWN)


def test_help_is_ordered_by_themes_and_shows_each_command_once(tracker: Tracker) -> None:
    """Only what is for git stands in none."""
    themed = [name for names in THEMES.values() for name in names]
    assert sorted([*themed, "merge-pointer"]) == sorted(COMMANDS)
    out = tracker("--help").out
    places = [out.index(f"\n{theme}:\n") for theme in THEMES]
    assert places == sorted(places)
    assert all(out.count(f"\n  {name} ") == 1 for name in themed)


@pytest.mark.parametrize("name", ["artifact", "hooks", "import", "remote", "sweep"])
def test_help_of_a_group_does_not_cut_what_a_command_does(tracker: Tracker, name: str) -> None:
    """A long line is broken."""
    module, attribute, _ = COMMANDS[name]
    group = getattr(importlib.import_module(module), attribute)
    words = " ".join(tracker(name, "--help").out.split())
    assert all(f"{below} {first_line(each)}" in words for below, each in group.commands.items())


def test_help_imports_no_command(git_repo: Path) -> None:
    """It answers at once."""
    code = (
        "import sys\n"
        "from tracker.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'tracker.cli.runs', 'tracker.read.runs', 'yaml', 'msgspec', 'blake3', 'numpy', 'git'}\n"
        "sys.exit(', '.join(sorted(heavy & sys.modules.keys())) or None)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=git_repo, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


# What a start need not pay for: half of these are milliseconds, the rest tens of them.
NEEDLESS = {
    "git", "numpy", "torch", "psutil", "pathspec", "asyncio", "logging", "http", "ssl", "email", "getpass",
    "yaml", "tempfile", "socket", "difflib", "zipfile", "tomllib", "concurrent.futures", "multiprocessing",
    "vcs.sharing", "vcs.buckets", "tracker.compare", "tracker.revive", "tracker.web", "tracker.sweeps",
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "needed"),
    [
        ("from tracker.cli.main import main; main(['runs'])", set()),
        ("from tracker.cli.main import main; main(['status'])", {"concurrent.futures"}),
        # A run writes YAML, feeds git from a pipe, measures its process and lists the packages.
        (
            "import tracker; tracker.init(settings={'silent': True}).finish()",
            {"yaml", "tempfile", "psutil", "pathspec", "getpass", "email", "socket", "zipfile"},
        ),
    ],
)
def test_a_start_loads_nothing_needless(git_repo: Path, code: str, needed: set[str]) -> None:
    """Each module here was once loaded by every start, and nobody had meant it."""
    program = f"""
import atexit, sys
atexit.register(lambda: print(*sorted({NEEDLESS - needed!r} & sys.modules.keys())))
{code}
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=git_repo, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr


def test_the_version_is_said(tracker: Tracker) -> None:
    """As `tracker 1.2.3`."""
    assert tracker("--version").out == f"tracker {__version__}\n"


@pytest.mark.parametrize(
    ("word", "near"), [("rnus", "runs"), ("artefact", "artifact"), ("comit", "commit"), ("zzz", None)]
)
def test_an_unknown_command_is_refused_with_near_ones(tracker: Tracker, word: str, near: str | None) -> None:
    """Status 2."""
    said = tracker(word)
    assert (said.status, said.out) == (2, "")
    assert f"no command {word!r}" in said.err
    assert (f"Did you mean: {near}" in said.err) if near else ("Did you mean" not in said.err)


@pytest.mark.parametrize("words", [["runs", "--nope"], ["show"], ["runs", "-n", "zero"], ["diff", "a"]])
def test_a_wrong_call_ends_with_two(tracker: Tracker, words: list[str]) -> None:
    """With the usage on stderr, and nothing on stdout."""
    said = tracker(*words)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("Usage: tracker ")
    assert "Error: " in said.err


def test_an_error_is_a_sentence_and_a_hint(tracker: Tracker, git_repo: Path) -> None:
    """Never a traceback; data on stdout is none."""
    make_run(Repo.open(git_repo).layout, "run1")
    said = tracker("show", "name-run2")
    assert (said.status, said.out) == (3, "")
    assert said.err == "Error: no run, artifact or commit 'name-run2'\nHint: did you mean name-run1?\n"


def test_an_error_is_json_too_where_json_is_asked_for(tracker: Tracker, git_repo: Path) -> None:
    """On stdout; people still read stderr."""
    make_run(Repo.open(git_repo).layout, "run1")
    said = tracker("show", "name-run2", "--json")
    assert said.json == {
        "error": "not-found",
        "message": "no run, artifact or commit 'name-run2'",
        "hint": "did you mean name-run1?",
    }
    assert said.err.startswith("Error: ")


@pytest.mark.parametrize(
    "kind",
    [each for each in vars(kinds).values() if isinstance(each, type) and issubclass(each, kinds.Error)],
)
def test_every_kind_of_error_has_a_status_of_its_own(kind: type[kinds.Error]) -> None:
    """None is 0 or 1, which are answers, or 2, which is a wrong call, but for usage."""
    status = errors.exit_status(kind("no"))
    others = {errors.exit_status(other("no")) for other in errors.STATUS if other is not kind}
    assert status >= 2
    assert status not in others
    assert (status == 2) == (kind is kinds.UsageError)


def test_a_class_below_another_has_its_status() -> None:
    """Classes of our own libraries need no line in the table."""

    class Special(kinds.NotFoundError):
        pass

    assert errors.exit_status(Special("no")) == errors.exit_status(kinds.NotFoundError("no"))


def test_an_error_of_the_system_becomes_ours() -> None:
    """With the file's name."""
    error = errors.from_os_error(PermissionError(13, "Permission denied", "/x"))
    assert (error.kind, error.message) == ("store", "Permission denied: /x")
    assert errors.from_os_error(OSError("strange")).message == "strange"


def test_a_command_works_in_another_folder(tracker: Tracker, git_repo: Path, tmp_path: Path) -> None:
    """-C; also one below the project's top."""
    make_run(Repo.open(git_repo).layout, "run1")
    (git_repo / "deep").mkdir()
    os.chdir(tmp_path)
    assert tracker("-C", str(git_repo / "deep"), "runs", "-q").out == "run1\n"
    os.chdir(tmp_path)
    said = tracker("-C", str(tmp_path / "nowhere"), "runs")
    assert said.status == 2
    assert "does not exist" in said.err


def test_a_reader_that_has_seen_enough_is_no_error(git_repo: Path) -> None:
    """`tracker runs | head -1`: no traceback, no complaint."""
    layout = Repo.open(git_repo).layout
    for number in range(30):
        make_run(layout, f"run{number}", config={"text": "x" * 5000})
    words = [sys.executable, "-m", "tracker.cli.main", "runs", "--json"]
    process = subprocess.Popen(words, cwd=git_repo, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    process.wait()
    assert said == ""
    assert process.returncode == 0


def test_a_full_disk_behind_stdout_is_said(git_repo: Path) -> None:
    """Status 9, as any disk that fails."""
    make_run(Repo.open(git_repo).layout, "run1")
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-m", "tracker.cli.main", "runs"]
        done = subprocess.run(
            words, cwd=git_repo, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode not in (0, 1)
