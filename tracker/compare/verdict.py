"""What a comparison of two runs means: identical, within tolerance, or not the same, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tracker.compare.metrics import Divergence
from tracker.compare.outputs import OutputComparison
from tracker.compare.reasons import Reason, likely_reasons
from tracker.compare.runs import RunComparison
from tracker.compare.values import Change, exact_text

Status = Literal["identical", "within tolerance", "differs"]


@dataclass(frozen=True)
class Verdict:
    """What to tell a person or a program.

    Attributes:
        status: `identical`: configuration, every value of every row and every output are
            equal. `within tolerance`: a tolerance was given, and no number is further
            away; outputs may differ in their bytes. Else `differs`.
        first_step: The first step at which the runs are not the same: beyond the
            tolerance if they differ, at all if they do not.
        differences: What is not equal, a sentence each.
        limits: What was not or could not be compared, a sentence each.
        reasons: Likely ones, if they differ.
    """

    status: Status
    comparison: RunComparison
    first: Divergence | None
    differences: tuple[str, ...]
    limits: tuple[str, ...]
    reasons: tuple[Reason, ...]

    @property
    def same(self) -> bool:
        """Whether the runs are the same as far as was asked."""
        return self.status != "differs"

    @property
    def first_step(self) -> int | None:
        return None if self.first is None else self.first.step

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        compared = self.comparison
        metrics = compared.metrics
        return {
            "status": self.status,
            "old": f"{compared.old.record.project}/{compared.old.record.id}",
            "new": f"{compared.new.record.project}/{compared.new.record.id}",
            "rtol": compared.tolerance.rtol,
            "atol": compared.tolerance.atol,
            "ignored": list(compared.ignored),
            "first_step": self.first_step,
            "first_values": _plain_changes(self.first.values) if self.first is not None else {},
            "differences": list(self.differences),
            "limits": list(self.limits),
            "reasons": [{"kind": r.kind, "text": r.text, "hint": r.hint} for r in self.reasons],
            "rows": metrics.rows,
            "metrics": {key: vars(seen) for key, seen in metrics.keys.items()},
            "config": _plain_changes(compared.config),
            "summary": _plain_changes(compared.summary),
            "inputs": _plain_changes(compared.inputs),
            "outputs": [vars(output) for output in compared.outputs],
            "code": None if compared.code is None else compared.code.to_plain(),
            "environment": {
                "machine": _plain_changes(compared.environment.machine),
                "packages": _plain_changes(compared.environment.packages),
                "variables": _plain_changes(compared.environment.variables),
            },
        }


def judge(comparison: RunComparison) -> Verdict:
    """Say what a comparison means."""
    status = _status(comparison)
    metrics = comparison.metrics
    differs = status == "differs"
    first = (metrics.first_outside if differs else None) or metrics.first_unequal
    return Verdict(
        status=status,
        comparison=comparison,
        first=first,
        differences=tuple(_differences(comparison)),
        limits=tuple(_limits(comparison)),
        reasons=tuple(likely_reasons(comparison)) if differs else (),
    )


def _status(comparison: RunComparison) -> Status:
    metrics, given = comparison.metrics, comparison.tolerance.given
    outputs_same = all(output.same for output in comparison.outputs)
    unlogged = any(None in (output.old, output.new) for output in comparison.outputs)
    if comparison.state is not None or comparison.config or unlogged:
        return "differs"
    if metrics.identical and not comparison.summary and outputs_same:
        return "identical"
    if given and metrics.within and not comparison.summary_outside:
        return "within tolerance"
    return "differs"


def _differences(comparison: RunComparison) -> Iterator[str]:
    if comparison.state is not None:
        yield f"the end: {comparison.state.old} then, {comparison.state.new} now"
    for title, changed in (("config", comparison.config), ("summary", comparison.summary)):
        for key, change in changed.items():
            yield f"{title} {key}: {exact_text(change.old)} then, {exact_text(change.new)} now"
    yield from _row_differences(comparison)
    for output in comparison.outputs:
        if not output.same:
            yield _output_text(output)


def _row_differences(comparison: RunComparison) -> Iterator[str]:
    metrics = comparison.metrics
    if metrics.only_old or metrics.only_new:
        yield f"rows: {metrics.only_old} only then, {metrics.only_new} only now"
    for key, seen in sorted(metrics.keys.items(), key=lambda item: not item[1].plain):
        if seen.unequal:
            distance = f", at most {seen.largest:.3g} apart" if seen.largest and seen.plain else ""
            yield f"{key}: {seen.unequal} of {seen.rows} rows from step {seen.first_unequal} on{distance}"


def _output_text(output: OutputComparison) -> str:
    where = output.name if output.step is None else f"{output.name} at step {output.step}"
    if output.new is None:
        return f"output {where}: {output.old} then, none now"
    if output.old is None:
        return f"output {where}: none then, {output.new} now"
    paths = [f"{path} ({kind})" for path, kind in output.paths.items()]
    shown = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
    return f"output {where}: {output.old} and {output.new} differ" + (f" in {shown}" if shown else "")


def _limits(comparison: RunComparison) -> Iterator[str]:
    old, metrics = comparison.old, comparison.metrics
    if not old.is_whole:
        reached = "before its first row" if old.last_step is None else f"at step {old.last_step}"
        yield f"the older run is {old.state}, {reached}; only what it has was compared"
    if comparison.ignored:
        yield f"not compared: {', '.join(comparison.ignored)}"
    if not metrics.keys:
        yield "there are no metrics that could be compared"
    if not comparison.environment.packages_known:
        yield "the packages of one of the runs are not known"


def _plain_changes(changed: dict[str, Change]) -> dict[str, Any]:
    return {key: change.to_plain() for key, change in changed.items()}
