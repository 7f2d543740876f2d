"""wandb.sdk: the few inner modules that frameworks import."""

from tracker import Artifact, Settings, init, login  # noqa: F401
