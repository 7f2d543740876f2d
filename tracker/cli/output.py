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
from vcs.errors import UsageError

__all__ = [
    "age_text",
    "confirm",
    "count_text",
    "duration_text",
    "number_text",
    "print_json",
    "print_table",
    "printable",
    "size_text",
    "warn",
]

# A text that is cut to less says little; beyond that, a column shows that it is there.
_SHORTEST = 8
_NARROWEST = 2


def warn(sentences: Iterable[str]) -> None:
    """Print warnings on stderr, where they do not mix with data."""
    for sentence in sentences:
        click.echo(f"Warning: {sentence}", err=True)


def confirm(question: str) -> None:
    """Ask before something goes.

    Raises:
        click.Abort: The answer is no.
        UsageError: Nobody answers, because the input is no terminal and has ended.
    """
    try:
        click.confirm(question, abort=True, err=True)
    except click.Abort as abort:
        if isinstance(abort.__context__, EOFError) and not sys.stdin.isatty():
            click.echo(err=True)
            raise UsageError("nobody is there to answer", hint="to go on without a question: --yes") from None
        raise


def print_json(value: object) -> None:
    """Print one JSON document; NaN and infinity become the strings "nan", "inf", "-inf"."""
    click.echo(json.dumps(jsonable(value), ensure_ascii=False, indent=2, default=str))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Iterable[str] = (),
    colors: Mapping[str, str] | None = None,
    optional: Sequence[str] = (),
) -> None:
    """Print rows under headings; see `table_lines`."""
    click.echo("\n".join(table_lines(columns, rows, right=right, colors=colors, optional=optional)))


def table_lines(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Iterable[str] = (),
    colors: Mapping[str, str] | None = None,
    optional: Sequence[str] = (),
) -> list[str]:
    """Return the lines of rows under headings, no wider than the terminal.

    Piped output is not cut: a program may want the whole text. Columns named in
    `right` are aligned to the right; a whole cell that is a key of `colors` gets that
    color on a terminal. Where there is no room, the widest columns are cut, numbers
    last; before that, columns named in `optional` are left out, the last one first, and
    a line on stderr says which.
    """
    # Column by column: a table may have ten thousand rows.
    found = list(rows)
    cells = [[_cell(row[place]) for row in found] for place in range(len(columns))]
    wide = [_widths([name, *column]) for name, column in zip(columns, cells, strict=True)]
    widths = list(map(max, wide))
    if sys.stdout.isatty():
        numbers = [name in set(right) for name in columns]
        places = _kept(columns, widths, [max(each[1:], default=0) for each in wide], numbers, optional)
        columns = [columns[place] for place in places]
        cells, wide = [cells[place] for place in places], [wide[place] for place in places]
        widths = _narrowed(
            [widths[place] for place in places],
            [max(wide[at][1:], default=0) if numbers[place] else 0 for at, place in enumerate(places)],
        )
    made = [
        _padded([name, *column], each, width, name in set(right), colors or {})
        for name, column, each, width in zip(columns, cells, wide, widths, strict=True)
    ]
    head, *lines = ("  ".join(line).rstrip() for line in zip(*made, strict=True))
    return [click.style(head, bold=True), *lines]


def _kept(
    columns: Sequence[str],
    widths: Sequence[int],
    content: Sequence[int],
    numbers: Sequence[bool],
    optional: Sequence[str],
) -> list[int]:
    """Return the places of the columns that there is room for; those that cannot be done without are kept."""
    least = [
        max(own, min(width, _SHORTEST)) if number else min(width, _SHORTEST)
        for width, own, number in zip(widths, content, numbers, strict=True)
    ]
    places, dropped = list(range(len(columns))), []
    for name in reversed(optional):
        if sum(least[place] for place in places) + 2 * (len(places) - 1) <= _columns_of_terminal():
            break
        places.remove(columns.index(name))
        dropped.append(name)
    if dropped:
        names = ", ".join(printable(name) for name in reversed(dropped))
        click.echo(f"No room for {names}: --columns chooses, a wider terminal shows all.", err=True)
    return places


def _narrowed(widths: list[int], least: Sequence[int]) -> list[int]:
    """Return widths that fit the terminal: the widest give way, those of numbers last."""
    room = _columns_of_terminal() - 2 * (len(widths) - 1)
    for floors in ([max(_SHORTEST, each) for each in least], [_NARROWEST] * len(widths)):
        while sum(widths) > room:
            able = [at for at, width in enumerate(widths) if width > floors[at]]
            if not able:
                break
            widths[max(able, key=widths.__getitem__)] -= 1
    return widths


def _columns_of_terminal() -> int:
    return shutil.get_terminal_size().columns


def _cell(value: object) -> str:
    kind = type(value)
    if kind is str and value.isprintable():  # type: ignore[attr-defined]
        return value  # type: ignore[return-value]
    if kind is float or kind is int:
        return number_text(value)
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
        styled = {text: click.style(text, fg=color) for text, color in colors.items()}
        column = [column[0], *(styled.get(text, text) for text in column[1:])]
    if to_right:
        return [gap + text for gap, text in zip(gaps, column, strict=True)]
    return [text + gap for gap, text in zip(gaps, column, strict=True)]
