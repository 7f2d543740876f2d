"""`tracker bisect`: the commit between two runs that moved a metric, by running at commits.

The command of the bad run is run at commits that `git bisect` chooses. What is known is
not run again: commits tried before, and finished runs of the same command and inputs. So a
bisection that was interrupted is gone on with by starting it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from tracker.compare.bisect import Direction, Found, Goal, Memory, Report, Trial, bisect, make_goal, order
from tracker.compare.blame import numbers_of
from tracker.compare.runs import ComparedRun, compare_runs
from tracker.errors import GitError, NotFoundError, UsageError
from tracker.live.term import warn
from tracker.read.commits import Commit, describe
from tracker.revive.command import interpreter_of
from tracker.revive.elsewhere import Label, plan_elsewhere, run_elsewhere
from tracker.revive.plan import Plan
from tracker.revive.python_facts import ask
from tracker.revive.resume import environment_notes
from tracker.storage.catalog import Catalog, RunEntry
from tracker.storage.history import summary_of
from tracker.storage.records import RunRecord
from vcs.digest import digest_bytes
from vcs.errors import Error
from vcs.git import Git
from vcs.liveness import this_process
from vcs.names import near
from vcs.repo import Repo

Ends = Literal["auto", "run", "trust"]


@dataclass(frozen=True)
class BisectOptions:
    """What the user asks for.

    Attributes:
        copies: Paths that git ignores, to be copied into each worktree.
        again: Whether to run also where the value is known.
        ends: Whether to run at the commits of the two runs first: `run`, `trust` what is
            recorded, or `auto`: where more than the code differs.
    """

    direction: Direction | None = None
    threshold: float | None = None
    copies: tuple[str, ...] = ()
    again: bool = False
    ends: Ends = "auto"


@dataclass(frozen=True)
class Bisected:
    """What a bisection of two runs came to.

    Attributes:
        commits: Subject, author and time of the commits that were tried or found.
        improved: Whether the bad run is the older one, so that the commit is one that helped.
    """

    goal: Goal
    good: RunEntry
    bad: RunEntry
    found: Found
    improved: bool
    commits: Mapping[str, Commit] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "metric": self.goal.metric,
            "direction": self.goal.direction,
            "threshold": self.goal.threshold,
            "good": f"{self.good.project}/{self.good.id}",
            "bad": f"{self.bad.project}/{self.bad.id}",
            "improved": self.improved,
            "first": self._commit(self.found.first) if self.found.first else None,
            "candidates": [self._commit(commit) for commit in self.found.candidates],
            "note": self.found.note,
            "trials": [
                {**self._commit(trial.commit), "value": trial.value, "run": trial.run, "how": trial.how}
                for trial in self.found.trials
            ],
        }

    def _commit(self, commit: str) -> dict[str, str]:
        about = self.commits.get(commit)
        if about is None:
            return {"commit": commit}
        return {"commit": commit, "subject": about.subject, "author": about.author, "time": about.time}


def bisect_runs(
    repo: Repo,
    metric: str,
    good: RunEntry,
    bad: RunEntry,
    options: BisectOptions,
    surroundings: Mapping[str, str],
    *,
    report: Report = lambda trial, left: None,
) -> Bisected:
    """Find the first commit that moved a metric from what it was in one run to what it was in another.

    If the runs differ in more than their code, the command of the bad run is first run at
    the commit of the good one: where that is bad too, no commit is to blame. On another
    host, or with other packages than the bad run had, it is run at its own commit, too.

    Raises:
        UsageError: The runs cannot be bisected: equal values, equal code, no history in common.
        NotFoundError: A run lacks the metric, or what the command needs.
        GitError, LockedError: git fails; the same bisection is going on elsewhere.
        KeyboardInterrupt: A run was stopped; what is known is kept.
    """
    if repo.git is None:
        raise GitError("there are no commits without a git repository", hint="git init")
    values = [value_of(entry, metric) for entry in (good, bad)]
    goal = make_goal(metric, *values, direction=options.direction, threshold=options.threshold)
    here, there = code_of(good.record), code_of(bad.record)
    improved = not order(repo.git, here, there)
    old, new = (there, here) if improved else (here, there)
    measure = _Measure(repo, metric, bad, options, surroundings)
    measure.check()
    trials, note = measure.check_ends(goal, good, report)
    if note:
        found = Found(None, note=note)
    else:
        folder = repo.layout.worktree_of(bad.project, f"bisect-{measure.key}")
        differs = goal.is_good if improved else lambda value: not goal.is_good(value)
        found = bisect(repo, folder, old, new, differs, measure, report)
    found = replace(found, trials=(*trials, *found.trials))
    shown = [found.first, *found.candidates, *(trial.commit for trial in found.trials)]
    return Bisected(goal, good, bad, found, improved, _describe(repo.git, shown))


def value_of(entry: RunEntry, metric: str) -> float:
    """Return a metric of a run's summary.

    Raises:
        NotFoundError: It has none that is a number; those that look alike are in the hint.
        FormatError, StoreError: The history cannot be read.
    """
    numbers = numbers_of(summary_of(entry.layout, entry.record.metrics))
    if metric not in numbers:
        names = [name for name in numbers if not name.startswith("_")]
        raise NotFoundError(
            f"run {entry.id} has no metric {metric!r} in its summary",
            hint=near(metric, names) or f"it has: {', '.join(names[:10]) or 'none'}",
        )
    return numbers[metric]


def code_of(record: RunRecord) -> str:
    """Return the commit that holds what a run ran.

    Raises:
        UsageError: It was not recorded.
    """
    session = record.last_session
    commit = None if session is None else session.code_commit or session.commit
    if commit is None:
        raise UsageError(f"the code of run {record.id} was not recorded", hint="choose another run")
    return commit


class _Measure:
    """Says what the metric comes to at a commit, by what is known or by running."""

    def __init__(
        self,
        repo: Repo,
        metric: str,
        bad: RunEntry,
        options: BisectOptions,
        surroundings: Mapping[str, str],
    ) -> None:
        self.key = digest_bytes(f"{bad.project}/{bad.id}".encode())[:12]
        self._repo, self._metric, self._bad = repo, metric, bad
        self._options, self._surroundings = options, surroundings
        self._catalog = Catalog(repo.layout)
        self._memory = Memory.load(repo.layout.bisect_memory(bad.project, bad.id))
        self._tried: set[str] = set()
        self._recorded: dict[str, list[RunEntry]] = {}
        for entry in self._catalog.runs():
            session = entry.record.last_session
            if session is not None and session.code_commit and entry.state == "finished":
                self._recorded.setdefault(session.code_commit, []).append(entry)

    def check(self) -> None:
        """Check that the command can be run at all: at its own commit.

        Raises:
            Error: It cannot; says why.
        """
        for note in self._plan(code_of(self._bad.record)).notes:
            warn(note)

    def __call__(self, commit: str) -> Trial:
        if not self._options.again or commit in self._tried:
            known = self._known(commit) or self._found(commit)
            if known is not None:
                return known
        return self._run(commit)

    def check_ends(self, goal: Goal, good: RunEntry, report: Report) -> tuple[list[Trial], str]:
        """Run at the ends where it is not sure that they differ by their code; say if they do not.

        Raises:
            UsageError: An end cannot be measured.
        """
        trials: list[Trial] = []
        for entry, wanted in self._doubtful_ends(good):
            commit = code_of(entry.record)
            known = None if self._options.again else self._known(commit)
            trial = known or self._run(commit)
            trials.append(trial)
            report(trial, 0)
            side = "good" if wanted else "bad"
            if trial.value is None:
                raise UsageError(
                    f"the command of the bad run cannot be measured at the commit of the {side} one: "
                    f"{trial.how}",
                    hint="choose runs that are nearer to each other",
                )
            if goal.is_good(trial.value) != wanted:
                return trials, (
                    f"at the commit of the {side} run the command of the bad run gives {goal.metric} = "
                    f"{trial.value:.6g} now, so it is not the code alone that moved it"
                )
        return trials, ""

    def _doubtful_ends(self, good: RunEntry) -> list[tuple[RunEntry, bool]]:
        """Return the ends to run at, and whether they are to come out good."""
        both = [(good, True), (self._bad, False)]
        if self._options.ends != "auto":
            return both if self._options.ends == "run" else []
        session = self._bad.record.last_session
        assert session is not None
        facts = ask(interpreter_of(session), folder=Path.cwd())
        elsewhere = session.host != this_process().host
        if elsewhere or environment_notes(ComparedRun(self._bad), facts):
            return both
        compared = compare_runs(self._repo, self._bad, good)
        more = (compared.command, compared.config, compared.inputs, not compared.environment.same)
        return both[:1] if any(more) else []

    def _known(self, commit: str) -> Trial | None:
        known = self._memory.trials.get(commit)
        if known is None:
            return None
        if not isinstance(known.get("run"), str):
            return Trial(commit, None, None, str(known.get("why")))
        try:
            entry = self._catalog.find(known["run"])
        except Error:  # removed since
            return None
        return self._trial(commit, entry, "known")

    def _found(self, commit: str) -> Trial | None:
        """Look for a finished run that did the same at this commit."""
        for entry in self._recorded.get(commit, []):
            compared = compare_runs(self._repo, self._bad, entry)
            if compared.command is None and not compared.inputs:
                trial = self._trial(commit, entry, "recorded")
                if trial.value is not None:
                    return trial
        return None

    def _run(self, commit: str) -> Trial:
        self._tried.add(commit)
        label = Label(
            name=f"bisect-{self._metric}-{commit[:10]}".replace("/", "-"),
            group=f"bisect-{self._bad.id}",
            notes=f"The command of {self._bad.project}/{self._bad.id} at commit {commit}, by tracker bisect.",
        )
        try:
            done = run_elsewhere(self._repo, self._plan(commit), label)
        except (NotFoundError, UsageError) as error:
            self._memory.keep(commit, None, error.message)
            return Trial(commit, None, None, error.message)
        if done.run is None:
            why = f"began no run, and ended with status {done.status}"
            self._memory.keep(commit, None, why)
            return Trial(commit, None, None, why)
        self._memory.keep(commit, f"{done.run.project}/{done.run.id}", "")
        return self._trial(commit, done.run, "ran")

    def _trial(self, commit: str, entry: RunEntry, how: str) -> Trial:
        name = f"{entry.project}/{entry.id}"
        if entry.state != "finished":
            session = entry.record.last_session
            error = f": {session.error}" if session is not None and session.error else ""
            return Trial(commit, None, name, f"the run {entry.state}{error}")
        try:
            return Trial(commit, value_of(entry, self._metric), name, how)
        except NotFoundError as error:
            return Trial(commit, None, name, error.message)

    def _plan(self, commit: str) -> Plan:
        return plan_elsewhere(self._repo, self._bad, commit, self._surroundings, copies=self._options.copies)


def _describe(git: Git, commits: Sequence[str | None]) -> dict[str, Commit]:
    known = list(dict.fromkeys(commit for commit in commits if commit is not None))
    return {commit.id: commit for commit in describe(git, known)} if known else {}
