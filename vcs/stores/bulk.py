"""A hundred thousand small files on their way into a batch.

Helpers read and hash them into memory that both see; this process alone decides what is
new, and writes it. So objects are stored once, and a helper that dies costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vcs.helpers import Helpers
from vcs.stores.base import SmallFiles, TakenFiles
from vcs.stores.small_files import BUFFER_BYTES, Taken, read_small_files

if TYPE_CHECKING:
    from vcs.stores.batch import LocalBatch

# Files that are asked for at once: their replies pass the helper's socket in one piece.
CHUNK_FILES = 128
# A helper takes 30 ms to start, in which this process reads two thousand files.
_HELP_AFTER_FILES = 2000


class BulkFiles(SmallFiles):
    """See `SmallFiles`."""

    def __init__(self, batch: LocalBatch) -> None:
        self._into = batch
        self._helpers = Helpers(read_small_files, BUFFER_BYTES, begin_after=_HELP_AFTER_FILES)

    def __enter__(self) -> BulkFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self._helpers.__exit__()

    def put(self, folder: str, names: Sequence[str], taken: TakenFiles) -> None:
        for start in range(0, len(names), CHUNK_FILES):
            self._put(folder, names[start : start + CHUNK_FILES], taken)

    def finish(self) -> None:
        self._helpers.finish()

    def _put(self, folder: str, names: Sequence[str], taken: TakenFiles) -> None:
        def done(found: list[Taken | None], buffer: memoryview) -> None:
            taken(names[: len(found)], found, self._into.take_in(found, buffer))
            if len(found) < len(names):  # The buffer was full.
                self._put(folder, names[len(found) :], taken)

        # Reading has no effect, so what a lost helper had is simply read again.
        self._helpers.call((folder, names), len(names), done, lambda: self._put(folder, names, taken))
