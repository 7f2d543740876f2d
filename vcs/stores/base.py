"""The interface of a store: objects by digest, whole or not there.

Retrying, limiting, counting and failing on purpose are stores around a store.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from vcs.digest import Digest, digest_bytes
from vcs.errors import IntegrityError


class Batch(ABC):
    """Objects that are put together; they become visible when the batch ends well.

    After an exception in the block nothing of it is visible, but for large objects
    that were complete by then (harmless: nothing names them). Its methods may be
    called from several threads.
    """

    @abstractmethod
    def put_bytes(self, data: bytes) -> Digest:
        """Hash and store `data`, unless the store has it."""

    @abstractmethod
    def contains(self, digest: Digest) -> bool:
        """Whether the object is in the batch or the store already.

        If it is, it counts as put again: garbage collection, should it run at the same
        time, takes it for new and leaves it.
        """

    @abstractmethod
    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Hash and store a regular file in one pass; return its digest and size in bytes.

        Raises:
            NotFoundError, UsageError: It is missing, or not a regular file.
            ConflictError: It changed while it was read, twice.
            StoreError: The disk is full, or a permission is missing.
        """


class Store(ABC):
    """Objects under their digests, on some medium.

    Every method is safe from any number of threads and processes. An object is
    visible only when complete. Failures of the medium are StoreError.
    """

    name: str

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

    def put_bytes(self, data: bytes) -> Digest:
        """Store one object; a repeated call is harmless."""
        with self.batch() as batch:
            return batch.put_bytes(data)

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Store one file; see `Batch.put_file`."""
        with self.batch() as batch:
            return batch.put_file(path)

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
