"""Sending objects to a remote: small ones in packs, large ones in parts.

Every byte is hashed before it is sent, so damage on this machine stays here. What is
complete is published in an inventory every now and then and at the end, also when the
end is a failure; so a second call sends only what is left.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from blake3 import blake3

from vcs.digest import Digest
from vcs.errors import Error, IntegrityError, NotFoundError
from vcs.sharing.inventory import (
    Inventory,
    LargeEntry,
    PackEntry,
    PartEntry,
    PartRange,
    block_digests,
)
from vcs.stores.packs import pack_in_memory
from vcs.stores.small_files import LARGE_BYTES
from vcs.workers import Workers

if TYPE_CHECKING:
    from vcs.progress import Progress
    from vcs.sharing.contents import Lease, RemoteContents
    from vcs.stores.local import LocalStore
    from vcs.stores.ranges import RangeFile

PIECE_BYTES = 8 << 20
"""The largest pack and part: what is sent again at worst, and held in memory for each thread.

The same for every push, or one could not go on where another was interrupted."""
JOBS = 8
# An object up to this size goes into a pack, where it is no request of its own.
PACKED_BYTES = 1 << 20
_PACK_OBJECTS = 50_000
# What SIGKILL costs at worst: so much is sent again.
_PUBLISH_EVERY_BYTES = 128 << 20
_PUBLISH_EVERY_S = 20.0
# So many inventories of one push become one, so that a push of a day does not leave thousands.
_MERGE_OWN_FROM = 16
# A file from which a recipe takes at least this share is sent as a whole, for others that take from it.
_SEND_BASE_FROM = 0.5


@dataclass(frozen=True)
class Pace:
    """How a transfer treats the network: requests at once, bytes that each sends, and fetches."""

    jobs: int = JOBS
    piece_bytes: int = PIECE_BYTES
    fetch_bytes: int = PIECE_BYTES


@dataclass
class Sent:
    """What a call of `send` came to.

    Attributes:
        objects: How many were sent.
        bytes: How many bytes that were, without what the remote had already.
        missing: Objects that are neither here nor there.
        damaged: Objects whose bytes here do not have their digest; they were not sent.
    """

    objects: int = 0
    bytes: int = 0
    missing: list[Digest] = field(default_factory=list)
    damaged: list[Digest] = field(default_factory=list)


def send(
    store: LocalStore,
    contents: RemoteContents,
    lease: Lease,
    wanted: Mapping[Digest, int],
    *,
    pace: Pace = Pace(),
    progress: Progress | None = None,
) -> Sent:
    """Bring those of the objects to the remote that it lacks; `wanted` has their sizes.

    Under a lease. After an interruption everything that is complete is published.

    Raises:
        StoreError: The remote failed, and went on failing.
    """
    index = contents.index()
    lacking = {digest: size for digest, size in wanted.items() if bytes.fromhex(digest) not in index}
    absent = store.missing(lacking)
    if absent:  # Others may have sent them since the index was read.
        index = contents.refresh()
        absent = {digest for digest in absent if bytes.fromhex(digest) not in index}
        lacking = {digest: size for digest, size in lacking.items() if bytes.fromhex(digest) not in index}
    sender = _Sender(store, contents, lease, pace, progress)
    sender.result.missing = sorted(absent)
    here = {digest: size for digest, size in lacking.items() if digest not in absent}
    if here:
        if progress is not None:
            progress.add_total(len(here), sum(here.values()))
        sender.send(here)
    contents.note_names()
    return sender.result


class _Sender:
    """The state of one transfer. For one thread, which keeps the count of what others send."""

    def __init__(
        self, store: LocalStore, contents: RemoteContents, lease: Lease, pace: Pace, progress: Progress | None
    ) -> None:
        self.result = Sent()
        self._store = store
        self._contents = contents
        self._lease = lease
        self._pace = pace
        self._progress = progress
        self._workers = Workers(pace.jobs)
        self._done = Inventory()
        self._known_parts = set(contents.index().parts)
        self._on_their_way: dict[bytes, PartEntry] = {}
        self._open: dict[bytes, LargeEntry] = {}
        self._unpublished_bytes = 0
        self._published_s = time.monotonic()
        self._keys: list[str] = []

    def send(self, wanted: Mapping[Digest, int]) -> None:
        small = [digest for digest, size in wanted.items() if size < PACKED_BYTES]
        large = [digest for digest, size in wanted.items() if size >= PACKED_BYTES]
        with self._workers:
            try:
                self._send_packs(small)
                # What others are made of comes first.
                for digest in sorted(large, key=lambda one: self._store.file_of(one) is None):
                    self._send_large(digest)
                self._workers.drain()
            except BaseException as error:
                self._progress = None  # Who shows it may have raised the error, and would again.
                with suppress(Error):  # What happened first is what there is to say.
                    # After Ctrl-C, a slow network is not waited for: what is on its way is sent again.
                    self._workers.take_finished(wait=not isinstance(error, KeyboardInterrupt))
                    self._publish()
                raise
        self._publish()
        self._contents.merge_inventories(self._keys)

    # packs

    def _send_packs(self, digests: Sequence[Digest]) -> None:
        waiting: list[tuple[bytes, bytes | memoryview]] = []
        size = 0
        for digest, data in self._read_small(digests):
            if data is None:
                self.result.damaged.append(digest)
                continue
            if waiting and (size + len(data) > self._pace.piece_bytes or len(waiting) >= _PACK_OBJECTS):
                self._send_pack(waiting)
                waiting, size = [], 0
            waiting.append((bytes.fromhex(digest), data))
            size += len(data)
        if waiting:
            self._send_pack(waiting)

    def _read_small(self, digests: Sequence[Digest]) -> Iterable[tuple[Digest, bytes | memoryview | None]]:
        for digest, data in self._store.read_many(digests):
            if data is not None:
                yield digest, data
                continue
            try:
                if self._store.size(digest) < LARGE_BYTES:
                    yield digest, None
                else:
                    yield digest, self._store.read_bytes(digest)
            except (NotFoundError, IntegrityError):
                yield digest, None

    def _send_pack(self, objects: list[tuple[bytes, bytes | memoryview]]) -> None:
        name, data = pack_in_memory(objects)
        entry = PackEntry(
            name,
            len(data),
            b"".join(raw for raw, _ in objects),
            b"".join(len(content).to_bytes(4, "little") for _, content in objects),
        )
        self._workers.submit(
            partial(self._contents.bucket.put, entry.key, data), lambda _: self._took_pack(entry)
        )

    def _took_pack(self, entry: PackEntry) -> None:
        self._done.packs.append(entry)
        self.result.objects += len(entry)
        self._count(len(entry), entry.size)

    # large objects

    def _send_large(self, digest: Digest) -> None:
        try:
            source = self._store.open_ranges(digest)
            if source is None:  # A pack of this machine has it, or it was removed just now.
                data = self._store.read_bytes(digest)
                self._open[bytes.fromhex(digest)] = self._entry_of(data)
            else:
                with source:
                    ranges = self._ranges_of(digest, source)
                    self._open[bytes.fromhex(digest)] = LargeEntry(source.size, tuple(ranges))
        except (NotFoundError, IntegrityError):
            self.result.damaged.append(digest)
            return
        self.result.objects += 1
        self._advance(1, 0)

    def _entry_of(self, data: bytes) -> LargeEntry:
        step = self._pace.piece_bytes
        ranges = [self._send_part(data[at : at + step]) for at in range(0, len(data), step)]
        return LargeEntry(len(data), tuple(ranges))

    def _ranges_of(self, digest: Digest, source: RangeFile) -> list[PartRange]:
        """Send what is new of an object, and return the ranges that make it up."""
        if list(source.files) == [digest]:
            return self._send_stretch(source, 0, source.size, digest)
        used: dict[Digest, int] = {}
        for number, _, length in source.ranges:
            file = source.files[number]
            used[file] = used.get(file, 0) + length
        there = {
            file: entry for file, taken in used.items() if (entry := self._base(file, taken)) is not None
        }
        ranges: list[PartRange] = []
        start = pending = 0
        for number, offset, length in source.ranges:
            entry = there.get(source.files[number])
            if entry is None:
                pending += length
            else:
                ranges += self._send_stretch(source, start - pending, pending, None)
                pending = 0
                ranges += slice_ranges(entry.ranges, offset, length)
                self._advance(0, length)
            start += length
        return [*ranges, *self._send_stretch(source, start - pending, pending, None)]

    def _base(self, file: Digest, taken: int) -> LargeEntry | None:
        """Return where a file that a recipe takes from lies on the remote, sending it if that is worth it."""
        raw = bytes.fromhex(file)
        known = self._open.get(raw) or self._contents.index().large(raw)
        if known is not None:
            return known
        place = self._store.recipes.place_of(file)
        if place is None:
            return None
        size = place.stat().st_size
        if taken < _SEND_BASE_FROM * size or size < PACKED_BYTES:
            return None
        from vcs.stores.ranges import RangeFile

        with RangeFile(file, [file], [place], [(0, 0, size)]) as source:
            entry = LargeEntry(size, tuple(self._send_stretch(source, 0, size, file, silent=True)))
        self._open[raw] = entry
        return entry

    def _send_stretch(
        self, source: RangeFile, start: int, length: int, digest: Digest | None, *, silent: bool = False
    ) -> list[PartRange]:
        """Send bytes of an object in parts; check them against `digest` if that is theirs alone.

        Raises:
            IntegrityError: They are not what they should be.
        """
        hasher = blake3() if digest is not None else None
        ranges: list[PartRange] = []
        end = start + length
        while start < end:
            data = bytearray(min(self._pace.piece_bytes, end - start))
            if source.read_at(start, memoryview(data)) != len(data):
                raise IntegrityError(f"object {digest or ''} is cut")
            if hasher is not None:
                hasher.update(data)
            ranges.append(self._send_part(data, silent=silent))
            start += len(data)
        if hasher is not None and hasher.hexdigest() != digest:
            raise IntegrityError(f"object {(digest or '')[:12]} in {self._store.name} is damaged")
        return ranges

    def _send_part(self, data: bytes | bytearray, *, silent: bool = False) -> PartRange:
        blocks = block_digests(memoryview(data))
        name = blake3(blocks).digest()
        if name in self._known_parts:
            self._advance(0, 0 if silent else len(data))
        else:
            self._known_parts.add(name)
            entry = PartEntry(name, len(data), blocks)
            self._on_their_way[name] = entry
            self._workers.submit(
                partial(self._contents.bucket.put, entry.key, data),
                lambda _: self._took_part(entry, silent=silent),
            )
        return name, 0, len(data)

    def _took_part(self, entry: PartEntry, *, silent: bool) -> None:
        del self._on_their_way[entry.name]
        self._done.parts.append(entry)
        self._count(0, entry.size, shown=0 if silent else entry.size)

    # what is done

    def _count(self, objects: int, size: int, shown: int | None = None) -> None:
        self.result.bytes += size
        self._unpublished_bytes += size
        self._advance(objects, size if shown is None else shown)
        self._lease.renew()
        long_ago = time.monotonic() - self._published_s > _PUBLISH_EVERY_S
        if long_ago or self._unpublished_bytes >= _PUBLISH_EVERY_BYTES:
            self._publish()

    def _publish(self) -> None:
        """Write an inventory of what is complete."""
        whole = {
            raw: entry
            for raw, entry in self._open.items()
            if not any(name in self._on_their_way for name, _, _ in entry.ranges)
        }
        self._done.large = whole
        self._published_s, self._unpublished_bytes = time.monotonic(), 0
        if not self._done:
            return
        for raw in whole:
            del self._open[raw]
        done, self._done = self._done, Inventory()
        self._lease.confirm()
        self._keys.append(self._contents.publish(done))
        if len(self._keys) >= _MERGE_OWN_FROM:
            self._keys = self._contents.merge_inventories(self._keys)

    def _advance(self, objects: int, size: int) -> None:
        if self._progress is not None:
            self._progress.advance(objects, size)


def slice_ranges(ranges: Sequence[PartRange], offset: int, length: int) -> list[PartRange]:
    """Return the ranges that make up a stretch of an object."""
    found: list[PartRange] = []
    for name, start, whole in ranges:
        if length <= 0:
            break
        if offset < whole:
            taken = min(whole - offset, length)
            found.append((name, start + offset, taken))
            length -= taken
            offset = 0
        else:
            offset -= whole
    return found
