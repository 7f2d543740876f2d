"""`tracker diff`, as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Tracker, save
from tests.tracker.compare.runs_on_disk import make_run, store_texts
from vcs.repo import Repo


@pytest.fixture
def repo(git_repo: Path) -> Repo:
    return Repo.open(git_repo)


@pytest.fixture
def runs(repo: Repo, git_repo: Path) -> None:
    """Runs a and b: other code, another learning rate, another loss. Run c is like b."""
    first = save(git_repo)
    (git_repo / "train.py").write_text("print('faster')\n")
    second = save(git_repo)
    a, b = ({"code_commit": commit, "argv": ["python", "train.py"]} for commit in (first, second))
    make_run(repo.layout, "a", [{"loss": 1.0}, {"loss": 0.5}], config={"lr": 0.1}, session=a)
    make_run(repo.layout, "b", [{"loss": 1.0}, {"loss": 0.25}], config={"lr": 0.2}, session=b)
    make_run(repo.layout, "c", [{"loss": 1.0}, {"loss": 0.25}], config={"lr": 0.2}, session=b)


@pytest.fixture
def versions(repo: Repo, git_repo: Path) -> None:
    """p/data:v0 and v1."""
    folder = git_repo.parent / "data"
    for text in ("a: 1\n", "a: 2\n"):
        listing = repo.add_tree(store_texts(folder, {"c.yaml": text, "same": ""}))
        repo.log_artifact("p", "data", "dataset", listing)


@pytest.mark.usefixtures("runs")
def test_why_two_runs_differ(tracker: Tracker) -> None:
    """Numbers first, then reasons, then the details; status 1."""
    said = tracker("diff", "name-a", "b")
    assert said.status == 1
    lines = said.out.splitlines()
    assert lines[0] == "name-a (p/a) -> name-b (p/b)"
    assert "Metrics: 1 differ, 0 do not; the histories part at step 1" in lines
    assert "loss    0.5  0.25  -0.25  -50                  1" in lines
    assert "+print('faster')" in lines
    assert "lr  0.1  0.2" in lines
    assert any(line.startswith("the code is not the same") for line in lines)


@pytest.mark.usefixtures("runs")
def test_runs_that_are_the_same(tracker: Tracker) -> None:
    """Status 0, and a sentence."""
    said = tracker("diff", "b", "c")
    assert (said.status, said.out.splitlines()[-1]) == (0, "Nothing differs.")


@pytest.mark.usefixtures("runs")
def test_the_difference_as_json(tracker: Tracker) -> None:
    """With the same status."""
    said = tracker("diff", "a", "b", "--json")
    assert said.status == 1
    assert said.json["config"] == {"lr": {"old": 0.1, "new": 0.2}}
    assert said.json["metrics"]["loss"]["delta"] == -0.25
    assert [file["path"] for file in said.json["code"]["files"]] == ["train.py"]


@pytest.mark.usefixtures("runs")
def test_the_difference_as_a_page(tracker: Tracker, tmp_path: Path) -> None:
    """Nothing but the sentence is printed."""
    page = tmp_path / "why.html"
    said = tracker("diff", "a", "b", "--html", str(page))
    assert (said.status, said.out, said.err) == (1, "", f"Wrote {page}.\n")
    assert "+print(&#x27;faster&#x27;)" in page.read_text()


@pytest.mark.usefixtures("versions")
@pytest.mark.parametrize("command", [["diff"], ["artifact", "diff"]])
def test_what_differs_between_two_versions(tracker: Tracker, command: list[str]) -> None:
    """Both commands are one."""
    said = tracker(*command, "data:v0", "data")
    assert said.status == 1
    assert said.out == (
        "p/data:v0 -> p/data:v1\n"
        "\nPaths: ~1, 1 the same\n   path          size\n~  c.yaml  5 B -> 5 B\n"
        "\nc.yaml: 1 value\n   old  new\na  1    2\n"
    )
    assert tracker(*command, "data:v1", "data:latest").status == 0
    found = tracker(*command, "data:v0", "data:v1", "--json").json
    assert [change["path"] for change in found["changed"]] == ["c.yaml"]
    assert (found["added"], found["removed"], found["unchanged"]) == ([], [], 1)


@pytest.mark.usefixtures("versions")
def test_paths_alone(tracker: Tracker) -> None:
    """No file is opened."""
    assert "c.yaml: 1 value" not in tracker("diff", "data:v0", "data:v1", "--paths").out


@pytest.mark.usefixtures("runs", "versions")
def test_a_run_and_a_version_cannot_be_compared(tracker: Tracker) -> None:
    """Nor can what does not exist."""
    said = tracker("diff", "a", "data:v0")
    assert said.status == 2
    assert said.err == (
        "Error: a is a run, and data:v0 is a version of an artifact\n"
        "Hint: give two runs, or two versions of an artifact\n"
    )
    said = tracker("diff", "name-a", "nmae-b", "--json")
    assert said.status == 3
    assert said.json["message"] == "no run and no artifact 'nmae-b'"
    assert "name-b" in said.json["hint"]


def test_long_parts_are_cut_unless_asked(tracker: Tracker, repo: Repo) -> None:
    """The rest is counted."""
    make_run(repo.layout, "a", config={f"key{n}": 0 for n in range(100)})
    make_run(repo.layout, "b", config={f"key{n}": 1 for n in range(100)})
    assert "… 60 more: tracker diff … --all" in tracker("diff", "a", "b").out
    assert "more" not in tracker("diff", "a", "b", "--all").out


def test_control_characters_do_not_reach_the_terminal(tracker: Tracker, repo: Repo) -> None:
    """Of names, values, paths and lines."""
    evil = "\x1b[2J"
    make_run(repo.layout, "a", config={f"key{evil}": "x"})
    make_run(repo.layout, "b", config={f"key{evil}": evil})
    assert "\x1b" not in tracker("diff", "a", "b").out
