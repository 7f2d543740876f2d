"""Small listings and collections for tests of versions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

from vcs.artifacts.collection import Collections
from vcs.clock import iso_time
from vcs.digest import digest_bytes
from vcs.files.listing import Entry, Listing
from vcs.layout import Layout
from vcs.stores.base import Store
from vcs.stores.memory import MemoryStore


def layout_in(folder: Path) -> Layout:
    """The layout of a plain folder, without looking for anything."""
    machinery = folder / ".tracker" / "store"
    return Layout(folder, folder, folder / ".tracker", machinery, None, machinery)


def listing_of(text: str, files: int = 1) -> Listing:
    """A listing whose contents depend on `text`."""
    return Listing(
        Entry(f"data/{index:06}.bin", digest_bytes(f"{text}{index}".encode()), 10) for index in range(files)
    )


def ticking() -> Callable[[], str]:
    """A clock that goes on by a second each time that it is read."""
    seconds = count(1_800_000_000)
    return lambda: iso_time(next(seconds))


def collections_in(folder: Path, store: Store | None = None) -> Collections:
    """Collections of a plain folder with a clock of the test's own."""
    return Collections(layout_in(folder), store or MemoryStore(), now=ticking())
