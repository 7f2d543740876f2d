"""Every error that `tracker` raises, under the names that scripts catch.

The tree is `vcs.errors`; here are the few classes that only runs and artifacts have,
and wandb's names for the others.
"""

from __future__ import annotations

from vcs.errors import (
    AlreadyExistsError,
    ConflictError,
    Error,
    FormatError,
    GitError,
    IntegrityError,
    LockedError,
    NotFoundError,
    StoreError,
    UsageError,
)

# wandb raises this for anything that its server does not know; scripts catch it.
CommError = NotFoundError


class ConfigError(Error):
    """A configuration value was changed without permission."""

    kind = "config"


class ArtifactStatusError(Error, AttributeError):
    """The artifact is not in the state that the call needs.

    Also an AttributeError, because wandb's is, so `hasattr(artifact, "version")` is
    False for a draft.
    """

    kind = "artifact-status"


class ArtifactNotLoggedError(ArtifactStatusError):
    """The artifact is a draft: it has no version yet."""


class ArtifactFinalizedError(ArtifactStatusError):
    """The artifact is a version: its contents cannot change any more."""


__all__ = [
    "AlreadyExistsError",
    "ArtifactFinalizedError",
    "ArtifactNotLoggedError",
    "ArtifactStatusError",
    "CommError",
    "ConfigError",
    "ConflictError",
    "Error",
    "FormatError",
    "GitError",
    "IntegrityError",
    "LockedError",
    "NotFoundError",
    "StoreError",
    "UsageError",
]
