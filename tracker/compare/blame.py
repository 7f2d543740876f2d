"""Which commits moved a metric: its value over the finished runs, in the order of git.

A run counts to the commit that holds what ran: a run with uncommitted changes to its code
commit, which is a child of the commit that was checked out. A commit is compared with the
nearest commit before it that has runs, along first parents where the history branches.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tracker.compare.outputs import compare_inputs
from tracker.compare.runs import ComparedRun
from tracker.compare.values import changes
from tracker.read.commits import Commit, describe
from tracker.read.runs import Run
from tracker.storage.catalog import RunEntry
from tracker.values.scalars import flatten
from vcs.errors import GitError, NotFoundError
from vcs.git import Git
from vcs.names import near
from vcs.records.commit_log import CommitLog, read_commit_log
from vcs.repo import Repo

_MOST_NAMED = 5


@dataclass(frozen=True)
class Measured:
    """A run and what it came to."""

    run: Run
    value: float


@dataclass(frozen=True)
class BlameLine:
    """One commit that has runs.

    Attributes:
        based_on: Of a code commit, the commit that was checked out.
        runs: By the time at which they began.
        previous: The commit that it is compared with; None for the first ones.
        before: The mean over the runs of that one.
        also: What else differs between the newest runs of both: `config: lr`, `input: mnist`.
    """

    commit: Commit
    based_on: str | None
    runs: tuple[Measured, ...]
    previous: str | None = None
    before: float | None = None
    also: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        """The mean over the runs."""
        return mean([one.value for one in self.runs])

    @property
    def delta(self) -> float | None:
        """How the commit moved the mean; None for the first ones."""
        return None if self.before is None else self.value - self.before

    @property
    def spread(self) -> float:
        """The largest value less the smallest."""
        values = [one.value for one in self.runs]
        return max(values) - min(values)

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "commit": self.commit.id,
            "based_on": self.based_on,
            "subject": self.commit.subject,
            "author": self.commit.author,
            "time": self.commit.time,
            "value": self.value,
            "spread": self.spread,
            "runs": [{"run": f"{one.run.project}/{one.run.id}", "value": one.value} for one in self.runs],
            "previous": self.previous,
            "delta": self.delta,
            "also": list(self.also),
        }


@dataclass(frozen=True)
class Blame:
    """All commits that have runs, parents before children.

    Attributes:
        left_out: Runs that have the metric and no commit in this repository.
    """

    metric: str
    lines: tuple[BlameLine, ...]
    left_out: tuple[Run, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "metric": self.metric,
            "commits": [line.to_plain() for line in self.lines],
            "left_out": [f"{run.project}/{run.id}" for run in self.left_out],
        }


def blame(repo: Repo, metric: str, runs: Iterable[Run]) -> Blame:
    """Attribute a metric of runs to commits. Reads each summary and the graph of the commits once.

    Raises:
        GitError: There is no repository, or git fails.
        NotFoundError: No run has the metric; those that look alike are in the hint.
    """
    if repo.git is None:
        raise GitError("there are no commits without a git repository", hint="git init")
    measured = _measure(metric, runs)
    log = read_commit_log(repo.layout.commits)
    places = _Places(repo.git, log, [commit for one in measured if (commit := _code_of(one.run))])
    by_commit: dict[str, list[Measured]] = {}
    left_out = []
    for one in sorted(measured, key=lambda one: one.run.created_at):
        commit = places.of(one.run)
        if commit is None:
            left_out.append(one.run)
        else:
            by_commit.setdefault(commit, []).append(one)
    lines = _lines(repo.git, places, by_commit)
    return Blame(metric, tuple(lines), tuple(left_out))


def mean(values: Sequence[float]) -> float:
    """Return the mean; NaN where one of them is NaN."""
    return math.fsum(values) / len(values) if all(map(math.isfinite, values)) else sum(values) / len(values)


def numbers_of(summary: Mapping[str, Any]) -> dict[str, float]:
    """Return what of a summary is a number, by dotted keys."""
    found = {str(key): _number(value) for key, value in flatten(summary).items()}
    return {key: value for key, value in found.items() if value is not None}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _measure(metric: str, runs: Iterable[Run]) -> list[Measured]:
    known: set[str] = set()
    found = []
    for run in runs:
        numbers = numbers_of(run.summary_metrics)
        known |= numbers.keys()
        if metric in numbers:
            found.append(Measured(run, numbers[metric]))
    if not found:
        names = [name for name in known if not name.startswith("_")]
        raise NotFoundError(
            f"no finished run has the metric {metric!r} in its summary",
            hint=near(metric, names) or "see what runs have: tracker runs",
        )
    return found


def _code_of(run: Run) -> str | None:
    session = run.record.last_session
    return None if session is None else session.code_commit or session.commit


class _Places:
    """Where runs are in the graph of the commits.

    Attributes:
        parents: Of every commit that a run's commit comes from, parents before children.
        changed: Code commits that are not commits of the user's, with what they were based on.
    """

    def __init__(self, git: Git, log: CommitLog, commits: Sequence[str]) -> None:
        self._here = _existing(git, {new for old in commits for new in log.descent(old)})
        self._log = log
        self._of_head = set(git.text("rev-list", "HEAD", "--", check=False).split())
        listed = git.run(
            *("rev-list", "--topo-order", "--reverse", "--parents", "--stdin"),
            input="".join(f"{commit}\n" for commit in sorted(self._here)).encode(),
        )
        lines = (line.split() for line in listed.decode().splitlines())
        self.parents: dict[str, list[str]] = {commit: parents for commit, *parents in lines}
        self.changed: dict[str, str] = {}

    def of(self, run: Run) -> str | None:
        """Return the commit that a run counts to, as it is after rebases; None if it is not here."""
        session, commit = run.record.last_session, _code_of(run)
        if session is None or commit is None:
            return None
        if session.commit is not None and commit != session.commit:
            if commit not in self._here:
                return None
            base = self._newest(session.commit)
            if base is not None and base in self.parents:
                self.parents[commit] = [base]
            self.changed[commit] = session.commit
            return commit
        return self._newest(commit)

    def _newest(self, commit: str) -> str | None:
        """Return what a commit became, if that is part of HEAD's history; else itself."""
        became = [new for new in self._log.descent(commit) & self._here if new in self._of_head]
        if commit in became or not became:
            return commit if commit in self._here else None
        return min(became)


def _existing(git: Git, commits: set[str]) -> set[str]:
    listed = git.run(
        *("cat-file", "--batch-check=%(objectname) %(objecttype)"),
        input="".join(f"{commit}\n" for commit in sorted(commits)).encode(),
    )
    return {line.split()[0] for line in listed.decode().splitlines() if line.endswith(" commit")}


def _lines(git: Git, places: _Places, by_commit: Mapping[str, list[Measured]]) -> Iterator[BlameLine]:
    ordered = _ordered(places, by_commit)
    about = {commit.id: commit for commit in describe(git, ordered)} if ordered else {}
    nearest = _nearest(places.parents, by_commit)
    for commit in ordered:
        runs, previous = by_commit[commit], nearest[commit]
        line = BlameLine(about[commit], places.changed.get(commit), tuple(runs), previous)
        if previous is None:
            yield line
            continue
        before = mean([one.value for one in by_commit[previous]])
        also = tuple(_also(by_commit[previous][-1].run, runs[-1].run))
        yield replace(line, previous=previous, before=before, also=also)


def _ordered(places: _Places, by_commit: Mapping[str, list[Measured]]) -> list[str]:
    """Return the commits that have runs, parents first; what was not committed behind its base."""
    children: dict[str | None, list[str]] = {}
    for commit in by_commit:
        if commit in places.changed:
            parent = next(iter(places.parents[commit]), None)
            children.setdefault(parent, []).append(commit)
    found = children.pop(None, [])
    for commit in places.parents:
        if commit not in places.changed:
            found += [commit] if commit in by_commit else []
            found += children.pop(commit, [])
    return found + [commit for left in children.values() for commit in left]


def _nearest(
    parents: Mapping[str, Sequence[str]], by_commit: Mapping[str, list[Measured]]
) -> dict[str, str | None]:
    """Return for each commit the nearest one before it that has runs, along first parents."""
    found: dict[str, str | None] = {}

    def at(commit: str) -> str | None:
        return commit if commit in by_commit else found.get(commit)

    # Code commits may stand before the rewritten commit that is their parent now.
    for commit in [*parents, *parents]:
        nearest = (at(parent) for parent in parents[commit])
        found[commit] = next((one for one in nearest if one is not None), None)
    return found


def _also(old: Run, new: Run) -> Iterator[str]:
    config = changes(old.config, new.config)
    packages = _packages(old) != _packages(new)
    if config:
        yield f"config: {_named(config)}"
    inputs = compare_inputs(old.record, new.record)
    if inputs:
        yield f"input: {_named(name.rpartition('/')[2] for name in inputs)}"
    if packages:
        yield "packages"


def _packages(run: Run) -> dict[str, str]:
    return ComparedRun(RunEntry(run.layout, run.record)).packages


def _named(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_MOST_NAMED]) + (", …" if len(listed) > _MOST_NAMED else "")
