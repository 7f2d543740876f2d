"""Times of records."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vcs.clock import iso_now, iso_time, parse_time
from vcs.errors import FormatError


def test_a_time_has_milliseconds_and_a_z() -> None:
    """The spelling of docs/formats.md."""
    assert iso_time(1795419000.123) == "2026-11-23T07:30:00.123Z"
    assert iso_time(1795419000) == "2026-11-23T07:30:00.000Z"


def test_a_time_is_read_back_to_the_millisecond() -> None:
    """What is written is what is read."""
    assert parse_time("2026-11-23T07:30:00.123Z") == datetime(2026, 11, 23, 7, 30, 0, 123000, UTC)


def test_now_is_a_time_that_can_be_read_back() -> None:
    """The clock and the parser agree on the form."""
    assert abs((parse_time(iso_now()) - datetime.now(UTC)).total_seconds()) < 60


def test_a_time_without_a_zone_is_utc() -> None:
    """Records never hold local time."""
    assert parse_time("2026-11-23T07:30:00").tzinfo is UTC


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "123"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """A damaged time is a damaged file, not a moment."""
    with pytest.raises(FormatError, match="not a time"):
        parse_time(text)
