"""The commands for tracked paths, as a user meets them."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Tracker
from tests.conftest import git
from tracker.cli.main import COMMANDS, HIDDEN


@pytest.fixture
def data(git_repo: Path, tracker: Tracker) -> Path:
    """A tracked folder whose pointer is committed."""
    folder = git_repo / "data" / "my MNIST"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("a1")
    (folder / "ü.txt").write_text("u1")
    assert tracker("track", "data/my MNIST", "--name", "mnist", "-p", "LeNet5").status == 0
    save(git_repo)
    return folder


def save(project: Path) -> None:
    """Commit everything to git."""
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "work")


def test_track_says_what_it_did_and_what_is_next(git_repo: Path, tracker: Tracker) -> None:
    """With a command that works as it stands."""
    (git_repo / "raw data").mkdir()
    (git_repo / "raw data" / "x").write_text("x")
    said = tracker("track", "raw data/", "--type", "dataset", "-m", "the first")
    assert said.status == 0
    assert "Tracked raw data as uncategorized/raw-data:v0 (1 file, 1 B)." in said.out
    assert said.out.splitlines()[-1] == "Next: git add 'raw data.tracker' .gitignore && git commit"
    again = tracker("track", "raw data")
    assert again.out == "raw data is tracked already, as uncategorized/raw-data:v0.\n"


def test_track_several_paths(git_repo: Path, tracker: Tracker) -> None:
    """One .gitignore for both; a name is of one only."""
    for name in ("a", "b"):
        (git_repo / name).write_text(name)
    assert tracker("track", "a", "b", "--name", "x").status == 2
    found = tracker("track", "a", "b", "--json").json
    assert [(one["path"], one["pointer"], one["new"], one["version"]) for one in found] == [  # type: ignore[attr-defined]
        ("a", "a.tracker", True, "v0"),
        ("b", "b.tracker", True, "v0"),
    ]


def test_track_with_the_project_in_the_name(git_repo: Path, tracker: Tracker) -> None:
    """As everywhere."""
    (git_repo / "a").write_text("a")
    assert "LeNet5/weights:v0" in tracker("track", "a", "--name", "LeNet5/weights").out


def test_status_is_quiet_when_all_is_well(data: Path, tracker: Tracker) -> None:
    """One line a path, and nothing to do next."""
    said = tracker("status")
    assert said.out == "data/my MNIST  mnist:v0  unchanged\n"
    assert (said.status, said.err, tracker("status", "--exit-code").status) == (0, "", 0)


def test_status_names_changes_and_the_next_command(data: Path, tracker: Tracker) -> None:
    """The first five files; exit status only where asked for."""
    (data / "a.txt").write_text("a2")
    (data / "ü.txt").unlink()
    for index in range(6):
        (data / f"new{index}").write_text("n")
    said = tracker("status")
    assert said.status == 0
    assert said.out.splitlines() == [
        "data/my MNIST  mnist:v0  changed: 6 added, 1 removed, 1 modified",
        *(f"    + new{index}" for index in range(5)),
        "    … and 3 more",
        "",
        "Next:",
        "  tracker commit                            store what changed in 1 path as new versions",
        "  tracker checkout --force 'data/my MNIST'  or undo it, keeping a copy",
    ]
    assert tracker("status", "--exit-code").status == 1
    (one,) = tracker("status", "--json").json  # type: ignore[misc]
    assert (one["state"], one["removed"], one["modified"]) == ("changed", ["ü.txt"], ["a.txt"])


def test_status_in_a_subfolder(data: Path, tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are as seen from there, as git prints them."""
    monkeypatch.chdir(data.parent)
    (data / "a.txt").write_text("a2")
    assert tracker("status").out.startswith("my MNIST  mnist:v0  changed")
    assert "git add 'my MNIST.tracker'" in tracker("commit", "my MNIST").out


def test_status_without_tracked_paths(git_repo: Path, tracker: Tracker) -> None:
    """Says how to begin, and is empty JSON."""
    assert "tracker track" in tracker("status").err
    assert tracker("status", "--json").json == []


def test_status_of_a_pointer_that_git_does_not_have(git_repo: Path, tracker: Tracker) -> None:
    """The next command is git's."""
    (git_repo / "a").write_text("a")
    tracker("track", "a")
    assert "git add a.tracker" in tracker("status").out


def test_commit_and_checkout_go_there_and_back(git_repo: Path, data: Path, tracker: Tracker) -> None:
    """Through a git checkout."""
    (data / "a.txt").write_text("a2")
    assert tracker("commit", "--dry-run").out == "Would store data/my MNIST (1 modified).\n"
    said = tracker("commit", "-m", "better")
    assert said.out.splitlines() == [
        "Stored data/my MNIST as LeNet5/mnist:v1 (1 modified).",
        "Next: git add 'data/my MNIST.tracker' && git commit",
    ]
    assert "every tracked path is as its pointer says" in tracker("commit").out
    save(git_repo)
    git(git_repo, "checkout", "-q", "HEAD~1")
    assert "outdated: holds mnist:v1" in tracker("status").out
    said = tracker("commit")
    assert said.out == ""
    assert "Left alone: data/my MNIST holds mnist:v1 as it was" in said.err
    dry = tracker("checkout", "--dry-run")
    assert dry.out == "Would bring data/my MNIST to mnist:v0 (1 replaced; 2 B).\n"
    assert (data / "a.txt").read_text() == "a2"
    assert tracker("checkout").out == "Brought data/my MNIST to mnist:v0 (1 replaced; 2 B).\n"
    assert (data / "a.txt").read_text() == "a1"
    assert tracker("checkout").out == "Nothing to do: every tracked path is at its pointer.\n"
    assert "v1 is newer" in tracker("status").out
    assert "--to v1" in tracker("status").out


def test_changes_on_another_version_come_with_commands_that_work(
    data: Path, tracker: Tracker, git_repo: Path
) -> None:
    """A plain checkout would refuse them."""
    (data / "a.txt").write_text("a2")
    tracker("commit")
    save(git_repo)
    git(git_repo, "checkout", "-q", "HEAD~1")
    (data / "a.txt").write_text("by hand")
    said = tracker("status").out
    assert "diverged: holds mnist:v1 with changes" in said
    commands = [line.split("  ")[1] for line in said.partition("Next:\n")[2].splitlines()]
    assert commands == ["tracker commit --force 'data/my MNIST'", "tracker checkout --force 'data/my MNIST'"]
    assert all(tracker(*shlex.split(command)[1:]).status == 0 for command in commands)
    assert "unchanged" in tracker("status").out


def test_commit_as_json(data: Path, tracker: Tracker) -> None:
    """What was made, and what was left."""
    (data / "a.txt").write_text("a2")
    found = tracker("commit", "--json").json
    assert isinstance(found, dict)
    assert [(one["path"], one["before"], one["version"], one["new"]) for one in found["committed"]] == [
        ("data/my MNIST", "v0", "v1", True)
    ]
    assert found["left"] == []


def test_status_of_a_broken_pointer(git_repo: Path, tracker: Tracker) -> None:
    """Commands that mend it; a broken pointer is not for `git add`."""
    (git_repo / "bad.tracker").write_text("format: 1\nartifact: x/y\nversion: v0\ndigest: ../../etc\n")
    said = tracker("status").out
    assert "tracker untrack bad" in said
    assert "git add" not in said
    assert "tracker status bad" not in said
    git(git_repo, "add", "bad.tracker")
    assert "git checkout HEAD -- bad.tracker" in tracker("status").out


def test_a_path_that_cannot_be_committed(data: Path, tracker: Tracker) -> None:
    """An error with the next command, and the status of a conflict."""
    shutil.rmtree(data)
    said = tracker("commit", "data/my MNIST")
    assert said.status == 5
    assert said.err.splitlines() == [
        "Error: data/my MNIST is not there",
        "Hint: tracker checkout 'data/my MNIST' brings it there",
    ]


def test_checkout_refuses_and_force_keeps_a_copy(git_repo: Path, data: Path, tracker: Tracker) -> None:
    """Nothing changes before; afterwards the copy is where it says."""
    (data / "a.txt").write_text("mine")
    said = tracker("checkout", "data/my MNIST")
    assert said.status == 5
    assert "Error: changed by hand, and would be lost: a.txt in data/my MNIST" in said.err
    assert "--force 'data/my MNIST'" in said.err
    without = tracker("checkout")
    assert without.status == 0
    assert "Kept in data/my MNIST, changed by hand: a.txt" in without.err
    assert "Would keep copies of a.txt" in tracker("checkout", "--force", "--dry-run").out
    assert (data / "a.txt").read_text() == "mine"
    said = tracker("checkout", "--force")
    assert (data / "a.txt").read_text() == "a1"
    saved = Path(said.out.splitlines()[-1].removeprefix("Copies of what was overwritten: "))
    assert (saved / "data" / "my MNIST" / "a.txt").read_text() == "mine"


def test_checkout_as_json(git_repo: Path, data: Path, tracker: Tracker) -> None:
    """One document, whether it went well or not."""
    (data / "a.txt").write_text("mine")
    said = tracker("checkout", "data/my MNIST", "--json")
    found = said.json
    assert isinstance(found, dict)
    assert (said.status, found["paths"][0]["conflicts"], found["paths"][0]["done"]) == (5, ["a.txt"], False)
    assert found["paths"][0]["error"]["kind"] == "conflict"
    found = tracker("checkout", "--force", "--json").json
    assert isinstance(found, dict)
    assert (found["paths"][0]["done"], found["paths"][0]["saves"]) == (True, ["a.txt"])
    assert found["saved"].startswith(str(git_repo / ".git" / "tracker" / "saved"))


def test_checkout_to_another_version(data: Path, tracker: Tracker) -> None:
    """The pointer goes along."""
    (data / "a.txt").write_text("a2")
    tracker("commit")
    assert "Brought data/my MNIST to mnist:v0" in tracker("checkout", "data/my MNIST", "--to", "v0").out
    assert tracker("status").out == "data/my MNIST  mnist:v0  unchanged; v1 is newer\n" + (
        "\nNext:\n  tracker checkout 'data/my MNIST' --to v1  go to the newer version\n"
    )
    assert tracker("checkout", "data/my MNIST", "--to", "v7").status == 3


def test_a_path_without_pointer_is_emptied(git_repo: Path, data: Path, tracker: Tracker) -> None:
    """Of what a checkout has put there."""
    shutil.rmtree(data)
    tracker("checkout")
    git(git_repo, "checkout", "-q", "HEAD~1")
    assert tracker("checkout").out == "Emptied data/my MNIST, which has no pointer now (2 removed).\n"
    assert not data.exists()


def test_untrack(git_repo: Path, data: Path, tracker: Tracker) -> None:
    """A dry run first; the files stay."""
    dry = tracker("untrack", "data/my MNIST", "--dry-run")
    assert dry.out == (
        "Would remove data/my MNIST.tracker and its line in data/.gitignore. The files stay.\n"
    )
    assert (git_repo / "data" / "my MNIST.tracker").exists()
    found = tracker("untrack", "data/my MNIST", "--json").json
    assert isinstance(found, dict)
    assert (found["pointer"], found["gitignore"]) == ("data/my MNIST.tracker", "data/.gitignore")
    assert (data / "a.txt").read_text() == "a1"
    assert tracker("untrack", "data/my MNIST").status == 3


def test_a_conflict_from_the_merge_to_the_end(git_repo: Path, data: Path, tracker: Tracker) -> None:
    """Driver, status, checkout --theirs, git add."""
    pointers = {}
    names = {"O": "base", "A": "ours", "B": "theirs"}
    pointer = git_repo / "data" / "my MNIST.tracker"
    pointers["O"] = pointer.read_text()
    git(git_repo, "branch", "theirs")
    for side, branch in (("A", "main"), ("B", "theirs")):
        git(git_repo, "checkout", "-q", branch)
        tracker("checkout")
        (data / "a.txt").write_text(names[side])
        (data / f"{names[side]}.txt").write_text("new")
        tracker("commit")
        save(git_repo)
        pointers[side] = pointer.read_text()
    for side, text in pointers.items():
        (git_repo / side).write_text(text)
    said = tracker("merge-pointer", "O", "A", "B", "data/my MNIST.tracker")
    assert said.status == 1
    assert said.out == ""
    assert "CONFLICT (tracked path): data/my MNIST/a.txt (changed on both sides)" in said.err
    assert (git_repo / "A").read_text() == pointers["A"]
    for side in pointers:
        (git_repo / side).unlink()
    git(git_repo, "checkout", "-q", "main")
    tracker("checkout")
    with pytest.raises(Exception, match="git"):
        git(git_repo, "merge", "-q", "theirs")
    said = tracker("status")
    assert "unmerged: both sides changed it\n    ! a.txt (changed on both sides)" in said.out
    assert "tracker checkout --ours|--theirs 'data/my MNIST'" in said.out
    said = tracker("checkout", "data/my MNIST")
    assert said.status == 5
    assert "a.txt (changed on both sides)" in said.err
    said = tracker("checkout", "--theirs", "data/my MNIST")
    assert said.status == 0
    assert "Merged data/my MNIST: mnist:v3. Next: git add 'data/my MNIST.tracker'" in said.out
    assert sorted(path.name for path in data.iterdir()) == ["a.txt", "ours.txt", "theirs.txt", "ü.txt"]
    assert (data / "a.txt").read_text() == "theirs"
    git(git_repo, "add", "-A")
    git(git_repo, "commit", "-q", "--no-edit")
    assert tracker("status").out == "data/my MNIST  mnist:v3  unchanged\n"


def test_the_driver_merges(git_repo: Path, data: Path, tracker: Tracker) -> None:
    """The result replaces the second file."""
    pointer = git_repo / "data" / "my MNIST.tracker"
    (git_repo / "O").write_text(pointer.read_text())
    for side, name in (("A", "ours"), ("B", "theirs")):
        (data / name).write_text(name)
        tracker("commit")
        (git_repo / side).write_text(pointer.read_text())
        tracker("checkout", "data/my MNIST", "--to", "v0")
    said = tracker("merge-pointer", "O", "A", "B", "data/my MNIST.tracker")
    assert (said.status, said.out) == (0, "")
    assert "merged data/my MNIST: mnist:v3" in said.err
    assert "version: v3" in (git_repo / "A").read_text()


def test_the_driver_fails_without_harm(git_repo: Path, tracker: Tracker) -> None:
    """git takes 1 for a conflict, and more than 128 for the end of the merge."""
    for name in ("O", "A", "B"):
        (git_repo / name).write_text("no pointer")
    said = tracker("merge-pointer", "O", "A", "B", "x.tracker")
    assert said.status == 1
    assert "x is not merged" in said.err


def test_add_and_get_are_short_for_artifact(git_repo: Path, tracker: Tracker) -> None:
    """One implementation under two names, also without any pointer."""
    (git_repo / "w.pt").write_text("w")
    said = tracker("add", "w.pt", "--name", "weights", "--alias", "best")
    assert said.out.startswith("Stored uncategorized/weights:v0 (")
    assert tracker("artifact", "get", "weights:v0", "one").status == 0
    assert tracker("get", "weights:best", "two").status == 0
    assert (git_repo / "one" / "w.pt").read_text() == (git_repo / "two" / "w.pt").read_text() == "w"
    assert tracker("status", "--json").json == []


@pytest.mark.parametrize("name", ["track", "untrack", "status", "checkout", "commit", "add", "get"])
def test_help_has_an_example_and_the_line_of_the_list(tracker: Tracker, name: str) -> None:
    """First line as in `tracker --help`."""
    said = tracker(name, "--help")
    assert said.status == 0
    assert COMMANDS[name][2] in said.out
    assert f"Usage: tracker {name}" in said.out
    assert f"  tracker {name}" in said.out.split("Examples:")[1]


def test_the_driver_is_not_in_the_help(tracker: Tracker) -> None:
    """It is for git."""
    assert "merge-pointer" in HIDDEN
    assert "merge-pointer" not in tracker("--help").out


def test_without_git(plain_dir: Path, tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence, and what can be done."""
    monkeypatch.chdir(plain_dir)
    said = tracker("status")
    assert said.status == 2
    assert "git repository" in said.err
    assert "tracker add" in said.err
