"""The commit that moved a metric, found on top of `git bisect`.

`git bisect` runs in a worktree of its own and checks nothing out, so the user's working
tree, HEAD and a bisection of theirs stay as they are. How a commit is measured is the
caller's: a callable that says what the metric came to there, or that it cannot be said.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from vcs.atomic import disk_error, make_folder, write_atomic
from vcs.errors import GitError, UsageError
from vcs.git import Done, Git, failure
from vcs.lock import file_lock
from vcs.repo import Repo

Direction = Literal["max", "min"]

_FIRST = re.compile(r"^([0-9a-f]{40,64}) is the first bad commit", re.MULTILINE)
_LEFT = re.compile(r"\(roughly (\d+) steps?\)")
_COMMIT_LINE = re.compile(r"^([0-9a-f]{40,64})$", re.MULTILINE)
# What `git bisect` ends with when only commits are left that cannot be tested.
_ONLY_SKIPPED = 2
_MERGE_BASE = 3


@dataclass(frozen=True)
class Goal:
    """What tells a good value from a bad one.

    Attributes:
        direction: `max`: the higher the better.
        threshold: The worst value that is still good.
    """

    metric: str
    direction: Direction
    threshold: float

    def is_good(self, value: float) -> bool:
        """NaN and the infinities are never good."""
        if not math.isfinite(value):
            return False
        return value >= self.threshold if self.direction == "max" else value <= self.threshold

    def text(self, *, good: bool) -> str:
        """Return `acc >= 0.7`, or the opposite."""
        signs = {("max", True): ">=", ("max", False): "<", ("min", True): "<=", ("min", False): ">"}
        return f"{self.metric} {signs[self.direction, good]} {self.threshold:.6g}"


@dataclass(frozen=True)
class Trial:
    """What a commit came to.

    Attributes:
        value: None if it cannot be said.
        run: `project/id` of the run that was made or found there.
        how: `ran`, `known` from this or an earlier bisection, `recorded`; or why there is no value.
    """

    commit: str
    value: float | None
    run: str | None = None
    how: str = "ran"


@dataclass(frozen=True)
class Found:
    """What a bisection came to.

    Attributes:
        first: The first commit that is not like the older end; None if it cannot be said.
        candidates: Then, the commits one of which it is.
        trials: In the order in which they were made.
        note: Why it cannot be said.
    """

    first: str | None
    candidates: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()
    note: str = ""


Try = Callable[[str], Trial]
Report = Callable[[Trial, int], None]
"""Hears of a trial, and of about how many are left."""


def make_goal(
    metric: str,
    good: float,
    bad: float,
    *,
    direction: Direction | None = None,
    threshold: float | None = None,
) -> Goal:
    """Return the goal that tells two values apart; the threshold is in the middle unless given.

    Raises:
        UsageError: The values are equal, or not told apart by what was given.
    """
    if good == bad or not math.isfinite(good):
        raise UsageError(
            f"{metric} is {good:.6g} in the good run and {bad:.6g} in the bad one",
            hint="name two runs between which it moved: tracker blame shows them",
        )
    # A bad value that is no number, or infinite, says nothing about the direction.
    better: Direction = "max" if good > bad else "min"
    finite = math.isfinite(bad)
    if direction is None:
        direction = better
    elif finite and direction != better:
        order = "higher" if direction == "max" else "lower"
        raise UsageError(
            f"with --direction {direction} the good run has the {order} {metric}; "
            f"it is {good:.6g} in the good run and {bad:.6g} in the bad one",
            hint="exchange --good and --bad, or leave --direction out",
        )
    if threshold is None:
        # An infinite threshold lets every finite value pass; only what is none is bad then.
        threshold = _between(good, bad) if finite else (-math.inf if direction == "max" else math.inf)
    goal = Goal(metric, direction, threshold)
    if not goal.is_good(good) or (finite and goal.is_good(bad)):
        raise UsageError(
            f"--threshold {threshold:.6g} does not tell the runs apart: {metric} is {good:.6g} in the good "
            f"run and {bad:.6g} in the bad one",
            hint="give a value between them, or leave it out",
        )
    return goal


def _between(good: float, bad: float) -> float:
    middle = good / 2 + bad / 2
    return middle if min(good, bad) < middle < max(good, bad) else good


def bisect(
    repo: Repo,
    folder: Path,
    old: str,
    new: str,
    differs: Callable[[float], bool],
    attempt: Try,
    report: Report = lambda trial, left: None,
) -> Found:
    """Find the first commit between two whose value is not like the older one's.

    Args:
        folder: Where the worktree for git's own state is made; it is removed at the end.
        old, new: The commits; all that lead to `new` and not to `old` are between them.
        differs: Whether a value is like that of `new`.
        attempt: Measures a commit. What it raises ends the bisection; called again with the
            same answers, this takes the same way.
        report: Hears of each trial.

    Raises:
        UsageError: `old` is no ancestor of `new` in any way that git can bisect.
        GitError: git fails.
        LockedError: The same bisection is going on in another process.
    """
    trials: list[Trial] = []
    with _private_tree(repo, folder, new) as git:
        done = git.call("bisect", "start", "--no-checkout", new, old)
        while True:
            found = _outcome(done, trials)
            if found is not None:
                return found
            commit = git.resolve("BISECT_HEAD")
            if commit is None:
                raise GitError(f"git bisect stopped without a result: {_said(done)}")
            trial = attempt(commit)
            trials.append(trial)
            report(trial, _left(done))
            word = "skip" if trial.value is None else "bad" if differs(trial.value) else "good"
            done = git.call("bisect", word, commit)


def order(git: Git, one: str, other: str) -> bool:
    """Whether `one` comes before `other`: is an ancestor, or at least not a descendant.

    Raises:
        UsageError: They are one commit, or have no history in common.
    """
    if one == other:
        raise UsageError("both runs ran the same code", hint="see what else differs: tracker diff")
    if not git.run("merge-base", one, other, check=False).strip():
        raise UsageError("the commits of the two runs have no history in common")
    return git.call("merge-base", "--is-ancestor", other, one).code != 0


def _outcome(done: Done, trials: list[Trial]) -> Found | None:
    """Return the result if git has one; None if it asks for another trial."""
    said = _said(done)
    first = _FIRST.search(said)
    if first:
        return Found(first[1], trials=tuple(trials))
    if done.code == _ONLY_SKIPPED:
        candidates = tuple(dict.fromkeys(_COMMIT_LINE.findall(said)))
        return Found(None, candidates, tuple(trials), "the commits that are left cannot be measured")
    if done.code == _MERGE_BASE:
        note = "where the two histories parted, the metric was like that of the newer run already"
        return Found(None, trials=tuple(trials), note=note)
    if done.code:
        raise failure(["bisect"], done)
    return None


def _said(done: Done) -> str:
    return f"{done.output.decode(errors='replace')}\n{done.errors}"


def _left(done: Done) -> int:
    found = _LEFT.search(_said(done))
    return int(found[1]) if found else 0


@contextmanager
def _private_tree(repo: Repo, folder: Path, commit: str) -> Iterator[Git]:
    """A worktree without files, for git to keep the state of a bisection in."""
    git = repo.git
    if git is None:
        raise GitError("there are no commits without a git repository", hint="git init")
    what = "this bisection"
    with file_lock(repo.layout.locks / f"bisect-{folder.name}", timeout_s=0.0, what=what):
        _remove(git, folder)  # of a bisection that was killed
        make_folder(folder.parent)
        git.run("worktree", "add", "--quiet", "--force", "--no-checkout", "--detach", folder, commit)
        try:
            yield Git(folder)
        finally:
            _remove(git, folder)


def _remove(git: Git, folder: Path) -> None:
    if folder.exists():
        git.run("worktree", "remove", "--force", "--force", folder)


@dataclass
class Memory:
    """What was found out about commits, kept for bisections to come.

    A bisection that was interrupted, and one of another metric or between other commits,
    need not run the same command at the same commit again.

    Attributes:
        path: A JSON file; what cannot be read in it is forgotten.
        trials: By commit: `run` (`project/id` or None) and `why` it cannot be measured.
    """

    path: Path
    trials: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Memory:
        """Read the file; a missing or damaged one is empty.

        Raises:
            StoreError: The disk failed.
        """
        try:
            content = json.loads(path.read_bytes())
        except (FileNotFoundError, ValueError):
            return cls(path)
        except OSError as error:
            raise disk_error(error, f"cannot read {path}") from error
        trials = content.get("trials") if isinstance(content, dict) else None
        if not isinstance(trials, dict):
            return cls(path)
        return cls(path, {commit: known for commit, known in trials.items() if isinstance(known, dict)})

    def keep(self, commit: str, run: str | None, why: str) -> None:
        """Remember a trial, durably.

        Raises:
            StoreError: The disk failed.
        """
        self.trials[commit] = {"run": run, "why": why}
        make_folder(self.path.parent)
        write_atomic(self.path, json.dumps({"format": 1, "trials": self.trials}, indent=1) + "\n")
