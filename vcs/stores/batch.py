"""A batch of the local store: small objects gathered, large ones copied at once.

Small objects wait in memory until there are enough for a pack. A pack in the making
is a temporary file. When the batch ends well, every pack is finished and durable
before the first one gets its name.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from vcs.atomic import disk_error, fsync_directory, make_folder, remove_quietly, write_all
from vcs.digest import Digest
from vcs.errors import ConflictError, StoreError
from vcs.stores.base import Batch, Located, SmallFiles
from vcs.stores.bulk import CHUNK_FILES, BulkFiles
from vcs.stores.copying import hash_descriptor
from vcs.stores.large import LargeFiles, is_same, settle
from vcs.stores.one_file import Counter, open_regular, read_small
from vcs.stores.packs import Pack, PackWriter, new_pack_name
from vcs.stores.small_files import BUFFER_BYTES, LARGE_BYTES, Taken, read_small_files

if TYPE_CHECKING:
    from vcs.stores.local import LocalStore

# A pack for fewer objects than this is not worth a file that every search has to look into.
PACK_FROM_OBJECTS = 64
# Limits of one pack: what a rewrite has to copy, and what an index takes in memory.
PACK_BYTES = 256 << 20
PACK_OBJECTS = 200_000
# From this many questions on, a folder of objects is listed once instead of asked each time.
_LIST_FROM_QUESTIONS = 256


class PackInMaking(NamedTuple):
    """A pack that is being written, and the name that it will have."""

    writer: PackWriter
    fd: int
    temporary: Path
    name: str


class LocalBatch(Batch):
    """See `Batch`. The store's `batch()` is the way to get one."""

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: dict[bytes, bytes] = {}
        self._likes: dict[bytes, Digest] = {}
        self._writers: list[PackInMaking] = []
        self._touched: set[Path] = set()
        self._used_packs: set[Pack] = set()
        self._listed: list[frozenset[bytes] | None] = [None] * 256
        self._questions = 0
        self._broken = False
        # Whether the store had nothing when this was asked first.
        self._empty: bool | None = None
        self._buffer: memoryview | None = None
        self._large = LargeFiles(store, self.contains, lambda path, digest: self.publish(path, digest))
        store.refresh()

    def put_bytes(self, data: bytes, *, like: Digest | None = None) -> Digest:
        hasher = blake3(data)
        raw = hasher.digest()
        digest = Digest(raw.hex())
        if len(data) >= LARGE_BYTES:
            if self.contains(digest) or (like is not None and self._large.put_lines(data, digest, like)):
                return digest
            self._store_loose(digest, data)
            return digest
        with self._lock:
            if not self._has(raw, digest) and not self._has_recipe(digest):
                if like is not None and not self._writers:
                    self._likes[raw] = like
                self._append(raw, data)
        return digest

    def contains(self, digest: Digest) -> bool:
        with self._lock:
            return self._has(bytes.fromhex(digest), digest) or self._has_recipe(digest)

    def locate(self, raws: Sequence[bytes]) -> Located:
        found = Located(set(), set(), [])
        used: dict[Pack, bool] = {}
        with self._lock:
            find = self._store.packs.finder(len(raws))
            for raw in raws:
                pack = find(raw)
                if pack is not None:
                    used[pack] = True
                elif (name := self._in_making(raw)) is not None:
                    found.packs.add(name)
                elif self._has(raw, digest := Digest(raw.hex())) or self._has_recipe(digest):
                    found.elsewhere.append(raw)
                else:
                    found.lacking.add(raw)
            gone = [pack for pack in used if not self._use(pack)]
            found.packs.update(pack.path.name for pack in used)
        # Another process rewrote or removed a pack since this batch began: ask again, of what is there now.
        return self.locate(raws) if gone else found

    def holds(self, packs: Iterable[str]) -> bool:
        with self._lock:
            making = {making.name for making in self._writers}
            for name in packs:
                pack = self._store.packs.by_name(name)
                if name not in making and (pack is None or not self._use(pack)):
                    return False
        return True

    def put_small_files(self, folder: str, names: Sequence[str]) -> list[Taken | None]:
        taken: list[Taken | None] = []
        if self._buffer is None:  # A batch of one object has no use for a megabyte.
            self._buffer = memoryview(bytearray(BUFFER_BYTES))
        while len(taken) < len(names):
            some = names[len(taken) : len(taken) + CHUNK_FILES]
            found = read_small_files(self._buffer, folder, some)
            self.take_in(found, self._buffer)
            taken += found
        return taken

    def small_files(self) -> AbstractContextManager[SmallFiles]:
        return BulkFiles(self)

    def take_in(self, found: Sequence[Taken | None], buffer: memoryview) -> str | None:
        """Store what `read_small_files` found; return the pack that has all of it, if one does.

        The buffer is free again afterwards.
        """
        with self._lock:
            if not self._writers:
                self._take_in_each(found, buffer)
                return self._home_of(found)
            try:
                making = self._making()
                has = None if self._is_first() else self._has_elsewhere
                alone = making.writer.append_files(found, buffer, has)
            except OSError as error:
                self._broken = True
                raise disk_error(error, f"cannot write to the store at {self._store.tmp}") from error
        return making.name if alone else None

    def _home_of(self, found: Sequence[Taken | None]) -> str | None:
        if not self._writers:
            return None
        here = self._writers[-1].writer.places
        return self._writers[-1].name if all(one is None or one[0] in here for one in found) else None

    def _take_in_each(self, found: Sequence[Taken | None], buffer: memoryview) -> None:
        """The same while there is no pack yet."""
        at = 0
        for one in found:
            if one is not None:
                raw, size = one[0], one[1]
                if not self._has(raw, None) and not self._has_recipe(Digest(raw.hex())):
                    self._append(raw, bytes(buffer[at : at + size]))
                at += size

    def _in_making(self, raw: bytes) -> str | None:
        """Return the pack of this batch that has the object."""
        for making in self._writers:
            if raw in making.writer.places:
                return making.name
        return None

    def _is_first(self) -> bool:
        """Whether nothing was stored before this batch, and it has one pack: then nothing is elsewhere."""
        if self._empty is None:
            is_packed = next(iter(self._store.packs), None) is not None
            self._empty = not is_packed and next(self._store.loose_names(), None) is None
        return self._empty and len(self._writers) == 1

    def _has_elsewhere(self, raw: bytes) -> bool:
        """Whether the object is anywhere but in the newest pack."""
        for making in self._writers[:-1]:
            if raw in making.writer.places:
                return True
        return self._has_stored(raw, None)

    def put_file(
        self, path: Path, *, advance: Callable[[int], None] | None = None, like: Digest | None = None
    ) -> tuple[Digest, int]:
        counter = Counter(advance)
        for _ in range(2):
            counter.take_back()
            fd = open_regular(path)
            try:
                before = os.fstat(fd)
                if before.st_size < LARGE_BYTES:
                    data = read_small(fd, path)
                    if is_same(before, os.fstat(fd), len(data)):
                        counter(len(data))
                        return self.put_bytes(data, like=like), len(data)
                else:
                    result = self._large.put(fd, before, path, like, counter)
                    if result is not None:
                        return result
            finally:
                os.close(fd)
        raise ConflictError(
            f"{path} changed while it was read", hint="wait until nothing writes to it, then run it again"
        )

    def adopt_file(self, path: Path) -> tuple[Digest, int]:
        """See `Batch.adopt_file`. The file is read once, to hash it; small ones are copied."""
        fd = open_regular(path)
        try:
            before = os.fstat(fd)
            if before.st_size < LARGE_BYTES or before.st_mode & 0o222:
                return self.put_file(path)
            digest, size = hash_descriptor(fd)
            if is_same(before, os.fstat(fd), size) and (
                self.contains(digest) or self._link(fd, path, digest)
            ):
                return digest, size
        except OSError as error:
            raise disk_error(error, f"cannot store {path}") from error
        finally:
            os.close(fd)
        return self.put_file(path)

    def _link(self, fd: int, path: Path, digest: Digest) -> bool:
        """Make the object a name of the file; return False where that cannot be."""
        target = Path(self._store.loose_path(digest))
        os.fsync(fd)
        make_folder(target.parent)
        try:
            os.link(path, target)
        except FileExistsError:
            return True
        except OSError:  # another file system, or one without links, or another user's file
            return False
        if not os.path.samestat(os.fstat(fd), os.stat(target)):
            os.unlink(target)  # another file took the name while this one was read
            return False
        with self._lock:
            self._touched.add(target.parent)
        return True

    def finish(self) -> None:
        """Make everything visible.

        Raises:
            StoreError: Nothing is visible, but for large objects.
        """
        if self._broken:
            raise StoreError("the batch failed before; nothing of it was stored")
        try:
            if self._writers:
                self._seal_packs()
            elif self._waiting:
                self._store_waiting()
            for folder in self._touched:
                fsync_directory(folder)
        except OSError as error:
            raise disk_error(error, f"cannot write to the store at {self._store.tmp}") from error

    def discard(self) -> None:
        """Close and remove what is still temporary; harmless after `finish`."""
        writers, self._writers = self._writers, []
        self._waiting.clear()
        for making in writers:
            os.close(making.fd)
            remove_quietly(making.temporary)

    def _has(self, raw: bytes, digest: Digest | None) -> bool:
        """Whether the object is in a pack or a file; under the lock. The digest is the same, to save work."""
        return raw in self._waiting or self._in_making(raw) is not None or self._has_stored(raw, digest)

    def _has_stored(self, raw: bytes, digest: Digest | None) -> bool:
        """Whether the store had the object before this batch, or gets it from another process now."""
        pack = self._store.packs.find(raw)
        while pack is not None:
            if self._use(pack):
                return True
            pack = self._store.packs.find(raw)
        listed = self._listed[raw[0]]
        if listed is not None and raw not in listed:
            return False
        return self._has_loose(digest if digest is not None else Digest(raw.hex()))

    def _use(self, pack: Pack) -> bool:
        """Say to garbage collection, which goes by age, that the pack is wanted; False if it is gone."""
        if pack not in self._used_packs:
            try:
                os.utime(pack.path)
            except FileNotFoundError:
                self._store.refresh(force=True)
                return False
            except OSError:
                pass  # Another user's pack in a shared store: it is there.
            self._used_packs.add(pack)
        return True

    def _has_loose(self, digest: Digest) -> bool:
        self._questions += 1
        if self._questions > _LIST_FROM_QUESTIONS:
            listed = self._listed[int(digest[:2], 16)] = self._list_loose(digest)
            if bytes.fromhex(digest) not in listed:
                return False
        path = self._store.loose_path(digest)
        try:
            # Says to garbage collection that it is wanted, and whether it is there.
            os.utime(path)
        except FileNotFoundError:
            return False
        except OSError:  # Another user's object in a shared store.
            return os.path.exists(path)
        return True

    def _has_recipe(self, digest: Digest) -> bool:
        """Whether the object is here as a recipe; what the recipe needs is safe for as long as it is."""
        if not self._store.recipes.has(digest):
            return False
        with suppress(OSError):  # Removed just now, or another user's: `has` was the answer.
            os.utime(self._store.recipes.path(digest))
        return True

    def _list_loose(self, digest: Digest) -> frozenset[bytes]:
        """Return the objects that lie in the same folder as this one would."""
        try:
            names = os.listdir(os.path.dirname(self._store.loose_path(digest)))
        except OSError:
            return frozenset()
        return frozenset(bytes.fromhex(digest[:2] + name) for name in names if len(name) == 62)

    def _append(self, raw: bytes, data: bytes) -> None:
        try:
            if self._writers:
                self._making().writer.append(raw, data)
                return
            self._waiting[raw] = data
            if len(self._waiting) >= PACK_FROM_OBJECTS:
                writer = self._next().writer
                for key, value in self._waiting.items():
                    writer.append(key, value)
                self._waiting = {}
                self._likes = {}
        except OSError as error:
            self._broken = True
            raise disk_error(error, f"cannot write to the store at {self._store.tmp}") from error

    def _making(self) -> PackInMaking:
        """Return the pack that is to be written to."""
        writer = self._writers[-1].writer
        if writer.end >= PACK_BYTES or len(writer.places) >= PACK_OBJECTS:
            return self._next()
        return self._writers[-1]

    def _next(self) -> PackInMaking:
        if self._writers:
            self._writers[-1].writer.finish()
        fd, path = self._store.open_temporary()
        making = PackInMaking(PackWriter(fd), fd, path, new_pack_name())
        self._writers.append(making)
        return making

    def _seal_packs(self) -> None:
        self._writers[-1].writer.finish()
        for making in self._writers:
            self._store.seal(making.fd, making.temporary, making.name)
        fsync_directory(self._store.packs.folder)
        self._store.refresh(force=True)

    def _store_waiting(self) -> None:
        """Store the few objects as recipes or files: all files are durable before the first gets its name."""
        written: list[tuple[Digest, Path]] = []
        try:
            for raw, data in self._waiting.items():
                digest = Digest(raw.hex())
                if not self._large.put_small(data, digest, self._likes.get(raw)):
                    written.append((digest, self._write_temporary(data)))
            for digest, path in written:
                self.publish(path, digest)
        finally:
            for _, path in written:
                remove_quietly(path)

    def _store_loose(self, digest: Digest, data: bytes) -> None:
        try:
            path = self._write_temporary(data)
            try:
                self.publish(path, digest)
            finally:
                remove_quietly(path)
        except OSError as error:
            raise disk_error(error, f"cannot write to the store at {self._store.tmp}") from error

    def _write_temporary(self, data: bytes) -> Path:
        fd, path = self._store.open_temporary()
        try:
            write_all(fd, data)
            settle(fd)
        except BaseException:
            remove_quietly(path)
            raise
        finally:
            os.close(fd)
        return path

    def publish(self, temporary: Path, digest: Digest) -> None:
        """Give a durable temporary file the name of its object."""
        target = Path(self._store.loose_path(digest))
        try:
            os.rename(temporary, target)
        except FileNotFoundError:
            make_folder(target.parent)
            os.rename(temporary, target)
        with self._lock:
            self._touched.add(target.parent)
