"""One object that lies in ranges of several files, as a file for reading."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from vcs.digest import Digest
from vcs.errors import IntegrityError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Number of the file, offset in it, length.
Range: TypeAlias = tuple[int, int, int]


class SeekableFile(io.RawIOBase):
    """A file of a known size, for reading; what is read comes from `readinto` of a subclass.

    Attributes:
        size: In bytes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self._position = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("a position before the beginning")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


class RangeFile(SeekableFile):
    """Seekable, read-only. All files are opened at once, so it stays readable whatever is deleted.

    `read_at` may be called from several threads.

    Attributes:
        size: In bytes.
        files: The digests of the files.
        ranges: Their ranges, in the order of the object.
    """

    def __init__(
        self, name: str, files: Sequence[Digest], paths: Sequence[Path], ranges: Sequence[Range]
    ) -> None:
        """Open the files, which have these digests and lie at these paths.

        Raises:
            OSError: One of them cannot be opened; none stays open.
        """
        super().__init__()
        self._name = name
        self._fds: list[int] = []
        self.files = files
        self.ranges = ranges
        self._starts: list[int] = []
        for _, _, length in ranges:
            self._starts.append(self.size)
            self.size += length
        try:
            for path in paths:
                self._fds.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            self.close()
            raise

    @property
    def descriptors(self) -> list[int]:
        """Of the files, in their order; closed with this."""
        return self._fds

    def read_at(self, position: int, view: memoryview) -> int:
        """Fill `view` with what lies at `position`; return how much that is, less only at the end.

        Raises:
            IntegrityError: A file is shorter than the ranges say.
            OSError: The disk failed.
        """
        done = 0
        number = bisect_right(self._starts, position) - 1
        wanted = min(len(view), self.size - position)
        while done < wanted:
            file, offset, length = self.ranges[number]
            inside = position + done - self._starts[number]
            part = view[done : done + min(wanted - done, length - inside)]
            count = os.preadv(self._fds[file], [part], offset + inside) if part else 0
            if part and not count:
                raise IntegrityError(
                    f"object {self._name[:12]} is damaged: a file that its recipe needs is cut",
                    hint="find what it belongs to: tracker artifact verify",
                )
            done += count
            if inside + count == length:
                number += 1
        return done

    def pieces(self, position: int, length: int) -> list[Range]:
        """Return the ranges of files in which a stretch of the object lies."""
        found: list[Range] = []
        number = bisect_right(self._starts, position) - 1
        while length:
            file, offset, whole = self.ranges[number]
            inside = position - self._starts[number]
            part = min(length, whole - inside)
            if part:
                found.append((file, offset + inside, part))
            position += part
            length -= part
            number += 1
        return found

    def stretches(self, position: int, length: int) -> list[tuple[int, int, int]]:
        """Return the same with descriptors of the files, which are open as long as this is."""
        return [(self._fds[file], offset, part) for file, offset, part in self.pieces(position, length)]

    def readinto(self, buffer: WriteableBuffer) -> int:
        count = self.read_at(self._position, memoryview(buffer).cast("B"))
        self._position += count
        return count

    def close(self) -> None:
        if not self.closed:
            fds, self._fds = self._fds, []
            for fd in fds:
                os.close(fd)
        super().close()
