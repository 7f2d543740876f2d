"""Which step a logged row belongs to, and when it is complete.

One row is pending at a time, for the current step. Values merge into it until it is
committed, by `commit`, by a later step, or by `flush`. These are wandb's rules, tried
on wandb itself; the docstring of `StepRules.add` states them.
Leaves to others: locking, what a value is, and where a complete row goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import time
from typing import Any

Row = dict[str, Any]
Emit = Callable[[int, Row, float], None]


class StepRules:
    """The current step and the pending row. Not thread-safe: the caller holds a lock.

    Attributes:
        step: The step that the next value without a step of its own belongs to.
        dropped: Calls whose step was already past, and whose data was not kept.
        kept_late: Such calls whose data was kept, because `keep_late` is set.
        touched: Whether anything was added since the start.
    """

    __slots__ = (
        "_clock",
        "_emit",
        "_pending",
        "_pending_time",
        "dropped",
        "keep_late",
        "kept_late",
        "step",
        "touched",
    )

    def __init__(
        self, emit: Emit, *, start: int = 0, keep_late: bool = False, clock: Callable[[], float] = time
    ) -> None:
        """Begin at step `start`; a complete row goes to `emit(step, row, time)`.

        `keep_late` keeps rows of earlier steps, as rows of their own, instead of
        dropping them. `time` is seconds since 1970 of the row's last value.
        """
        self._emit = emit
        self._clock = clock
        self._pending: Row = {}
        self._pending_time = 0.0
        self.step = start
        self.keep_late = keep_late
        self.dropped = 0
        self.kept_late = 0
        self.touched = False

    @property
    def pending(self) -> Mapping[str, Any]:
        """The values of the current step that are not committed yet."""
        return self._pending

    def add(self, data: Row, step: int | None = None, commit: bool | None = None) -> bool:
        """Take the values of one call; `data` belongs to us from now on.

        - Without a step, `commit` is True: the row is complete and the step goes up by
          one, also if the row is empty (an empty row is not emitted).
        - `commit=False` merges into the pending row; a later value of a key wins.
        - With a step, `commit` is False. A later step completes the pending row and
          becomes the current one; `commit=True` completes the row at once.
        - An earlier step is dropped and False is returned, unless `keep_late` is set.
        """
        if step is None:
            if commit is None or commit:
                if self._pending:
                    self._pending.update(data)
                    data = self._pending
                    self._pending = {}
                if data:
                    self._emit(self.step, data, self._clock())
                self.step += 1
                self.touched = True
                return True
            return self._merge(data)
        if step < self.step:
            return self._late(step, data)
        if step > self.step:
            self.flush()
            self.step = step
        self._merge(data)
        if commit:
            self.flush()
            self.step = step + 1
        return True

    def _merge(self, data: Row) -> bool:
        self._pending.update(data)
        self._pending_time = self._clock()
        self.touched = True
        return True

    def _late(self, step: int, data: Row) -> bool:
        if not self.keep_late:
            self.dropped += 1
            return False
        self.kept_late += 1
        if data:
            self._emit(step, data, self._clock())
        return True

    def flush(self) -> None:
        """Emit the pending row, if it holds anything; the step stays."""
        if self._pending:
            row, self._pending = self._pending, {}
            self._emit(self.step, row, self._pending_time)

    def forget_pending(self) -> None:
        """Drop the pending row: in a forked child, it is the parent's to write."""
        self._pending = {}

    def move_to(self, step: int) -> None:
        """Go on at `step`, which may be earlier; the pending row is completed first."""
        self.flush()
        self.step = step
