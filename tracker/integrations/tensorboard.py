"""TensorBoard's events in the run, asked for by calls instead of `init(sync_tensorboard=True)`."""

from __future__ import annotations

import tracker
from tracker.collect import event_mirror
from tracker.live.feeders import mirror_tensorboard


def patch(
    save: bool = True, tensorboard_x: bool | None = None, pytorch: bool | None = None, root_logdir: str = ""
) -> None:
    """Log what is written for TensorBoard from now on, in the current run and in later ones.

    With several folders keys are relative to `root_logdir`, if given. The other arguments
    are accepted as wandb does: all writers that are installed are seen.
    """
    tracker.setup({"sync_tensorboard": True, "tensorboard_root": root_logdir or None})
    if tracker.run is not None:
        mirror_tensorboard(tracker.run._parts, root_logdir or None)


def unpatch() -> None:
    """Log nothing of TensorBoard any more."""
    tracker.setup({"sync_tensorboard": False})
    event_mirror.unpatch()
