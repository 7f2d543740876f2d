"""Bisection over real commits, with measurements that a test makes up; goals; what is remembered."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.conftest import save
from tests.conftest import git
from tracker.compare.bisect import Direction, Found, Goal, Memory, Trial, bisect, make_goal, order
from vcs.errors import GitError, LockedError, UsageError
from vcs.git import Git
from vcs.lock import file_lock
from vcs.repo import Repo


class Line:
    """A line of commits; each holds a number in `train.py`."""

    def __init__(self, folder: Path, length: int = 0) -> None:
        self.folder = folder
        self.repo = Repo.open(folder)
        self.git = Git(folder)
        self.commits = [self.commit(number) for number in range(length)]
        self.tried: list[int] = []

    def commit(self, number: int) -> str:
        (self.folder / "train.py").write_text(f"{number}\n")
        return save(self.folder, f"commit {number}")

    def number(self, commit: str) -> int:
        return int(self.git.text("show", f"{commit}:train.py"))

    def tree(self, name: str = "bisect-x") -> Path:
        return self.repo.layout.worktree_of("p", name)

    def search(self, first_bad: int, *, skipped: tuple[int, ...] = (), old: int = 0, new: int = -1) -> Found:
        """Search for the first commit whose number is at least `first_bad`."""

        def attempt(commit: str) -> Trial:
            number = self.number(commit)
            self.tried.append(number)
            return Trial(commit, None if number in skipped else float(number))

        ends = self.commits[old], self.commits[new]
        return bisect(self.repo, self.tree(), *ends, lambda value: value >= first_bad, attempt)


@pytest.mark.parametrize("first_bad", [1, 4, 8])
def test_the_first_commit_that_differs_is_found(git_repo: Path, first_bad: int) -> None:
    """In about as many trials as the logarithm; the ends are not tried."""
    line = Line(git_repo, 9)
    found = line.search(first_bad)
    assert found.first is not None
    assert line.number(found.first) == first_bad
    assert [line.number(trial.commit) for trial in found.trials] == line.tried
    assert len(line.tried) <= 4
    assert not {0, 8} & set(line.tried)


def test_two_neighbours_need_no_trial(git_repo: Path) -> None:
    """The newer one it is."""
    line = Line(git_repo, 2)
    found = line.search(1)
    assert (found.first, found.trials) == (line.commits[1], ())


def test_commits_that_cannot_be_measured_are_passed_over(git_repo: Path) -> None:
    """If it is one of them, all that it can be are named."""
    line = Line(git_repo, 9)
    found = line.search(3, skipped=(5,))
    assert found.first is not None
    assert line.number(found.first) == 3
    found = line.search(5, skipped=(4, 5))
    assert found.first is None
    assert sorted(line.number(commit) for commit in found.candidates) == [4, 5, 6]
    assert "cannot be measured" in found.note


def test_nothing_of_the_users_is_touched(git_repo: Path) -> None:
    """Working tree, HEAD, refs, and a bisection of their own; no worktree is left."""
    line = Line(git_repo, 9)
    git(git_repo, "bisect", "start", "HEAD", line.commits[0])
    (git_repo / "train.py").write_text("being edited\n")
    (git_repo / "notes").write_text("mine\n")
    looks = [
        ("status", "--porcelain"),
        ("rev-parse", "HEAD"),
        ("bisect", "log"),
        ("for-each-ref",),
        ("worktree", "list"),
    ]
    before = [git(git_repo, *look) for look in looks]
    assert line.search(4).first == line.commits[4]
    assert [git(git_repo, *look) for look in looks] == before
    assert not line.tree().exists()


def test_a_branch_that_was_merged_is_searched_too(git_repo: Path) -> None:
    """As git bisect does it."""
    line = Line(git_repo, 2)
    git(git_repo, "checkout", "-q", "-b", "side")
    (git_repo / "side").write_text("1\n")
    line.commits += [line.commit(2), line.commit(3)]
    git(git_repo, "checkout", "-q", "main")
    (git_repo / "main").write_text("1\n")
    save(git_repo)
    git(git_repo, "merge", "-q", "--no-edit", "side")
    line.commits.append(git(git_repo, "rev-parse", "HEAD").strip())
    assert line.search(3).first == line.commits[3]


def test_where_histories_parted_decides_which_side_is_searched(git_repo: Path) -> None:
    """If it was like the newer end already, the older branch has what the newer one lacks."""
    line = Line(git_repo, 3)
    git(git_repo, "checkout", "-q", "-b", "side", line.commits[1])
    line.commits.append(line.commit(10))
    git(git_repo, "checkout", "-q", "main")
    assert line.search(5, old=2, new=3).first == line.commits[3]
    found = line.search(1, old=2, new=3)
    assert found.first is None
    assert "parted" in found.note


def test_what_a_trial_raises_ends_it_and_leaves_nothing(git_repo: Path) -> None:
    """Ctrl-C, for one."""
    line = Line(git_repo, 5)

    def attempt(commit: str) -> Trial:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bisect(line.repo, line.tree(), line.commits[0], line.commits[-1], lambda value: False, attempt)
    assert not line.tree().exists()
    assert line.search(2).first == line.commits[2]


def test_what_a_killed_bisection_left_is_taken_away(git_repo: Path) -> None:
    """Its worktree with the state of git."""
    line = Line(git_repo, 5)
    line.tree().parent.mkdir(parents=True)
    git(git_repo, "worktree", "add", "-q", "--no-checkout", "--detach", str(line.tree()))
    git(line.tree(), "bisect", "start", "--no-checkout", line.commits[3], line.commits[1])
    assert line.search(4).first == line.commits[4]


def test_two_bisections_of_one_kind_do_not_run_at_once(git_repo: Path) -> None:
    """The second one says so."""
    line = Line(git_repo, 3)
    with (
        file_lock(line.repo.layout.locks / "bisect-bisect-x", timeout_s=0.0, what="it"),
        pytest.raises(LockedError),
    ):
        line.search(1)


def test_commits_of_reversed_ends_are_an_error_of_git(git_repo: Path) -> None:
    """Callers ask for the order first."""
    line = Line(git_repo, 3)
    with pytest.raises(GitError, match="bisect"):
        line.search(1, old=2, new=0)


def test_the_report_hears_of_each_trial_and_of_what_is_left(git_repo: Path) -> None:
    """Roughly, as git says it."""
    line = Line(git_repo, 20)
    heard: list[tuple[str, int]] = []

    def attempt(commit: str) -> Trial:
        return Trial(commit, float(line.number(commit)))

    ends = line.commits[0], line.commits[-1]
    bisect(
        line.repo,
        line.tree(),
        *ends,
        lambda v: v > 7,
        attempt,
        lambda trial, left: heard.append((trial.commit, left)),
    )
    assert [left for _, left in heard] == sorted((left for _, left in heard), reverse=True)
    assert heard[0][1] == 3


def test_the_order_of_two_commits(git_repo: Path) -> None:
    """By ancestry; one commit, and strangers, have none."""
    line = Line(git_repo, 2)
    first, second = line.commits
    assert (order(line.git, first, second), order(line.git, second, first)) == (True, False)
    with pytest.raises(UsageError, match="same code"):
        order(line.git, first, first)
    git(git_repo, "checkout", "-q", "--orphan", "other")
    stranger = save(git_repo)
    with pytest.raises(UsageError, match="no history in common"):
        order(line.git, first, stranger)


# goals


@pytest.mark.parametrize(
    ("good", "bad", "direction", "threshold"),
    [
        (0.9, 0.5, "max", 0.7),
        (0.1, 0.5, "min", 0.3),
        (0.5, math.nan, None, None),
        (0.5, math.inf, "min", None),
    ],
)
def test_direction_and_threshold_follow_from_the_values(
    good: float, bad: float, direction: Direction | None, threshold: float | None
) -> None:
    """The middle; of a value that is no number, every number is better."""
    goal = make_goal("acc", good, bad)
    assert goal.is_good(good)
    assert not goal.is_good(bad)
    if direction is not None:
        assert goal.direction == direction
    if threshold is not None:
        assert goal.threshold == pytest.approx(threshold)


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(),
)
def test_a_goal_tells_the_two_values_apart(good: float, bad: float) -> None:
    """Or there is none."""
    if good == bad:
        return
    goal = make_goal("x", good, bad)
    assert goal.is_good(good)
    assert not goal.is_good(bad)
    assert not goal.is_good(math.nan)


@pytest.mark.parametrize(
    ("good", "bad", "options", "words"),
    [
        (0.5, 0.5, {}, "is 0.5 in the good run"),
        (math.nan, 0.5, {}, "is nan in the good run"),
        (0.5, 0.9, {"direction": "max"}, "with --direction max the good run has the higher acc"),
        (0.9, 0.5, {"threshold": 0.95}, "--threshold 0.95 does not tell"),
        (0.9, 0.5, {"threshold": 0.4}, "--threshold 0.4 does not tell"),
    ],
)
def test_values_that_are_not_told_apart_are_refused(
    good: float, bad: float, options: dict[str, object], words: str
) -> None:
    """With both values in the sentence."""
    with pytest.raises(UsageError, match=words):
        make_goal("acc", good, bad, **options)  # type: ignore[arg-type]


def test_a_goal_in_words() -> None:
    """What a good value is, and what a bad one."""
    goal = Goal("acc", "max", 0.7)
    assert (goal.text(good=True), goal.text(good=False)) == ("acc >= 0.7", "acc < 0.7")


# memory


def test_trials_are_remembered(tmp_path: Path) -> None:
    """Those without a run, too."""
    memory = Memory.load(tmp_path / "deep" / "m.json")
    memory.keep("1" * 40, "p/a", "")
    memory.keep("2" * 40, None, "the script is gone")
    again = Memory.load(tmp_path / "deep" / "m.json")
    assert again.trials == {
        "1" * 40: {"run": "p/a", "why": ""},
        "2" * 40: {"run": None, "why": "the script is gone"},
    }


@pytest.mark.parametrize("content", ["", "[]", '{"trials": 3}', "\xff"])
def test_a_damaged_memory_is_an_empty_one(tmp_path: Path, content: str) -> None:
    """Everything in it can be found out again."""
    path = tmp_path / "m.json"
    path.write_bytes(content.encode("latin-1"))
    assert Memory.load(path).trials == {}


def test_what_is_no_trial_is_forgotten(tmp_path: Path) -> None:
    """The others stay."""
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"trials": {"a": 1, "b": {"run": "p/x"}}}))
    assert Memory.load(path).trials == {"b": {"run": "p/x"}}
