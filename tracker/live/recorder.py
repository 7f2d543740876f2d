"""What a live session writes, from its first row to its last.

`Recorder` writes nothing: it is what a run with mode="disabled" has. `DiskRecorder`
owns the files of one session and the threads that write them. Trouble with a disk
is kept from the training by `Trouble`. Leaves to others: which rows and values, when
to start and to end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracker.live.background import Background
from tracker.live.term import warn
from tracker.live.trouble import Trouble
from tracker.storage import records
from tracker.storage.journal import Header
from tracker.storage.records import RunRecord, Session
from tracker.storage.writer import SegmentWriter
from vcs.atomic import write_atomic
from vcs.layout import RunLayout
from vcs.repo import Repo

SUMMARY_INTERVAL_S = 15.0


@dataclass(frozen=True)
class RowCounts:
    """Rows that are in the file, and rows that the disk refused."""

    rows: int = 0
    dropped: int = 0


class Recorder:
    """Takes everything and writes nothing."""

    def put(self, step: int, data: Mapping[str, object], time_s: float) -> None:
        """Take a complete row."""

    def set_summary(self, values: dict[str, Any]) -> None:
        """Take values that were set by hand."""

    def unset_summary(self, keys: tuple[str, ...]) -> None:
        """Take the removal of values."""

    def rewind(self, step: int) -> None:
        """Mask rows with this step or a later one."""

    def flush(self) -> None:
        """Return when every row that was put is in its file."""

    def change(self, change: Callable[[RunRecord], None], *, doing: str) -> bool:
        """Change the run's record, now; return whether that worked. `doing` completes "could not …"."""
        return True

    def change_soon(self, change: Callable[[RunRecord], None], *, doing: str) -> None:
        """Change the run's record before long, off this thread."""

    def save_soon(self) -> None:
        """Write config and summary before long."""

    def commit(self, message: str) -> bool:
        """Write the run's records into the ledger; return whether that worked."""
        return True

    def after_fork(self) -> None:
        """In a forked child: leave to the parent what is the parent's."""

    def close(self) -> RowCounts:
        """End the writing of rows."""
        return RowCounts()


class DiskRecorder(Recorder):
    """Writes one session of one run. Only the process that began it writes more than rows."""

    def __init__(
        self,
        repo: Repo,
        run: RunLayout,
        header: Header,
        *,
        trouble: Trouble,
        sink: Any,
    ) -> None:
        """Create the history segment and start the threads; run.yaml has the session already.

        `on_save`, to be set, writes config and summary; it is called off the training
        thread, after changes and about every 15 s.

        Raises:
            AlreadyExistsError, StoreError: The segment cannot be made.
        """
        self.repo = repo
        self.run = run
        self.session = header.session
        self.trouble = trouble
        self.on_save: Callable[[], None] = lambda: None
        # False in processes that only add rows: forked children, and those that joined the run.
        self.owns_record = True
        self._is_child = False
        self._ledger_lock = threading.Lock()
        self._changes: list[tuple[Callable[[RunRecord], None], str]] = []
        self._changes_lock = threading.Lock()
        self.writer = SegmentWriter(
            run.history_segment(header.session, header.rank),
            header,
            on_error=self._tell,
            sink=sink,
            strict=trouble.strict,
        )
        self.put = self.writer.put  # type: ignore[method-assign]  # one call less for each row
        self.background = Background("tracker-keeper", every_s=SUMMARY_INTERVAL_S, tick=self._tick)

    def _tell(self, sentence: str) -> None:
        self.trouble.counts["write rows"] += 1
        warn(sentence)

    def _tick(self) -> None:
        if not self.owns_record:
            return
        with self.trouble.guarded("write the summary"):
            self.on_save()

    def set_summary(self, values: dict[str, Any]) -> None:
        self.writer.put_set(values, time.time())

    def unset_summary(self, keys: tuple[str, ...]) -> None:
        self.writer.put_unset(keys, time.time())

    def rewind(self, step: int) -> None:
        self.writer.put_rewind(step, time.time())

    def flush(self) -> None:
        self.writer.flush()

    def change(self, change: Callable[[RunRecord], None], *, doing: str) -> bool:
        if self.owns_record:
            with self.trouble.guarded(doing):
                records.update(self.run, change)
                return True
        return False

    def change_soon(self, change: Callable[[RunRecord], None], *, doing: str) -> None:
        if not self.owns_record:
            return
        with self._changes_lock:
            self._changes.append((change, doing))
        self.background.submit(self._apply_changes, key="record")

    def _apply_changes(self) -> None:
        """Several changes that wait are one rewrite of the file."""
        with self._changes_lock:
            waiting, self._changes = self._changes, []
        if not waiting:
            return

        def apply(record: RunRecord) -> None:
            for change, _ in waiting:
                change(record)

        self.change(apply, doing=waiting[0][1])

    def save_soon(self) -> None:
        if self.owns_record:
            self.background.submit(self._tick, key="save")

    def submit(self, job: Callable[[], object], *, doing: str) -> None:
        """Do something off the training thread, in turn."""

        def guarded() -> None:
            with self.trouble.guarded(doing):
                job()

        if self.owns_record:
            self.background.submit(guarded)

    def commit(self, message: str) -> bool:
        if self.owns_record:
            with self.trouble.guarded("write the ledger"), self._ledger_lock:
                self.repo.ledger.commit([self.run.folder], message)
                return True
        return False

    def session_of(self, record: RunRecord) -> Session:
        """Return this session's part of the record."""
        return record.session(self.session)

    def leave_record(self) -> None:
        """From now on, write rows only: the record is another process's."""
        self.owns_record = False

    def after_fork(self) -> None:
        self._is_child = True
        self.leave_record()

    def close(self) -> RowCounts:
        """Write what waits, durably, and end the threads. A second call returns the same."""
        if not self._is_child:
            self.background.close()
        counts = self.writer.close()
        return RowCounts(counts.rows, counts.dropped)


def write_text(path: Path, text: str) -> None:
    """Replace a small file of the run; not synced, since the next one follows soon."""
    write_atomic(path, text, durable=False)


def write_mapping(path: Path, values: Mapping[str, Any]) -> None:
    """Write config.yaml or summary.yaml."""
    from vcs.yaml_io import dump_yaml

    write_text(path, dump_yaml(dict(values)) if values else "{}\n")
