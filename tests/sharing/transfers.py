"""Short words for what tests of transfers do."""

from __future__ import annotations

import random
from collections.abc import Callable

from vcs.digest import Digest
from vcs.sharing.contents import RemoteContents
from vcs.sharing.download import Fetched, fetch
from vcs.sharing.upload import PACKED_BYTES, Pace, Sent, send
from vcs.stores.local import LocalStore

SMALL_PIECES = Pace(jobs=4, piece_bytes=1 << 20)


def fill(store: LocalStore, sizes: list[int], seed: int = 1) -> dict[Digest, int]:
    """Store random objects of these sizes."""
    source = random.Random(seed)
    with store.batch() as batch:
        return {batch.put_bytes(source.randbytes(size)): size for size in sizes}


def push(
    store: LocalStore, remote: RemoteContents, wanted: dict[Digest, int], pace: Pace = SMALL_PIECES
) -> Sent:
    """Send under a lease, as the command does."""
    with remote.lease() as lease:
        return send(store, remote, lease, wanted, pace=pace)


def pull(store: LocalStore, remote: RemoteContents, wanted: dict[Digest, int]) -> Fetched:
    """Fetch in small pieces."""
    return fetch(store, remote, wanted, pace=SMALL_PIECES)


def holds(store: LocalStore, wanted: dict[Digest, int]) -> bool:
    """Whether every object is there, with its own bytes."""
    return all(len(store.read_bytes(digest)) == size for digest, size in wanted.items())


Opened = Callable[..., RemoteContents]
MIXED = [0, 1, 500, 4000] * 50 + [200_000, PACKED_BYTES - 1, PACKED_BYTES, 5_000_000]
