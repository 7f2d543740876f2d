"""The bytes of a media value, taken when the value is made, written when it is logged.

A media value is made on the training thread and written by the writer thread, some
time later. What it was made from may change in between: an array is filled anew, a
temporary file is deleted. So the value takes what it needs at once, cheaply, and
leaves the costly part (encoding, hashing, writing) to the thread that writes.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from tracker.values.copies import make_copy
from tracker.values.sink import MediaSink, Stored
from vcs.errors import ConflictError, Error, NotFoundError, UsageError
from vcs.paths import look_hint

Record = dict[str, Any]
"""What a media value leaves in a row: `_type`, and what JSON can hold."""

# Up to this size a file is taken into memory; a larger one is copied beside.
MEMORY_LIMIT = 4 << 20


class Content:
    """Bytes that later changes of their source cannot reach.

    Lies in memory, or for large files in a private copy that goes away with this
    object, or in a function that makes the bytes when they are first needed.
    Reading and putting it any number of times gives the same bytes.
    """

    def __init__(self, data: bytes | None = None, *, make: Callable[[], bytes] | None = None) -> None:
        """Hold `data`, or `make`, which is called once, by the thread that needs the bytes."""
        self._data = data
        self._make = make
        self._copy: Path | None = None

    @classmethod
    def of_file(cls, path: str | os.PathLike[str]) -> Content:
        """Take the bytes that the file has now; it may change or vanish afterwards.

        Costs one read of the file, and for more than 4 MiB a copy in the folder for
        temporary files.

        Raises:
            NotFoundError: No such file.
            UsageError: Not a regular file, or not readable.
            ConflictError: It changed while it was read, twice.
        """
        source = Path(path)
        for _ in range(2):
            before = _stat_file(source)
            content = cls._take(source, before.st_size)
            if _same_file(before, _stat_file(source)):
                return content
        raise ConflictError(f"{source} changed while it was read", hint="log it when it is complete")

    @classmethod
    def _take(cls, source: Path, size: int) -> Content:
        try:
            if size <= MEMORY_LIMIT:
                return cls(source.read_bytes())
            content = cls()
            content._copy = Path(make_copy(source, content))
        except OSError as error:
            raise UsageError(f"cannot read {source}: {error.strerror or error}") from error
        return content

    def read(self) -> bytes:
        """Return the bytes, making them first where they are not made yet."""
        if self._copy is not None:
            return self._copy.read_bytes()
        if self._data is None:
            if self._make is None:
                raise Error("a media value without content")
            self._data = self._make()
            # What the bytes were made from (pixels, samples) is not needed any more.
            self._make = None
        return self._data

    def put(self, sink: MediaSink, *, folder: str, suffix: str) -> Stored:
        """Give the bytes to a sink."""
        if self._copy is not None:
            return sink.put_file(self._copy, folder=folder, suffix=suffix)
        return sink.put_bytes(self.read(), folder=folder, suffix=suffix)


class Media(ABC):
    """A value of a row that is more than a number or a string.

    Attributes:
        record_type: The `_type` of its record.
        group_type: The `_type` of the record of several under one key.
    """

    record_type: ClassVar[str]
    group_type: ClassVar[str]

    def freeze(self) -> Media:
        """Return what `log` keeps: a value that the caller cannot change any more.

        Called on the training thread. Most media took what they need when they were
        made and return themselves.
        """
        return self

    @abstractmethod
    def to_record(self, sink: MediaSink) -> Record:
        """Put the bytes into the sink and return the record that names them.

        Called on the writer thread, perhaps several times.
        """


def file_record(record_type: str, stored: Stored, *, caption: str | None = None) -> Record:
    """Return the part that the records of all media with one file have in common."""
    record: Record = {
        "_type": record_type,
        "digest": stored.digest,
        "size": stored.size,
        "path": stored.path,
        "format": stored.path.rpartition(".")[2],
    }
    if caption is not None:
        record["caption"] = caption
    return record


def existing_suffix(path: str | os.PathLike[str], allowed: tuple[str, ...], what: str) -> str:
    """Return the suffix of a path, lower-case, with its dot.

    Raises:
        UsageError: `what` cannot be shown from a file with this suffix.
    """
    name = Path(path).name.lower()
    for suffix in sorted(allowed, key=len, reverse=True):
        if name.endswith(f".{suffix}"):
            return f".{suffix}"
    raise UsageError(
        f"{what} cannot be made from {Path(path).name}",
        hint=f"files that end in {', '.join(allowed)} can",
    )


def is_path(value: object) -> bool:
    """Whether the value names a file."""
    return isinstance(value, (str, os.PathLike))


def _stat_file(path: Path) -> os.stat_result:
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"no file {path}", hint=look_hint(path)) from error
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    if not os.path.isfile(path):
        raise UsageError(f"{path} is not a file")
    return status


def _same_file(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns, before.st_ino) == (
        after.st_size,
        after.st_mtime_ns,
        after.st_ino,
    )
