"""The summary of a run that is read, and how it is changed afterwards.

A change goes into the history as an explicit value, in a segment of its own, so that a
later session of the run goes on with it and nothing depends on summary.yaml.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from typing import Any

from tracker.storage.history import last_step
from tracker.storage.journal import Header, Mark, SegmentEncoder, SetMark, UnsetMark
from tracker.values.scalars import plain
from vcs.atomic import create_exclusive
from vcs.layout import RunLayout


class RunSummary(dict[str, Any]):
    """The last values of a run; a dictionary whose `update` is saved at once.

    Values that are set by `summary[key] = value` are saved by `update()` or by the
    run's `update()`.
    """

    def __init__(self, values: Mapping[str, Any], save: Callable[[RunSummary], None]) -> None:
        super().__init__(values)
        self._saved = _copied(values)
        self._save = save

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set values, if any are given, and save all changes.

        Raises:
            UsageError: The run is running; its process keeps the summary.
        """
        super().update(*args, **kwargs)
        self._save(self)

    @property
    def changed(self) -> dict[str, Any]:
        """What was set since it was read or saved."""
        return {
            key: value for key, value in self.items() if key not in self._saved or self._saved[key] != value
        }

    @property
    def removed(self) -> tuple[str, ...]:
        """The keys that were deleted since it was read or saved."""
        return tuple(key for key in self._saved if key not in self)

    def mark_saved(self) -> None:
        """Note that everything is saved."""
        self._saved = _copied(self)

    @property
    def _json_dict(self) -> dict[str, Any]:
        # wandb's own examples read the summary under this name.
        return dict(self)


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    """Copy what can change; most values are numbers."""
    return {
        key: copy.deepcopy(value) if isinstance(value, (dict, list)) else value
        for key, value in values.items()
    }


def append_changes(run: RunLayout, run_id: str, session: int, summary: RunSummary) -> None:
    """Write the changes of a summary into the run's history, durably.

    Raises:
        StoreError: The disk refused; nothing was written.
    """
    now = time.time()
    step = last_step(run, damaged=[])
    # A first step beyond all rows masks none of them.
    header = Header(run=run_id, session=session, start=now, from_step=0 if step is None else step + 1)
    marks: list[Mark] = []
    if summary.changed:
        marks.append(SetMark({key: plain(value) for key, value in summary.changed.items()}, now))
    if summary.removed:
        marks.append(UnsetMark(summary.removed, now))
    if not marks:
        return
    encoder = SegmentEncoder(header)
    lines = encoder.head() + encoder.encode(marks)
    number = 0
    while not create_exclusive(run.history_segment(session, f"0-edit-{number}"), lines):
        number += 1
    summary.mark_saved()
