"""Parsed run.yaml files, kept so that a listing of hundreds of runs need not parse them all.

A cache: it may be deleted at any time, a damaged one is dropped, and a full disk only
means that it is not written. An entry counts while size, times and inode of the file
are those that were parsed; a file that changed in the last two seconds is not kept,
because a clock may not tell its next change apart.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from tracker.storage import records
from tracker.storage.records import RunRecord
from vcs.atomic import write_atomic
from vcs.errors import StoreError
from vcs.layout import RunLayout

FORMAT = 1
# Fewer new records than this are parsed again sooner than the file is rewritten.
WORTH_WRITING = 16
_YOUNG_NS = 2_000_000_000

_Mark = tuple[int, int, int, int]


class _Entry(msgspec.Struct, array_like=True):
    mark: _Mark
    record: Any


class _Content(msgspec.Struct, array_like=True):
    format: int
    entries: dict[str, _Entry]


class RecordCache:
    """The records of one project folder. Safe to use from several processes: the last one wins."""

    def __init__(self, path: Path) -> None:
        """Read nothing yet."""
        self._path = path
        self._entries: dict[str, _Entry] | None = None
        self._new = 0

    def load(self, run: RunLayout) -> RunRecord:
        """Return what `records.load` returns, from the cache where that is the same.

        Raises:
            NotFoundError, FormatError, StoreError: As for `records.load`.
        """
        mark = _mark_of(run.record)
        entries = self._read()
        key = f"{run.folder.parent.name}/{run.folder.name}"
        entry = entries.get(key)
        if entry is not None and entry.mark == mark:
            return records.build(entry.record, path=run.record)
        record = records.load(run)
        if mark is not None and mark[1] < time.time_ns() - _YOUNG_NS and mark == _mark_of(run.record):
            entries[key] = _Entry(mark, record.to_plain())
            self._new += 1
        return record

    def save(self, runs_root: Path) -> None:
        """Write the cache if it has grown, without the runs that are gone from `runs_root`."""
        if self._entries is None or self._new < WORTH_WRITING:
            return
        kept = {key: entry for key, entry in self._entries.items() if (runs_root / key).is_dir()}
        # A cache may fail, and YAML can hold what has no form in it (integers of any size).
        with suppress(StoreError, TypeError, OverflowError):
            write_atomic(self._path, msgspec.msgpack.encode(_Content(FORMAT, kept)), durable=False)
        self._new = 0

    def _read(self) -> dict[str, _Entry]:
        if self._entries is None:
            self._entries = {}
            with suppress(OSError, msgspec.MsgspecError):
                content = msgspec.msgpack.decode(self._path.read_bytes(), type=_Content)
                if content.format == FORMAT:
                    self._entries = content.entries
        return self._entries


def _mark_of(path: Path) -> _Mark | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
