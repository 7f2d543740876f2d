"""wandb.data_types: the classes of media and tables."""

from tracker.values.content import Media as WBValue  # noqa: F401
from tracker.values.media import *  # noqa: F403


def __getattr__(name):
    raise AttributeError(
        f"wandb.data_types.{name} is not offered by tracker, which stands in for wandb in this program"
    )
