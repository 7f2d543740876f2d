"""Which object a new one may resemble: short sketches of those stored last.

A sketch is the checksums of short windows: at round distances from both ends, so that
objects with a common beginning, a common end, or the same layout share some; or at the
beginnings of tensors, wherever in the file they lie. The log of sketches
is a cache: what it says is only ever a suggestion, and it may be deleted at any time.
"""

from __future__ import annotations

import os
import struct
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from vcs.atomic import temporary_name
from vcs.digest import Digest

# What a window lies at (distance from the beginning; negative: from the end; or a tensor), and its checksum.
Window = tuple[int, int]
Sketch = tuple[Window, ...]

_WINDOW_BYTES = 64
# Windows from each end.
_WINDOWS = 16
_RECORD = struct.Struct("<32s" + 2 * _WINDOWS * "qI")
_TENSOR_KEY = 1 << 60
_NO_CHECK = 0
# Fewer may be chance: a header, a table of zeros.
_MIN_SHARED = 2


def sketch(stream: BinaryIO, size: int, borders: Mapping[str, int]) -> Sketch:
    """Return the windows of a file: at the beginnings of its tensors, or if it has none, at round places.

    Windows that hold one byte over and over tell nothing and are left out. What the
    stream raises comes out.
    """
    windows = []
    for key, offset in _of_tensors(borders) if borders else _places(size):
        stream.seek(offset)
        data = stream.read(_WINDOW_BYTES)
        if len(data) == _WINDOW_BYTES and data.count(data[0]) != _WINDOW_BYTES:
            windows.append((key, crc32(data) or 1))
    return tuple(windows)


def resemble(one: Sketch, other: Sketch) -> bool:
    """Whether two files are worth a comparison."""
    return len(set(one) & set(other)) >= _MIN_SHARED


def _of_tensors(borders: Mapping[str, int]) -> list[tuple[int, int]]:
    """Choose some tensors, of files with the same names the same ones."""
    keys = sorted((crc32(name.encode(errors="replace")), offset) for name, offset in borders.items())
    return [(_TENSOR_KEY + key, offset) for key, offset in keys[: 2 * _WINDOWS]]


def _places(size: int) -> list[tuple[int, int]]:
    """Return distances from the beginning and, negative, from the end; with the offset of each."""
    # The places of one size and of twice that size have half of them in common.
    step = 1 << max(0, size.bit_length() - 5)
    count = min(_WINDOWS, (size - _WINDOW_BYTES) // step + 1) if size >= _WINDOW_BYTES else 0
    ends = [-step * number - _WINDOW_BYTES for number in range(count)]
    return [(step * n, step * n) for n in range(count)] + [(end, size + end) for end in ends]


class Recent:
    """A log of sketches of one store. Safe from threads and processes."""

    def __init__(self, path: Path, *, keep: int) -> None:
        """Use the file, which may be missing, and keep so many sketches at least."""
        self._path = path
        self._keep = keep
        self._lock = threading.Lock()
        self._seen = (0, 0)
        self._by_window: dict[Window, set[Digest]] = {}
        self._ages: dict[Digest, int] = {}

    def add(self, digest: Digest, windows: Sketch) -> None:
        """Remember an object. Failing to costs a suggestion and nothing else."""
        values = [value for window in windows for value in window]
        values += [0, _NO_CHECK] * (2 * _WINDOWS - len(windows))
        record = _RECORD.pack(bytes.fromhex(digest), *values)
        with suppress(OSError), self._lock:
            os.makedirs(self._path.parent, exist_ok=True)  # The first object of a store is remembered too.
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                os.write(fd, record)
                length = os.fstat(fd).st_size
            finally:
                os.close(fd)
            if length > 2 * self._keep * _RECORD.size or length % _RECORD.size:
                self._shorten()

    def similar(self, windows: Sketch) -> list[Digest]:
        """Return objects that share windows with a sketch, the most and the newest first."""
        with self._lock:
            self._read()
            counts: Counter[Digest] = Counter()
            for window in windows:
                counts.update(self._by_window.get(window, ()))
            found = [digest for digest, count in counts.items() if count >= _MIN_SHARED]
            return sorted(found, key=lambda digest: (-counts[digest], -self._ages[digest]))

    def _read(self) -> None:
        """Take in what was appended since, or all of it if the log was replaced."""
        try:
            with open(self._path, "rb") as stream:
                status = os.fstat(stream.fileno())
                inode, length = self._seen
                if status.st_ino != inode or status.st_size < length:
                    self._by_window, self._ages, length = {}, {}, 0
                stream.seek(length)
                data = stream.read(2 * self._keep * _RECORD.size)
        except OSError:
            return
        whole = len(data) - len(data) % _RECORD.size
        for raw, *values in _RECORD.iter_unpack(data[:whole]):
            digest = Digest(raw.hex())
            self._ages[digest] = len(self._ages)
            for window in zip(values[::2], values[1::2], strict=True):
                if window[1] != _NO_CHECK:
                    self._by_window.setdefault(window, set()).add(digest)
        self._seen = (status.st_ino, length + whole)

    def _shorten(self) -> None:
        """Keep the newest records; a log with a torn one is begun anew."""
        data = self._path.read_bytes()
        kept = data[-self._keep * _RECORD.size :] if len(data) % _RECORD.size == 0 else b""
        temporary = self._path.parent / temporary_name(self._path.name)
        temporary.write_bytes(kept)
        os.replace(temporary, self._path)
