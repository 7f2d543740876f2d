"""What can be asked of a run in a filter, an order or a column, and what it answers.

A field is `state`, `name`, `created_at`, … or a path into `config.` or `summary.`.
wandb's spellings (`displayName`, `jobType`, `summary_metrics.x`, `config.x.value`)
name the same fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Literal, Protocol

from vcs.errors import UsageError
from vcs.names import near

Kind = Literal["text", "number", "time", "flag", "any"]


class Missing:
    """The answer of a run that has no such value. There is one."""

    def __repr__(self) -> str:
        return "missing"

    def __bool__(self) -> bool:
        return False


MISSING = Missing()


class Subject(Protocol):
    """What a filter looks at; `Run` is one, and tests have smaller ones."""

    def plain_field(self, name: str) -> Any:
        """Return the value of a field from `FIELDS`, MISSING or None if there is none."""
        ...

    @property
    def config(self) -> Mapping[str, Any]: ...

    @property
    def summary(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Field:
    """One field, parsed.

    Attributes:
        name: As in `FIELDS`, or `config` or `summary`.
        path: What comes after `config.` or `summary.`; empty otherwise.
        kind: What its values are: text is compared with text only.
    """

    name: str
    path: str
    kind: Kind

    def of(self, subject: Subject) -> Any:
        """Return the value that a run has here; MISSING if it has none."""
        if self.name == "config":
            return _in_config(subject.config, self.path)
        if self.name == "summary":
            return dig(subject.summary, self.path)
        value = subject.plain_field(self.name)
        return MISSING if value is None else value

    def shown(self, subject: Subject) -> Any:
        """Return the value as people see it: of `name`, which to filters is the id as well, the name."""
        return replace(self, name="display_name").of(subject) if self.name == "name" else self.of(subject)

    def __str__(self) -> str:
        return f"{self.name}.{self.path}" if self.path else self.name


FIELDS: dict[str, Kind] = {
    "id": "text",
    # Both the id and the name that people see: wandb means the id by `name`, people the other.
    "name": "text",
    "display_name": "text",
    "state": "text",
    "tags": "text",
    "notes": "text",
    "group": "text",
    "job_type": "text",
    "project": "text",
    "entity": "text",
    "user": "text",
    "host": "text",
    "commit": "text",
    "branch": "text",
    "dirty": "flag",
    "sweep": "text",
    "created_at": "time",
    "updated_at": "time",
    "duration": "number",
    "used": "text",
    "logged": "text",
}

_OTHER_NAMES = {
    "displayName": "display_name",
    "tag": "tags",
    "jobType": "job_type",
    "username": "user",
    "userName": "user",
    "createdAt": "created_at",
    "created": "created_at",
    "updatedAt": "updated_at",
    "heartbeatAt": "updated_at",
    "heartbeat_at": "updated_at",
    "updated": "updated_at",
}
_PREFIXES = {
    "config": "config",
    "summary": "summary",
    "summary_metrics": "summary",
    "summaryMetrics": "summary",
}


def parse_field(text: str) -> Field:
    """Return the field of this name.

    Raises:
        UsageError: There is none; the hint has near names.
    """
    head, _, path = text.partition(".")
    if head in _PREFIXES and path:
        return Field(_PREFIXES[head], path, "any")
    name = _OTHER_NAMES.get(text, text)
    if name in FIELDS:
        return Field(name, "", FIELDS[name])
    raise UsageError(
        f"runs have no field {text!r}",
        hint=near(text, [*FIELDS, *_OTHER_NAMES])
        or f"values of the run are config.{text} and summary.{text}",
    )


def dig(values: Any, path: str) -> Any:
    """Return what lies at a dotted path; a key that has dots itself is found too."""
    if not isinstance(values, Mapping):
        return MISSING
    if path in values:
        return values[path]
    # The longest key first: {"a.b": {"c": 1}} answers to a.b.c before {"a": {"b": {"c": 2}}} does.
    end = path.rfind(".")
    while end > 0:
        if path[:end] in values:
            found = dig(values[path[:end]], path[end + 1 :])
            if found is not MISSING:
                return found
        end = path.rfind(".", 0, end)
    return MISSING


def to_time(value: Any) -> datetime | None:
    """Return a moment from a datetime, an ISO text (UTC if it says nothing else) or seconds since 1970."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


Order = tuple[Field, bool]


def parse_order(text: str) -> list[Order]:
    """Return (field, descending) for `-created_at` or `+config.lr, -summary.loss`.

    Raises:
        UsageError: A field that runs do not have.
    """
    orders = []
    for part in text.split(","):
        word = part.strip()
        if word:
            orders.append((parse_field(word.lstrip("+-")), word.startswith("-")))
    return orders


def sort_by(subjects: Sequence[Any], orders: Sequence[Order]) -> list[Any]:
    """Return the runs in order; equal ones stay as they were, those without a value come last."""
    ordered = list(subjects)
    for field, descending in reversed(orders):
        keyed = [(sort_key(field, field.shown(subject)), subject) for subject in ordered]
        having = [pair for pair in keyed if pair[0] is not None]
        # `reverse` keeps the order of equal ones too.
        having.sort(key=itemgetter(0), reverse=descending)
        ordered = [subject for _, subject in having] + [subject for key, subject in keyed if key is None]
    return ordered


def sort_key(field: Field, value: Any) -> tuple[Any, ...] | None:
    """Return what orders a value among others of any type; None for what has no place."""
    if value is MISSING or value is None or value != value:
        return None
    if field.kind == "time":
        moment = to_time(value)
        return None if moment is None else (0, moment.timestamp())
    if isinstance(value, (bool, int, float)):
        return (0, value)
    if isinstance(value, str):
        return (1, value)
    return (2, repr(value))


def _in_config(config: Mapping[str, Any], path: str) -> Any:
    found = dig(config, path)
    if found is MISSING and path.endswith(".value"):
        # wandb keeps {"value": …, "desc": …} for each key and its filters say so.
        return dig(config, path.removesuffix(".value"))
    return found
