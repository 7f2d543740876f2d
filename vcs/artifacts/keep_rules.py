"""Which versions of a collection are kept: `last 3, best val/loss min, every 10, days 30`.

A version that any clause keeps is kept. Leaves to others: what no rule may touch (aliases,
uses, pointers), and where metrics come from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, TypeAlias

from vcs.clock import parse_time
from vcs.errors import UsageError

if TYPE_CHECKING:
    from vcs.artifacts.manifest import Manifest

_HINT = "write for example: last 3, best val/loss min, every 10, days 30; or: all"
MetricOf: TypeAlias = "Callable[[Manifest, str], float | None]"


@dataclass(frozen=True, slots=True)
class Best:
    """The version whose metric is the lowest, or the highest."""

    metric: str
    goal: Literal["min", "max"]


@dataclass(frozen=True, slots=True)
class KeepRule:
    """One rule; `text` is how it was written.

    Attributes:
        last: So many of the newest.
        every: Those whose number is a multiple.
        days: Those that are younger.
        best: The best by each of these metrics.
        all: Every one.
    """

    text: str
    last: int | None = None
    every: int | None = None
    days: float | None = None
    best: tuple[Best, ...] = ()
    all: bool = False


def parse_keep(text: object) -> KeepRule:
    """Read a rule.

    Raises:
        UsageError: It is none.
    """
    if not isinstance(text, str) or not text.strip():
        raise UsageError(f"{text!r} says not which versions to keep", hint=_HINT)
    found: dict[str, object] = {}
    best: list[Best] = []
    for clause in text.split(","):
        words = clause.split()
        if words == ["all"]:
            found["all"] = True
        elif len(words) == 3 and words[0] == "best" and words[2] in ("min", "max"):
            best.append(Best(words[1], "min" if words[2] == "min" else "max"))
        elif len(words) == 2 and words[0] in ("last", "every") and words[1].isdecimal() and int(words[1]):
            found[words[0]] = int(words[1])
        elif len(words) == 2 and words[0] == "days" and (days := _number(words[1])) is not None:
            found["days"] = days
        else:
            raise UsageError(f"{clause.strip()!r} says not which versions to keep", hint=_HINT)
    return KeepRule(text.strip(), best=tuple(best), **found)  # type: ignore[arg-type]


def rule_for(rules: Sequence[tuple[str, KeepRule]], project: str, name: str) -> KeepRule | None:
    """Return the first rule whose pattern fits `project/name`, or `name` alone."""
    for pattern, rule in rules:
        if fnmatchcase(f"{project}/{name}" if "/" in pattern else name, pattern):
            return rule
    return None


def kept_by(
    rule: KeepRule, versions: Sequence[Manifest], metric_of: MetricOf, now_s: float
) -> tuple[set[int], list[str]]:
    """Return the numbers of the versions that the rule keeps, and the metrics that none of them has.

    A metric that no version has, a slip of the pen perhaps, keeps all of them.
    """
    numbers = sorted(version.number for version in versions)
    if rule.all:
        return set(numbers), []
    kept = set(numbers[-rule.last :]) if rule.last else set()
    if rule.every:
        kept |= {number for number in numbers if number % rule.every == 0}
    if rule.days is not None:
        oldest_s = now_s - rule.days * 86400
        kept |= {v.number for v in versions if parse_time(v.created).timestamp() >= oldest_s}
    unknown = []
    for best in rule.best:
        values = {v.number: value for v in versions if (value := metric_of(v, best.metric)) is not None}
        comparable = {number: value for number, value in values.items() if not math.isnan(value)}
        if comparable:
            chosen = min(comparable.values()) if best.goal == "min" else max(comparable.values())
            kept |= {number for number, value in comparable.items() if value == chosen}
        elif versions:
            unknown.append(best.metric)
    return (set(numbers) if unknown else kept), unknown


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e6 else None
