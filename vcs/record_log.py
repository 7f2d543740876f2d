"""Append-only logs of small mappings, one flow mapping a line: YAML, and nearly always JSON.

Lines are appended whole. What a killed writer leaves is a last line that is not whole: it
counts for nothing, and the next writer ends it with a newline. So damage is never more
than the lines that it hit; they are numbered, not hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from vcs.atomic import append_line
from vcs.errors import FormatError, NotFoundError
from vcs.yaml_io import dump_flow, load_yaml, read_small

Line = Mapping[str, Any]

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def read_log(path: Path, what: str) -> list[Line | None]:
    """Return the lines, oldest first; None stands for a damaged one.

    A missing file is an empty log.

    Raises:
        FormatError: Larger than 64 MiB: not a log of ours.
        StoreError: It cannot be read.
    """
    try:
        return parse_log(read_small(path, what), what)
    except NotFoundError:
        return []


def parse_log(data: bytes, what: str) -> list[Line | None]:
    """Return the lines of a log that was read; see `read_log`."""
    rows = data.split(b"\n")
    torn = rows.pop()
    lines = [_read_line(row, what) for row in rows]
    # Without its newline the last line may be cut, even where it happens to be a whole mapping.
    return [*lines, None] if torn else lines


def append_log(path: Path, lines: Iterable[Line]) -> None:
    """Append mappings, in order; all durable when this returns.

    A failure in the middle leaves the first ones appended.

    Raises:
        TypeError, ValueError: A value has no form in YAML; nothing is appended.
        StoreError: The disk refused.
    """
    texts = [f"- {dump_flow(line)}" for line in lines]
    for position, text in enumerate(texts, 1):
        # One fsync makes all lines before it durable too.
        append_line(path, text, durable=position == len(texts))


def _read_line(row: bytes, what: str) -> Line | None:
    if not row.startswith(b"- {"):
        return None
    try:
        return _decode(row[2:])
    except (msgspec.MsgspecError, RecursionError):
        pass  # NaN, and keys that are no text, are YAML but not JSON.
    try:
        value = load_yaml(row[2:].decode(), what)
    except (FormatError, UnicodeDecodeError):
        return None
    return value if isinstance(value, dict) else None
