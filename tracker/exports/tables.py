"""The rows of runs as CSV, JSON or Parquet: every row, nothing sampled, some ten thousand at a time.

Rows that were taken back are left out, as everywhere. Media are the text of their record.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from tracker.exports.parquet import Kind, ParquetFile, import_writer
from tracker.read.frames import Row
from tracker.read.rows import say_unknown
from tracker.read.run_view import RunView
from tracker.storage.parts import Which
from tracker.storage.row_stream import RowStream
from tracker.values.json_text import jsonable

# Tells runs apart in one table; a metric has no business with a name like this.
RUN = "run"
_MADE = ("_step", "_runtime", "_timestamp")


def write_csv(
    runs: Sequence[RunView], stream: BinaryIO, *, keys: Sequence[str] | None = None, system: bool = False
) -> int:
    """Write one table with a heading and return the number of its rows.

    A cell is empty where a row lacks the value. Numbers have all their digits.

    Raises:
        FormatError, StoreError: A history is damaged, or cannot be read.
    """
    sources = [_Source(run, keys, system) for run in runs]
    columns = _columns(sources, keys)
    several = len(runs) > 1
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([RUN, *columns] if several else columns)
    count = 0
    for source in sources:
        first = [source.run.id] if several else []
        for rows in source.rows():
            writer.writerows([*first, *(_cell(row.get(key)) for key in columns)] for row in rows)
            count += len(rows)
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
        head = json.dumps(jsonable(describe(run)), ensure_ascii=False, default=str)
        stream.write(("," if place else "").encode() + f'\n{head[:-1]}, "rows": ['.encode())
        before = "\n"
        for rows in _Source(run, keys, system).rows():
            lines = (json.dumps(jsonable(row), ensure_ascii=False, default=str) for row in rows)
            stream.write((before + ",\n".join(lines)).encode())
            before = ",\n"
            count += len(rows)
        stream.write(b"\n]}")
    stream.write(b"\n]\n")
    return count


def write_parquet(
    runs: Sequence[RunView], stream: BinaryIO, *, keys: Sequence[str] | None = None, system: bool = False
) -> int:
    """Write one table with a column for each key, and `run`; return the number of its rows.

    A column holds whole numbers, numbers, truth values or text; what is mixed, or nested,
    is text in JSON. To tell which, the rows are read once before they are written.

    Raises:
        UsageError: No package that writes Parquet is installed.
        FormatError, StoreError: A history is damaged, or cannot be read.
    """
    package = import_writer()
    sources = [_Source(run, keys, system) for run in runs]
    columns = {key: Column() for key in _columns(sources, keys)}
    for source in sources:
        for rows in source.rows():
            for key, column in columns.items():
                column.look([row.get(key) for row in rows])
    # A metric of this name would hide which run a row is of.
    names = {key: key if key != RUN else f"{RUN} (metric)" for key in columns}
    kinds: dict[str, Kind] = {RUN: "text", **{names[key]: column.kind for key, column in columns.items()}}
    count = 0
    with ParquetFile(stream, kinds, package) as file:
        for source in sources:
            for rows in source.rows():
                table: dict[str, list[Any]] = {RUN: [source.run.id] * len(rows)}
                for key, column in columns.items():
                    table[names[key]] = column.of([row.get(key) for row in rows])
                file.write(table, len(rows))
                count += len(rows)
    return count


class _Source:
    """Every row of a run; with keys those that have all of them, and their step.

    Columns are told from rows that are read before they are written. So the rows of a run
    that goes on are those of the moment when it was first asked.
    """

    def __init__(self, run: RunView, keys: Sequence[str] | None, system: bool) -> None:
        self.run = run
        self._keys = _wanted(keys)
        self._which: Which = "system" if system else "history"
        self._kept: RowStream | None = None

    def _stream(self) -> RowStream:
        if self._kept is not None:
            return self._kept
        stream = RowStream(self.run.layout, self._which)
        if self.run.state == "running":
            self._kept = stream
        return stream

    def logged(self) -> list[str]:
        """Return the keys of the rows."""
        return self._stream().keys()

    def rows(self) -> Iterator[list[Row]]:
        """Yield the rows, some ten thousand at a time."""
        any_rows = False
        for rows in self._stream().rows(self._keys):
            any_rows = True
            yield rows
        if self._keys is not None and not any_rows:
            say_unknown(self.run.layout, self._keys, system=self._which == "system")


def _wanted(keys: Sequence[str] | None) -> list[str] | None:
    return None if keys is None else list(dict.fromkeys([_MADE[0], *keys]))


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


class Column:
    """What the values of a column have in common."""

    def __init__(self) -> None:
        self._types: set[type] = set()
        self._fits, self._is_exact = True, True

    def look(self, values: Iterable[Any]) -> None:
        """Take some of the values into account; None is no value."""
        types = set(map(type, values)) - {type(None)}
        self._types |= types
        if int in types and (self._fits or self._is_exact):
            whole = [value for value in values if type(value) is int]
            self._fits = self._fits and min(whole) >= -(2**63) and max(whole) < 2**63
            self._is_exact = self._is_exact and all(map(_is_exact, whole))

    @property
    def kind(self) -> Kind:
        """What a column of all of them holds without that one changes: text, in JSON, if nothing else."""
        if not self._types:
            return "nothing"
        if self._types == {int} and self._fits:
            return "whole numbers"
        if self._types <= {int, float} and self._is_exact:
            return "numbers"
        return "truth values" if self._types == {bool} else "text"

    def of(self, values: list[Any]) -> list[Any]:
        """Return the values as the column holds them."""
        kind = self.kind
        if kind == "numbers":
            return [None if value is None else float(value) for value in values]
        if kind != "text" or self._types == {str}:
            return values
        return [value if value is None or type(value) is str else _json_text(value) for value in values]


def _is_exact(value: int) -> bool:
    try:
        return int(float(value)) == value
    except OverflowError:
        return False


def _columns(sources: Iterable[_Source], keys: Sequence[str] | None) -> list[str]:
    """Return every key, those that say when first."""
    wanted = _wanted(keys)
    if wanted is None:
        logged = dict.fromkeys(key for source in sources for key in source.logged())
        wanted = [*_MADE, *logged] if logged else []
    return [*(key for key in _MADE if key in wanted), *(key for key in wanted if key not in _MADE)]


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
