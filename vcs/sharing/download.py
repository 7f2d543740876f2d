"""Fetching objects from a remote: pieces of packs and parts, each byte verified on arrival.

Small objects come in stretches of packs, each object checked by its digest. A large one
comes in pieces, each checked block by block, into a partial file; what is there already,
of an object here that resembles it, is copied instead. Its digest is checked at the end,
and only then it is an object. What was fetched of it before an interruption is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from blake3 import blake3

from vcs.buckets.base import Bucket
from vcs.digest import Digest
from vcs.errors import IntegrityError, NotFoundError
from vcs.sharing.inventory import BLOCK_BYTES, LargeEntry, PackEntry, PartEntry, RemoteIndex
from vcs.sharing.partial_file import PartialFile
from vcs.sharing.upload import Pace
from vcs.workers import Workers

if TYPE_CHECKING:
    from vcs.progress import Progress
    from vcs.sharing.contents import RemoteContents
    from vcs.stores.local import LocalStore

_TRIES = 3
# Objects of a pack that lie this close are fetched together: a request costs more than the bytes.
_GAP_BYTES = 256 << 10
# So many small objects become visible, and safe from an interruption, at once.
_BATCH_BYTES = 128 << 20
# So many whole files may wait to become durable, and one in the making.
_SETTLING = 3
_WRITE_OUT_BYTES = 128 << 20
# A recipe has to spare at least this share.
_KEEP_AS_RECIPE_FROM = 0.3


@dataclass
class Fetched:
    """What a call of `fetch` came to.

    Attributes:
        objects: How many came.
        bytes: How many bytes came over the network.
        missing: Objects that the remote does not have.
        damaged: Objects whose bytes there do not have their digest; nothing of them was kept.
    """

    objects: int = 0
    bytes: int = 0
    missing: list[Digest] = field(default_factory=list)
    damaged: list[Digest] = field(default_factory=list)


def fetch(
    store: LocalStore,
    contents: RemoteContents,
    wanted: Iterable[Digest],
    *,
    pace: Pace = Pace(),  # noqa: B008 (immutable)
    progress: Progress | None = None,
) -> Fetched:
    """Bring those of the objects here that the store lacks.

    Asks for the inventories only if those that are known do not have everything.

    Raises:
        StoreError: The remote or the disk failed, and went on failing; what is complete is kept.
    """
    lacking = store.missing(wanted)
    result = Fetched()
    index = contents.index()
    if any(bytes.fromhex(digest) not in index for digest in lacking):
        index = contents.refresh()
    there = {digest for digest in lacking if bytes.fromhex(digest) in index}
    gone = _Fetcher(store, contents.bucket, index, pace, progress, result).fetch(there)
    if gone:  # What was known is old: garbage was collected, and packs were written anew.
        index = contents.refresh()
        again = {digest for digest in gone if bytes.fromhex(digest) in index}
        gone = _Fetcher(store, contents.bucket, index, pace, progress, result).fetch(again) | (gone - again)
    result.missing = sorted((lacking - there) | gone)
    return result


def read_piece(
    bucket: Bucket, part: PartEntry, start: int, length: int, buffer: bytearray | None = None
) -> memoryview:
    """Return bytes of a part, checked block by block; a block that is wrong is asked for again.

    They lie in `buffer`, if it is large enough for whole blocks.

    Raises:
        NotFoundError: The part is not there any more.
        IntegrityError: The bytes there are damaged.
    """
    first, last = start // BLOCK_BYTES, (start + length - 1) // BLOCK_BYTES
    begin, end = first * BLOCK_BYTES, min((last + 1) * BLOCK_BYTES, part.size)
    if start + length > part.size:
        raise IntegrityError(f"{part.key} of {bucket.url} is shorter than its inventory says")
    if buffer is None or len(buffer) < end - begin:
        buffer = bytearray(end - begin)
    view = memoryview(buffer)[: end - begin]
    for _ in range(_TRIES):
        if bucket.read_into(part.key, begin, view) == len(view) and all(
            blake3(view[at - begin : at - begin + BLOCK_BYTES]).digest() == part.block(at // BLOCK_BYTES)
            for at in range(begin, end, BLOCK_BYTES)
        ):
            return view[start - begin : start - begin + length]
    raise IntegrityError(f"{part.key} of {bucket.url} is damaged")


@dataclass
class _Window:
    """What came of a stretch of a pack; None stands for what is damaged."""

    found: dict[bytes, bytes | None] = field(default_factory=dict)
    gone: list[Digest] = field(default_factory=list)
    came: int = 0


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a large object that lies in one part."""

    at: int
    part: PartEntry
    start: int
    length: int


class _Fetcher:
    """The state of one transfer. For one thread, which keeps the count of what others fetch."""

    def __init__(
        self,
        store: LocalStore,
        bucket: Bucket,
        index: RemoteIndex,
        pace: Pace,
        progress: Progress | None,
        result: Fetched,
    ) -> None:
        self._store = store
        self._bucket = bucket
        self._index = index
        self._pace = pace
        self._piece_bytes = min(pace.fetch_bytes, pace.piece_bytes)
        # From near, block by block: the bytes stay in the cache of the core that hashes them.
        self._step_bytes = BLOCK_BYTES if bucket.is_near else self._piece_bytes
        self._buffers: list[bytearray] = []
        self._progress = progress
        self._result = result
        self._gone: set[Digest] = set()
        self._unwritten = 0
        self._writes_out = False

    def fetch(self, wanted: set[Digest]) -> set[Digest]:
        """Fetch them; return those whose files are not there."""
        packed: dict[bytes, tuple[PackEntry, set[bytes]]] = {}
        large: dict[Digest, LargeEntry] = {}
        for digest in wanted:
            raw = bytes.fromhex(digest)
            pack = self._index.pack_of(raw)
            if pack is not None:
                packed.setdefault(pack.name, (pack, set()))[1].add(raw)
            elif (entry := self._index.large(raw)) is not None:
                large[digest] = entry
        windows = [window for pack, raws in packed.values() for window in self._windows(pack, raws)]
        if self._progress is not None:
            size = sum(place[1] for _, group in windows for place in group)
            self._progress.add_total(len(wanted), size + sum(entry.size for entry in large.values()))
        self._fetch_small(windows)
        others = self._resembling(large)
        with Workers(1, limit=_SETTLING) as self._settling:
            for digest in sorted(large):
                self._fetch_large(digest, large[digest], others)
            self._settling.drain()
        return self._gone

    # small objects

    def _windows(
        self, pack: PackEntry, raws: set[bytes]
    ) -> Iterator[tuple[PackEntry, list[tuple[int, int, bytes]]]]:
        """Group the objects of a pack by what one request brings."""
        group: list[tuple[int, int, bytes]] = []
        for place in pack.places(raws):
            offset, size, _ = place
            if group:
                end = group[-1][0] + group[-1][1]
                if offset - end > _GAP_BYTES or offset + size - group[0][0] > self._piece_bytes:
                    yield pack, group
                    group = []
            group.append(place)
        if group:
            yield pack, group

    def _fetch_small(self, windows: list[tuple[PackEntry, list[tuple[int, int, bytes]]]]) -> None:
        while windows:
            size = 0
            now = []
            while windows and size < _BATCH_BYTES:
                now.append(windows.pop())
                size += sum(place[1] for place in now[-1][1])
            # What came before a failure is kept: the batch ends well in any case.
            failure: BaseException | None = None
            with self._store.batch() as batch, Workers(self._pace.jobs) as workers:

                def took(window: _Window) -> None:
                    self._result.bytes += window.came
                    self._gone.update(window.gone)
                    for raw, data in window.found.items():
                        digest = Digest(raw.hex())
                        if data is None:
                            self._result.damaged.append(digest)
                        else:
                            batch.put_bytes(data)
                            self._result.objects += 1
                            self._advance(1, len(data))

                try:
                    for pack, group in now:
                        workers.submit(partial(self._read_window, pack, group), took)
                    workers.drain()
                except BaseException as error:  # noqa: BLE001 (raised below, when the batch has ended)
                    failure = error
                    workers.take_finished()
            if failure is not None:
                raise failure

    def _read_window(self, pack: PackEntry, group: list[tuple[int, int, bytes]]) -> _Window:
        """Fetch a stretch of a pack, on a thread of the pool."""
        start, end = group[0][0], group[-1][0] + group[-1][1]
        window = _Window()
        for _ in range(_TRIES):
            try:
                data = self._bucket.get(pack.key, start, end - start)
            except NotFoundError:
                window.gone = [Digest(raw.hex()) for _, _, raw in group]
                return window
            window.came += len(data)
            for offset, size, raw in group:
                content = data[offset - start : offset - start + size]
                if window.found.get(raw) is None:
                    whole = len(content) == size and blake3(content).digest() == raw
                    window.found[raw] = content if whole else None
            if None not in window.found.values():
                break
        return window

    # large objects

    def _resembling(
        self, wanted: Mapping[Digest, LargeEntry]
    ) -> dict[bytes, list[tuple[Digest, int, int, int]]]:
        """Return, for parts that are wanted, where their bytes lie in objects that are here.

        As digest of the object, offset in it, offset in the part, length.
        """
        parts = {name for entry in wanted.values() for name, _, _ in entry.ranges}
        sharing = {
            Digest(raw.hex()): entry
            for raw, entry in self._index.larges()
            if any(name in parts for name, _, _ in entry.ranges)
        }
        absent = self._store.missing(sharing)
        found: dict[bytes, list[tuple[Digest, int, int, int]]] = {}
        for digest, entry in sharing.items():
            if digest in absent:
                continue
            at = 0
            for name, start, length in entry.ranges:
                if name in parts:
                    found.setdefault(name, []).append((digest, at, start, length))
                at += length
        return found

    def _fetch_large(
        self, digest: Digest, entry: LargeEntry, others: Mapping[bytes, list[tuple[Digest, int, int, int]]]
    ) -> None:
        with ExitStack() as opened:
            file = opened.enter_context(PartialFile.open(self._store, digest, entry.size))
            if self._store.contains(digest):  # Another process has just fetched it.
                self._advance(1, entry.size)
                return
            there = file.done_bytes
            base, copied = self._copy_known(file, entry, others)
            self._advance(0, there + copied)
            try:
                came = self._fill(file, entry, copied=self._bucket.is_near)
                like = base if copied >= _KEEP_AS_RECIPE_FROM * entry.size else None
                if not self._is_whole(file, digest, like):
                    # Something that was here before is wrong: all of it anew, once.
                    file.restart()
                    came += self._fill(file, entry, copied=False)
                    like = None
                    if not self._is_whole(file, digest, None):
                        raise IntegrityError(f"object {digest[:12]} on the remote is damaged")
            except NotFoundError:
                self._gone.add(digest)
                return
            except IntegrityError:
                file.restart()
                self._result.damaged.append(digest)
                return
            self._result.bytes += came
            if like is not None:  # It is in the store already, as what is new in it.
                self._took_large()
            else:
                # Becoming durable takes as long as coming; meanwhile the next one comes.
                kept = opened.pop_all()
                self._settling.submit(partial(self._adopt, file, digest, kept), lambda _: self._took_large())

    def _adopt(self, file: PartialFile, digest: Digest, opened: ExitStack) -> None:
        """Make an object of a file that is whole, on a thread of its own."""
        with opened:
            file.become(self._store, digest)

    def _took_large(self) -> None:
        self._result.objects += 1
        self._advance(1, 0)

    def _copy_known(
        self,
        file: PartialFile,
        entry: LargeEntry,
        others: Mapping[bytes, list[tuple[Digest, int, int, int]]],
    ) -> tuple[Digest | None, int]:
        """Copy what objects here have of it; return the one that gave most, and how much all gave."""
        given: dict[Digest, int] = {}
        at = 0
        for name, start, length in entry.ranges:
            for digest, other_at, other_start, other_length in others.get(name, ()):
                begin, end = max(start, other_start), min(start + length, other_start + other_length)
                if begin < end and not file.has(at + begin - start, end - begin):
                    copied = self._copy(
                        file, at + begin - start, digest, other_at + begin - other_start, end - begin
                    )
                    given[digest] = given.get(digest, 0) + copied
            at += length
        return max(given, key=given.__getitem__, default=None), sum(given.values())

    def _copy(self, file: PartialFile, at: int, digest: Digest, start: int, length: int) -> int:
        with suppress(IntegrityError):
            source = self._store.open_ranges(digest)
            if source is not None:
                with source:
                    buffer = memoryview(bytearray(min(length, BLOCK_BYTES)))
                    done = 0
                    while done < length:
                        count = source.read_at(start + done, buffer[: min(len(buffer), length - done)])
                        file.write(at + done, buffer[:count])
                        done += count
                    file.mark(at, length)
                    return length
        return 0

    def _fill(self, file: PartialFile, entry: LargeEntry, *, copied: bool) -> int:
        """Fetch what the file lacks; return how many bytes came.

        What is `copied` by the system is not looked at on its way: the whole is hashed anyway.
        """
        pieces = [
            _Piece(at, piece.part, piece.start + at - piece.at, count)
            for piece in self._pieces(entry)
            for at, count in file.gaps(piece.at, piece.length)
        ]
        with Workers(self._pace.jobs) as workers:

            def took(done: tuple[_Piece, memoryview, bytearray]) -> None:
                piece, data, buffer = done
                file.mark(piece.at, piece.length)
                file.hash_on(piece.at, data)  # While others fetch.
                self._buffers.append(buffer)
                self._write_out(file, piece.length)
                self._advance(0, piece.length)

            try:
                for piece in pieces:
                    workers.submit(partial(self._read_into, file, piece, copied), took)
                workers.drain()
            except BaseException:
                with suppress(Exception):
                    workers.take_finished()
                raise
        return sum(piece.length for piece in pieces)

    def _pieces(self, entry: LargeEntry) -> Iterator[_Piece]:
        """Cut an object where parts end, and at multiples of the size of a request."""
        at = 0
        for name, start, length in entry.ranges:
            part = self._index.parts[name]
            end = start + length
            while start < end:
                count = min(end, (start // self._piece_bytes + 1) * self._piece_bytes) - start
                yield _Piece(at, part, start, count)
                start += count
                at += count

    def _read_into(
        self, file: PartialFile, piece: _Piece, copied: bool
    ) -> tuple[_Piece, memoryview, bytearray]:
        """Fetch a piece into the file; what is returned of it is its end, the rest is read again."""
        buffer = self._buffers.pop() if self._buffers else bytearray(self._step_bytes)
        data = memoryview(b"")
        start, end = piece.start, piece.start + piece.length
        if copied:
            start += file.let_copy(
                lambda fd: self._bucket.copy_into(piece.part.key, start, piece.length, fd, piece.at)
            )
        while start < end:
            until = min(end, (start // self._step_bytes + 1) * self._step_bytes)
            data = read_piece(self._bucket, piece.part, start, until - start, buffer)
            file.write(piece.at + start - piece.start, data)
            start = until
        return piece, data if len(data) == piece.length else memoryview(b""), buffer

    def _write_out(self, file: PartialFile, count: int) -> None:
        """Let the disk begin with what has come: what waits at the end is what nobody waits for now."""
        self._unwritten += count
        if self._unwritten >= _WRITE_OUT_BYTES and not self._writes_out:
            self._unwritten = 0
            self._writes_out = True
            self._settling.submit(partial(self._write_out_now, file), lambda _: None)

    def _write_out_now(self, file: PartialFile) -> None:
        file.write_out()
        self._writes_out = False

    def _is_whole(self, file: PartialFile, digest: Digest, like: Digest | None) -> bool:
        """Whether the file has the digest; stored as one that resembles `like`, it is an object then."""
        if like is None:
            return file.digest() == digest
        # Storing it as a file that resembles another keeps only what is new.
        return self._store.put_file(file.path, like=like)[0] == digest

    def _advance(self, objects: int, size: int) -> None:
        if self._progress is not None:
            self._progress.advance(objects, size)
