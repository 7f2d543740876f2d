"""What lies on a remote read again, and mended from here.

A remote keeps bytes under names that follow from them, so a file that is damaged there is
mended by writing the same bytes again at the same key: nothing that others know of it
changes. A pack is built anew from its objects, a part from objects that it is part of;
both only where the result has the name that it must have. An inventory comes from memory.
What is not here stays as it is, for another clone to mend.

Reads as many bytes as the remote holds. Interrupted, it can be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from blake3 import blake3

from vcs.digest import Digest, digest_bytes
from vcs.errors import IntegrityError, NotFoundError
from vcs.sharing.contents import INVENTORY, STATE
from vcs.sharing.inventory import PackEntry, PartEntry, RemoteIndex, block_digests
from vcs.sharing.upload import JOBS
from vcs.stores.packs import pack_in_memory
from vcs.workers import Workers

if TYPE_CHECKING:
    from vcs.progress import Progress
    from vcs.sharing.contents import RemoteContents
    from vcs.stores.local import LocalStore


@dataclass(frozen=True)
class BadFile:
    """A file of a remote that is damaged or gone.

    Attributes:
        key: Where it lies.
        is_gone: Whether it is not there at all.
        objects: What cannot be had because of it.
        entry: Which pack or part; None for an inventory that is known here.
    """

    key: str
    is_gone: bool = False
    objects: tuple[Digest, ...] = ()
    entry: PackEntry | PartEntry | None = None


@dataclass(frozen=True)
class RemoteVerified:
    """What was found.

    Attributes:
        files: How many packs and parts were read.
        objects: How many objects the remote has, damaged ones among them.
        bad: What is wrong.
    """

    files: int
    objects: int
    bad: tuple[BadFile, ...]


def verify_remote(contents: RemoteContents, *, progress: Progress | None = None) -> RemoteVerified:
    """Read everything that the inventories of a remote name.

    Raises:
        IntegrityError: An inventory is damaged that is not known here.
        StoreError: The remote cannot be read.
    """
    index = contents.refresh()
    found = [*_bad_inventories(contents)]
    entries: list[PackEntry | PartEntry] = [*index.packs, *index.parts.values()]
    if progress is not None:
        progress.add_total(len(entries), sum(entry.size for entry in entries))
    of_parts = _objects_of_parts(index)

    def took(entry: PackEntry | PartEntry, problem: BadFile | None) -> None:
        if problem is not None:
            found.append(problem)
        if progress is not None:
            progress.advance(1, entry.size)

    with Workers(JOBS) as workers:
        for entry in entries:
            workers.submit(partial(_look, contents, entry, of_parts), partial(took, entry))
        workers.drain()
    return RemoteVerified(len(entries), len(index), tuple(sorted(found, key=lambda one: one.key)))


def mend_remote(store: LocalStore, contents: RemoteContents, verified: RemoteVerified) -> set[Digest]:
    """Write anew what is damaged on a remote and whole here; return the objects that stay lost there.

    Raises:
        LockedError: Garbage is being collected there.
        DeniedError, StoreError: The remote takes no writes, or cannot be reached.
    """
    lost: set[Digest] = set()
    with contents.lease() as lease:
        index = contents.index()
        for bad in verified.bad:
            if isinstance(bad.entry, PackEntry):
                data = _pack_anew(store, contents, bad.entry, bad.is_gone)
            elif bad.entry is not None:
                data = _part_anew(store, index, bad.entry, bad.objects)
            else:
                data = contents.remembered(bad.key.removeprefix(STATE))
            if data is None:
                lost.update(bad.objects)
            else:
                contents.bucket.put(bad.key, data)
                lease.renew()
    return lost


def _bad_inventories(contents: RemoteContents) -> Iterator[BadFile]:
    for item in contents.state():
        name = item.key.removeprefix(STATE)
        if name.endswith(INVENTORY):
            with suppress(NotFoundError):  # Another push has just merged it with others.
                if digest_bytes(contents.bucket.get(item.key)) != name.removesuffix(INVENTORY):
                    yield BadFile(item.key)


def _objects_of_parts(index: RemoteIndex) -> dict[bytes, list[Digest]]:
    found: dict[bytes, list[Digest]] = {}
    for raw, entry in index.larges():
        for name in {name for name, _, _ in entry.ranges}:
            found.setdefault(name, []).append(Digest(raw.hex()))
    return found


def _look(
    contents: RemoteContents, entry: PackEntry | PartEntry, of_parts: dict[bytes, list[Digest]]
) -> BadFile | None:
    try:
        data = contents.bucket.get(entry.key)
    except NotFoundError:
        data = None
    if isinstance(entry, PartEntry):
        if data is not None and len(data) == entry.size and block_digests(data) == entry.blocks:
            return None
        return BadFile(entry.key, data is None, tuple(of_parts.get(entry.name, ())), entry)
    objects = [*_objects_of_pack(entry, data)]
    bad = [Digest(raw.hex()) for raw, content in objects if content is None]
    whole = [(raw, content) for raw, content in objects if content is not None]
    if not bad and pack_in_memory(whole)[1] == data:
        return None
    return BadFile(entry.key, data is None, tuple(bad), entry)


def _objects_of_pack(entry: PackEntry, data: bytes | None) -> Iterator[tuple[bytes, memoryview | None]]:
    """Yield every object of a pack in its order; None for one that is damaged."""
    view = memoryview(data or b"")
    for start, size, raw in entry.places(set(entry.raws())):
        content = view[start : start + size]
        yield raw, content if blake3(content).digest() == raw else None


def _pack_anew(store: LocalStore, contents: RemoteContents, entry: PackEntry, is_gone: bool) -> bytes | None:
    """Return the bytes of a pack, from what is whole there and what is here; None if some is nowhere."""
    there = None if is_gone else contents.bucket.get(entry.key)
    objects: list[tuple[bytes, bytes | memoryview]] = []
    for raw, content in _objects_of_pack(entry, there):
        if content is None:
            try:
                content = memoryview(store.read_bytes(Digest(raw.hex())))
            except (NotFoundError, IntegrityError):
                return None
        objects.append((raw, content))
    name, data = pack_in_memory(objects)
    return data if name == entry.name else None


def _part_anew(
    store: LocalStore, index: RemoteIndex, entry: PartEntry, objects: Iterable[Digest]
) -> bytes | None:
    """Return the bytes of a part, out of objects here that have pieces of it; None if some is nowhere."""
    data = bytearray(entry.size)
    for digest in objects:
        large = index.large(bytes.fromhex(digest))
        at = 0
        with suppress(NotFoundError, IntegrityError), store.open(digest) as stream:
            for name, start, length in large.ranges if large is not None else ():
                if name == entry.name:
                    stream.seek(at)
                    piece = stream.read(length)
                    data[start : start + len(piece)] = piece
                at += length
        if block_digests(memoryview(data)) == entry.blocks:
            return bytes(data)
    return None
