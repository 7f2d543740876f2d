"""What was changed about a version, or a collection, after it was made.

Manifests are immutable, so descriptions, metadata, tags, lifetimes and deletions go into a
log of the collection that only grows. The last value wins, the earlier ones stay readable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final

from vcs.names import parse_version
from vcs.record_log import Line, append_log, read_log


class Keep(Enum):
    """The type of KEEP."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP
"""Stands for a value that is not to be changed, where None is a value."""


@dataclass(frozen=True, slots=True)
class Details:
    """What may change about a version or a collection.

    Attributes:
        description: In the user's words.
        metadata: Replaced as a whole by an edit.
        tags: In the order in which they were given.
        ttl_s: Seconds from creation after which gc may delete it; None: never.
        updated: When it was last edited; None if never.
        keep: Of a collection: the rule by which gc keeps versions; None: all of them.
    """

    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    ttl_s: float | None = None
    updated: str | None = None
    keep: str | None = None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is left of a deleted version.

    Attributes:
        time: When it was deleted.
        type: The type of the collection, if the log says it.
    """

    time: str
    type: str | None = None


@dataclass(frozen=True, slots=True)
class EditLog:
    """All edits of a collection.

    Attributes:
        changes: By version number (None: the collection) the fields that were set.
        deleted: By version number.
        highest: The highest number that a line names; -1 without any.
        damaged: Numbers (from 1) of lines that cannot be read.
    """

    changes: Mapping[int | None, Mapping[str, Any]] = field(default_factory=dict)
    deleted: Mapping[int, Tombstone] = field(default_factory=dict)
    highest: int = -1
    damaged: tuple[int, ...] = ()

    def apply(self, number: int | None, details: Details) -> Details:
        """Return the details of a version (None: of the collection) as edited."""
        return replace(details, **self.changes.get(number, {}))


def read_edit_log(path: Path) -> EditLog:
    """Read a collection's log; damaged lines are numbered and count for nothing.

    Raises:
        FormatError, StoreError: See `vcs.record_log.read_log`.
    """
    changes: dict[int | None, dict[str, Any]] = {}
    deleted: dict[int, Tombstone] = {}
    damaged: list[int] = []
    for position, line in enumerate(read_log(path, "edit log"), 1):
        version = (line or {}).get("version")
        number = parse_version(version) if isinstance(version, str) else None
        if line is None or (version is not None and number is None):
            damaged.append(position)
        elif line.get("deleted") is True and number is not None:
            kind = line.get("type")
            deleted[number] = Tombstone(str(line.get("time", "")), kind if isinstance(kind, str) else None)
        elif (fields := _read_fields(line)) is not None:
            changes.setdefault(number, {}).update(fields)
        else:
            damaged.append(position)
    named = [number for number in [*changes, *deleted] if number is not None]
    return EditLog(changes, deleted, max(named, default=-1), tuple(damaged))


def append_edit(path: Path, version: str | None, fields: Mapping[str, Any], time: str) -> None:
    """Append new values of a version (None: of the collection); durable when this returns.

    Raises:
        TypeError, ValueError: A value has no form in YAML; nothing is appended.
        StoreError: The disk refused; nothing is appended.
    """
    line: dict[str, Any] = {"time": time}
    if version is not None:
        line["version"] = version
    append_log(path, [{**line, "set": dict(fields)}])


def append_deletion(path: Path, version: str, type_name: str, time: str) -> None:
    """Append that a version was deleted; durable when this returns.

    The type is kept, because a collection has one for life, also when it is empty.

    Raises:
        StoreError: The disk refused; nothing is appended.
    """
    append_log(path, [{"time": time, "version": version, "deleted": True, "type": type_name}])


def same_value(one: Any, other: Any) -> bool:
    """Whether two values are written alike: NaN equals NaN, a tuple a list, 1 is not 1.0 or True."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_value(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_value, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    for kind in (bool, int, float, str):
        if isinstance(one, kind) or isinstance(other, kind):
            return isinstance(one, kind) and isinstance(other, kind) and bool(one == other)
    return bool(one == other)


def _read_fields(line: Line) -> dict[str, Any] | None:
    """Return the known fields of a line in the types of Details; None if one is of another type."""
    values = line.get("set")
    if not isinstance(values, dict):
        return None
    fields: dict[str, Any] = {"updated": str(line.get("time", "")) or None}
    for key, form in (
        ("description", str),
        ("metadata", dict),
        ("ttl_s", int | float | None),
        ("keep", str | None),
    ):
        if key in values:
            if not isinstance(values[key], form) or isinstance(values[key], bool):
                return None
            fields[key] = values[key]
    tags: Any = values.get("tags", KEEP)
    if tags is not KEEP:
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            return None
        fields["tags"] = tuple(tags)
    return fields
