"""Two tables (CSV, TSV) compared by their columns and rows, read row by row."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from vcs.digest import Digest
from vcs.stores.base import Store

# Rows of so many are told apart; of more only the number is known. About 100 bytes each.
MOST_ROWS = 1_000_000
_MOST_COLUMNS = 10_000
_DELIMITERS = ",;|\t"


class TableError(ValueError):
    """A file is no table, whatever its name says."""


@dataclass(frozen=True)
class TableChanges:
    """How two tables differ. The order of the rows does not count.

    Attributes:
        old_rows, new_rows: Numbers of rows below the heading.
        columns_added, columns_removed: By their headings.
        columns: How many the newer table has.
        rows_added, rows_removed: Rows that only one side has, in the columns that both have;
            None if there are too many to tell.
    """

    old_rows: int
    new_rows: int
    columns: int
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    rows_added: int | None = None
    rows_removed: int | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "form": "table",
            "old_rows": self.old_rows,
            "new_rows": self.new_rows,
            "columns": self.columns,
            "columns_added": list(self.columns_added),
            "columns_removed": list(self.columns_removed),
            "rows_added": self.rows_added,
            "rows_removed": self.rows_removed,
        }


def compare_tables(store: Store, old: Digest, new: Digest, *, tabs: bool = False) -> TableChanges:
    """Compare two objects as tables; the first row of each is its heading.

    Raises:
        TableError: One of them cannot be read as a table.
        NotFoundError, StoreError: An object is not there, or cannot be read.
    """
    try:
        with _rows(store, old, tabs) as a, _rows(store, new, tabs) as b:
            return _compare(a, b)
    except (csv.Error, UnicodeDecodeError) as error:
        raise TableError(str(error)) from error


def _compare(old: Iterator[list[str]], new: Iterator[list[str]]) -> TableChanges:
    (before, old), (after, new) = _with_heading(old), _with_heading(new)
    common = [name for name in before if name in after]
    places = [[heading.index(name) for name in common] for heading in (before, after)]
    balance: Counter[int] | None = Counter()
    counts = [0, 0]
    # Both at once, so that rows that are the same in both soon weigh nothing.
    for pair in zip_longest(old, new):
        for side, row in enumerate(pair):
            if row is None or not row:  # An empty line is no row.
                continue
            counts[side] += 1
            if balance is None:
                continue
            key = hash(tuple(row[i] if i < len(row) else "" for i in places[side]))
            balance[key] += 1 if side else -1
            if not balance[key]:
                del balance[key]
            elif len(balance) > MOST_ROWS:
                balance = None
    return TableChanges(
        old_rows=counts[0],
        new_rows=counts[1],
        columns=len(after),
        columns_added=tuple(name for name in after if name not in before),
        columns_removed=tuple(name for name in before if name not in after),
        rows_added=None if balance is None else sum(n for n in balance.values() if n > 0),
        rows_removed=None if balance is None else -sum(n for n in balance.values() if n < 0),
    )


@contextmanager
def _rows(store: Store, digest: Digest, tabs: bool) -> Iterator[Iterator[list[str]]]:
    with store.open(digest) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
        first = text.readline(1 << 20)
        text.seek(0)
        delimiter = "\t" if tabs else max(_DELIMITERS, key=first.count)
        yield csv.reader(text, delimiter=delimiter)


def _with_heading(rows: Iterator[list[str]]) -> tuple[list[str], Iterator[list[str]]]:
    """Return the names of the columns, those that come twice numbered, and the rows below.

    A first row of numbers alone is no heading; the columns are then named `1`, `2`, …
    """
    first = next(rows, [])
    if len(first) > _MOST_COLUMNS:
        raise TableError("too many columns")
    if first and all(map(_is_number, first)):
        return [str(number) for number in range(1, len(first) + 1)], chain([first], rows)
    seen: Counter[str] = Counter()
    names = []
    for name in first:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names, rows


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
