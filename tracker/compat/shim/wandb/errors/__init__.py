"""wandb's names for errors, each a class of tracker's tree."""

from tracker.errors import (  # noqa: F401
    ArtifactFinalizedError,
    ArtifactNotLoggedError,
    CommError,
    ConfigError,
    Error,
    UsageError,
)

AuthenticationError = UsageError
WandbCoreNotAvailableError = Error
UnsupportedError = UsageError
