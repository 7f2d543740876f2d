"""The one tree of errors, cut by what a caller can do about each.

The message is a sentence in the user's words that names the thing; `hint` is the
next command or change that mends it. The command line prints both and exits with
the status that `tracker/cli/errors.py` keeps for the class.
"""

from __future__ import annotations


class Error(Exception):
    """Any failure that this project reports on purpose."""

    kind = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nHint: {self.hint}" if self.hint else self.message


class UsageError(Error, ValueError):
    """The call or command itself is wrong; another one would work."""

    kind = "usage"


class NotFoundError(Error, LookupError, ValueError):
    """A run, artifact, version, alias, object or path does not exist.

    Also a ValueError, because scripts written for wandb catch that.
    """

    kind = "not-found"


class AlreadyExistsError(Error):
    """The thing to create is there already and is not the same."""

    kind = "already-exists"


class ConflictError(Error):
    """Two sides changed one thing, or a file changed while it was read."""

    kind = "conflict"


class LockedError(Error):
    """Another process holds what is needed; trying again later helps."""

    kind = "locked"


class IntegrityError(Error):
    """Bytes do not have the digest under which they are known."""

    kind = "integrity"


class FormatError(Error, ValueError):
    """A file of ours cannot be read: cut, not YAML, hostile or of a newer format."""

    kind = "format"


class StoreError(Error):
    """A store or the disk below it failed: full, read-only, unreachable."""

    kind = "store"


class GitError(Error):
    """git is missing, too old, or refused."""

    kind = "git"
