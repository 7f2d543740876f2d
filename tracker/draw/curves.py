"""What is drawn: panels of curves, read from the histories of runs.

Every recorded number is taken; which of them a drawing leaves out, because no eye could
tell, is the business of `thinning`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tracker.draw.scale import AxisKind
from tracker.read.run_view import RunView
from tracker.read.series import RunSeries
from tracker.read.thinning import smooth
from tracker.read.words import WATCHED
from tracker.storage.history import keys_of
from tracker.storage.segment import Damage
from tracker.values.metrics import MetricRules, metric_from_record
from vcs.errors import NotFoundError, UsageError
from vcs.names import near

_AXES: dict[str, tuple[str, AxisKind]] = {
    "step": ("_step", "number"),
    "runtime": ("_runtime", "duration"),
    "time": ("_timestamp", "time"),
}


@dataclass(frozen=True)
class Curve:
    """One line of a picture.

    Attributes:
        color: Which color of the palette; a run has the same in all panels.
        faint: Whether it is the raw line behind a smoothed one.
    """

    label: str
    xs: Sequence[float]
    ys: Sequence[float]
    color: int = 0
    faint: bool = False


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    x_name: str
    curves: tuple[Curve, ...]
    x_kind: AxisKind = "number"
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Look:
    """How curves are drawn.

    Attributes:
        axis: `step`, `runtime`, `time`, the name of a metric, or empty for what
            `define_metric` says of each metric, else the step.
        smoothing: Weight of what was before in a moving average, from 0 to below 1.
    """

    axis: str = ""
    smoothing: float = 0.0
    log_x: bool = False
    log_y: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise UsageError(f"smoothing is from 0 to below 1, not {self.smoothing:g}")


def metrics_of(runs: Sequence[RunView], *, watched: bool = False) -> list[str]:
    """Return the metrics that any of the runs has, in the order of their first appearance.

    Hidden ones and, unless asked for, those of `watch` are left out; so are keys whose
    last value is no number.
    """
    found: dict[str, None] = {}
    for run in runs:
        rules = _rules(run)
        for key in keys_of(run.layout, damaged=[]):
            rule = rules.of(key)
            if (rule is None or not rule.hidden) and (watched or not key.startswith(WATCHED)):
                found[key] = None
    axes = {name for run in runs for metric in _rules(run).all() if (name := metric.step_metric)}
    return [key for key in found if key not in axes]


def chosen_metrics(runs: Sequence[RunView], patterns: Iterable[str]) -> list[str]:
    """Return the metrics that names and patterns (`train/*`) mean.

    Raises:
        NotFoundError: One of them means none; the hint has near names.
    """
    known = list(dict.fromkeys(key for run in runs for key in keys_of(run.layout, damaged=[])))
    found: dict[str, None] = {}
    for pattern in patterns:
        matching = [pattern] if pattern in known else [key for key in known if fnmatchcase(key, pattern)]
        if not matching:
            telling = [key for key in known if not key.startswith(WATCHED)] or known
            raise NotFoundError(
                f"no run of these has the metric {pattern!r}",
                hint=near(pattern, known) or (f"there are {', '.join(telling[:8])}" if telling else None),
            )
        found.update(dict.fromkeys(matching))
    return list(found)


def panels_of(
    runs: Sequence[RunView],
    metrics: Iterable[str],
    look: Look = Look(),
    *,
    sources: Sequence[RunSeries] | None = None,
    damaged: list[Damage] | None = None,
) -> list[Panel]:
    """Return a panel for each metric that has numbers in one of the runs.

    `sources` are the series of the runs, for who looks again and again; what is damaged
    is left out, and described in `damaged`.

    Raises:
        StoreError: A history cannot be read.
    """
    series = [RunSeries(run.layout) for run in runs] if sources is None else sources
    rules, labels = [_rules(run) for run in runs], labels_of(runs)
    panels = []
    for metric in metrics:
        own = (rule.step_metric for each in rules if (rule := each.of(metric)) and rule.step_metric)
        axis = look.axis or next(own, "step")
        key, kind = _AXES.get(axis, (axis, "number"))
        curves: list[Curve] = []
        for place, (source, label) in enumerate(zip(series, labels, strict=True)):
            points = source.points(metric, key)
            xs, ys = points.xs, points.ys
            if look.smoothing and len(xs) > 1:
                curves.append(Curve(label, xs, ys, place, faint=True))
                ys = smooth(ys, look.smoothing)
            curves.append(Curve(label, xs, ys, place))
        panel = Panel(metric, axis, tuple(c for c in curves if len(c.xs)), kind, look.log_x, look.log_y)
        if panel.curves:
            panels.append(panel)
    if damaged is not None:
        damaged += [each for source in series for each in source.damaged]
    return panels


def labels_of(runs: Sequence[RunView]) -> list[str]:
    """Return a name for each run that no other of them has."""
    names = [run.name for run in runs]
    return [run.name if names.count(run.name) == 1 else f"{run.name} ({run.id})" for run in runs]


def _rules(run: RunView) -> MetricRules:
    rules = MetricRules()
    rules.restore(metric_from_record(dict(record)) for record in run.record.metrics)
    return rules
