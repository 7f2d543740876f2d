"""A callback for CatBoost: `model.fit(…, callbacks=[TrackerCallback()])`, and a summary afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catboost import CatBoostClassifier, CatBoostRegressor

from tracker.artifact import Artifact
from tracker.errors import UsageError
from tracker.integrations.best import log_importance
from tracker.live.session import require_run


class TrackerCallback:
    """Logs the evaluations, as often as CatBoost makes them."""

    def __init__(self, metric_period: int = 1) -> None:
        """Need a run; `metric_period` is that of the model, and only names the count of iterations.

        Raises:
            UsageError: There is none.
        """
        require_run("integrations.catboost")
        self.metric_period = metric_period
        self._known = 0

    def after_iteration(self, info: Any) -> bool:
        """Log what is new after an iteration; return True, which goes on."""
        row: dict[str, Any] = {}
        known = 0
        for data, metrics in info.metrics.items():
            for metric, values in metrics.items():
                row[f"{data}-{metric}"] = values[-1]
                known += len(values)
        if known > self._known:
            self._known = known
            count = {f"iteration@metric-period-{self.metric_period}": info.iteration}
            require_run("integrations.catboost").log({**row, **count})
        return True


def log_summary(
    model: CatBoostClassifier | CatBoostRegressor,
    log_all_params: bool = True,
    save_model_checkpoint: bool = False,
    log_feature_importance: bool = True,
) -> None:
    """Record parameters, the best iteration and score, a plot of the features and, if asked for, the model.

    Raises:
        UsageError: There is no run, or `model` is of another kind.
    """
    run = require_run("integrations.catboost")
    if not isinstance(model, CatBoostClassifier | CatBoostRegressor):
        raise UsageError(f"log_summary needs a CatBoost model, not {type(model).__name__}")
    params = model.get_all_params()
    if log_all_params:
        run.config.update(params)
    run.summary.update({"best_iteration": model.get_best_iteration(), "best_score": model.get_best_score()})
    if save_model_checkpoint:
        path = Path(run.dir, "model")
        model.save_model(str(path))
        artifact = Artifact(f"model_{run.id}", type="model")
        artifact.add_file(path)
        run.log_artifact(artifact, aliases=["best" if params["use_best_model"] else "last"])
    if log_feature_importance:
        found = model.get_feature_importance(prettified=True)
        importance = zip(found["Feature Id"], found["Importances"], strict=True)
        log_importance(run, dict(importance), commit=False)


WandbCallback = TrackerCallback
