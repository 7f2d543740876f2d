"""Turns history segments that are done into their compacted form.

In this order: the compacted file is written beside the lines and proven to give every
byte of them back; it is made durable; the lines are removed. Killed between any two
steps, one form is whole, and readers take that (`segment_files`).

Who writes to a segment must be gone, since rows that came later would be lost. A process
knows that of its own. Of others it takes three things: the session is over, nobody holds
the lock that a writer keeps on its file, and, for files of further processes of a run,
that nothing was written for a while: not every network file system has such locks.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tracker.storage.catalog import process_of
from tracker.storage.journal import parse_header
from tracker.storage.records import RunRecord
from tracker.storage.segment import read_header
from tracker.storage.segment_files import is_compacted
from tracker.storage.segment_names import COLUMNS, LINES, columns_beside, session_of
from vcs.atomic import disk_error, fsync_directory, remove_quietly, temporary_name
from vcs.errors import FormatError, StoreError
from vcs.layout import RunLayout
from vcs.liveness import is_alive

# Smaller files stay as lines, which people and other programs read at once: some 2,000 rows of 5 numbers.
MIN_BYTES = 128 << 10
# Of these files the writer is not known; see the module.
QUIET_S = 600.0

# Edits of a summary take the next number that is free as lines; they are few and small.
EDIT = "-edit-"

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Compacted:
    """A segment in both forms; the lines are not needed any more."""

    lines: Path
    columns: Path


class Budget:
    """How long compaction may take, from now on; a file that would take longer is left as it is."""

    def __init__(self, limit_s: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Without a limit everything fits."""
        self._limit_s = limit_s
        self._clock = clock
        self._start = clock()

    def allows(self, done: int, size: int, since: float) -> bool:
        """Whether the rest of a file will be done in time; `done` of `size` bytes took since `since`."""
        if self._limit_s is None:
            return True
        now = self.now()
        return now - self._start + (now - since) / done * (size - done) <= self._limit_s

    def now(self) -> float:
        return self._clock()


def compact(
    run: RunLayout,
    record: RunRecord,
    *,
    own: Collection[Path] = (),
    limit_s: float | None = None,
) -> list[Compacted]:
    """Write the compacted form of each segment of a run that is done; what is small is left.

    The lines are still there; `remove_lines` removes them, after the record names what
    takes their place. `own` are files whose writer was in this process, and is closed. A
    file that is damaged, or would not come back byte for byte, is left as it is. So are
    files for which there is no time: within about `limit_s` in all. A call after an
    interrupted one, or beside another, does no harm.

    Raises:
        StoreError: The disk refused; all lines are where they were.
    """
    budget = Budget(limit_s)
    made = []
    for folder in (run.history, run.system):
        _sweep(folder)
        for lines in sorted(folder.glob(f"*{LINES}")):
            stream = _open_done(lines, record, own)
            if stream is None:
                continue
            with stream:
                columns = columns_beside(lines)
                if (columns.exists() and is_compacted(lines)) or _write(stream, lines, columns, budget):
                    made.append(Compacted(lines, columns))
    return made


def is_worth_it(run: RunLayout) -> bool:
    """Whether a run has files that are large enough; says nothing of who writes to them."""
    return any(
        status.st_size >= MIN_BYTES
        for folder in (run.history, run.system)
        for lines in folder.glob(f"*{LINES}")
        if (status := _status(lines)) is not None
    )


def remove_lines(compacted: Collection[Compacted]) -> None:
    """Remove the files of lines that have a compacted form.

    Raises:
        StoreError: The disk refused; what is left is removed by the next compaction.
    """
    for one in compacted:
        try:
            os.unlink(one.lines)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise disk_error(error, f"cannot remove {one.lines}") from error


def _sweep(folder: Path) -> None:
    """Remove what compactions left that were killed."""
    for left in folder.glob(f".*{COLUMNS}.*.tmp"):
        status = _status(left)
        if status is not None and time.time() - status.st_mtime > QUIET_S:
            remove_quietly(left)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _open_done(lines: Path, record: RunRecord, own: Collection[Path]) -> BinaryIO | None:
    """Open a file that is large enough and gets no more rows; its lock is held as long as it is open."""
    if EDIT in lines.name:
        return None
    try:
        stream = lines.open("rb")
    except OSError:  # removed by another compaction, or not ours to read
        return None
    status = os.fstat(stream.fileno())
    if status.st_size >= MIN_BYTES and (
        lines in own or (_is_over(lines, record, status.st_mtime) and _is_unlocked(stream))
    ):
        return stream
    stream.close()
    return None


def _is_over(lines: Path, record: RunRecord, written_s: float) -> bool:
    try:
        header = read_header(lines)
    except (FormatError, StoreError):
        return False
    if header is None:
        return False
    if header.rank != "0" and time.time() - written_s < QUIET_S:
        return False
    if header.session < 0:  # rows that a fork took over: written at once
        return True
    number = session_of(lines, header.session)
    for session in record.sessions:
        if session.number == number:
            return session.ended is not None or (bool(session.pid) and is_alive(process_of(session)) is False)
    return False


def _is_unlocked(stream: BinaryIO) -> bool:
    try:
        fcntl.flock(stream.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _write(source: BinaryIO, lines: Path, columns: Path, budget: Budget) -> bool:
    """Write the compacted form, durably; return whether it is there."""
    temporary = columns.parent / temporary_name(columns.name)
    try:
        status = os.fstat(source.fileno())
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with open(fd, "wb", buffering=_BLOCK_BYTES) as target:
            if not _convert(source, target, lines, status.st_size, budget):
                return False
            target.flush()
            os.fsync(fd)
        # When a crashed run was last alive is told from the times of its files.
        os.utime(temporary, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.replace(temporary, columns)
    except FormatError:
        return False
    except OSError as error:
        raise disk_error(error, f"cannot write {columns}") from error
    finally:
        remove_quietly(temporary)
    fsync_directory(columns.parent)
    return True


def _convert(source: BinaryIO, target: BinaryIO, path: Path, size: int, budget: Budget) -> bool:
    # Most runs end without: they need not load it.
    from tracker.storage.columnar import ColumnsWriter

    start = budget.now()
    head = source.readline()
    writer = ColumnsWriter(target, head, parse_header(path, head))
    done = len(head)
    while chunk := source.read(_BLOCK_BYTES):
        chunk += source.readline()
        done += len(chunk)
        if chunk.endswith(b"\n"):
            writer.add(chunk)
        else:
            whole = chunk.rfind(b"\n") + 1
            if whole:
                writer.add(chunk[:whole])
            writer.finish(chunk[whole:])
            return True
        if not budget.allows(done, size, start):
            return False
    writer.finish()
    return True
