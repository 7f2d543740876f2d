"""The rows of a run in the order of their steps, without all of them in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import itemgetter, le

from tracker.storage.parts import Row
from tracker.storage.row_stream import RowStream
from vcs.layout import RunLayout


class RunRows:
    """The rows of a run at a moment, as often as they are gone through.

    Only where a run has logged to steps before those it had logged to, which it must have
    asked for, are all rows put in order, in memory.

    Attributes:
        last_step: The highest step; None without rows.
    """

    def __init__(self, run: RunLayout, check: Callable[[], None] = lambda: None) -> None:
        """Go through the steps. `check` is called now and then, and may raise to end it.

        Raises:
            FormatError, StoreError: The history is damaged, or cannot be read.
        """
        self._stream = RowStream(run)
        self._check = check
        self.last_step: int | None = None
        self._ordered = True
        for steps in self._stream.steps(check):
            if steps:
                before = steps[0] if self.last_step is None else self.last_step
                self._ordered = self._ordered and _are_ordered(before, steps)
                self.last_step = max(before, max(steps))

    def __iter__(self) -> Iterator[Row]:
        rows = chain.from_iterable(self._stream.rows(check=self._check))
        return rows if self._ordered else iter(sorted(rows, key=itemgetter("_step")))

    def logged(self) -> list[str]:
        """Return every key of a row."""
        return self._stream.keys()


def _are_ordered(before: int, steps: Sequence[int]) -> bool:
    return all(map(le, chain((before,), steps), steps))
