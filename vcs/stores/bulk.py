"""A hundred thousand small files on their way into a batch.

Helpers read and hash them into memory that both see; this process alone decides what is
new and where it goes, and the helper writes it there. So objects are stored once, and a
helper that dies costs nothing: what it had is read again, or written from here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

from vcs.errors import StoreError
from vcs.helpers import Helpers, Request
from vcs.stores.base import SmallFiles, TakenFiles
from vcs.stores.packing import Reserved
from vcs.stores.small_files import BUFFER_BYTES, LARGE_BYTES, Taken, read_small_files, write_runs

# Files that are asked for at once: their replies pass the helper's socket in one piece.
CHUNK_FILES = 128
# About thirty files of the usual size, which take a millisecond: longer, and a helper runs out of work.
_HERE_BYTES = 192 << 10
# A helper takes 30 ms to start, in which this process reads two thousand files.
_HELP_AFTER_FILES = 2000


class Room(Protocol):
    """What a batch has to say and do: see `LocalBatch`."""

    def reserve(
        self, found: Sequence[Taken | None], buffer: memoryview
    ) -> tuple[str | None, Reserved | None]:
        """Make room for what was found and is not stored yet; return the pack that has all of it, and it."""

    def write(self, reserved: Reserved, buffer: memoryview) -> None:
        """Write what room was reserved for; a failure is a StoreError, and the batch's end."""

    def written(self, reserved: Reserved) -> None:
        """Take note that a helper wrote it."""


class BulkFiles(SmallFiles):
    """See `SmallFiles`."""

    def __init__(self, batch: Room) -> None:
        self._into = batch
        works = (read_small_files, write_runs)
        self._helpers = Helpers(
            works, BUFFER_BYTES, begin_after=_HELP_AFTER_FILES, here_bytes=LARGE_BYTES + _HERE_BYTES
        )
        # What a helper is to write, or has just written; with the buffer in which it lies.
        self._writing: dict[Reserved, memoryview] = {}

    def __enter__(self) -> BulkFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self._helpers.__exit__()
        # After a failure or Ctrl-C the batch may go on, and its packs have to be whole.
        for reserved, buffer in self._writing.items():
            with suppress(StoreError):  # The batch knows.
                self._into.write(reserved, buffer)

    def put(self, folder: str, names: Sequence[str], taken: TakenFiles) -> None:
        for start in range(0, len(names), CHUNK_FILES):
            self._put(folder, names[start : start + CHUNK_FILES], taken)

    def finish(self) -> None:
        self._helpers.finish()

    def _put(self, folder: str, names: Sequence[str], taken: TakenFiles) -> None:
        def done(found: list[Taken | None], buffer: memoryview) -> Request | None:
            home, reserved = self._into.reserve(found, buffer)
            if reserved is not None:
                self._writing[reserved] = buffer
            taken(names[: len(found)], found, home)
            rest = names[len(found) :]  # The buffer was full.
            if reserved is not None:
                return self._request(reserved, lambda: self._put(folder, rest, taken) if rest else None)
            if rest:
                self._put(folder, rest, taken)
            return None

        # Reading has no effect, so what a lost helper had is simply read again.
        lost = partial(self._put, folder, names, taken)
        self._helpers.call(Request(0, (folder, names), done, lost), len(names))

    def _request(self, reserved: Reserved, then: Callable[[], None]) -> Request:
        """Return how to write what room was reserved for: by the helper that has read it, or here."""

        def write() -> None:
            self._into.write(reserved, self._writing[reserved])
            del self._writing[reserved]
            then()

        def written(is_whole: bool, _buffer: memoryview) -> None:
            if not is_whole:  # A full disk, perhaps; here it is seen why.
                write()
                return
            del self._writing[reserved]
            self._into.written(reserved)
            then()

        path = str(reserved.making.temporary)
        return Request(1, (path, reserved.offset, reserved.runs), written, write)
