"""A callback for LightGBM: `lightgbm.train(…, callbacks=[wandb_callback()])`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightgbm import Booster

from tracker.artifact import Artifact
from tracker.errors import UsageError
from tracker.integrations.best import define_best, log_importance
from tracker.live.session import require_run


class EvaluationCallback:
    """Logs the evaluations of each iteration; of `lightgbm.cv`, mean and deviation of them."""

    # After the callbacks that change parameters, like LightGBM's own recorder.
    order = 20
    before_iteration = False

    def __init__(self, log_params: bool = True, define_metric: bool = True) -> None:
        """Need nothing yet.

        Args:
            log_params: Whether the parameters become configuration.
            define_metric: Whether the summary has the best value instead of the last.
        """
        self._log_params = log_params
        self._define_metric = define_metric

    def __call__(self, env: Any) -> None:
        """Take what LightGBM tells after an iteration."""
        run = require_run("integrations.lightgbm")
        row: dict[str, Any] = {}
        metrics: dict[str, str] = {}
        for evaluated in env.evaluation_result_list:
            for key, metric, value in _values(evaluated):
                row[key], metrics[key] = value, metric
        if env.iteration == env.begin_iteration:
            if self._log_params:
                run.config.update(env.params)
            for key, metric in metrics.items() if self._define_metric else ():
                define_best(run, key, metric)
        run.log({**row, "iteration": env.iteration})


def _values(evaluated: Any) -> list[tuple[str, str, float]]:
    """Return key, metric and value of what one metric was on one set of data."""
    if len(evaluated) == 4:
        data, metric, value = evaluated[:3]
        return [(f"{data}_{metric}", metric, value)]
    # Of cross-validation; older versions put both names into the second place.
    data, metric = evaluated[1].split() if " " in evaluated[1] else evaluated[:2]
    return [
        (f"{data}_{metric}-mean", metric, evaluated[2]),
        (f"{data}_{metric}-stdv", "", evaluated[4]),
    ]


def wandb_callback(log_params: bool = True, define_metric: bool = True) -> Callable[[Any], None]:
    """Return a callback for `lightgbm.train`; see `EvaluationCallback`."""
    return EvaluationCallback(log_params, define_metric)


def log_summary(model: Booster, feature_importance: bool = True, save_model_checkpoint: bool = False) -> None:
    """Record the best iteration and score, a plot of the features and, if asked for, the model.

    Raises:
        UsageError: There is no run, or `model` is no Booster.
    """
    run = require_run("integrations.lightgbm")
    if not isinstance(model, Booster):
        raise UsageError(f"log_summary needs a lightgbm.Booster, not {type(model).__name__}")
    run.summary.update({"best_iteration": model.best_iteration, "best_score": model.best_score})
    if feature_importance:
        importance = zip(model.feature_name(), model.feature_importance(), strict=True)
        log_importance(run, dict(importance), commit=False)
    if save_model_checkpoint:
        path = Path(run.dir, f"model_ckpt_{model.best_iteration}.txt")
        model.save_model(path, num_iteration=model.best_iteration)
        artifact = Artifact(f"model_{run.id}", type="model")
        artifact.add_file(path)
        run.log_artifact(artifact, aliases=["best"])
