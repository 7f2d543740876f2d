"""A logger for Lightning: `Trainer(logger=TrackerLogger(project="lines"))`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

try:
    from lightning.pytorch.callbacks import ModelCheckpoint
    from lightning.pytorch.loggers.logger import Logger, rank_zero_experiment
    from lightning.pytorch.utilities.rank_zero import rank_zero_only
except ImportError:
    from pytorch_lightning.callbacks import ModelCheckpoint
    from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
    from pytorch_lightning.utilities.rank_zero import rank_zero_only

import tracker
from tracker.artifact import Artifact
from tracker.live.handle import Run

STEP = "trainer/global_step"


class TrackerLogger(Logger):
    """Metrics, hyperparameters and checkpoints of a Lightning training, as a run of tracker.

    Checkpoints become versions of `<name>-checkpoint` as they are written, with the
    alias `best` on the best and `latest` on the newest. A logger that is pickled for
    another process logs to the same run there.
    """

    LOGGER_JOIN_CHAR = "/"

    def __init__(
        self,
        project: str | None = None,
        name: str | None = None,
        *,
        id: str | None = None,
        run: Run | None = None,
        log_model: bool | Literal["all"] = True,
        prefix: str = "",
        **options: Any,
    ) -> None:
        """Begin nothing yet: the run begins when the training does.

        Args:
            project, name, id: Of the run; a run of that id goes on.
            run: A run to log to, instead; the current run is taken if there is one.
            log_model: "all" for each checkpoint that is written, True for those that are
                kept at the end, False for none.
            prefix: Put in front of the names of metrics.
            options: Further arguments of `tracker.init`.
        """
        super().__init__()
        self._run = run
        self._options = {"project": project, "name": name, "id": id, **options}
        if id is not None:
            self._options.setdefault("resume", "allow")
        self._log_model = log_model
        self._prefix = prefix
        self._callbacks: dict[int, ModelCheckpoint] = {}
        self._logged: dict[str, int] = {}

    @property
    @rank_zero_experiment
    def experiment(self) -> Run:
        """The run; begun now if it has not been."""
        if self._run is None:
            self._run = tracker.run or tracker.init(**self._options)
            self._run.define_metric(STEP)
            self._run.define_metric("*", step_metric=STEP)
        return self._run

    @property
    def name(self) -> str | None:
        """The project: Lightning makes a folder of it."""
        return self._run.project if self._run is not None else self._options["project"]

    @property
    def version(self) -> str | None:
        """The id of the run."""
        return self._run.id if self._run is not None else self._options["id"]

    @rank_zero_only
    def log_hyperparams(self, params: Mapping[str, Any] | Namespace, *_: Any, **__: Any) -> None:
        """Add to the configuration."""
        given = vars(params) if isinstance(params, Namespace) else dict(params)
        self.experiment.config.update(given, allow_val_change=True)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log a row; its step is the trainer's."""
        prefix = f"{self._prefix}{self.LOGGER_JOIN_CHAR}" if self._prefix else ""
        row = {f"{prefix}{key}": value for key, value in metrics.items()}
        self.experiment.log(row if step is None else {**row, STEP: step})

    @rank_zero_only
    def log_image(self, key: str, images: Sequence[Any], step: int | None = None, **kwargs: Any) -> None:
        """Log images; options (caption, masks, …) are lists with one for each."""
        made = [
            tracker.Image(image, **{name: values[i] for name, values in kwargs.items()})
            for i, image in enumerate(images)
        ]
        self.log_metrics({key: made}, step)

    @rank_zero_only
    def log_table(
        self, key: str, columns: Any = None, data: Any = None, dataframe: Any = None, step: int | None = None
    ) -> None:
        """Log a table."""
        self.log_metrics({key: tracker.Table(columns=columns, data=data, dataframe=dataframe)}, step)

    def watch(self, model: Any, log: str = "gradients", log_freq: int = 100, log_graph: bool = False) -> None:
        """Log gradients and parameters; see `Run.watch`."""
        self.experiment.watch(model, log=log, log_freq=log_freq, log_graph=log_graph)

    def after_save_checkpoint(self, checkpoint_callback: ModelCheckpoint) -> None:
        """Log what was written, or remember to do so at the end."""
        if self._log_model == "all":
            self._log_checkpoints(checkpoint_callback)
        elif self._log_model:
            self._callbacks[id(checkpoint_callback)] = checkpoint_callback

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Log the checkpoints that are kept. The run goes on: a test may follow the fit."""
        if self._run is not None:
            for callback in self._callbacks.values():
                self._log_checkpoints(callback)

    @rank_zero_only
    def _log_checkpoints(self, callback: ModelCheckpoint) -> None:
        best, last = callback.best_model_path, callback.last_model_path
        scores = {path: _number(score) for path, score in callback.best_k_models.items()}
        paths = [Path(path) for path in {**scores, best: None, last: None} if path]
        found = [(path.stat().st_mtime_ns, path) for path in paths if path.exists()]
        for changed, path in sorted(found):
            if self._logged.get(str(path)) == changed:
                continue
            self._logged[str(path)] = changed
            metadata = {
                "score": scores.get(str(path)),
                "monitor": callback.monitor,
                "mode": callback.mode,
                "file": path.name,
            }
            artifact = Artifact(f"{self.experiment.name}-checkpoint", type="model", metadata=metadata)
            if path.is_dir():
                artifact.add_dir(path)
            else:
                artifact.add_file(path, name="model.ckpt")
            self.experiment.log_artifact(artifact, aliases=["best"] if str(path) == best else [])


def _number(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
