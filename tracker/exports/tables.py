"""The rows of runs as CSV, JSON or Parquet: every row, nothing sampled.

Rows that were taken back are left out, as everywhere. Media are the text of their record.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

from tracker.exports.parquet import ParquetFile
from tracker.read.frames import Row, columns_of
from tracker.read.rows import select_rows
from tracker.read.run_view import RunView
from tracker.values.json_text import jsonable

# Tells runs apart in one table; a metric has no business with a name like this.
RUN = "run"
_MADE = ("_step", "_runtime", "_timestamp")
_LINES_AT_ONCE = 5000


def write_csv(
    runs: Sequence[RunView], stream: BinaryIO, *, keys: Sequence[str] | None = None, system: bool = False
) -> int:
    """Write one table with a heading and return the number of its rows.

    A cell is empty where a row lacks the value. Numbers have all their digits.

    Raises:
        FormatError, StoreError: A history is damaged, or cannot be read.
    """
    found = [(run, rows_of(run, keys, system)) for run in runs]
    columns = _columns(found)
    several = len(runs) > 1
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([RUN, *columns] if several else columns)
    count = 0
    for run, rows in found:
        for row in rows:
            cells = [_cell(row.get(key)) for key in columns]
            writer.writerow([run.id, *cells] if several else cells)
            count += 1
            if count % _LINES_AT_ONCE == 0:
                _drain(text, stream)
    _drain(text, stream)
    return count


def write_json(
    runs: Sequence[RunView], stream: BinaryIO, *, keys: Sequence[str] | None = None, system: bool = False
) -> int:
    """Write a list of runs, each with its config, summary and rows; return the number of rows.

    NaN and the infinities, which JSON lacks, are the strings "nan", "inf" and "-inf".

    Raises:
        FormatError, StoreError: A history is damaged, or cannot be read.
    """
    count = 0
    stream.write(b"[")
    for place, run in enumerate(runs):
        rows = rows_of(run, keys, system)
        head = json.dumps(jsonable(describe(run)), ensure_ascii=False, default=str)
        stream.write(("," if place else "").encode() + f'\n{head[:-1]}, "rows": ['.encode())
        for start in range(0, len(rows), _LINES_AT_ONCE):
            lines = (
                json.dumps(jsonable(row), ensure_ascii=False, default=str)
                for row in rows[start : start + _LINES_AT_ONCE]
            )
            stream.write(((",\n" if start else "\n") + ",\n".join(lines)).encode())
        stream.write(b"\n]}")
        count += len(rows)
    stream.write(b"\n]\n")
    return count


def write_parquet(
    runs: Sequence[RunView], stream: BinaryIO, *, keys: Sequence[str] | None = None, system: bool = False
) -> int:
    """Write one table with a column for each key, and `run`; return the number of its rows.

    A column holds whole numbers, numbers, truth values or text; what is mixed, or
    nested, is text in JSON.

    Raises:
        UsageError: No package that writes Parquet is installed.
        FormatError, StoreError: A history is damaged, or cannot be read.
    """
    file = ParquetFile(stream)
    found = [(run, rows_of(run, keys, system)) for run in runs]
    count = sum(len(rows) for _, rows in found)
    table: dict[str, list[Any]] = {RUN: [run.id for run, rows in found for _ in rows]}
    for key in _columns(found):
        # A metric of this name would hide which run a row is of.
        name = key if key != RUN else f"{RUN} (metric)"
        table[name] = column_of([row.get(key) for _, rows in found for row in rows])
    file.write(table)
    return count


def rows_of(run: RunView, keys: Sequence[str] | None, system: bool) -> list[Row]:
    """Return every row of a run; with keys those that have all of them, and their step."""
    wanted = None if keys is None else list(dict.fromkeys(["_step", *keys]))
    return select_rows(run.layout, wanted, system=system)


def describe(run: RunView) -> dict[str, Any]:
    """Return what a reader of an export wants to know of a run beside its rows."""
    record = run.record
    return {
        "id": run.id,
        "project": run.project,
        "name": run.name,
        "state": run.state,
        "created": run.created_at,
        "duration_s": run.duration,
        "commit": run.commit,
        "tags": run.tags,
        "notes": run.notes,
        "group": run.group,
        "config": run.config,
        "summary": dict(run.summary),
        "used": [f"{one.artifact}:{one.version}" for one in record.used],
        "logged": [f"{one.artifact}:{one.version}" for one in record.logged],
    }


def column_of(values: list[Any]) -> list[Any]:
    """Return values of one type that a table can hold, and None; JSON text if they have none in common."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return values
    if kinds <= {int, float} and all(type(value) is not int or _is_exact(value) for value in values):
        return [None if value is None else float(value) for value in values]
    if len(kinds) == 1 and kinds <= {bool, str}:
        return values
    return [value if value is None or type(value) is str else _json_text(value) for value in values]


def _is_exact(value: int) -> bool:
    try:
        return int(float(value)) == value
    except OverflowError:
        return False


def _columns(found: Iterable[tuple[RunView, list[Row]]]) -> list[str]:
    """Return every key, those that say when first."""
    known = columns_of(row for _, rows in found for row in rows)
    return [*(key for key in _MADE if key in known), *(key for key in known if key not in _MADE)]


def _cell(value: Any) -> Any:
    if value is None or type(value) is str:
        return value
    if type(value) in (float, int):
        return repr(value)
    return _json_text(value)


def _json_text(value: Any) -> str:
    return json.dumps(jsonable(value), ensure_ascii=False, default=str)


def _drain(text: io.StringIO, stream: BinaryIO) -> None:
    stream.write(text.getvalue().encode())
    text.seek(0)
    text.truncate()
