"""Callbacks for Keras 3, with any backend: metrics, checkpoints, and tables of predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import keras

from tracker.artifact import Artifact
from tracker.live.session import require_run
from tracker.values.table import Table


class MetricsLogger(keras.callbacks.Callback):
    """Logs what Keras calls `logs`, and the learning rate.

    Keys are `epoch/…` with the axis `epoch/epoch`, and, logging batches, `batch/…` with
    the axis `batch/batch_step`, too.
    """

    def __init__(
        self, log_freq: Literal["epoch", "batch"] | int = "epoch", initial_global_step: int = 0
    ) -> None:
        """Need a run.

        Args:
            log_freq: "epoch", "batch", or after how many batches.
            initial_global_step: Of a resumed training, for schedules of the learning rate.

        Raises:
            UsageError: There is none.
        """
        super().__init__()
        run = require_run("integrations.keras")
        self._every = 1 if log_freq == "batch" else log_freq if isinstance(log_freq, int) else None
        self._batches = initial_global_step
        run.define_metric("epoch/epoch")
        run.define_metric("epoch/*", step_metric="epoch/epoch")
        if self._every is not None:
            run.define_metric("batch/batch_step")
            run.define_metric("batch/*", step_metric="batch/batch_step")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the epoch."""
        self._log("epoch", {**(logs or {}), "epoch": epoch})

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the batch, if its turn has come."""
        if self._every is not None and batch % self._every == 0:
            self._log("batch", {**(logs or {}), "batch_step": self._batches})
        self._batches += 1

    def _log(self, prefix: str, values: Mapping[str, Any]) -> None:
        row = {f"{prefix}/{key}": value for key, value in values.items()}
        rate = getattr(getattr(self.model, "optimizer", None), "learning_rate", None)
        if rate is not None:
            rate = rate(self._batches) if callable(rate) else rate
            row[f"{prefix}/learning_rate"] = float(keras.ops.convert_to_numpy(rate))
        require_run("integrations.keras").log(row)


class ModelCheckpoint(keras.callbacks.ModelCheckpoint):
    """Keras's ModelCheckpoint; what it writes becomes versions of `run_<id>_model`."""

    def __init__(self, filepath: Any, *arguments: Any, **options: Any) -> None:
        """Take the arguments of Keras's callback, and need a run.

        Raises:
            UsageError: There is none.
        """
        super().__init__(str(filepath), *arguments, **options)
        require_run("integrations.keras")
        self._seen: dict[Path, int] = {}

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Save as Keras does, and log what was written."""
        super().on_train_batch_end(batch, logs)
        if self.save_freq != "epoch":
            epoch = self._current_epoch
            self._log_written(epoch, batch, logs, f"epoch_{epoch}_batch_{batch}")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Save as Keras does, and log what was written."""
        super().on_epoch_end(epoch, logs)
        if self.save_freq == "epoch":
            self._log_written(epoch, None, logs, f"epoch_{epoch}")

    def _log_written(self, epoch: int, batch: int | None, logs: Mapping[str, Any] | None, alias: str) -> None:
        path = Path(self._get_file_path(epoch, batch, logs))
        # With save_best_only nothing, or an older file, lies there after an epoch that was not better.
        if not path.exists() or self._seen.get(path) == path.stat().st_mtime_ns:
            return
        self._seen[path] = path.stat().st_mtime_ns
        run = require_run("integrations.keras")
        artifact = Artifact(f"run_{run.id}_model", type="model")
        if path.is_dir():
            artifact.add_dir(path)
        else:
            artifact.add_file(path)
        run.log_artifact(artifact, aliases=[alias])


class EvalTables(keras.callbacks.Callback, ABC):
    """A table of the validation data, and one of the predictions for it after each epoch.

    A subclass fills `self.data_table` in `add_ground_truth` and `self.pred_table` in
    `add_model_predictions`, by `add_data`. Rows of predictions usually begin with the
    epoch and the row of the data that they belong to (`self.data_table_ref`).
    """

    def __init__(self, data_table_columns: Sequence[str], pred_table_columns: Sequence[str]) -> None:
        """Need a run.

        Raises:
            UsageError: There is none.
        """
        super().__init__()
        require_run("integrations.keras")
        self.data_table_columns = list(data_table_columns)
        self.pred_table_columns = list(pred_table_columns)

    @abstractmethod
    def add_ground_truth(self, logs: Mapping[str, Any] | None = None) -> None:
        """Add the rows of the validation data."""

    @abstractmethod
    def add_model_predictions(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Add the rows of the predictions of an epoch."""

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Log the table of the data, once."""
        self.init_data_table(self.data_table_columns)
        self.add_ground_truth(logs)
        self.log_data_table()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the table of the predictions."""
        self.init_pred_table(self.pred_table_columns)
        self.add_model_predictions(epoch, logs)
        self.log_pred_table()

    def init_data_table(self, column_names: Sequence[str]) -> None:
        """Begin the table of the data."""
        self.data_table = Table(columns=list(column_names), allow_mixed_types=True)

    def init_pred_table(self, column_names: Sequence[str]) -> None:
        """Begin a table of predictions."""
        self.pred_table = Table(columns=list(column_names), allow_mixed_types=True)

    def log_data_table(self, name: str = "val", type: str = "dataset", table_name: str = "val_data") -> None:
        """Log the data as an artifact, and use it: `self.data_table_ref` is the table in it."""
        run = require_run("integrations.keras")
        artifact = Artifact(name, type=type)
        artifact.add(self.data_table, table_name)
        run.log_artifact(artifact)
        run.use_artifact(artifact)
        self.data_table_ref = artifact.get(table_name)

    def log_pred_table(
        self, type: str = "evaluation", table_name: str = "eval_data", aliases: Sequence[str] | None = None
    ) -> None:
        """Log the predictions as a version of `run_<id>_pred`."""
        run = require_run("integrations.keras")
        artifact = Artifact(f"run_{run.id}_pred", type=type)
        artifact.add(self.pred_table, table_name)
        run.log_artifact(artifact, aliases=list(aliases or ["latest"]))


WandbMetricsLogger = MetricsLogger
WandbModelCheckpoint = ModelCheckpoint
WandbEvalCallback = EvalTables
