"""The helpers of wandb.util that scripts call."""

from tracker.values.random_names import generate_id  # noqa: F401
