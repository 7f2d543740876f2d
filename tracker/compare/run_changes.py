"""Why two runs came to other numbers: everything that is recorded of both, side by side.

Builds on the comparison that `reproduce` makes, and adds what a person wants to see of two
runs that are not meant to be the same: the patch of the code, inputs path by path, metrics
with deltas, runtime.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tracker.compare.changes import PathChanges, compare_listings
from tracker.compare.code import CodeChanges, compare_code
from tracker.compare.metrics import KeyComparison
from tracker.compare.reasons import Reason, likely_reasons
from tracker.compare.runs import ComparedRun, RunComparison, compare_runs
from tracker.compare.values import ABSENT, Change, compare_values
from tracker.read.words import WATCHED
from tracker.storage.catalog import RunEntry
from tracker.storage.history import last_runtime_s
from tracker.values.scalars import flatten
from vcs.errors import Error
from vcs.files.listing import Listing
from vcs.names import parse_artifact_ref
from vcs.repo import Repo


@dataclass(frozen=True)
class MetricChange:
    """One metric that is not the same.

    Attributes:
        old, new: Its value in the summary; ABSENT where a run has none.
        first_step: Where the histories part; None if only the summary differs.
        rows, unequal: In how many rows it is, and in how many of them it differs.
    """

    key: str
    old: Any
    new: Any
    first_step: int | None = None
    rows: int = 0
    unequal: int = 0

    @property
    def delta(self) -> float | None:
        """New less old; None unless both are numbers that fit."""
        if not (_is_number(self.old) and _is_number(self.new)):
            return None
        try:
            return float(self.new) - float(self.old)
        except OverflowError:
            return None

    @property
    def relative(self) -> float | None:
        """The delta as a part of the old value; None without one, or from zero."""
        delta = self.delta
        if delta is None or not self.old or not math.isfinite(self.old):
            return None
        return delta / abs(float(self.old))

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            **Change(self.old, self.new).to_plain(),
            "delta": self.delta,
            "relative": self.relative,
            "first_step": self.first_step,
            "rows": self.rows,
            "unequal_rows": self.unequal,
        }


@dataclass(frozen=True)
class InputChange:
    """An artifact of which two runs used other contents.

    Attributes:
        versions: `v1` and `v2`, ABSENT where a run did not use it.
        paths: None where the listings are not known.
        note: Why.
    """

    artifact: str
    versions: Change
    paths: PathChanges | None = None
    note: str = ""

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        plain: dict[str, Any] = self.versions.to_plain()
        if self.paths is not None:
            plain |= self.paths.to_plain()
        return {**plain, "note": self.note} if self.note else plain


@dataclass(frozen=True)
class RunChanges:
    """What differs between two runs.

    Attributes:
        comparison: What `reproduce` looks at, too.
        code: None if both ran the same code.
        metrics: Those that are not the same, in the order in which they appeared; those
            of `watch`, which are many and say little, last.
        metrics_same: How many are.
        machine: Host and user, beside what the comparison's environment has.
        runtime_s: Old and new.
        reasons: Why the numbers may differ, the likeliest first; none if they do not.
    """

    comparison: RunComparison
    code: CodeChanges | None
    inputs: tuple[InputChange, ...]
    metrics: tuple[MetricChange, ...]
    metrics_same: int
    machine: dict[str, Change] = field(default_factory=dict)
    runtime_s: tuple[float, float] = (0.0, 0.0)
    reasons: tuple[Reason, ...] = ()

    @property
    def numbers_same(self) -> bool:
        """Whether metrics, rows and outputs are the same."""
        compared = self.comparison
        return not self.metrics and compared.metrics.identical and all(out.same for out in compared.outputs)

    @property
    def same(self) -> bool:
        """Whether nothing differs but names, machines, times and lengths of time."""
        compared = self.comparison
        parts = (self.code, self.inputs, compared.config, compared.command, compared.state)
        return self.numbers_same and compared.environment.same and not any(parts)

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        compared, environment = self.comparison, self.comparison.environment
        return {
            "old": _run_plain(compared.old, self.runtime_s[0]),
            "new": _run_plain(compared.new, self.runtime_s[1]),
            "same": self.same,
            "state": None if compared.state is None else compared.state.to_plain(),
            "code": None if self.code is None else self.code.to_plain(),
            "command": None if compared.command is None else compared.command.to_plain(),
            "config": _plain(compared.config),
            "environment": {
                "machine": _plain({**environment.machine, **self.machine}),
                "packages": _plain(environment.packages),
                "packages_known": environment.packages_known,
                "variables": _plain(environment.variables),
            },
            "inputs": {change.artifact: change.to_plain() for change in self.inputs},
            "outputs": [vars(output) for output in compared.outputs if not output.same],
            "metrics": {change.key: change.to_plain() for change in self.metrics},
            "metrics_same": self.metrics_same,
            "reasons": [vars(reason) for reason in self.reasons],
        }


def diff_runs(
    repo: Repo, old: RunEntry, new: RunEntry, check: Callable[[], None] = lambda: None
) -> RunChanges:
    """Compare two runs of one project folder. Reads both histories whole, some rows at a time.

    `check` is called now and then, and may raise to end it.

    Raises:
        FormatError, StoreError: A record or history is damaged, or cannot be read.
        GitError: git fails.
    """
    comparison = compare_runs(repo, old, new, check=check)
    a, b = comparison.old, comparison.new
    metrics, same = _metrics(comparison)
    found = RunChanges(
        comparison,
        code=_code(repo, comparison),
        inputs=tuple(_inputs(repo, comparison)),
        metrics=tuple(metrics),
        metrics_same=same,
        machine=_machine(a, b),
        runtime_s=(last_runtime_s(old.layout), last_runtime_s(new.layout)),
    )
    if found.numbers_same:
        return found
    return replace(found, reasons=tuple(likely_reasons(comparison)))


def _code(repo: Repo, comparison: RunComparison) -> CodeChanges | None:
    if comparison.code is None:
        return None
    sides = (comparison.code.old, comparison.code.new)
    old, new = (None if side is ABSENT else str(side) for side in sides)
    return compare_code(repo.git, old, new)


def _machine(old: ComparedRun, new: ComparedRun) -> dict[str, Change]:
    a, b = old.session.host, new.session.host
    return {"host": Change(a, b)} if a != b else {}


def _metrics(comparison: RunComparison) -> tuple[list[MetricChange], int]:
    """Return what differs in the history, the summary, or both; and how many metrics do not."""
    before, after = _summary(comparison.old), _summary(comparison.new)
    rows = comparison.metrics.keys
    changed, same = [], 0
    for key in {**before, **after, **rows}:
        a, b = before.get(key, ABSENT), after.get(key, ABSENT)
        seen = rows.get(key, KeyComparison(key))
        gone = (a is ABSENT) != (b is ABSENT)
        if gone or seen.unequal or (a is not ABSENT and compare_values(a, b) is not None):
            changed.append(MetricChange(key, a, b, seen.first_unequal, seen.rows, seen.unequal))
        else:
            same += 1
    return sorted(changed, key=lambda change: change.key.startswith(WATCHED)), same


def _summary(run: ComparedRun) -> dict[str, Any]:
    return {str(key): value for key, value in flatten(run.summary).items() if not str(key).startswith("_")}


def _inputs(repo: Repo, comparison: RunComparison) -> list[InputChange]:
    found = []
    for artifact, versions in comparison.inputs.items():
        digests = [_digests(run, artifact) for run in (comparison.old, comparison.new)]
        if [len(side) for side in digests] != [1, 1]:
            found.append(InputChange(artifact, versions))
            continue
        try:
            old, new = (_listing(repo, artifact, side[0]) for side in digests)
        except Error as error:  # deleted, or not fetched: that they differ is known anyway
            found.append(InputChange(artifact, versions, note=error.message))
        else:
            found.append(InputChange(artifact, versions, compare_listings(old, new)))
    return found


def _digests(run: ComparedRun, artifact: str) -> list[str]:
    return sorted({used.digest for used in run.record.used if used.artifact == artifact})


def _listing(repo: Repo, artifact: str, digest: str) -> Listing:
    """Return what a run used, by digest: numbers may have been dealt anew since."""
    ref = parse_artifact_ref(f"{artifact}@{digest}")
    return repo.collections.listing(repo.collections.resolve(ref, project=ref.project or ""))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _run_plain(run: ComparedRun, runtime_s: float) -> dict[str, Any]:
    session = run.session
    return {
        "run": f"{run.record.project}/{run.record.id}",
        "name": run.record.name,
        "state": run.state,
        "commit": session.commit,
        "code_commit": session.code_commit,
        "dirty": session.dirty,
        "runtime_s": runtime_s,
    }


def _plain(changed: dict[str, Change]) -> dict[str, Any]:
    return {key: change.to_plain() for key, change in changed.items()}
