"""A callback for XGBoost: `xgboost.train(…, callbacks=[TrackerCallback()])`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from xgboost.callback import TrainingCallback

from tracker.artifact import Artifact
from tracker.integrations.best import define_best, log_importance
from tracker.live.session import require_run
from tracker.live.term import warn_once


class TrackerCallback(TrainingCallback):
    """Configuration, evaluations, importance of features and the model of a booster."""

    def __init__(
        self,
        log_model: bool = False,
        log_feature_importance: bool = True,
        importance_type: str = "gain",
        define_metric: bool = True,
    ) -> None:
        """Need a run.

        Args:
            log_model: Log the model as the artifact `<run id>_model.json`.
            log_feature_importance: Log a bar for each feature.
            importance_type: weight, gain, cover, total_gain or total_cover.
            define_metric: Let the summary have the best value instead of the last.

        Raises:
            UsageError: There is none.
        """
        super().__init__()
        require_run("integrations.xgboost")
        self.log_model = log_model
        self.log_feature_importance = log_feature_importance
        self.importance_type = importance_type
        self.define_metric = define_metric

    def before_training(self, model: Any) -> Any:
        """Record the booster's configuration."""
        require_run("integrations.xgboost").config.update(json.loads(model.save_config()))
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Any]) -> bool:
        """Log the evaluations of an iteration; return False, which goes on."""
        run = require_run("integrations.xgboost")
        row: dict[str, Any] = {}
        for data, metrics in evals_log.items():
            for metric, values in metrics.items():
                key = f"{data}-{metric}"
                if self.define_metric:
                    define_best(run, key, metric)
                # Cross-validation gives pairs of mean and deviation.
                newest = values[-1]
                row |= (
                    {f"{key}-mean": newest[0], f"{key}-stdv": newest[1]}
                    if isinstance(newest, tuple)
                    else {key: newest}
                )
        self.define_metric = False
        run.log({**row, "epoch": epoch})
        return False

    def after_training(self, model: Any) -> Any:
        """Log the model, the features, and the best iteration as far as they are asked for or known."""
        run = require_run("integrations.xgboost")
        if self.log_model:
            name = f"{run.id}_model.json"
            path = Path(run.dir, name)
            model.save_model(str(path))
            artifact = Artifact(name, type="model")
            artifact.add_file(path)
            run.log_artifact(artifact)
        if self.log_feature_importance:
            log_importance(run, model.get_score(importance_type=self.importance_type))
        if model.attr("best_score") is not None:
            best = float(model.attr("best_score")), int(model.attr("best_iteration"))
            run.log(dict(zip(("best_score", "best_iteration"), best, strict=True)))
        return model


def wandb_callback() -> Callable[[Any], None]:
    """Return a callback of the form that XGBoost before 1.3 took."""
    warn_once("wandb_callback is of old versions of XGBoost; callbacks=[WandbCallback()] works with all")

    def callback(env: Any) -> None:
        require_run("integrations.xgboost").log(dict(env.evaluation_result_list))

    return callback


WandbCallback = TrackerCallback
