"""The interface of a store: objects by digest, whole or not there.

Retrying, limiting, counting and failing on purpose are stores around a store.
"""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias

from vcs.digest import Digest, digest_bytes
from vcs.errors import ConflictError, IntegrityError, NotFoundError, UsageError
from vcs.stores.small_files import LARGE_BYTES, Taken

if TYPE_CHECKING:
    from vcs.progress import Progress

# A file, and offset, size and digest of objects that lie close to each other in it; in that order.
Neighbours: TypeAlias = tuple[Path, Sequence[tuple[int, int, bytes]]]
# What became of the files of these names, and the pack that has all their objects, if one does.
TakenFiles: TypeAlias = Callable[[Sequence[str], Sequence[Taken | None], str | None], None]


class Located(NamedTuple):
    """Where objects are.

    Attributes:
        lacking: Those that are nowhere.
        packs: The packs that have some of the others; with `elsewhere` they have all.
        elsewhere: Those that no pack has.
    """

    lacking: set[bytes]
    packs: set[str]
    elsewhere: list[bytes]


class Batch(ABC):
    """Objects that are put together; they become visible when the batch ends well.

    After an exception in the block nothing of it is visible, but for large objects
    that were complete by then (harmless: nothing names them). Its methods may be
    called from several threads.
    """

    @abstractmethod
    def put_bytes(self, data: bytes, *, like: Digest | None = None) -> Digest:
        """Hash and store `data`, unless the store has it.

        `like` is an object that has many of the same lines, so that a store can keep what
        is new only: a suggestion, which need not be here.
        """

    @abstractmethod
    def contains(self, digest: Digest) -> bool:
        """Whether the object is in the batch or the store already.

        If it is, it counts as put again: garbage collection, should it run at the same
        time, takes it for new and leaves it.
        """

    @abstractmethod
    def put_file(
        self, path: Path, *, advance: Callable[[int], None] | None = None, like: Digest | None = None
    ) -> tuple[Digest, int]:
        """Hash and store a regular file in one pass; return its digest and size in bytes.

        `advance` is told how many bytes were done, bit by bit (a negative number takes
        them back before a second try); what it raises ends the work. `like` is an object
        that the file may resemble, its previous content for example, so that a store can
        keep what is new only: a suggestion, which need not be here.

        Raises:
            NotFoundError, UsageError: It is missing, or not a regular file.
            ConflictError: It changed while it was read, twice.
            StoreError: The disk is full, or a permission is missing.
        """

    def adopt_file(self, path: Path) -> tuple[Digest, int]:
        """Store a file that its owner never changes, such as an object of another store.

        Where the file system can, the bytes are shared and not copied: by a hard link if the
        file is read-only for everybody, else by a reflink. Raises as `put_file` does.
        """
        return self.put_file(path)

    def lacking(self, raws: Iterable[bytes]) -> set[bytes]:
        """Return those digests, as bytes, for which `contains` is false; the others count as put again."""
        return self.locate(list(raws)).lacking

    def locate(self, raws: Sequence[bytes]) -> Located:
        """Say where objects are, so that next time `holds` need be asked only; they count as put again."""
        lacking = {raw for raw in raws if not self.contains(Digest(raw.hex()))}
        return Located(lacking, set(), [raw for raw in raws if raw not in lacking])

    def holds(self, packs: Iterable[str]) -> bool:
        """Whether the batch or the store has all these packs; if so, what is in them counts as put again.

        A pack never changes and its name is never given twice, so what it had, it has.
        """
        return not any(True for _ in packs)

    def put_small_files(self, folder: str, names: Sequence[str]) -> list[Taken | None]:
        """Hash and store the small files among `names` of one folder: the quick way for many.

        None stands for a file that is large, is not a regular file, cannot be opened or
        changed while it was read: `put_file` stores it or says why not.

        Raises:
            StoreError: The disk is full, or failed.
        """
        return [self._put_small_file(Path(folder, name)) for name in names]

    def small_files(self) -> AbstractContextManager[SmallFiles]:
        """Begin to store many small files, from one thread, with other processes where that pays."""
        return nullcontext(SmallFiles(self))

    def _put_small_file(self, path: Path) -> Taken | None:
        try:
            before = os.stat(path, follow_symlinks=False)
            if not stat.S_ISREG(before.st_mode) or before.st_size >= LARGE_BYTES:
                return None
            digest, size = self.put_file(path)
            after = os.stat(path, follow_symlinks=False)
        except (OSError, NotFoundError, UsageError, ConflictError):
            return None
        taken = (size, before.st_mtime_ns, before.st_ctime_ns, before.st_ino, before.st_mode)
        if taken != (after.st_size, after.st_mtime_ns, after.st_ctime_ns, after.st_ino, after.st_mode):
            return None
        return (bytes.fromhex(digest), *taken)


class SmallFiles:
    """Many calls of `put_small_files`, the results of which may come later."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def put(self, folder: str, names: Sequence[str], taken: TakenFiles) -> None:
        """Store files; `taken` is told of all of them, in parts, now or later.

        Raises: as `put_small_files` does, also for files of an earlier call.
        """
        taken(names, self._batch.put_small_files(folder, names), None)

    def finish(self) -> None:
        """Wait for the results that are still to come; what is raised is as for `put`."""


class Store(ABC):
    """Objects under their digests, on some medium.

    Every method is safe from any number of threads and processes. An object is
    visible only when complete. Failures of the medium are StoreError.

    Attributes:
        place: Where the objects lie: two stores with one place have the same; None if that is nowhere.
    """

    name: str
    place: str | None = None

    @abstractmethod
    def batch(self) -> AbstractContextManager[Batch]:
        """Begin a batch: the way to put many objects at the price of few writes."""

    @abstractmethod
    def contains(self, digest: Digest) -> bool:
        """Whether the object is here. Trusts the index; reads no content."""

    @abstractmethod
    def size(self, digest: Digest) -> int:
        """Return the object's size in bytes, or raise NotFoundError."""

    @abstractmethod
    def open(self, digest: Digest) -> BinaryIO:
        """Open the object for reading, seekable. The bytes are not verified here.

        Raises:
            NotFoundError: It is not here.
        """

    @abstractmethod
    def list(self) -> Iterator[Digest]:
        """Yield every object, in no order, each at least once."""

    @abstractmethod
    def delete(self, digests: Iterable[Digest]) -> int:
        """Remove objects; absent ones are skipped. Return how many were removed."""

    def file_of(self, digest: Digest) -> Path | None:
        """Return a read-only file that holds just this object, to link or clone; None if there is none."""
        return None

    def damage(self) -> dict[str, str]:
        """Return parts of the store that cannot be used at all, with the reason. Reads no objects."""
        return {}

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Return those that are not here."""
        return {digest for digest in digests if not self.contains(digest)}

    def obtain(  # noqa: B027 (most know no other place)
        self, digests: Iterable[Digest], progress: Progress | None = None
    ) -> None:
        """Bring those that are not here from elsewhere, as far as this store knows where; else do nothing.

        Raises:
            StoreError: Where they may be cannot be reached.
        """

    def obtainable(self, digests: Iterable[Digest]) -> set[Digest]:
        """Return those that are not here and that `obtain` would bring, as far as that is known."""
        return set()

    def put_bytes(self, data: bytes, *, like: Digest | None = None) -> Digest:
        """Store one object; a repeated call is harmless. See `Batch.put_bytes`."""
        with self.batch() as batch:
            return batch.put_bytes(data, like=like)

    def put_file(self, path: Path, *, like: Digest | None = None) -> tuple[Digest, int]:
        """Store one file; see `Batch.put_file`."""
        with self.batch() as batch:
            return batch.put_file(path, like=like)

    def read_bytes(self, digest: Digest) -> bytes:
        """Return the whole object, verified.

        Raises:
            NotFoundError: It is not here.
            IntegrityError: The bytes do not have that digest.
        """
        with self.open(digest) as stream:
            data = stream.read()
        if digest_bytes(data) != digest:
            raise IntegrityError(
                f"object {digest[:12]} in {self.name} is damaged",
                hint="find what it belongs to: tracker artifact verify",
            )
        return data

    def places(self, digests: Iterable[Digest]) -> Iterator[Neighbours]:
        """Yield where small objects lie in files, neighbours together; not all have to be among them.

        For those who read the files themselves, which may go away at any time.
        """
        return iter(())

    def read_many(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes | memoryview | None]]:
        """Yield small objects, verified, each once and in the order that is quickest.

        None in place of the bytes: the object is missing or damaged, and `read_bytes` says how.
        """
        for digest in dict.fromkeys(digests):
            try:
                yield digest, self.read_bytes(digest)
            except (NotFoundError, IntegrityError):
                yield digest, None
