"""The store on a local or shared disk.

Large objects are one read-only file each, `objects/ab/cdef…`, so that a checkout can
link or clone them. Many small objects that come in one batch become one pack; a few
become files. Everything is written under `tmp` first and renamed when it is whole and
durable, so whatever kills the process leaves temporary files and nothing else.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from blake3 import blake3

from vcs.atomic import disk_error, fsync_directory, remove_quietly
from vcs.digest import Digest, digest_bytes
from vcs.errors import IntegrityError, NotFoundError
from vcs.lock import file_lock
from vcs.progress import Progress
from vcs.stores.base import Batch, Neighbours, Store
from vcs.stores.batch import LocalBatch
from vcs.stores.claims import claim
from vcs.stores.leftovers import remove_old
from vcs.stores.local_files import LocalFiles
from vcs.stores.packs import Pack, PackWriter, new_pack_name
from vcs.stores.small_files import BUFFER_BYTES, LARGE_BYTES


class Source(Protocol):
    """Where a store may get objects from that it lacks."""

    def bring(self, store: LocalStore, digests: set[Digest], progress: Progress | None) -> None:
        """Put those that can be had into the store."""

    def has(self, digests: set[Digest]) -> set[Digest]:
        """Return those that can be had."""


_REWRITE_TIMEOUT_S = 600.0
# Objects of a pack that lie this close are read together, up to so much at once.
_GAP_BYTES = 32 << 10
_WINDOW_BYTES = BUFFER_BYTES - LARGE_BYTES


class LocalStore(LocalFiles, Store):
    """The store over `LocalFiles`. Opening it costs nothing and creates nothing."""

    def __init__(self, objects: Path, packs: Path, tmp: Path, *, source: Source | None = None) -> None:
        """See `LocalFiles` for the folders.

        `source` is asked for what is opened or read and not here, one by one; `obtain` asks for many.
        """
        super().__init__(objects, packs, tmp)
        self.name = "the local store"
        self.place = str(objects)
        self._source = source

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        """Begin a batch; see `Store.batch`.

        Raises:
            StoreError: The disk is full or cannot be written. Nothing of the batch is visible then.
        """
        claim(self.claims)
        batch = LocalBatch(self)
        try:
            yield batch
            batch.finish()
        finally:
            batch.discard()

    def contains(self, digest: Digest) -> bool:
        # Packs that another process rewrote must not be asked from memory; this is one stat.
        self.refresh()
        return (
            self.packs.find(bytes.fromhex(digest)) is not None
            or os.path.exists(self.loose_path(digest))
            or self.recipes.has(digest)
        )

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Return those that are not here; looks for new packs once."""
        self.refresh()
        not_packed = [Digest(raw.hex()) for raw in self.packs.lacking(map(bytes.fromhex, digests))]
        not_loose = [digest for digest in not_packed if not os.path.exists(self.loose_path(digest))]
        return {digest for digest in not_loose if not self.recipes.has(digest)}

    def obtain(self, digests: Iterable[Digest], progress: Progress | None = None) -> None:
        if self._source is not None:
            lacking = self.missing(digests)
            if lacking:
                self._source.bring(self, lacking, progress)

    def obtainable(self, digests: Iterable[Digest]) -> set[Digest]:
        lacking = self.missing(digests) if self._source is not None else set()
        return self._source.has(lacking) if self._source is not None and lacking else set()

    def size(self, digest: Digest) -> int:
        try:
            return os.stat(self.loose_path(digest)).st_size
        except FileNotFoundError:
            recipe = self.recipes.load(digest)
            return recipe.size if recipe is not None else self._place(digest)[2]
        except OSError as error:
            raise disk_error(error, f"cannot read object {digest[:12]}") from error

    def open(self, digest: Digest) -> BinaryIO:
        try:
            return self._open(digest)
        except NotFoundError:
            self.obtain([digest])
            return self._open(digest)

    def _open(self, digest: Digest) -> BinaryIO:
        try:
            return open(self.loose_path(digest), "rb")
        except FileNotFoundError:
            ranges = self.recipes.open(digest)
            return io.BufferedReader(ranges) if ranges is not None else io.BytesIO(self._read_packed(digest))
        except OSError as error:
            raise disk_error(error, f"cannot read object {digest[:12]}") from error

    def file_of(self, digest: Digest) -> Path | None:
        path = self.loose_path(digest)
        return Path(path) if os.path.exists(path) else None

    def damage(self) -> dict[str, str]:
        self.refresh()
        return {name: error.message for name, error in self.packs.damaged.items()}

    def read_bytes(self, digest: Digest) -> bytes:
        raw = bytes.fromhex(digest)
        if self.packs.find(raw) is None:
            return super().read_bytes(digest)
        data = self._read_packed(digest)
        if digest_bytes(data) != digest:
            # The same object may lie in two places, and only one of them be damaged.
            return super().read_bytes(digest)
        return data

    def places(self, digests: Iterable[Digest]) -> Iterator[Neighbours]:
        self.refresh()
        wanted = set(map(bytes.fromhex, digests))
        for pack in self.packs:
            for group in _neighbours(pack.places(wanted)):
                # It may lie in another pack too.
                wanted.difference_update(raw for _, _, raw in group)
                yield pack.path, group
            if not wanted:
                break

    def read_many(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes | memoryview | None]]:
        asked = dict.fromkeys(digests)
        for path, group in self.places(asked):
            start, end = group[0][0], group[-1][0] + group[-1][1]
            try:
                view = memoryview(self.packs.read(path, start, end - start))
            except OSError:  # Rewritten by another process, for example.
                continue
            for offset, size, raw in group:
                data = view[offset - start : offset - start + size]
                if len(data) == size and blake3(data).digest() == raw:
                    digest = Digest(raw.hex())
                    del asked[digest]
                    yield digest, data
        for digest in asked:
            # What is not small is left to those who can read it in parts.
            if self._is_small(digest):
                yield from super().read_many([digest])
            else:
                yield digest, None

    def _is_small(self, digest: Digest) -> bool:
        try:
            return self.size(digest) < LARGE_BYTES
        except NotFoundError:
            return False

    def list(self) -> Iterator[Digest]:
        self.refresh()
        for pack in self.packs:
            for raw in pack:
                yield Digest(raw.hex())
        for folder, name in self.loose_names():
            yield Digest(folder + name)
        yield from self.recipes.names()

    def delete(self, digests: Iterable[Digest]) -> int:
        """Remove objects; see `Store.delete`. Packs that hold some are rewritten, one at a time.

        A crash in between leaves every remaining object readable.
        """
        wanted = set(digests)
        removed: set[Digest] = set()
        with file_lock(self.packs.folder / "lock", timeout_s=_REWRITE_TIMEOUT_S, what="the store"):
            self.refresh(force=True)
            raws = {bytes.fromhex(digest) for digest in wanted}
            for pack in self.packs:
                gone = raws.intersection(pack)
                if gone:
                    self._rewrite_without(pack, gone)
                    removed.update(Digest(raw.hex()) for raw in gone)
            self.refresh(force=True)
        removed |= self._delete_files(wanted)
        return len(removed)

    def _delete_files(self, wanted: set[Digest]) -> set[Digest]:
        """Remove recipes and objects that are files; return which there were.

        What recipes that stay need becomes an extent. If one of these cannot be read,
        everything that it might need is kept so.
        """
        with self.recipes.lock():
            try:
                removed = self.recipes.delete(wanted)
                needed: dict[Digest, set[Digest]] | None
                try:
                    needed = self.recipes.needed()
                except IntegrityError:
                    needed = None
                for digest in wanted:
                    path = Path(self.loose_path(digest))
                    if not path.exists():
                        continue
                    if needed is None or digest in needed:
                        self.recipes.keep(digest, path)
                    else:
                        path.unlink()
                    removed.add(digest)
                if needed is not None:
                    self.recipes.sweep(needed)
            except OSError as error:
                raise disk_error(error, f"cannot remove objects from {self.objects}") from error
        return removed

    def remove_leftovers(self, **ages: float) -> int:
        """Remove what processes that are gone have left; see `leftovers.remove_old`."""
        return remove_old(self.tmp, self.partial, **ages)

    def _place(self, digest: Digest) -> tuple[Pack, int, int]:
        raw = bytes.fromhex(digest)
        pack = self.packs.find(raw)
        if pack is None and self.refresh():
            pack = self.packs.find(raw)
        place = pack.place(raw) if pack is not None else None
        if pack is None or place is None:
            raise self._not_found(digest)
        return pack, *place

    def _read_packed(self, digest: Digest) -> bytes:
        for _ in range(3):
            pack, offset, size = self._place(digest)
            try:
                data = self.packs.read(pack.path, offset, size)
            except FileNotFoundError:  # Rewritten by another process: the object is in a newer pack.
                self.refresh(force=True)
                continue
            except OSError as error:
                raise disk_error(error, f"cannot read object {digest[:12]}") from error
            if len(data) != size:
                raise IntegrityError(
                    f"object {digest[:12]} is damaged: the pack {pack.path.name} is cut",
                    hint="find what it belongs to: tracker artifact verify",
                )
            return data
        raise self._not_found(digest)

    def _not_found(self, digest: Digest) -> NotFoundError:
        damaged = "".join(f"; the pack {name} is damaged" for name in sorted(self.packs.damaged))
        return NotFoundError(f"object {digest[:12]} is not in {self.name}{damaged}")

    def _rewrite_without(self, pack: Pack, gone: set[bytes]) -> None:
        self.copy_without(pack, gone)
        try:
            pack.path.unlink()
        except OSError as error:
            raise disk_error(error, f"cannot remove the pack {pack.path.name}") from error

    def copy_without(self, pack: Pack, gone: set[bytes]) -> None:
        """Make a pack, visible and durable, of all but some objects of another; under the lock of packs.

        Raises:
            IntegrityError: The pack is cut.
            StoreError: The disk failed; there is no new pack.
        """
        left = [raw for raw in pack if raw not in gone]
        if left:
            fd, temporary = self.open_temporary()
            try:
                writer = PackWriter(fd)
                for raw in left:
                    place = pack.place(raw)
                    assert place is not None
                    data = self.packs.read(pack.path, *place)
                    if len(data) != place[1]:
                        raise IntegrityError(f"the pack {pack.path.name} is cut; nothing was removed from it")
                    writer.append(raw, data)
                writer.finish()
                self.seal(fd, temporary, new_pack_name())
            except OSError as error:
                raise disk_error(error, f"cannot rewrite the pack {pack.path.name}") from error
            finally:
                os.close(fd)
                remove_quietly(temporary)
            fsync_directory(self.packs.folder)


def _neighbours(places: Iterable[tuple[int, int, bytes]]) -> Iterator[list[tuple[int, int, bytes]]]:
    """Group places, which are in order, by what one read can bring."""
    group: list[tuple[int, int, bytes]] = []
    start = end = 0
    for place in places:
        offset, size, _ = place
        if group and (offset - end > _GAP_BYTES or offset + size - start > _WINDOW_BYTES):
            yield group
            group = []
        if not group:
            start = offset
        group.append(place)
        end = offset + size
    if group:
        yield group
