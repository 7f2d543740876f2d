"""Times as the records spell them: UTC, ISO 8601, milliseconds, `Z`."""

from __future__ import annotations

from datetime import UTC, datetime

from vcs.errors import FormatError


def iso_time(seconds: float) -> str:
    """Return seconds since the epoch as `2026-11-23T07:30:00.123Z`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def iso_now() -> str:
    """Return the present moment as `iso_time` writes it."""
    moment = datetime.now(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def parse_time(text: str) -> datetime:
    """Read a recorded time back; a time without a zone is taken as UTC.

    Raises:
        FormatError: It is not an ISO 8601 time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise FormatError(f"not a time: {text!r}") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
