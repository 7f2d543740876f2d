"""What the media of a row consist of, for programs that want the bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vcs.digest import Digest
from vcs.errors import IntegrityError, NotFoundError
from vcs.stores.base import Store


def bytes_of(record: dict[str, Any], store: Store) -> bytes | None:
    """Return the bytes that a record of media names; None if they are not here."""
    digest = record.get("digest")
    try:
        return store.read_bytes(Digest(digest)) if isinstance(digest, str) else None
    except (NotFoundError, IntegrityError):
        return None


def pictures_in(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the records of the pictures that a record of media holds."""
    if record.get("_type") == "image-file":
        yield record
    for item in record.get("items") or ():
        if isinstance(item, dict):
            yield from pictures_in(item)


def is_number(value: Any) -> bool:
    """Whether a value of a row is a number; a truth value is one too."""
    return isinstance(value, (bool, int, float))


def flat_config(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a configuration, nested keys with dots."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from flat_config(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
