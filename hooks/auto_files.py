"""Files of parameters and metrics, in the formats that people write them in.

YAML, JSON, JSON lines, TOML and CSV, told by their endings. They come out of a commit,
which may be anybody's: YAML is loaded safely, sizes are limited, nothing is run.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from vcs.errors import FormatError
from vcs.yaml_io import load_yaml

LARGEST_BYTES = 16 << 20
_MOST_ROWS = 1_000_000
_STEP_NAMES = ("step", "_step", "global_step", "epoch", "iteration")

Row: TypeAlias = tuple[int, Mapping[str, Any]]


def read_params(name: str, data: bytes) -> dict[str, Any]:
    """Return the mapping that a file of parameters holds.

    Raises:
        FormatError: It is of another format, too large, damaged, or no mapping.
    """
    value = _read(name, data)
    if not isinstance(value, Mapping):
        raise FormatError(f"{name} holds no parameters: its top level is no mapping")
    return {str(key): item for key, item in value.items()}


def read_metrics(name: str, data: bytes) -> tuple[dict[str, Any], list[Row]]:
    """Return the summary and the rows that a file of metrics holds; one of them is empty.

    A mapping is a summary; a list of mappings, or the lines of a table, are rows. A
    column named step (or epoch, iteration) that only grows gives the steps.

    Raises:
        FormatError: See `read_params`.
    """
    value = _read(name, data)
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}, []
    if isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
        return {}, _with_steps([{str(key): item for key, item in row.items()} for row in value])
    raise FormatError(f"{name} holds no metrics: neither a mapping nor rows of them")


def _read(name: str, data: bytes) -> Any:
    reader = _READERS.get(name.rpartition(".")[2].lower())
    if reader is None:
        raise FormatError(
            f"{name} cannot be read: its ending says none of {', '.join(_READERS)}",
            hint="write it in one of these formats",
        )
    if len(data) > LARGEST_BYTES:
        raise FormatError(f"{name} is larger than {LARGEST_BYTES >> 20} MiB")
    try:
        return reader(data.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        raise FormatError(f"{name} is not UTF-8 text") from error
    except (ValueError, RecursionError, csv.Error) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{name} cannot be read: {error}") from error


def _json(text: str, name: str) -> Any:
    return json.loads(text)


def _json_lines(text: str, name: str) -> Any:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _toml(text: str, name: str) -> Any:
    import tomllib

    return tomllib.loads(text)


def _table(separator: str) -> Callable[[str, str], Any]:
    def read(text: str, name: str) -> Any:
        rows: list[dict[str, Any]] = []
        for row in csv.DictReader(io.StringIO(text), delimiter=separator, skipinitialspace=True):
            if None in row:
                raise FormatError(f"{name} has more values than columns in line {len(rows) + 2}")
            rows.append({key.strip(): _cell(value) for key, value in row.items() if value not in (None, "")})
            if len(rows) > _MOST_ROWS:
                raise FormatError(f"{name} has more than {_MOST_ROWS} rows")
        return rows

    return read


_READERS: dict[str, Callable[[str, str], Any]] = {
    "yaml": load_yaml,
    "yml": load_yaml,
    "json": _json,
    "jsonl": _json_lines,
    "toml": _toml,
    "csv": _table(","),
    "tsv": _table("\t"),
}


def _cell(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _with_steps(rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    for name in _STEP_NAMES:
        steps = [row.get(name) for row in rows]
        whole = [step for step in steps if isinstance(step, int) and not isinstance(step, bool) and step >= 0]
        if len(whole) == len(rows) and all(a < b for a, b in pairwise(whole)):
            return list(zip(whole, rows, strict=True))
    return list(enumerate(rows))
