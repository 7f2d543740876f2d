"""The summary of a live run, kept up without cost for the training thread.

`see` only notes a row; what it means is worked out when somebody asks, or off the
training thread. Where nothing but the last value counts, noting is one `dict.update`.
Where order counts too (aggregations, nested keys), rows wait in a queue. The rules
themselves are `SummaryState`'s, which readers use as well.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from tracker.live.term import warn_once
from tracker.values.metrics import Metric
from tracker.values.scalars import SIMPLE, plain
from tracker.values.summary_state import SummaryState

# Rows that may wait before they are worked out without being asked for.
MOST_WAITING = 4096


class LiveSummary:
    """Follows the rows of one session.

    Attributes:
        last_step, last_time: Of the newest row of this session; None before it.
    """

    def __init__(
        self,
        rows_lock: AbstractContextManager[Any],
        *,
        state: SummaryState,
        sink: Any = None,
        rebuild: Callable[[], SummaryState] | None = None,
        on_many: Callable[[], None] = lambda: None,
        start_s: float = 0.0,
        earlier_s: float = 0.0,
    ) -> None:
        """Go on from `state`, in a session that began at `start_s` after others that ran for `earlier_s`.

        `rows_lock` is the lock under which `see` is called. `rebuild` makes the state
        anew from what was written, for changes that reach back. `on_many` is told that
        many rows wait.
        """
        self.last_step: int | None = None
        self.last_time: float | None = None
        self._rows_lock = rows_lock
        self._state = state
        self._sink = sink
        self._rebuild = rebuild
        self._on_many = on_many
        self._latest: dict[str, Any] = {}
        self._rows: deque[tuple[int, dict[str, Any], float]] = deque()
        # As the history counts them: in whole milliseconds.
        self._start_ms = round(start_s * 1000)
        self._earlier_ms = round(earlier_s * 1000)
        self._in_order = False
        # Taken before `rows_lock`, never while holding it.
        self._fold_lock = threading.RLock()

    def see(self, step: int, row: dict[str, Any], time_s: float) -> None:
        """Note a complete row; called under `rows_lock`."""
        self.last_step = step
        self.last_time = time_s
        if self._in_order:
            self._rows.append((step, row, time_s))
            if len(self._rows) == MOST_WAITING:
                self._on_many()
        else:
            self._latest.update(row)

    def keep_order(self) -> None:
        """From now on the order of rows counts, not only the last value of a key."""
        if not self._in_order:
            with self._fold_lock:
                self._work_out()
                self._in_order = True

    def set(self, values: Mapping[str, Any], write: Callable[[], None]) -> None:
        """Set values by hand; `write` puts them behind the rows that were noted so far."""
        with self._fold_lock:
            self._work_out(write)
            self._state.set(self._plain(values))

    def unset(self, keys: tuple[str, ...], write: Callable[[], None]) -> None:
        """Remove values; `write` as for `set`."""
        with self._fold_lock:
            self._work_out(write)
            self._state.unset(keys)

    def define(self, metric: Metric, written: Callable[[], None]) -> None:
        """Take a definition; one that changes what earlier rows mean makes the state anew.

        `written` returns when every row that was noted is where `rebuild` finds it.
        """
        with self._fold_lock:
            if metric.summary:
                self.keep_order()
            self._work_out()
            if self._state.define(metric):
                self.remake(written)

    def remake(self, prepare: Callable[[], None]) -> None:
        """Make the state anew from what is written, after `prepare`; no row comes in between."""
        with self._fold_lock, self._rows_lock:
            prepare()
            if self._rebuild is not None:
                self._latest.clear()
                self._rows.clear()
                self._state = self._rebuild()

    def value(self) -> dict[str, Any]:
        """Return the summary as it is now, nested, in a new dictionary.

        May wait for a device if the newest value of a key is still there.
        """
        with self._fold_lock:
            self._work_out()
            return self._state.value()

    def is_held(self) -> bool:
        """Whether the calling thread is in the middle of something here."""
        fold_lock: Any = self._fold_lock
        return bool(fold_lock._is_owned())

    def use_new_locks(self, rows_lock: AbstractContextManager[Any]) -> None:
        """Take other locks: the old ones may be held by threads that are not there any more."""
        self._rows_lock = rows_lock
        self._fold_lock = threading.RLock()

    def forget_files(self) -> None:
        """In a forked child: what is written is the parent's, and not what this state is made of."""
        self._rebuild = None

    def _work_out(self, write: Callable[[], None] | None = None) -> None:
        # Under the rows' lock only what is quick: the training thread may be waiting for it.
        with self._rows_lock:
            rows, self._rows = self._rows, deque()
            latest, self._latest = self._latest, {}
            step, time_s = self.last_step, self.last_time
            if write is not None:
                write()
        if latest and step is not None and time_s is not None:
            rows.appendleft((step, latest, time_s))
        for row_step, row, row_time_s in rows:
            time_ms = round(row_time_s * 1000)
            made = {
                "_step": row_step,
                "_runtime": (self._earlier_ms + time_ms - self._start_ms) / 1000,
                "_timestamp": time_ms / 1000,
            }
            self._state.row({**self._plain(row), **made})

    def _plain(self, values: Mapping[str, Any]) -> dict[str, Any]:
        result = {}
        for key, value in values.items():
            if type(value) in SIMPLE:
                result[key] = value
                continue
            try:
                result[key] = plain(value, self._sink)
            except Exception as error:  # noqa: BLE001 - values run code of any kind; the others are kept
                warn_once(f"{key!r} could not be summarised: {error}", key=f"summary:{key}")
        return result
