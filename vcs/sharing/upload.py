"""Sending objects to a remote: small ones in packs, large ones in parts.

Every byte is hashed before it is sent, so damage on this machine stays here. What is
complete is published in an inventory every now and then and at the end, also when the
end is a failure; so a second call sends only what is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from blake3 import blake3

from vcs.digest import Digest
from vcs.errors import Error, IntegrityError, NotFoundError
from vcs.sharing.inventory import BLOCK_BYTES, Inventory, LargeEntry, PackEntry, PartEntry
from vcs.sharing.pieces import EntryToBe, NamedLater, PieceSender, RangeToBe, slice_ranges
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
# What SIGKILL costs at worst: so much is sent again, or what took so long.
_PUBLISH_EVERY_BYTES = 128 << 20
_PUBLISH_EVERY_S = 20.0
# Where so much takes less, an inventory each time would be what the push waits for.
_PUBLISH_AFTER_S = 2.0
# So many inventories of one push become one, so that a push of a day does not leave thousands.
_MERGE_OWN_FROM = 16
# So many objects may wait to be hashed as a whole.
_CHECKS_AHEAD = 4
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
        self._checks = Workers(1, limit=_CHECKS_AHEAD)
        self._done = Inventory()
        self._pieces = PieceSender(contents.bucket, set(contents.index().parts), pace.piece_bytes)
        self._block = bytearray(BLOCK_BYTES)
        # What was handed out, and what of it was found to be what it should be and is not published yet.
        self._sent: dict[bytes, EntryToBe] = {}
        self._checked: set[bytes] = set()
        self._unpublished_bytes = 0
        self._published_s = time.monotonic()
        self._keys: list[str] = []

    def send(self, wanted: Mapping[Digest, int]) -> None:
        small = [digest for digest, size in wanted.items() if size < PACKED_BYTES]
        large = [digest for digest, size in wanted.items() if size >= PACKED_BYTES]
        with self._workers, self._checks:
            try:
                self._send_packs(small)
                # What others are made of comes first.
                for digest in sorted(large, key=lambda one: self._store.file_of(one) is None):
                    self._send_large(digest)
                self._workers.drain()
                self._checks.drain()
            except BaseException as error:
                self._progress = None  # Who shows it may have raised the error, and would again.
                with suppress(Error):  # What happened first is what there is to say.
                    # After Ctrl-C, a slow network is not waited for: what is on its way is sent again.
                    waits = not isinstance(error, KeyboardInterrupt)
                    self._workers.take_finished(wait=waits)
                    self._checks.take_finished(wait=waits)
                    self._publish()
                raise
        self._publish()
        # It was cut while it was sent, though not when it was checked.
        self.result.damaged += [Digest(raw.hex()) for raw in self._checked]
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
                entry = self._send_bytes(self._store.read_bytes(digest))
            else:
                # It is closed when the last thread that reads it has done so.
                whole = partial(self._is_whole, source, digest)
                self._checks.submit(whole, partial(self._took_check, digest))
                entry = EntryToBe(source.size, self._ranges_of(digest, source))
        except (NotFoundError, IntegrityError):
            self.result.damaged.append(digest)
            return
        self._sent[bytes.fromhex(digest)] = entry
        if source is None:
            self._took_check(digest, is_whole=True)

    def _is_whole(self, source: RangeFile, digest: Digest) -> bool:
        """Hash an object, on a thread of its own, while others send it."""
        hasher = blake3()
        view = memoryview(self._block)
        at = 0
        try:
            while count := source.read_at(at, view):
                hasher.update(view[:count])
                at += count
        except IntegrityError:
            return False
        return hasher.hexdigest() == digest

    def _took_check(self, digest: Digest, is_whole: bool) -> None:
        """An object is published only if it is what it should be."""
        if is_whole:
            self._checked.add(bytes.fromhex(digest))
            self.result.objects += 1
            self._advance(1, 0)
        else:
            self.result.damaged.append(digest)

    def _send_bytes(self, data: bytes) -> EntryToBe:
        ranges: list[RangeToBe] = []
        for at in range(0, len(data), self._pace.piece_bytes):
            piece = memoryview(data)[at : at + self._pace.piece_bytes]
            ranges.append((self._submit(partial(self._pieces.send_bytes, piece)), 0, len(piece)))
        return EntryToBe(len(data), ranges)

    def _ranges_of(self, digest: Digest, source: RangeFile) -> list[RangeToBe]:
        """Send what is new of an object, and return the ranges that make it up."""
        if list(source.files) == [digest]:
            return self._send_stretch(source, 0, source.size)
        used: dict[Digest, int] = {}
        for number, _, length in source.ranges:
            file = source.files[number]
            used[file] = used.get(file, 0) + length
        there = {
            file: entry for file, taken in used.items() if (entry := self._base(file, taken)) is not None
        }
        ranges: list[RangeToBe] = []
        start = pending = 0
        for number, offset, length in source.ranges:
            entry = there.get(source.files[number])
            if entry is None:
                pending += length
            else:
                ranges += self._send_stretch(source, start - pending, pending)
                pending = 0
                ranges += slice_ranges(entry.ranges, offset, length)
                self._advance(0, length)
            start += length
        return [*ranges, *self._send_stretch(source, start - pending, pending)]

    def _base(self, file: Digest, taken: int) -> EntryToBe | None:
        """Return where a file that a recipe takes from lies on the remote, sending it if that is worth it."""
        raw = bytes.fromhex(file)
        if raw in self._sent:
            return self._sent[raw]
        known = self._contents.index().large(raw)
        if known is not None:
            return EntryToBe.of(known)
        place = self._store.recipes.place_of(file)
        if place is None:
            return None
        size = place.stat().st_size
        if taken < _SEND_BASE_FROM * size or size < PACKED_BYTES:
            return None
        from vcs.stores.ranges import RangeFile

        source = RangeFile(file, [file], [place], [(0, 0, size)])
        self._checks.submit(partial(self._is_whole, source, file), partial(self._took_base_check, raw))
        entry = EntryToBe(size, self._send_stretch(source, 0, size, silent=True))
        self._sent[raw] = entry
        return entry

    def _took_base_check(self, raw: bytes, is_whole: bool) -> None:
        if is_whole:  # If not, the check of what is made of it says so.
            self._checked.add(raw)

    def _send_stretch(
        self, source: RangeFile, start: int, length: int, *, silent: bool = False
    ) -> list[RangeToBe]:
        """Have bytes of an object sent in parts."""
        ranges: list[RangeToBe] = []
        end = start + length
        while start < end:
            count = min(self._pace.piece_bytes, end - start)
            send = partial(self._pieces.send, source, start, count)
            ranges.append((self._submit(send, silent=silent), 0, count))
            start += count
        return ranges

    def _submit(
        self, send: Callable[[], tuple[PartEntry, bool] | None], *, silent: bool = False
    ) -> NamedLater:
        part = NamedLater()
        self._workers.submit(send, partial(self._took_part, part, silent=silent))
        return part

    def _took_part(self, part: NamedLater, sent: tuple[PartEntry, bool] | None, *, silent: bool) -> None:
        if sent is None:
            return  # What has no name is never published; the check says that it is damaged.
        entry, is_new = sent
        part.name = entry.name
        shown = 0 if silent else entry.size
        if is_new:
            self._pieces.on_their_way.remove(entry.name)
            self._done.parts.append(entry)
            self._count(0, entry.size, shown=shown)
        else:
            self._advance(0, shown)

    # what is done

    def _count(self, objects: int, size: int, shown: int | None = None) -> None:
        self.result.bytes += size
        self._unpublished_bytes += size
        self._advance(objects, size if shown is None else shown)
        self._lease.renew()
        past_s = time.monotonic() - self._published_s
        is_much = self._unpublished_bytes >= _PUBLISH_EVERY_BYTES and past_s > _PUBLISH_AFTER_S
        if is_much or past_s > _PUBLISH_EVERY_S:
            self._publish()

    def _publish(self) -> None:
        """Write an inventory of what is complete."""
        whole = {raw: entry for raw in self._checked if (entry := self._complete(raw)) is not None}
        self._done.large = whole
        self._published_s, self._unpublished_bytes = time.monotonic(), 0
        if not self._done:
            return
        self._checked -= whole.keys()
        done, self._done = self._done, Inventory()
        self._lease.confirm()
        self._keys.append(self._contents.publish(done))
        if len(self._keys) >= _MERGE_OWN_FROM:
            self._keys = self._contents.merge_inventories(self._keys)

    def _complete(self, raw: bytes) -> LargeEntry | None:
        """Return where an object lies, if all of it is there."""
        entry = self._sent[raw].entry() if raw in self._sent else None
        on_their_way = self._pieces.on_their_way
        if entry is None or any(name in on_their_way for name, _, _ in entry.ranges):
            return None
        return entry

    def _advance(self, objects: int, size: int) -> None:
        if self._progress is not None:
            self._progress.advance(objects, size)
