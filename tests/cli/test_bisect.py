"""`tracker bisect` and `tracker blame`, as a user meets them; the runs are records."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Tracker, save
from tests.tracker.compare.runs_on_disk import make_run
from vcs.liveness import this_process
from vcs.repo import Repo


@pytest.fixture
def commits(git_repo: Path) -> list[str]:
    """Four commits, each with a run that was recorded at it; the third one is to blame."""
    repo, made = Repo.open(git_repo), []
    for number, acc in enumerate((0.9, 0.875, 0.5, 0.51)):
        (git_repo / "train.py").write_text(f"print({number})\n")
        made.append(save(git_repo, f"try {number}"))
        facts = {
            "commit": made[-1],
            "code_commit": made[-1],
            "argv": [sys.executable, "train.py"],
            "cwd": ".",
            "host": this_process().host,
            "python": platform.python_version(),
        }
        make_run(repo.layout, f"run{number}", [{"val/acc": acc}], session=facts, packages=())
    return made


def test_bisect_names_the_commit(tracker: Tracker, commits: list[str]) -> None:
    """With what was tried, and what to do next; progress goes to stderr."""
    said = tracker("bisect", "val/acc", "--good", "run0", "--bad", "run3")
    assert said.status == 0
    lines = said.out.splitlines()
    assert lines[0].split() == ["commit", "val/acc", "verdict", "run", "how", "subject"]
    assert f"{commits[2][:10]}      0.5  bad      p/run2  recorded  try 2" in lines
    assert lines[-5:-3] == ["The first commit with val/acc < 0.705:", f"  {commits[2]}"]
    assert lines[-1] == f"See what it did: git show {commits[2][:10]}"
    assert said.err.startswith("[1, about 1 more] ")


def test_bisect_as_json(tracker: Tracker, commits: list[str]) -> None:
    """Everything that is known of the commit and the trials."""
    found = tracker("bisect", "val/acc", "--good", "run0", "--bad", "run3", "--json").json
    assert (found["first"]["commit"], found["first"]["subject"]) == (commits[2], "try 2")
    assert {trial["how"] for trial in found["trials"]} == {"recorded"}
    assert (found["metric"], found["direction"], found["good"]) == ("val/acc", "max", "p/run0")


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["nope", "--good", "run0", "--bad", "run3"], 3, "run run0 has no metric 'nope' in its summary"),
        (["val/acc", "--good", "run9", "--bad", "run3"], 3, "no run 'run9'"),
        (
            ["val/acc", "--good", "run0", "--bad", "run0"],
            2,
            "val/acc is 0.9 in the good run and 0.9 in the bad one",
        ),
        (["val/acc", "--good", "run0", "--bad", "run3", "--direction", "min"], 2, "with --direction min"),
        (
            ["val/acc", "--good", "run0", "--bad", "run3", "--threshold", "2"],
            2,
            "--threshold 2 does not tell",
        ),
    ],
)
@pytest.mark.usefixtures("commits")
def test_bisect_refuses_in_a_sentence(tracker: Tracker, words: list[str], status: int, text: str) -> None:
    """With a hint."""
    said = tracker("bisect", *words)
    assert said.status == status
    assert text in said.err
    assert "\nHint: " in said.err


def test_bisect_that_finds_nothing_ends_with_one(
    tracker: Tracker, git_repo: Path, commits: list[str]
) -> None:
    """The script never was one, so no commit can be measured."""
    for number in (1, 2):
        (git_repo / f".tracker/runs/p/run{number}/run.yaml").unlink()
    said = tracker("bisect", "val/acc", "--good", "run0", "--bad", "run3")
    assert said.status == 1
    assert "No commit can be named: the commits that are left cannot be measured.\n" in said.out
    assert f"  {commits[1][:10]} try 1\n" in said.out
    assert said.out.endswith("See what else differs: tracker diff run0 run3\n")
    assert "passed over: began no run, and ended with status 0" in said.err


@pytest.mark.usefixtures("commits")
def test_blame_shows_how_each_commit_moved_a_metric(tracker: Tracker) -> None:
    """In the order of git, or the largest changes first."""
    lines = tracker("blame", "val/acc").out.splitlines()
    assert lines[0].split()[:6] == ["commit", "val/acc", "delta", "%", "runs", "when"]
    assert [line.split()[1] for line in lines[1:]] == ["0.9", "0.875", "0.5", "0.51"]
    assert lines[3].split()[2:5] == ["-0.375", "-42.9", "1"]
    assert "try 2" in tracker("blame", "val/acc", "--largest").out.splitlines()[1]


def test_blame_of_some_runs_and_as_json(tracker: Tracker, commits: list[str]) -> None:
    """The filter is that of tracker runs."""
    found = tracker("blame", "val/acc", "--filter", "name in (name-run0, name-run3)", "--json").json
    assert [line["commit"] for line in found["commits"]] == [commits[0], commits[3]]
    assert found["commits"][1]["delta"] == pytest.approx(-0.39)


@pytest.mark.usefixtures("commits")
def test_blame_of_an_unknown_metric(tracker: Tracker) -> None:
    """A near one is in the hint."""
    said = tracker("blame", "val/acv", "--json")
    assert said.status == 3
    assert "val/acc" in said.json["hint"]


def test_blame_names_runs_whose_commits_are_not_here(tracker: Tracker, git_repo: Path) -> None:
    """On stderr."""
    make_run(Repo.open(git_repo).layout, "far", [{"acc": 1}], session={"commit": "1" * 40})
    said = tracker("blame", "acc")
    assert said.err == "Warning: 1 runs are left out, their commits are not in this repository: far\n"
