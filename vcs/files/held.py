"""The contents of a version in the making, kept from garbage collection.

A draft may take over entries of an older version, whose objects were put long ago. If that
version is deleted meanwhile, nothing names them any more by the time the draft is logged.
"""

from __future__ import annotations

from collections.abc import Iterable

from vcs.digest import Digest
from vcs.files.listing import Entry
from vcs.stores.base import Store


def hold(entries: Iterable[Entry], store: Store) -> dict[Digest, str]:
    """Make the objects of entries young, so that garbage collection leaves them alone.

    They stay for as long as this process lives, like those that it puts itself. Returns
    the digests of those that are not in the store, with a path of each.
    """
    paths = {Digest(entry.digest): entry.path for entry in entries if entry.kind == "file"}
    if not paths:
        return {}
    with store.batch() as batch:
        lacking = batch.lacking(map(bytes.fromhex, paths))
    return {digest: paths[digest] for digest in map(Digest, (raw.hex() for raw in lacking))}
