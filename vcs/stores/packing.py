"""The packs that a batch is making: temporary files until all of them are whole and durable.

An object has its place as soon as it is known what it is. Its bytes may be written there
later, and by another process, as long as this happens before its pack is sealed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vcs.atomic import fsync_directory, remove_quietly
from vcs.stores.compact import CompactDigests
from vcs.stores.local_files import LocalFiles
from vcs.stores.packs import PackWriter, new_pack_name
from vcs.stores.small_files import Run, Taken

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

# Limits of one pack: what a rewrite has to copy, and what an index takes in memory.
PACK_BYTES = 256 << 20
PACK_OBJECTS = 200_000
# As many objects are kept in dictionaries, those of finished packs beyond in less memory.
_QUICK_OBJECTS = 200_000
# The disk writes so much while the next files are read, instead of all of it at the end.
_SEND_BYTES = 32 << 20


@dataclass(slots=True, eq=False)
class PackInMaking:
    """A pack that is being written, and the name that it will have.

    Attributes:
        unwritten: How many reserved places are still without their bytes.
        digests: Those of its objects, end to end and sorted, when it is finished.
        sent_bytes: How much of it the disk was told to write.
    """

    writer: PackWriter
    fd: int
    temporary: Path
    name: str
    unwritten: int = 0
    sent_bytes: int = 0
    finished: bool = False
    digests: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Reserved:
    """Room in a pack for bytes that lie in a buffer, in these stretches of it."""

    making: PackInMaking
    offset: int
    runs: list[Run]
    alone: bool


class Packing:
    """The packs of one batch. One thread at a time. What the disk does wrong is an OSError."""

    def __init__(self, store: LocalFiles) -> None:
        self._store = store
        self._packs: list[PackInMaking] = []
        self._compact = CompactDigests()
        self._pool: Executor | None = None
        self._syncs: list[Future[None]] = []

    def __bool__(self) -> bool:
        return bool(self._packs)

    def names(self) -> Iterator[str]:
        """The names that the packs will have."""
        return (making.name for making in self._packs)

    def home(self, raw: bytes) -> str | None:
        """Return the name of the pack that has an object."""
        for making in self._packs:
            if raw in making.writer.places:
                return making.name
        return self._compact.home(raw) if self._compact else None

    def begin(self, objects: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Begin a pack with some objects; the one before is finished as soon as all of it is written."""
        fd, path = self._store.open_temporary()
        self._packs.append(PackInMaking(PackWriter(fd), fd, path, new_pack_name()))
        for raw, data in objects:
            self._packs[-1].writer.append(raw, data)
        if len(self._packs) > 1:
            self._finish(self._packs[-2])

    def append(self, raw: bytes, data: bytes) -> None:
        """Add an object that is in none of them, to a pack that was begun."""
        self._current().writer.append(raw, data)

    def reserve(self, found: Sequence[Taken | None], stored: Callable[[bytes], bool] | None) -> Reserved:
        """Give a place to each of many objects that is in no pack yet; they lie end to end in a buffer.

        `stored` says whether an object was there before all packs; None: nothing was. The
        bytes are to be written by `write`, or by somebody else and then told to `written`.
        """
        making = self._current()
        offset, runs, alone = making.writer.reserve(found, self._elsewhere(stored))
        making.unwritten += 1
        return Reserved(making, offset, runs, alone)

    def write(self, reserved: Reserved, buffer: memoryview) -> None:
        """Write what room was reserved for."""
        parts = [buffer[start:end] for start, end in reserved.runs]
        reserved.making.writer.write_at(reserved.offset, parts)
        self.written(reserved)

    def written(self, reserved: Reserved) -> None:
        """Take note that somebody wrote it."""
        making = reserved.making
        making.unwritten -= 1
        if making is not self._packs[-1]:
            self._finish(making)
        elif making.writer.end - making.sent_bytes >= _SEND_BYTES and all(
            sync.done() for sync in self._syncs
        ):
            making.sent_bytes = making.writer.end
            self._sync(making.fd)

    def seal(self) -> None:
        """Make all packs whole and durable, and then give them their names.

        Raises:
            ValueError: Something is still to be written, and no pack gets its name.
        """
        if any(making.unwritten for making in self._packs):
            raise ValueError("a pack has places without their bytes")
        for making in self._packs:
            self._finish(making)
        for sync in self._syncs:
            sync.result()
        for making in self._packs:
            self._store.seal(making.fd, making.temporary, making.name)
        fsync_directory(self._store.packs.folder)

    def discard(self) -> None:
        """Close all, and remove what has no name yet."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        packs, self._packs, self._compact = self._packs, [], CompactDigests()
        for making in packs:
            os.close(making.fd)
            remove_quietly(making.temporary)

    def _elsewhere(self, stored: Callable[[bytes], bool] | None) -> Callable[[bytes], bool] | None:
        """Return what says whether an object is anywhere but in the newest pack; None if nothing is."""
        older = [making.writer.places for making in self._packs[:-1] if making.writer.places]
        home = self._compact.home if self._compact else None
        if home is None and not older:
            return stored

        def elsewhere(raw: bytes) -> bool:
            for places in older:  # `any` takes three times as long.
                if raw in places:
                    return True
            return (home is not None and home(raw) is not None) or (stored is not None and stored(raw))

        return elsewhere

    def _current(self) -> PackInMaking:
        """Return the pack that is to be written to."""
        writer = self._packs[-1].writer
        if writer.end >= PACK_BYTES or len(writer.places) >= PACK_OBJECTS:
            self.begin()
        return self._packs[-1]

    def _finish(self, making: PackInMaking) -> None:
        if making.unwritten or making.finished:
            return
        making.finished = True
        making.digests = making.writer.write_index()
        if self._pool is None:
            os.fsync(making.fd)
        else:
            self._sync(making.fd)
        if making is not self._packs[-1]:
            self._forget_places()

    def _forget_places(self) -> None:
        """Keep less of finished packs, if there are many objects."""
        finished = [making for making in self._packs if making.finished and making.writer.places]
        if sum(len(making.writer.places) for making in finished) >= _QUICK_OBJECTS:
            for making in finished:
                self._compact.add(making.name, making.digests)
                making.writer.places, making.digests = {}, b""

    def _sync(self, fd: int) -> None:
        """Send a file to the disk while others are read; `seal` waits for it, and for what goes wrong."""
        if self._pool is None:
            from vcs.pools import thread_pool  # 8 ms, for many files only.

            self._pool = thread_pool(1, "tracker-sync")
        self._syncs.append(self._pool.submit(os.fsync, fd))
