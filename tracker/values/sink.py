"""Where the bytes of media go: into the store as objects, and into the run for people.

A media value knows how to describe itself and which bytes belong to it, nothing of
stores and runs: it gets a sink. The object is the truth. The file below `media/` is
a link to it, or a copy, under a name made of its digest, so that equal content lies
there once however often it was logged.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from vcs.atomic import make_folder, temporary_name, write_atomic
from vcs.digest import Digest
from vcs.errors import StoreError
from vcs.stores.base import Batch, Store

# 80 bits of the digest name the file: short enough to read, too many to meet twice in a run.
NAME_LENGTH = 20


class Stored(NamedTuple):
    """One object of a media value.

    Attributes:
        digest: Of its bytes.
        size: In bytes.
        path: Relative to the run (or the artifact), with `/`, beginning with `media/`.
    """

    digest: Digest
    size: int
    path: str


class MediaSink(Protocol):
    """What a media value is given to put its bytes into."""

    def put_bytes(self, data: bytes, *, folder: str, suffix: str) -> Stored:
        """Keep `data`; it will lie at `media/<folder>/<digest><suffix>`.

        `folder` is relative, with `/`; `suffix` begins with a dot. A second call
        with the same bytes is harmless and gives the same answer.
        """
        ...

    def put_file(self, path: Path, *, folder: str, suffix: str) -> Stored:
        """Keep the bytes of a file, which is read once and not changed."""
        ...

    def group(self) -> AbstractContextManager[None]:
        """Put what is kept in the block together: many small objects at the price of one."""
        ...


class StoreSink:
    """A sink over a store and the media folder of one run.

    Objects are in the store before a file of `media/` shows them, and both before
    `put_bytes` or, inside `group()`, the block returns. Safe from several threads:
    they take turns.

    A file that cannot be placed (a full disk, a read-only folder) loses nothing,
    since the object is kept: `on_unplaced` is told, and the record names the path
    that the file would have.
    """

    def __init__(
        self,
        store: Store,
        media_folder: Path,
        *,
        object_path: Callable[[Digest], Path | None] | None = None,
        on_unplaced: Callable[[StoreError], None] = lambda error: None,
    ) -> None:
        """Open nothing yet.

        Args:
            store: Where objects are put.
            media_folder: Usually `RunLayout.media`; created when first needed.
            object_path: Says which read-only file holds an object, where there is one;
                that file is then linked instead of copied. The store's own answer if
                not given.
            on_unplaced: Hears of files that could not be placed.
        """
        self._store = store
        self._folder = media_folder
        self._object_path = object_path or store.file_of
        self._on_unplaced = on_unplaced
        self._lock = threading.RLock()
        self._batch: Batch | None = None
        self._waiting: list[Stored] = []

    def put_bytes(self, data: bytes, *, folder: str, suffix: str) -> Stored:
        """See `MediaSink.put_bytes`.

        Raises:
            StoreError: The store could not keep the bytes.
        """
        with self._lock, self.group():
            digest = self._open_batch().put_bytes(data)
            return self._remember(digest, len(data), folder, suffix)

    def put_file(self, path: Path, *, folder: str, suffix: str) -> Stored:
        """See `MediaSink.put_file`.

        Raises:
            NotFoundError, UsageError: It is missing, or not a regular file.
            ConflictError: It changed while it was read, twice.
            StoreError: The store could not keep the bytes.
        """
        with self._lock, self.group():
            digest, size = self._open_batch().put_file(path)
            return self._remember(digest, size, folder, suffix)

    @contextmanager
    def group(self) -> Iterator[None]:
        """See `MediaSink.group`; a group inside a group is part of the outer one."""
        with self._lock:
            if self._batch is not None:
                yield
                return
            self._waiting = []
            try:
                with self._store.batch() as self._batch:
                    yield
            finally:
                self._batch = None
            for stored in self._waiting:
                self._place(stored)

    def _open_batch(self) -> Batch:
        if self._batch is None:
            raise RuntimeError("outside of a group")
        return self._batch

    def _remember(self, digest: Digest, size: int, folder: str, suffix: str) -> Stored:
        path = f"{self._folder.name}/{folder}/{digest[:NAME_LENGTH]}{suffix}"
        stored = Stored(digest, size, path)
        self._waiting.append(stored)
        return stored

    def _place(self, stored: Stored) -> None:
        """Show an object as a file, unless it lies there already."""
        target = self._folder.parent / stored.path
        try:
            if _size_of(target) == stored.size:
                return
            if not self._link(stored.digest, target):
                write_atomic(target, self._store.read_bytes(stored.digest), durable=False)
        except StoreError as error:
            self._on_unplaced(error)

    def _link(self, digest: Digest, target: Path) -> bool:
        """Link the object's own file, if it has one and the file systems allow it."""
        source = self._object_path(digest)
        if source is None:
            return False
        make_folder(target.parent)
        # Not linked in place: a file of the same name and another size (it was edited) is replaced whole.
        temporary = target.parent / temporary_name(target.name)
        try:
            os.link(source, temporary)
            os.replace(temporary, target)
        except OSError:
            # Another file system, or one without links: the caller copies.
            return False
        finally:
            # When both names were links to one file already, the rename left this one behind.
            with suppress(OSError):
                os.unlink(temporary)
        return True


def _size_of(path: Path) -> int | None:
    try:
        return os.lstat(path).st_size
    except OSError:
        return None
