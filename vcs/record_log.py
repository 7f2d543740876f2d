"""Append-only logs of small mappings, one flow mapping a line: YAML, and nearly always JSON.

Lines are appended whole. What a killed writer leaves is a last line that is
not whole: it counts for nothing, and the next writer ends it with a newline. So damage
is never more than the lines that it hit; they are numbered, not hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from vcs.atomic import append_line
from vcs.errors import FormatError
from vcs.yaml_io import dump_flow, load_yaml, read_text

_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class LogLines:
    """What a log holds.

    Attributes:
        lines: The mappings, oldest first.
        damaged: The numbers (from 1) of the lines that are none.
    """

    lines: tuple[Mapping[str, Any], ...] = ()
    damaged: tuple[int, ...] = ()


def read_log(path: Path, what: str) -> LogLines:
    """Read a log; a missing file is an empty one. Never fails for damaged lines.

    Raises:
        FormatError: Not UTF-8, or larger than 64 MiB: not a log of ours.
        StoreError: It cannot be read.
    """
    if not path.exists():
        return LogLines()
    rows = read_text(path, what).split("\n")
    # Without its newline the last line may be cut even where it happens to be whole JSON.
    torn = rows.pop()
    lines: list[Mapping[str, Any]] = []
    damaged: list[int] = []
    for number, row in enumerate(rows, 1):
        line = _read_line(row, what)
        if line is None:
            damaged.append(number)
        else:
            lines.append(line)
    if torn:
        damaged.append(len(rows) + 1)
    return LogLines(tuple(lines), tuple(damaged))


def append_log(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Append mappings, in order; durable when this returns.

    A failure in the middle leaves the first ones appended.

    Raises:
        StoreError: The disk refused.
    """
    texts = [f"- {dump_flow(line)}" for line in lines]
    for position, text in enumerate(texts, 1):
        # One fsync makes all lines before it durable too.
        append_line(path, text, durable=position == len(texts))


def _read_line(row: str, what: str) -> Mapping[str, Any] | None:
    if not row.startswith("- {"):
        return None
    try:
        return _decode(row[2:])
    except (msgspec.MsgspecError, RecursionError):
        pass  # NaN, and keys that are no text, are YAML but not JSON.
    try:
        value = load_yaml(row[2:], what)
    except FormatError:
        return None
    return value if isinstance(value, dict) else None
