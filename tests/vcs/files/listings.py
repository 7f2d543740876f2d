"""Small listings, and what lies in a folder."""

from __future__ import annotations

from pathlib import Path

from vcs.files.listing import Entry, Listing
from vcs.stores.local import LocalStore

LARGE = b"large" * 60_000


def listing_of(store: LocalStore, **files: bytes) -> Listing:
    """A listing of plain files; `a__b` is the path `a/b`."""
    with store.batch() as batch:
        return Listing(
            Entry(name.replace("__", "/"), batch.put_bytes(data), len(data)) for name, data in files.items()
        )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder; nothing hidden of ours may be left."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
