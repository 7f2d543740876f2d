"""Sizes, numbers, ages and lengths of time, as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from unicodedata import combining, east_asian_width

# Keys of what `watch` logs: many, and of little use for telling a good run from a bad one.
WATCHED = ("gradients/", "parameters/")


def size_text(size_bytes: int) -> str:
    """Return a size with three digits and a decimal unit: 3.4 GB."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    value, units = size_bytes / 1000, ["kB", "MB", "GB", "TB", "PB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.3g} {units[0]}"


def count_text(count: int, thing: str) -> str:
    """Return a count of things: 1 run, 2 runs."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def number_text(value: object) -> str:
    """Return a value for a table cell: numbers with five significant digits."""
    if type(value) is str:
        return value
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list | tuple):
        return ", ".join(number_text(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={number_text(item)}" for key, item in value.items())
    return str(value)


def age_text(time: str, *, now: datetime | None = None) -> str:
    """Return how long ago an ISO time was: `3 h ago`; the text itself if it is no time."""
    try:
        then = datetime.fromisoformat(time)
    except ValueError:
        return time
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    if seconds < 0:
        return "in the future"
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} ago"
    return f"{int(seconds)} s ago"


def duration_text(seconds: float | None) -> str:
    """Return a duration as 1:02:03, 2:03 or 4.5 s."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def printable(text: str) -> str:
    """Make one line of a text that a record holds: control characters could drive the terminal."""
    if text.isprintable():
        return text
    return "".join(ch if ch.isprintable() else "�" for ch in text.replace("\n", " ").replace("\t", " "))


def text_width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(ch) else 2 if east_asian_width(ch) in "WF" else 1 for ch in text)


def cut_text(text: str, width: int) -> str:
    """Return the text, cut to so many columns of a terminal; an ellipsis says that it is."""
    if text_width(text) <= width:
        return text
    kept, used = [], 0
    for ch in text:
        used += text_width(ch)
        if used > width - 1:
            break
        kept.append(ch)
    return "".join(kept) + "…" if width > 0 else ""
