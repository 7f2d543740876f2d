"""A sweep and its runs, as scripts and the command line read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tracker.artifacts.home import Home
from tracker.read.fields import dig
from tracker.read.run_view import RunView
from tracker.storage.catalog import Catalog
from tracker.storage.sweep_record import SweepRecord

if TYPE_CHECKING:
    from tracker.read.runs import Run


class Sweep:
    """A sweep, read from its record; its runs are those that say that they belong to it."""

    def __init__(self, home: Home, record: SweepRecord) -> None:
        self._home = home
        self.record = record

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def project(self) -> str:
        return self.record.project

    @property
    def name(self) -> str:
        return self.record.name or self.record.id

    @property
    def config(self) -> dict[str, Any]:
        """The configuration, as it was given."""
        return self.record.config

    @property
    def state(self) -> str:
        """running, paused, stopped or finished, as last written."""
        return self.record.state

    @property
    def order(self) -> str | None:
        """How its runs are ordered, the best first: `+summary_metrics.loss`."""
        metric = self._metric
        if metric is None:
            return None
        return f"{'-' if metric.get('goal') == 'maximize' else '+'}summary_metrics.{metric['name']}"

    @property
    def runs(self) -> list[Run]:
        """Its runs, the oldest first."""
        from tracker.read.runs import Run

        found = [
            Run(entry, self._home)
            for entry in Catalog(self._home.repo.layout).runs(self.project)
            if entry.record.sweep == self.id
        ]
        return sorted(found, key=lambda run: run.created_at)

    def value_of(self, run: RunView) -> float | None:
        """Return what a run came to in the metric of the sweep; None if it logged no such number."""
        return None if self._metric is None else metric_value(run.summary, self._metric)

    def best_run(self, order: str | None = None) -> Run | None:
        """Return the run with the best value of the metric; None without one."""
        valued = [(value, run) for run in self.runs if (value := self.value_of(run)) is not None]
        if not valued:
            return None
        better = max if self._metric and self._metric.get("goal") == "maximize" else min
        return better(valued, key=lambda pair: pair[0])[1]

    @property
    def _metric(self) -> dict[str, Any] | None:
        metric = self.config.get("metric")
        return metric if isinstance(metric, dict) and metric.get("name") else None

    def __repr__(self) -> str:
        return f"<Sweep {self.project}/{self.id} ({self.state})>"


def metric_value(summary: Mapping[str, Any], metric: Mapping[str, Any]) -> float | None:
    """Return the number that a summary has for a sweep's metric; None if it has none, or NaN.

    Where the metric has aggregations, that of the goal counts, else the last value.
    """
    value = summary.get(metric["name"], None)
    value = dig(summary, metric["name"]) if value is None else value
    if isinstance(value, Mapping):
        goal = "max" if metric.get("goal") == "maximize" else "min"
        value = value.get(goal, value.get("last"))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return None
    return float(value)
