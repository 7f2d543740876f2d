"""A callback for the Trainer of Transformers: `report_to="tracker"`.

Transformers finds the names of `report_to` in a dictionary of its own, not by entry
points, so this module has to be imported once; importing it adds the name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.integrations import integration_utils

import tracker
from tracker.artifact import Artifact
from tracker.live.handle import Run

STEP = "train/global_step"
# What the Trainer says once, at the end.
_ONCE = ("train_runtime", "train_samples_per_second", "train_steps_per_second", "train_loss", "total_flos")


class TrackerCallback(TrainerCallback):
    """Metrics, arguments, model configuration and checkpoints of a Trainer, as a run of tracker.

    The current run is used, or one is begun that ends with the training. Only the
    main process logs.
    """

    def __init__(self, *, log_model: bool = False, **options: Any) -> None:
        """Begin nothing yet.

        Args:
            log_model: Each checkpoint becomes a version of `<run name>-checkpoint`.
            options: Arguments of `tracker.init`.
        """
        self._options = options
        self._log_model = log_model
        self._run: Run | None = None
        self._begun = False

    def setup(self, args: Any, state: Any, model: Any = None) -> None:
        """Begin the run, and record arguments and model configuration."""
        if self._run is not None or not state.is_world_process_zero:
            return
        self._run = tracker.run
        if self._run is None:
            name = state.trial_name or args.run_name
            group = args.run_name if state.trial_name is not None else None
            self._run = tracker.init(**{"name": name, "group": group, **self._options})
            self._begun = True
        config: dict[str, Any] = {}
        if model is not None and getattr(model, "config", None) is not None:
            config |= model.config if isinstance(model.config, dict) else model.config.to_dict()
        config |= args.to_sanitized_dict()
        if callable(getattr(model, "num_parameters", None)):
            config["model/num_parameters"] = model.num_parameters()
        self._run.config.update(config, allow_val_change=True)
        self._run.define_metric(STEP)
        self._run.define_metric("*", step_metric=STEP)

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Begin the run; in a search over hyperparameters, one for each trial."""
        if state.is_hyper_param_search:
            self._finish()
        self.setup(args, state, model)

    def on_log(
        self, args: Any, state: Any, control: Any, model: Any = None, logs: Any = None, **_: Any
    ) -> None:
        """Log a row, and put what is said once into the summary."""
        self.setup(args, state, model)
        if self._run is None:
            return
        self._run.summary.update({key: logs[key] for key in _ONCE if key in logs})
        rest = {key: value for key, value in logs.items() if key not in _ONCE}
        self._run.log({**integration_utils.rewrite_logs(rest), STEP: state.global_step})

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Log the checkpoint that was written."""
        if self._run is None or not self._log_model:
            return
        metadata = {"global_step": state.global_step, "epoch": state.epoch, "best_metric": state.best_metric}
        artifact = Artifact(f"{self._run.name}-checkpoint", type="model", metadata=metadata)
        artifact.add_dir(Path(args.output_dir, f"checkpoint-{state.global_step}"))
        self._run.log_artifact(artifact, aliases=[f"step-{state.global_step}"])

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Leave the run open: an evaluation or prediction may follow; it ends with the script."""

    def on_predict(self, args: Any, state: Any, control: Any, metrics: Any, **_: Any) -> None:
        """Log the metrics of a prediction."""
        self.setup(args, state)
        if self._run is not None:
            self._run.log(integration_utils.rewrite_logs(metrics))

    def _finish(self) -> None:
        if self._run is not None and self._begun:
            self._run.finish()
        self._run, self._begun = None, False


def register() -> None:
    """Make `report_to="tracker"` mean `TrackerCallback`."""
    integration_utils.INTEGRATION_TO_CALLBACK["tracker"] = TrackerCallback


register()
