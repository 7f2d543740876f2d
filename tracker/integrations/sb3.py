"""A callback for Stable-Baselines3; its metrics come by `init(sync_tensorboard=True)`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from stable_baselines3.common.callbacks import BaseCallback

import tracker
from tracker.live.session import require_run
from tracker.live.term import warn

Watched = Literal["gradients", "parameters", "all"]


class TrackerCallback(BaseCallback):
    """Hyperparameters, gradients and the model of a reinforcement learning run.

    Plain values of the algorithm become configuration, as far as they are not there
    yet. The model is saved to `<model_save_path>/model.zip` every `model_save_freq`
    calls and at the end, and kept with the run.
    """

    def __init__(
        self,
        verbose: int = 0,
        model_save_path: str | None = None,
        model_save_freq: int = 0,
        gradient_save_freq: int = 0,
        log: Watched | None = "all",
    ) -> None:
        """Need a run.

        Raises:
            UsageError: There is none.
            AssertionError: A frequency, and no path to save to.
        """
        super().__init__(verbose)
        require_run("integrations.sb3")
        if log not in ("gradients", "parameters", "all", None):
            warn(f"log={log!r} is none of gradients, parameters, all and None; all is taken")
            log = "all"
        assert model_save_path is not None or model_save_freq == 0, "model_save_freq needs model_save_path"
        self.model_save_path = model_save_path
        self.model_save_freq = model_save_freq
        self.gradient_save_freq = gradient_save_freq
        self.log = log

    def _init_callback(self) -> None:
        run = require_run("integrations.sb3")
        plain = {
            key: value if type(value) in (bool, float, int, str) else str(value)
            for key, value in vars(self.model).items()
        }
        run.config.setdefaults({"algo": type(self.model).__name__, **plain})
        if self.gradient_save_freq > 0 and self.log is not None:
            run.watch(self.model.policy, log=self.log, log_freq=self.gradient_save_freq)

    def _on_step(self) -> bool:
        if self.model_save_freq > 0 and self.n_calls % self.model_save_freq == 0:
            self.save_model()
        return True

    def _on_training_end(self) -> None:
        if self.model_save_path is not None:
            self.save_model()

    def save_model(self) -> None:
        """Save the model, and keep it with the run."""
        assert self.model_save_path is not None
        folder = Path(self.model_save_path)
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder / "model.zip")
        run: Any = tracker.run
        if run is not None:
            run.save(folder / "model.zip", base_path=folder)


WandbCallback = TrackerCallback
