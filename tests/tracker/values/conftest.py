"""A run's media folder over a store in memory, and a look at both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tracker.values.sink import StoreSink
from vcs.digest import Digest
from vcs.stores.memory import MemoryStore


class Place:
    """A sink, the run's folder that it shows files in, and the store behind it."""

    def __init__(self, folder: Path) -> None:
        self.run = folder
        self.store = MemoryStore()
        self.sink = StoreSink(self.store, folder / "media")

    def object(self, record: dict[str, Any]) -> bytes:
        """The bytes that a record names, from the store."""
        return self.store.read_bytes(Digest(record["digest"]))

    def file(self, record: dict[str, Any]) -> bytes:
        """The bytes that a record names, from the file for people."""
        return (self.run / record["path"]).read_bytes()

    def json(self, record: dict[str, Any]) -> Any:
        return json.loads(self.object(record))

    @property
    def files(self) -> list[str]:
        media = self.run / "media"
        return sorted(str(path.relative_to(self.run)) for path in media.rglob("*") if path.is_file())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "run")
