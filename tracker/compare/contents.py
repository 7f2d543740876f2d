"""What differs inside a file, where its format is understood.

YAML, JSON and TOML by the path of each value, CSV by columns and rows, `.pt`, `.safetensors`,
`.npz` and `.npy` tensor by tensor, other text line by line. A file is hostile until it was
read: nothing in it is run, memory is bounded, and whatever goes wrong becomes a sentence.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tracker.compare.plain import compare_plain
from tracker.compare.tables import TableChanges, TableError, compare_tables
from tracker.compare.tensors import TENSOR_SUFFIXES, TensorChanges, compare_tensors
from tracker.compare.text import TextChanges, compare_text
from tracker.compare.values import Change
from vcs.digest import Digest
from vcs.errors import Error, FormatError
from vcs.stores.base import Store
from vcs.yaml_io import load_yaml

# Beyond these a file is compared in a simpler way, or not at all.
MOST_VALUES_BYTES = 8 << 20
MOST_TEXT_BYTES = 4 << 20
MOST_TABLE_BYTES = 256 << 20

_SNIFFED_BYTES = 8192


@dataclass(frozen=True)
class ValueChanges:
    """Values that differ, by their paths: `model.layers[0].size`.

    None of them means that the same values are written in another way.
    """

    values: dict[str, Change] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {"form": "values", "values": {key: change.to_plain() for key, change in self.values.items()}}


@dataclass(frozen=True)
class NotCompared:
    """Why the inside of a file was not compared."""

    reason: str

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {"form": "not compared", "reason": self.reason}


Content: TypeAlias = ValueChanges | TableChanges | TextChanges | TensorChanges | NotCompared


def compare_contents(path: str, old: str, new: str, store: Store) -> Content:
    """Compare two objects as what their path says they are. Raises nothing for what they hold."""
    a, b = Digest(old), Digest(new)
    suffix = f".{path.rpartition('/')[2].rpartition('.')[2].lower()}"
    try:
        largest = max(store.size(a), store.size(b))
        if suffix in TENSOR_SUFFIXES:
            found = compare_tensors(suffix, a, b, store)
            return found if isinstance(found, TensorChanges) else NotCompared(found)
        if suffix in _PARSERS and largest <= MOST_VALUES_BYTES:
            values = _compare_values(_PARSERS[suffix], store.read_bytes(a), store.read_bytes(b))
            if values is not None:
                return values
        if suffix in (".csv", ".tsv") and largest <= MOST_TABLE_BYTES:
            try:
                return compare_tables(store, a, b, tabs=suffix == ".tsv")
            except TableError:
                pass  # It is only named like a table.
        return _compare_lines(store, a, b, largest)
    except Error as error:
        return NotCompared(error.message)


def _compare_values(parse: Callable[[bytes], Any], old: bytes, new: bytes) -> ValueChanges | None:
    """Compare what two files mean; None if one of them cannot be read."""
    try:
        return ValueChanges(compare_plain(parse(old), parse(new)))
    except (ValueError, RecursionError):
        return None


def _compare_lines(store: Store, old: Digest, new: Digest, largest: int) -> Content:
    for digest in (old, new):
        with store.open(digest) as stream:
            if not looks_like_text(stream.read(_SNIFFED_BYTES)):
                return NotCompared("binary")
    if largest > MOST_TEXT_BYTES:
        return NotCompared("too large to be compared line by line")
    try:
        texts = [store.read_bytes(digest).decode() for digest in (old, new)]
    except UnicodeDecodeError:
        return NotCompared("binary")
    return compare_text(*texts)


def looks_like_text(head: bytes) -> bool:
    """Whether a file that begins like this can be shown as text; the end may be cut."""
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The end may cut a character in two.
        return error.start > len(head) - 4 and error.reason == "unexpected end of data"
    return True


def _parse_yaml(data: bytes) -> Any:
    try:
        return load_yaml(data.decode(), "file")
    except FormatError as error:
        raise ValueError(error.message) from error


def _parse_toml(data: bytes) -> Any:
    return tomllib.loads(data.decode())


_PARSERS: dict[str, Callable[[bytes], Any]] = {
    ".yaml": _parse_yaml,
    ".yml": _parse_yaml,
    ".json": json.loads,
    ".ipynb": json.loads,
    ".toml": _parse_toml,
}
