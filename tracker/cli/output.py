"""How the command line prints: tables that fit, sizes, times, JSON."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from unicodedata import east_asian_width

import click

from tracker.read.words import age_text, duration_text, number_text, printable, size_text

__all__ = [
    "age_text",
    "duration_text",
    "number_text",
    "print_json",
    "print_table",
    "printable",
    "size_text",
    "warn",
]


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
