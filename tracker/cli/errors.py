"""Errors as text and exit status; the only table of both."""

from __future__ import annotations

import json

from vcs import errors

# 1 is kept for "the answer is no" (verify found damage, things differ), as diff and grep do it.
STATUS: dict[type[errors.Error], int] = {
    errors.UsageError: 2,
    errors.NotFoundError: 3,
    errors.AlreadyExistsError: 4,
    errors.ConflictError: 5,
    errors.LockedError: 6,
    errors.IntegrityError: 7,
    errors.FormatError: 8,
    errors.StoreError: 9,
    errors.GitError: 10,
}
OTHER_ERROR = 11
INTERRUPTED = 130


def exit_status(error: errors.Error) -> int:
    """Return the exit status of the nearest class of `error` in the table."""
    for cls in type(error).__mro__:
        if cls in STATUS:
            return STATUS[cls]
    return OTHER_ERROR


def render(error: errors.Error) -> str:
    """Return the sentence and the hint for a person."""
    text = f"Error: {error.message}"
    return f"{text}\nHint: {error.hint}" if error.hint else text


def render_json(error: errors.Error) -> str:
    """Return the error as one JSON object for a program."""
    return json.dumps({"error": error.kind, "message": error.message, "hint": error.hint}, ensure_ascii=False)


def from_os_error(error: OSError) -> errors.StoreError:
    """Turn an operating system error that nothing below had a better word for into ours."""
    where = f" {error.filename}" if error.filename else ""
    return errors.StoreError(f"{error.strerror or error}:{where}" if where else str(error.strerror or error))
