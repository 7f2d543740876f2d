"""How the command line prints: tables that fit, sizes, times, JSON."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from unicodedata import east_asian_width

import click


def warn(sentences: Iterable[str]) -> None:
    """Print warnings on stderr, where they do not mix with data."""
    for sentence in sentences:
        click.echo(f"Warning: {sentence}", err=True)


def print_json(value: object) -> None:
    """Print one JSON document; NaN and infinity become the strings "nan", "inf", "-inf"."""
    click.echo(json.dumps(_jsonable(value), ensure_ascii=False, indent=2, default=str))


def _jsonable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value


def size_text(size_bytes: int) -> str:
    """Return a size with three digits and a decimal unit: 3.4 GB."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    value, units = size_bytes / 1000, ["kB", "MB", "GB", "TB", "PB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.3g} {units[0]}"


def number_text(value: object) -> str:
    """Return a value for a table cell: numbers with five significant digits."""
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
    return "".join(ch if ch.isprintable() else "�" for ch in text.replace("\n", " ").replace("\t", " "))


def _width(text: str) -> int:
    return sum(2 if east_asian_width(ch) in "WF" else 1 for ch in text)


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    kept = ""
    for ch in text:
        if _width(kept + ch) > width - 1:
            break
        kept += ch
    return kept + "…"


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Iterable[str] = (),
    colors: Mapping[str, str] | None = None,
) -> None:
    """Print rows under headings, no wider than the terminal.

    Piped output is not cut: a program may want the whole text. Columns named in
    `right` are aligned to the right; a whole cell that is a key of `colors` gets that
    color on a terminal.
    """
    cells = [[printable(number_text(value)) for value in row] for row in rows]
    widths = [max([_width(name), *(_width(row[i]) for row in cells)]) for i, name in enumerate(columns)]
    if sys.stdout.isatty():
        room = shutil.get_terminal_size().columns - 2 * (len(columns) - 1)
        while sum(widths) > room and max(widths) > 8:
            widths[widths.index(max(widths))] -= 1
    to_right = set(right)

    def line(values: Sequence[str]) -> str:
        parts = []
        for name, value, width in zip(columns, values, widths, strict=True):
            text = _cut(value, width)
            gap = " " * (width - _width(text))
            color = (colors or {}).get(value)
            text = click.style(text, fg=color) if color else text
            parts.append(gap + text if name in to_right else text + gap)
        return "  ".join(parts).rstrip()

    click.echo(click.style(line(list(columns)), bold=True))
    for row in cells:
        click.echo(line(row))
