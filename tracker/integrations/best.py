"""What the callbacks of boosting libraries have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import tracker
from tracker.live.handle import Run

_LOSSES = ("l1", "l2", "rmse", "rmsle", "mae", "mape", "mphe", "huber", "fair", "poisson", "gamma")
_ERRORS = ("error", "merror", "binary_error", "multi_error")
_SMALLER = frozenset((*_LOSSES, *_ERRORS))
_GREATER = frozenset(("auc", "aucpr", "map", "ndcg", "average_precision"))


def best_of(metric: str) -> Literal["min", "max"] | None:
    """Say whether the best value of a metric is its smallest or greatest; None if the name does not tell."""
    name = metric.lower().partition("@")[0]
    if "loss" in name or name in _SMALLER:
        return "min"
    return "max" if name in _GREATER else None


def define_best(run: Run, key: str, metric: str) -> None:
    """Let the summary of `key` be its best value, if the metric's name tells which that is."""
    best = best_of(metric)
    if best is not None:
        run.define_metric(key, summary=best)


def log_importance(run: Run, importance: Mapping[str, Any], *, commit: bool | None = None) -> None:
    """Log a bar for each feature."""
    rows = [[name, float(value)] for name, value in importance.items()]
    table = tracker.Table(columns=["Feature", "Importance"], data=rows)
    plot = tracker.plot.bar(table, "Feature", "Importance", title="Feature Importance")
    run.log({"Feature Importance": plot}, commit=commit)
