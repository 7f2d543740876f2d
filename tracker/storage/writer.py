"""Appends rows to a segment without making the training thread wait.

`put` appends to a deque and returns. One thread wakes every tenth of a second, takes
what is there, turns it into lines in batches and appends them. After a `kill -9` at
most the rows of the last two tenths of a second are missing; what was written is with
the kernel, and `close` makes it durable. While nothing is logged the thread sleeps.
A loop that does nothing but log would keep the interpreter from the thread: there one
call in thousands waits for it, so that also then no more than a moment's rows are in memory.

A disk that fails stops nothing: rows wait in memory up to a bound and are written when
it works again; beyond the bound they are dropped and counted. A forked child writes a
segment of its own, at once on each `put`, since it may end without notice.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tracker.storage.append_file import AppendFile
from tracker.storage.bell import Bell
from tracker.storage.journal import (
    Header,
    Mark,
    RewindMark,
    RichRow,
    SegmentEncoder,
    SetMark,
    SimpleRow,
    UnsetMark,
)
from tracker.values.scalars import SIMPLE, flatten, freeze_row, plain
from vcs.errors import AlreadyExistsError, Error, StoreError

INTERVAL_S = 0.1
# So many waiting rows wake the thread at once: a burst is not lost with a kill.
BURST = 1000
# Rows of one batch: 2 to 4 ms of work during which other Python threads wait.
BATCH = 4000
# So many, and `put` waits until the thread has taken most of them, which takes it 8 ms.
FULL = 6000
# But no longer than this: a disk that hangs holds up one call in thousands, this long.
PATIENCE_S = 0.02
# What waits in memory while the disk refuses.
MAX_WAITING_BYTES = 64 << 20

# Lengths of the queue at which `put` does more than append: always, and at the first row.
_ALWAYS, _FIRST = 0, 1


@dataclass(frozen=True)
class Counts:
    """What became of the rows that were put.

    Attributes:
        rows: Those that are in the file.
        dropped: Those that are not, because the disk failed.
        size_bytes: The length of the file.
    """

    rows: int = 0
    dropped: int = 0
    size_bytes: int = 0


@dataclass(frozen=True)
class _Flush:
    """Stands in the queue for a caller who waits until everything before it was tried."""

    done: Bell


class SegmentWriter:
    """The only writer of one segment. Every method may be called from any thread.

    After the start nothing here raises for trouble with the disk or with a value,
    unless `strict` is set: then the next `put` raises what happened to the disk.
    """

    def __init__(
        self,
        path: Path,
        header: Header,
        *,
        on_error: Callable[[str], None],
        sink: Any = None,
        strict: bool = False,
        interval_s: float = INTERVAL_S,
    ) -> None:
        """Create the file with its header, and start the thread.

        `on_error` hears one sentence about each kind of trouble, usually on the
        writer's thread. `sink` (a MediaSink) receives the bytes of media values.

        Raises:
            AlreadyExistsError: The segment exists; each session has its own.
            StoreError: The file cannot be made.
        """
        self.path = path
        self._header = header
        self._on_error = on_error
        self._sink = sink
        self._strict = strict
        self._interval_s = interval_s
        self._said: set[str] = set()
        self._error: StoreError | None = None
        self._dropped = 0
        self._queue: deque[Any] = deque()
        self._wake = Bell()
        self._taken = Bell()
        self._working = threading.Lock()
        self._child = False
        self._closing = False
        self._closer: int | None = None
        self._counts: Counts | None = None
        self._encoder = SegmentEncoder(header)
        self._file: AppendFile | None = AppendFile(path, self._encoder.head())
        self._alarm = _FIRST
        self._thread = threading.Thread(target=self._run, name="tracker-writer", daemon=True)
        self._thread.start()
        _writers.add(self)

    def put(self, step: int, data: Mapping[str, object], time_s: float) -> None:
        """Append a row; what happens to `data` afterwards does not change it.

        Costs about a microsecond on the calling thread, and in a loop that does nothing
        else a wait of some milliseconds once in thousands of calls. `time_s` is seconds
        since 1970. A row that is put after `close` is lost without notice.
        """
        values = tuple(data.values())
        queue = self._queue
        if SIMPLE.issuperset(map(type, values)):
            queue.append((step, time_s, tuple(data), values))
        else:
            row = freeze_row(data)
            values = tuple(row.values())
            simple = SIMPLE.issuperset(map(type, values))
            queue.append((step, time_s, tuple(row), values) if simple else RichRow(step, time_s, row))
        if len(queue) >= self._alarm:
            self._ring()

    def put_set(self, values: Mapping[str, object], time_s: float) -> None:
        """Append an explicit change of the summary: each key replaces all that is under it."""
        self._put_mark(SetMark(freeze_row(values), time_s))

    def put_unset(self, keys: Sequence[str], time_s: float) -> None:
        """Append the removal of keys from the summary."""
        self._put_mark(UnsetMark(tuple(keys), time_s))

    def put_rewind(self, step: int, time_s: float) -> None:
        """Mask the rows put so far whose step is `step` or later."""
        self._put_mark(RewindMark(step, time_s))

    def flush(self) -> bool:
        """Wait until all that was put before was tried; return whether it is in the file.

        False means that the disk refuses, and rows wait in memory. Does not wait for
        the disk itself: a power cut can still take what was written.
        """
        if not self._closing and not self._child:
            token = _Flush(Bell())
            self._queue.append(token)
            self._wake.ring()
            while not token.done.wait(0.2) and not self._closing:
                if not self._thread.is_alive():
                    self._work()
        file = self._file
        return file is None or not file.waiting_bytes

    def close(self) -> Counts:
        """Write what is left, durably, end the thread and return the counts.

        Waits for values that a device still computes. If the disk refuses, what waits
        is dropped and counted. A second call returns the same counts; after an
        interrupted call it goes on where that stopped.
        """
        # A signal handler may call this while the same thread is already in it.
        if self._counts is None and self._closer != threading.get_ident():
            self._closer = threading.get_ident()
            try:
                self._finish()
            finally:
                self._closer = None
        return self._counts or Counts(dropped=self._dropped)

    def _finish(self) -> None:
        self._closing = True
        self._wake.ring()
        if not self._child:
            self._thread.join()
        self._work()
        with self._working:
            file, self._file = self._file, None
            if file is not None:
                self._dropped += file.close()
                self._note(file.error)
            self._counts = Counts(file.rows, self._dropped, file.size) if file else Counts(0, self._dropped)
        _writers.discard(self)

    def _put_mark(self, mark: Mark) -> None:
        self._queue.append(mark)
        if len(self._queue) >= self._alarm:
            self._ring()

    def _ring(self) -> None:
        """The rare part of `put`: wake the thread, or wait for it, or do its work where there is none."""
        if self._child:
            self._work()
        elif not self._closing:
            self._taken.wait(0)  # What rang before this moment is not what may be waited for.
            full = len(self._queue) >= FULL
            self._alarm = FULL
            self._wake.ring()
            if full and not self._taken.wait(PATIENCE_S):
                # The disk hangs, or the values take long: the next to wait comes as many rows later.
                self._alarm = len(self._queue) + FULL
        if self._strict and self._error is not None:
            self._alarm = _ALWAYS
            raise self._error

    def _run(self) -> None:
        while not self._closing:
            self._work()
            self._alarm = _ALWAYS if self._strict and self._error else BURST
            self._wake.wait(self._interval_s)
            if not self._queue and not self._waiting() and not self._closing:
                self._alarm = _FIRST
                # A row may have come before the alarm was set; then nobody would ring.
                if not self._queue:
                    self._wake.wait()

    def _waiting(self) -> bool:
        return self._file is not None and self._file.waiting_bytes > 0

    def _work(self) -> None:
        """Write what is in the queue, batch by batch."""
        queue = self._queue
        with self._working:
            if self._waiting() and self._file is not None:
                self._file.retry()
            while queue:
                batch = [queue.popleft() for _ in range(min(len(queue), BATCH))]
                self._append(batch)
                if len(queue) < FULL // 4:
                    self._taken.ring()
                for item in batch:
                    if type(item) is _Flush:
                        item.done.ring()
            self._note(self._file.error if self._file is not None else self._error)

    def _append(self, batch: list[Any]) -> None:
        if self._counts is not None:
            return
        file = self._file or self._open_for_child()
        if file is None or file.waiting_bytes > MAX_WAITING_BYTES:
            self._drop(batch)
            return
        if any(type(item) is not tuple for item in batch):
            batch = self._make_plain(batch)
        if batch:
            file.append(self._encode(batch))

    def _encode(self, batch: list[Any]) -> bytes:
        try:
            return self._encoder.encode(batch)
        except Exception:  # noqa: BLE001 - a row that no format can hold must not cost the thread, nor its neighbours
            self._encoder.forget()
        lines = []
        for item in batch:
            try:
                lines.append(self._encoder.encode([item]))
            except Exception as error:  # noqa: BLE001 - as above
                self._encoder.forget()
                self._drop([item])
                self._say("row", f"a row could not be written: {type(error).__name__}: {error}")
        return b"".join(lines)

    def _drop(self, batch: list[Any]) -> None:
        self._dropped += sum(type(item) in (tuple, RichRow) for item in batch)

    def _make_plain(self, batch: list[Any]) -> list[SimpleRow | RichRow | Mark]:
        """Turn frozen values into plain ones; the bytes of media are in the store afterwards."""
        has_media = any(
            hasattr(value, "to_record")
            for item in batch
            if type(item) is RichRow
            for value in item.values.values()
        )
        try:
            # One group: many small objects at the price of one.
            with self._sink.group() if has_media and self._sink is not None else nullcontext():
                return [made for item in batch if (made := self._plain_item(item)) is not None]
        except Error as error:
            self._say("media", f"media could not be stored: {error.message}")
            # Nothing of the group is in the store: put what can be put one by one.
            return [made for item in batch if (made := self._plain_item(item)) is not None]

    def _plain_item(self, item: Any) -> SimpleRow | RichRow | Mark | None:
        if type(item) is RichRow:
            return RichRow(item.step, item.time_s, self._plain_values(flatten(item.values)))
        if type(item) is SetMark:
            return SetMark(self._plain_values(item.values), item.time_s)
        return None if type(item) is _Flush else item

    def _plain_values(self, values: dict[str, object]) -> dict[str, Any]:
        made = {}
        for key, value in values.items():
            try:
                made[key] = plain(value, self._sink)
            except Exception as error:  # noqa: BLE001 - values run code of any kind; the rest of the row is kept
                self._say(f"value {key}", f"{key!r} could not be recorded: {error}")
        return made

    def _note(self, error: StoreError | None) -> None:
        self._error = error
        if error is not None:
            self._say(str(error), f"{error.message}; rows wait in memory until it works again")

    def _say(self, kind: str, sentence: str) -> None:
        if kind not in self._said:
            self._said.add(kind)
            self._on_error(sentence)

    def _after_fork(self) -> None:
        """In the child: the file, the thread and the rows that wait are the parent's."""
        self._child = True
        self._queue = deque()
        self._wake = Bell()
        self._taken = Bell()
        self._working = threading.Lock()
        self._error = None
        self._dropped = 0
        self._file = None
        self._alarm = _ALWAYS

    def _open_for_child(self) -> AppendFile | None:
        """Begin the segment of a forked child; None if the disk refuses."""
        rank = f"{self._header.rank}.{os.getpid()}"
        for name in (rank, *(f"{rank}.{again}" for again in range(1, 100))):
            header = msgspec.structs.replace(self._header, rank=name)
            path = self.path.with_name(f"{header.session}-{name}{self.path.suffix}")
            encoder = SegmentEncoder(header)
            try:
                self._file = AppendFile(path, encoder.head())
            except AlreadyExistsError:
                continue  # an earlier process of the session had the same id
            except StoreError as error:
                self._note(error)
                return None
            self.path, self._encoder = path, encoder
            return self._file
        return None


_writers: weakref.WeakSet[SegmentWriter] = weakref.WeakSet()


def _reset_in_child() -> None:
    for writer in list(_writers):
        writer._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_in_child)
