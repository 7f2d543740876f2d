"""How the command line prints: tables that fit, sizes, times, JSON."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

import click

from tracker.read.words import (
    age_text,
    count_text,
    cut_text,
    duration_text,
    number_text,
    printable,
    size_text,
    text_width,
)
from tracker.values.json_text import jsonable

__all__ = [
    "age_text",
    "count_text",
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
    click.echo(json.dumps(jsonable(value), ensure_ascii=False, indent=2, default=str))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Iterable[str] = (),
    colors: Mapping[str, str] | None = None,
) -> None:
    """Print rows under headings; see `table_lines`."""
    click.echo("\n".join(table_lines(columns, rows, right=right, colors=colors)))


def table_lines(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Iterable[str] = (),
    colors: Mapping[str, str] | None = None,
) -> list[str]:
    """Return the lines of rows under headings, no wider than the terminal.

    Piped output is not cut: a program may want the whole text. Columns named in
    `right` are aligned to the right; a whole cell that is a key of `colors` gets that
    color on a terminal.
    """
    # Column by column: a table may have ten thousand rows.
    found = list(rows)
    cells = [[_cell(row[place]) for row in found] for place in range(len(columns))]
    wide = [_widths([name, *column]) for name, column in zip(columns, cells, strict=True)]
    widths = list(map(max, wide))
    if sys.stdout.isatty():
        room = shutil.get_terminal_size().columns - 2 * (len(columns) - 1)
        while sum(widths) > room and max(widths) > 8:
            widths[widths.index(max(widths))] -= 1
    made = [
        _padded([name, *column], each, width, name in set(right), colors or {})
        for name, column, each, width in zip(columns, cells, wide, widths, strict=True)
    ]
    head, *lines = ("  ".join(line).rstrip() for line in zip(*made, strict=True))
    return [click.style(head, bold=True), *lines]


def _cell(value: object) -> str:
    if type(value) is str and value.isprintable():
        return value
    return printable(number_text(value))


def _widths(column: list[str]) -> list[int]:
    return list(map(len if all(map(str.isascii, column)) else text_width, column))


def _padded(
    column: list[str], each: list[int], width: int, to_right: bool, colors: Mapping[str, str]
) -> list[str]:
    """Return the cells of a column, as wide as it is; a cell that is a key of `colors` gets that color."""
    if max(each) > width:
        column = [cut_text(text, width) for text in column]
        each = _widths(column)
    colorless = colors.keys().isdisjoint(column)
    if colorless and each == list(map(len, column)):
        return list(map(str.rjust if to_right else str.ljust, column, repeat(width)))
    gaps = [" " * (width - own) for own in each]
    if not colorless:
        column = [column[0], *(click.style(t, fg=colors[t]) if t in colors else t for t in column[1:])]
    if to_right:
        return [gap + text for gap, text in zip(gaps, column, strict=True)]
    return [text + gap for gap, text in zip(gaps, column, strict=True)]
