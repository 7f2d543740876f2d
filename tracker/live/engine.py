"""The inside of a live run: what happens with a row, a definition, a change.

`Run` is the face that scripts see; this is the part without names for convenience.
The hot path is `log`, which takes about two microseconds for five numbers: values
are taken, the step rules applied, and the row put into the writer's queue.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracker.live.live_summary import LiveSummary
from tracker.live.recorder import Recorder
from tracker.live.rows import check_step, take_row
from tracker.live.term import say, warn
from tracker.live.trouble import Trouble
from tracker.settings import RunSettings
from tracker.storage.records import RunRecord
from tracker.values.metrics import Metric, MetricRules
from tracker.values.scalars import MAX_DEPTH
from tracker.values.steps import StepRules


@dataclass
class Facts:
    """What a run is; the part that a script may change is changed through `Engine.rename`.

    Attributes:
        earlier_s: For how long earlier sessions ran.
        forked_from: The id of the run that this one was forked from.
        code: commit, branch, code_commit and dirty of this session, as far as known.
    """

    id: str
    project: str
    entity: str = ""
    name: str = ""
    group: str = ""
    job_type: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""
    start_time: float = 0.0
    earlier_s: float = 0.0
    starting_step: int = 0
    resumed: bool = False
    forked_from: str | None = None
    session: int = 0
    folder: Path | None = None
    code: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, record: RunRecord, **of_session: Any) -> Facts:
        """Return what a record says of its run, and what is given of this session."""
        return cls(
            id=record.id,
            project=record.project,
            entity=record.entity,
            name=record.name,
            group=record.group,
            job_type=record.job_type,
            tags=tuple(record.tags),
            notes=record.notes,
            forked_from=record.forked_from.run if record.forked_from is not None else None,
            **of_session,
        )


class Engine:
    """One live run. Every method may be called from any thread."""

    def __init__(
        self,
        facts: Facts,
        settings: RunSettings,
        recorder: Recorder,
        *,
        metrics: MetricRules,
        summary: LiveSummary,
        trouble: Trouble,
        rows_lock: AbstractContextManager[Any],
    ) -> None:
        """`rows_lock` is reentrant, and the one that `summary` has."""
        self.facts = facts
        self.settings = settings
        self.recorder = recorder
        self.metrics = metrics
        self.summary = summary
        self.trouble = trouble
        self._lock: Any = rows_lock
        self._steps = StepRules(self._emit, start=facts.starting_step, keep_late=settings.keep_late_steps)
        # Called before a row is taken, if there is anything to say against it.
        self._gate: Callable[[], None] | None = None
        self._put = recorder.put

    # rows

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Take a row; see `Run.log`."""
        if self._gate is not None:
            self._gate()
        row = take_row(data)
        if type(row) is not dict:
            self.summary.keep_order()
        if step is None:
            with self._lock:
                self._steps.add(row, None, commit)
        else:
            self._log_at(row, check_step(step), commit)

    def _log_at(self, row: dict[str, Any], step: int, commit: bool | None) -> None:
        if self.settings.mode == "shared":
            with self._lock:
                self._steps.add(row, None, commit)
            return
        if self.facts.resumed and not self._steps.touched and 0 <= step < self._steps.step:
            say(f"run {self.facts.id} goes on at step {step}: later rows are masked, none is removed")
            self.rewind(step)
        with self._lock:
            taken = self._steps.add(row, step, commit)
        if not taken and self._steps.dropped == 1:
            warn(
                f"log(step={step}) comes after step {self._steps.step}, and its values are not recorded; "
                "Settings(keep_late_steps=True) keeps such rows"
            )

    def _emit(self, step: int, row: dict[str, Any], time_s: float) -> None:
        if self.metrics.active:
            self.metrics.complete(row)
        self.summary.see(step, row, time_s)
        self._put(step, row, time_s)

    @property
    def step(self) -> int:
        """The step that the next row without a step of its own belongs to."""
        return self._steps.step

    @property
    def dropped(self) -> int:
        """Calls of `log` whose step was past and whose values were not recorded."""
        return self._steps.dropped

    @property
    def logged_step(self) -> int | None:
        """The newest step that has values; None before the first."""
        with self._lock:
            return self._steps.step if self._steps.pending else self.summary.last_step

    def pending_row(self) -> Mapping[str, Any]:
        """The values of the current step that are not committed yet."""
        return self._steps.pending

    def merge_quietly(self, data: dict[str, Any]) -> None:
        """Put values into the row that is logged next; after the end, do nothing."""
        if self._gate is None:
            with self._lock:
                self._steps.add(take_row(data), None, False)

    def set_summary_quietly(self, values: dict[str, Any]) -> None:
        """Set values of the summary; after the end, do nothing."""
        if self._gate is None:
            self.set_summary(values)

    def rewind(self, step: int) -> None:
        """Mask the rows with this step or a later one, and go on at `step`.

        The pending row is written first and masked with them, so nothing that was logged
        is lost. A later step is only moved to. Reads the history once.
        """
        self.check_open()

        def go_back() -> None:
            self._steps.move_to(step)
            self.recorder.rewind(step)
            self.recorder.flush()

        if step < self._steps.step or self._steps.pending:
            self.summary.remake(go_back)
        else:
            with self._lock:
                self._steps.move_to(step)

    def commit_pending(self) -> None:
        """Write the pending row, as the end of a run does."""
        with self._lock:
            self._steps.flush()

    # the summary

    def set_summary(self, values: dict[str, Any]) -> None:
        """Set values by hand; they hold until their keys are logged again."""
        self.check_open()
        taken = {str(key): take_tree(value) for key, value in values.items()}
        self.summary.set(taken, lambda: self.recorder.set_summary(taken))
        self.recorder.save_soon()

    def unset_summary(self, keys: tuple[str, ...]) -> None:
        """Remove values."""
        self.check_open()
        self.summary.unset(keys, lambda: self.recorder.unset_summary(keys))
        self.recorder.save_soon()

    def summary_values(self) -> dict[str, Any]:
        """Return the summary; `_step`, `_runtime` and `_timestamp` are those of the newest row."""
        return self.summary.value()

    # definitions and facts

    def define_metric(self, name: str, **definition: Any) -> Metric:
        """Define a metric; see `MetricRules.define`."""
        self.check_open()
        with self._lock:
            metric = self.metrics.define(name, **definition)
            defined = [metric.as_record() for metric in self.metrics.all()]
        self.summary.define(metric, self.recorder.flush)

        def change(record: RunRecord) -> None:
            record.metrics = defined

        self.recorder.change_soon(change, doing="record the metrics")
        return metric

    def rename(self, **facts: Any) -> None:
        """Change name, notes, tags, group or job type of the run, here and in its record."""
        for key, value in facts.items():
            setattr(self.facts, key, value)
        recorded = {key: list(value) if isinstance(value, tuple) else value for key, value in facts.items()}

        def change(record: RunRecord) -> None:
            for key, value in recorded.items():
                setattr(record, key, value)

        self.recorder.change_soon(change, doing="record the change of the run")

    # the end, and processes

    def close_gate(self, gate: Callable[[], None]) -> None:
        """Have `gate` called before each row from now on; it may raise."""
        self._gate = gate

    def leave_locks(self) -> None:
        """Say that the calling thread will not go on: a lock that it holds is nobody's from now on.

        A signal handler calls it, which may have interrupted `log` in the middle.
        """
        if self._lock._is_owned() or self.summary.is_held():
            self._lock = threading.RLock()
            self.summary.use_new_locks(self._lock)

    def after_fork(self) -> None:
        """In a forked child: forget locks of threads that are not there; rows go to a segment of its own."""
        self._lock = threading.RLock()
        self.summary.use_new_locks(self._lock)
        self.summary.forget_files()
        self._steps.forget_pending()
        self.recorder.after_fork()
        if self._gate is None:
            self._gate = self._first_row_of_child

    def _first_row_of_child(self) -> None:
        self._gate = None
        if "multiprocessing.util" in sys.modules:
            # Its children leave by os._exit, so no exit handler of ours would run.
            from multiprocessing.util import Finalize

            Finalize(None, self._end_child, exitpriority=10)

    def _end_child(self) -> None:
        self.commit_pending()
        self.recorder.close()

    def check_open(self) -> None:
        """Raise what `log` would raise."""
        if self._gate is not None:
            self._gate()


def take_tree(value: object, depth: int = 0) -> object:
    """Take a value of the summary; nested dictionaries stay nested, but for one that holds itself."""
    if isinstance(value, Mapping) and "_type" not in value:
        if depth > MAX_DEPTH:
            return f"<nested beyond {MAX_DEPTH} levels>"
        return {str(key): take_tree(item, depth + 1) for key, item in value.items()}
    return take_row({"value": value})["value"]
