"""What `define_metric` says about metrics: their axis and what their summary is.

A definition is for one name, or for all names that begin with what stands before a
trailing `*`. The definition of a name wins over a glob, a longer glob over a shorter
one. Keys that begin with `_` are ours and match no glob.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tracker.errors import UsageError

AGGREGATIONS = ("min", "max", "mean", "last", "first", "none")
# wandb has deprecated `copy`; it stood for the last value, which is the default.
_SYNONYMS = {"copy": "last"}
_GOALS = {"maximize": "max", "minimize": "min", "max": "max", "min": "min", None: "min"}


@dataclass(frozen=True)
class Metric:
    """One definition, as `define_metric` returns it.

    Attributes:
        name: A key, or a glob with one trailing `*`.
        step_metric: The key that is this metric's axis; None for `_step`.
        step_sync: Whether a row that lacks the axis gets its last seen value.
        hidden: Whether pages leave the metric out unless asked.
        summary: The aggregations; empty for the last value.
    """

    name: str
    step_metric: str | None = None
    step_sync: bool = False
    hidden: bool = False
    summary: tuple[str, ...] = ()

    @property
    def is_glob(self) -> bool:
        return self.name.endswith("*")

    def as_record(self) -> dict[str, Any]:
        """Return the form that run.yaml keeps: only what differs from the default."""
        record: dict[str, Any] = {"name": self.name}
        if self.step_metric is not None:
            record["step_metric"] = self.step_metric
        if self.step_sync != (self.step_metric is not None):
            record["step_sync"] = self.step_sync
        if self.hidden:
            record["hidden"] = True
        if self.summary:
            record["summary"] = list(self.summary)
        return record


def metric_from_record(record: dict[str, Any]) -> Metric:
    """Read `Metric.as_record` back."""
    step_metric = record.get("step_metric")
    return Metric(
        name=str(record["name"]),
        step_metric=step_metric,
        step_sync=bool(record.get("step_sync", step_metric is not None)),
        hidden=bool(record.get("hidden", False)),
        summary=tuple(record.get("summary", ())),
    )


def parse_summary(summary: str | Iterable[str] | None, goal: str | None = None) -> tuple[str, ...] | None:
    """Return the aggregations that a comma list names; None for None.

    `best` with a goal is `max` or `min`, as scripts for old versions of wandb ask.

    Raises:
        UsageError: One of them is unknown.
    """
    if summary is None:
        return None
    words = summary.split(",") if isinstance(summary, str) else list(summary)
    result: list[str] = []
    for word in (w.strip().lower() for w in words):
        if not word:
            continue
        name = _GOALS.get(goal, "") if word == "best" else _SYNONYMS.get(word, word)
        if name not in AGGREGATIONS:
            raise UsageError(
                f"define_metric: unknown summary {word!r}", hint=f"one or more of {', '.join(AGGREGATIONS)}"
            )
        if name not in result:
            result.append(name)
    return tuple(result)


def check_metric_name(name: object, *, what: str = "define_metric") -> str:
    """Return the name, or raise UsageError if it is no key and no glob with one trailing `*`."""
    if not isinstance(name, str) or not name:
        raise UsageError(f"{what}: a metric has a name, not {name!r}")
    if "*" in name[:-1]:
        raise UsageError(f"{what}: {name!r} may have one `*`, at its end", hint="for example val/*")
    return name


@dataclass
class MetricRules:
    """The definitions of a run and the last seen values of their axes.

    `active` is False until something is defined, so that rows of runs without
    definitions cost nothing here.
    """

    exact: dict[str, Metric] = field(default_factory=dict)
    globs: dict[str, Metric] = field(default_factory=dict)
    active: bool = False
    _known: dict[str, Metric | None] = field(default_factory=dict)
    _last: dict[str, Any] = field(default_factory=dict)
    _axes: set[str] = field(default_factory=set)

    def define(
        self,
        name: str,
        step_metric: str | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: tuple[str, ...] | None = None,
        *,
        overwrite: bool = False,
    ) -> Metric:
        """Add a definition, or merge it into the one that the name has already.

        What is None stays as it was, or takes the default with `overwrite`.
        """
        table = self.globs if name.endswith("*") else self.exact
        old = Metric(name) if overwrite else table.get(name, Metric(name))
        axis = old.step_metric if step_metric is None else step_metric
        if step_sync is None:
            step_sync = old.step_sync if step_metric is None else True
        metric = Metric(
            name=name,
            step_metric=axis,
            step_sync=step_sync and axis is not None,
            hidden=old.hidden if hidden is None else hidden,
            summary=old.summary if summary is None else summary,
        )
        self.restore([metric])
        return metric

    def restore(self, metrics: Iterable[Metric]) -> None:
        """Take definitions as they are: those of the earlier sessions of a resumed run."""
        for metric in metrics:
            (self.globs if metric.is_glob else self.exact)[metric.name] = metric
            if metric.step_metric is not None:
                self._axes.add(metric.step_metric)
            self.active = True
        self._known.clear()

    def all(self) -> list[Metric]:
        """Return every definition, in the order of their making, exact ones first."""
        return [*self.exact.values(), *self.globs.values()]

    def of(self, key: str) -> Metric | None:
        """Return the definition that applies to a key."""
        try:
            return self._known[key]
        except KeyError:
            found = self._known[key] = self.exact.get(key) or self._by_glob(key)
            return found

    def _by_glob(self, key: str) -> Metric | None:
        if key.startswith("_"):
            return None
        matching = [m for m in self.globs.values() if key.startswith(m.name[:-1])]
        return max(matching, key=lambda m: len(m.name), default=None)

    def complete(self, row: dict[str, Any]) -> None:
        """Add to a row the last seen values of the axes that its metrics need and it lacks."""
        for axis in self._axes:
            if axis in row:
                self._last[axis] = row[axis]
        for key in list(row):
            metric = self.of(key)
            if metric is None or not metric.step_sync or metric.step_metric is None:
                continue
            axis = metric.step_metric
            # A glob such as `*` matches its own axis too.
            if axis != key and axis not in row and axis in self._last:
                row[axis] = self._last[axis]
