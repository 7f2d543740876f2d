"""Short words for versions of a collection, and what lies on disk of them."""

from __future__ import annotations

from pathlib import Path

from tests.vcs.versioning import listing_of
from vcs.artifacts.collection import Collections
from vcs.artifacts.manifest import Manifest


def log(collections: Collections, text: str, **options: object) -> Manifest:
    """Log contents that depend on `text` as P/x, and return the version."""
    return collections.log("P", "x", "model", listing_of(text), **options).manifest  # type: ignore[arg-type]


def latest(collections: Collections) -> str:
    """What P/x:latest is."""
    return collections.resolve("x", project="P").version


def files_of(folder: Path) -> dict[str, bytes]:
    """All files of the records and their bytes."""
    records = folder / ".tracker"
    return {
        str(path.relative_to(records)): path.read_bytes()
        for path in sorted(records.rglob("*"))
        if path.is_file() and "locks" not in path.parts
    }
