"""A file that only grows, and keeps in memory what the disk refuses.

Bytes go out in the order in which they came, each exactly once: after a short write
or an error the rest waits and is tried again, so the file never has a gap and at most
its last line is incomplete.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from tracker.storage.segment_names import columns_beside
from vcs.atomic import disk_error, fsync_directory, make_folder
from vcs.errors import AlreadyExistsError, StoreError


class AppendFile:
    """Lines appended to a new file. Not thread-safe: the caller holds a lock.

    Attributes:
        rows: Row lines that are in the file; rows are the lines that begin with `[`.
        size: Bytes in the file.
        error: The trouble of the last attempt; None when all is written.
    """

    error: StoreError | None = None

    def __init__(self, path: Path, head: bytes) -> None:
        """Create the file with its first line, durably.

        Raises:
            AlreadyExistsError: The file exists.
            StoreError: It cannot be made.
        """
        self.path = path
        self.rows = 0
        self.size = 0
        self._waiting = bytearray()
        # Whether the bytes that wait begin within a line, and that line is a row.
        self._within_line = False
        self._within_row = False
        make_folder(path.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        try:
            self._fd = os.open(path, flags, 0o644)
        except FileExistsError:
            raise AlreadyExistsError(
                f"{path} exists already: another process has this session",
                hint="wait until it has ended, then resume the run again",
            ) from None
        except OSError as error:
            raise disk_error(error, f"cannot write {path}") from error
        self._claim()
        self._waiting += head
        if not self.retry() and self.error is not None:
            self.abandon()
            raise self.error
        fsync_directory(path.parent)

    def _claim(self) -> None:
        """Tell compaction that the file is in use, and give way to an earlier file that was compacted."""
        # Some network file systems have no locks; compaction waits for other signs too.
        with suppress(OSError):
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Asked after the creation, which nobody can have made before the earlier file was removed.
        if columns_beside(self.path).exists():
            os.close(self._fd)
            os.unlink(self.path)
            raise AlreadyExistsError(
                f"{columns_beside(self.path)} has the rows of this session already",
                hint="resume the run: that begins a session of its own",
            )

    @property
    def waiting_bytes(self) -> int:
        """How much the disk has refused so far."""
        return len(self._waiting)

    def append(self, lines: bytes) -> bool:
        """Write whole lines after what waits already; return whether everything is written."""
        self._waiting += lines
        return self.retry()

    def retry(self) -> bool:
        """Try to write what waits; return whether nothing waits any more."""
        self.error = None
        while self._waiting:
            try:
                done = os.write(self._fd, self._waiting)
            except OSError as error:
                self.error = disk_error(error, f"cannot write {self.path}")
                return False
            self._account(self._waiting[:done])
            del self._waiting[:done]
        return True

    def close(self) -> int:
        """Make the file durable and close it; return how many waiting rows are given up.

        Trouble is left in `error`.
        """
        self.retry()
        lost = self._rows_waiting()
        try:
            os.fsync(self._fd)
        except OSError as error:
            self.error = disk_error(error, f"cannot sync {self.path}")
        self.abandon()
        return lost

    def abandon(self) -> None:
        """Close the file as it is: nothing is written, nothing waits any more."""
        os.close(self._fd)
        self._waiting.clear()

    def _account(self, written: bytearray) -> None:
        self.size += len(written)
        last_line = written.rfind(b"\n") + 1
        if last_line or not self._within_line:
            begun = written[last_line : last_line + 1]
            ended = _rows_begun(written[:last_line], within_line=self._within_line)
            self.rows += ended + (self._within_line and self._within_row)
            self._within_line, self._within_row = bool(begun), begun == b"["

    def _rows_waiting(self) -> int:
        unfinished = self._within_line and self._within_row
        return _rows_begun(self._waiting, within_line=self._within_line) + unfinished


def _rows_begun(lines: bytearray, *, within_line: bool) -> int:
    """Count the rows that begin in these bytes."""
    return lines.count(b"\n[") + (not within_line and lines.startswith(b"["))
