"""A batch of the local store: small objects gathered, large ones copied at once.

Small objects wait in memory until there are enough for a pack. A pack in the making
is a temporary file. When the batch ends well, every pack is finished and durable
before the first one gets its name.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from blake3 import blake3

from vcs.atomic import disk_error, fsync_directory, make_folder, remove_quietly, write_all
from vcs.digest import Digest
from vcs.errors import ConflictError, StoreError
from vcs.stores.base import Batch, Located, SmallFiles
from vcs.stores.bulk import CHUNK_FILES, BulkFiles
from vcs.stores.copying import hash_descriptor
from vcs.stores.large import LargeFiles
from vcs.stores.local_files import LocalFiles, settle
from vcs.stores.one_file import Counter, is_same, open_regular, read_small
from vcs.stores.packing import Packing, Reserved
from vcs.stores.packs import Pack
from vcs.stores.small_files import BUFFER_BYTES, LARGE_BYTES, Taken, read_small_files

# A pack for fewer objects than this is not worth a file that every search has to look into.
PACK_FROM_OBJECTS = 64
# From this many questions on, a folder of objects is listed once instead of asked each time.
_LIST_FROM_QUESTIONS = 256


class LocalBatch(Batch):
    """See `Batch`. The store's `batch()` is the way to get one."""

    def __init__(self, store: LocalFiles) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: dict[bytes, bytes] = {}
        self._likes: dict[bytes, Digest] = {}
        self._packing = Packing(store)
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
                if like is not None and not self._packing:
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
                elif (name := self._packing.home(raw)) is not None:
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
            making = set(self._packing.names())
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

    def take_in(self, found: Sequence[Taken | None], buffer: memoryview) -> None:
        """Store what `read_small_files` found; the buffer is free again afterwards."""
        _, reserved = self.reserve(found, buffer)
        if reserved is not None:
            self.write(reserved, buffer)

    def reserve(
        self, found: Sequence[Taken | None], buffer: memoryview
    ) -> tuple[str | None, Reserved | None]:
        """Make room for what `read_small_files` found, unless it is stored already.

        Returns the pack that has all of it, if one does, too. With room, either `write` is
        called then, or `written` after somebody else wrote it.
        """
        with self._lock:
            if not self._packing:
                self._take_in_each(found, buffer)
                homes = {self._packing.home(one[0]) for one in found if one is not None}
                return homes.pop() if len(homes) == 1 else None, None
            with self._breaking():
                reserved = self._packing.reserve(found, None if self._is_first() else self._has_stored)
                home = reserved.making.name if reserved.alone else None
                if reserved.runs:
                    return home, reserved
                self._packing.written(reserved)
                return home, None

    def write(self, reserved: Reserved, buffer: memoryview) -> None:
        """Write what room was reserved for; the buffer is free again afterwards."""
        with self._lock, self._breaking():
            self._packing.write(reserved, buffer)

    def written(self, reserved: Reserved) -> None:
        """Take note that somebody else wrote it."""
        with self._lock, self._breaking():
            self._packing.written(reserved)

    @contextmanager
    def _breaking(self) -> Iterator[None]:
        """After a failure of the disk nothing of the batch is stored."""
        try:
            yield
        except OSError as error:
            self._broken = True
            raise disk_error(error, f"cannot write to the store at {self._store.tmp}") from error

    def _take_in_each(self, found: Sequence[Taken | None], buffer: memoryview) -> None:
        """The same while there is no pack yet."""
        at = 0
        for one in found:
            if one is not None:
                raw, size = one[0], one[1]
                if not self._has(raw, None) and not self._has_recipe(Digest(raw.hex())):
                    self._append(raw, bytes(buffer[at : at + size]))
                at += size

    def _is_first(self) -> bool:
        """Whether nothing was stored before this batch."""
        if self._empty is None:
            is_packed = next(iter(self._store.packs), None) is not None
            self._empty = not is_packed and next(self._store.loose_names(), None) is None
        return self._empty

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
            if self._packing:
                self._packing.seal()
                self._store.refresh(force=True)
            elif self._waiting:
                self._store_waiting()
            for folder in self._touched:
                fsync_directory(folder)
        except OSError as error:
            raise disk_error(error, f"cannot write to the store at {self._store.tmp}") from error

    def discard(self) -> None:
        """Close and remove what is still temporary; harmless after `finish`."""
        self._waiting.clear()
        self._packing.discard()

    def _has(self, raw: bytes, digest: Digest | None) -> bool:
        """Whether the object is in a pack or a file; under the lock. The digest is the same, to save work."""
        return raw in self._waiting or self._packing.home(raw) is not None or self._has_stored(raw, digest)

    def _has_stored(self, raw: bytes, digest: Digest | None = None) -> bool:
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
        number = int(digest[:2], 16)
        if self._questions > _LIST_FROM_QUESTIONS and self._listed[number] is None:
            listed = self._listed[number] = self._list_loose(digest)
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
        with self._breaking():
            if self._packing:
                self._packing.append(raw, data)
                return
            self._waiting[raw] = data
            if len(self._waiting) >= PACK_FROM_OBJECTS:
                self._packing.begin(self._waiting.items())
                self._waiting = {}
                self._likes = {}

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
