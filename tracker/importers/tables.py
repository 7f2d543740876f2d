"""Histories in CSV and JSON lines: one file is one run, one line one row.

A column of steps and one of times are recognised by their names, or named by the caller.
CSV has only text: what is spelled as a number or a truth value becomes that, an empty cell
is no value.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tracker.importers.found import FoundItem, FoundRow, FoundRun, FoundSession, Notes, id_of, stamp_of
from tracker.importers.report import Report
from tracker.values.sink import MediaSink
from vcs.clock import parse_time
from vcs.errors import FormatError, NotFoundError

SOURCE = "table"
SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")
STEPS = ("_step", "step", "global_step", "Step", "iteration", "iter")
TIMES = ("_timestamp", "timestamp", "time", "wall_time", "Wall time", "created_at")


def find_runs(
    place: Path, project: str, report: Report, *, step: str | None = None, time: str | None = None
) -> Iterator[FoundRun]:
    """Yield a run for a file, or for each file of a folder.

    Raises:
        NotFoundError: There is no such file.
    """
    paths = [place] if place.is_file() else [p for p in sorted(place.rglob("*")) if p.suffix in SUFFIXES]
    if not paths:
        raise NotFoundError(f"no {', '.join(SUFFIXES)} below {place}")
    for path in paths:
        name = path.stem if place.is_file() else path.relative_to(place).with_suffix("").as_posix()
        times = TIMES if time is None else (time,)
        first_s = next(
            (t for row in _peek(path, report) if (t := _time_of(row, times)) is not None),
            path.stat().st_mtime,
        )
        rows = partial(_rows, path, STEPS if step is None else (step,), times, first_s)
        yield FoundRun(
            id=id_of(SOURCE, str(path)),
            project=project,
            place=str(path),
            stamp=stamp_of([path]),
            sessions=[FoundSession(started_s=first_s, rows=rows)],
            name=name,
        )


def _peek(path: Path, report: Report) -> Iterator[dict[str, Any]]:
    """Yield the first row; a file without one is for the rows to complain about."""
    try:
        for _, row in zip(range(1), _lines(path), strict=False):
            yield row
    except FormatError as error:
        report.remarks.append(error.message)


def _rows(
    path: Path, steps: tuple[str, ...], times: tuple[str, ...], first_s: float, sink: MediaSink, notes: Notes
) -> Iterator[FoundItem]:
    last_s = first_s
    for number, row in enumerate(_until_damage(path, notes)):
        step_key = next((key for key in steps if _is_whole(row.get(key))), "")
        time_key = next((key for key in times if _time_of(row, (key,)) is not None), "")
        last_s = _time_of(row, (time_key,)) or last_s
        values = {
            key: value
            for key, value in row.items()
            if value is not None and not key.startswith("_") and key not in (step_key, time_key)
        }
        yield FoundRow(int(row.get(step_key, number)), last_s, values)


def _until_damage(path: Path, notes: Notes) -> Iterator[dict[str, Any]]:
    try:
        yield from _lines(path)
    except FormatError as error:
        notes.add(f"what follows is left out: {error.message}")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            if path.suffix in (".csv", ".tsv"):
                yield from _csv_lines(stream, "\t" if path.suffix == ".tsv" else ",", path)
            else:
                yield from _json_lines(stream, path)
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not text: {error}") from error


def _csv_lines(stream: Iterable[str], delimiter: str, path: Path) -> Iterator[dict[str, Any]]:
    try:
        for row in csv.DictReader(stream, delimiter=delimiter):
            yield {key: _cell(text) for key, text in row.items() if key and isinstance(text, str)}
    except csv.Error as error:
        raise FormatError(f"{path} is damaged: {error}") from error


def _json_lines(stream: Iterable[str], path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            if not line.endswith("\n"):
                return  # torn: somebody writes it, or was killed
            raise FormatError(f"{path}, line {number}: {error}") from error
        if not isinstance(row, dict):
            raise FormatError(f"{path}, line {number}: not an object")
        yield row


def _cell(text: str) -> Any:
    text = text.strip()
    if text in ("", "True", "False", "true", "false"):
        return {"": None}.get(text, text.lower() == "true")
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _is_whole(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (
        isinstance(value, float) and math.isfinite(value) and value == int(value)
    )


def _time_of(row: dict[str, Any], names: tuple[str, ...]) -> float | None:
    """Return the seconds since 1970 that a row says: a number of them, or ISO 8601."""
    for name in names:
        value = row.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 1e8 < value < 1e11:
            return float(value)
        if isinstance(value, str):
            try:
                return parse_time(value).timestamp()
            except FormatError:
                continue
    return None
