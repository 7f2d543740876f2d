"""An agent: asks for values, has a run made with them, says what came of it, and again.

Any number of agents work on one sweep, each in a process of its own; they meet in the
study only. An agent that is killed loses nothing: see `study`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tracker.artifacts.home import Home
from tracker.live.sweep_values import sweep_file
from tracker.live.term import say, warn
from tracker.read.run_view import RunView
from tracker.read.sweeps import Sweep, metric_value
from tracker.storage import records, sweep_record
from tracker.storage.catalog import RunEntry
from tracker.storage.records import RunRecord
from tracker.storage.sweep_record import SweepRecord
from tracker.sweeps.lease import Beat
from tracker.sweeps.study import PastRun, Study, Trial
from vcs.atomic import remove_quietly, write_atomic
from vcs.clock import iso_now
from vcs.errors import NotFoundError
from vcs.layout import Layout
from vcs.repo import Repo
from vcs.yaml_io import dump_yaml

# So many runs that fail in a row, before any succeeded, are no chance: the program is wrong.
MAX_FIRST_FAILURES = 3

Made = Literal["ended", "stopped", "interrupted"]


@dataclass(frozen=True)
class Job:
    """One run to be made.

    Attributes:
        params_file: Holds the values, where `init` finds them.
        watch: Called while the run runs, again and again; True asks for its end.
    """

    trial: Trial
    sweep: SweepRecord
    params_file: Path
    watch: Callable[[], bool]

    @property
    def options(self) -> dict[str, str]:
        """What `init` has to know, by the names of settings."""
        return {
            "sweep_id": self.sweep.id,
            "sweep_project": self.sweep.project,
            "sweep_run_id": self.trial.run_id,
            "sweep_param_path": str(self.params_file),
        }


class Agent:
    """Works on a sweep until nothing is left, `count` runs are made, or somebody stops it."""

    def __init__(self, repo: Repo, record: SweepRecord, make: Callable[[Job], Made]) -> None:
        """`make` has a run made and returns when it is over; it may raise KeyboardInterrupt."""
        self._repo = repo
        self._record = record
        self._make = make
        self._study = Study(repo.layout, record)
        self._sweep = Sweep(Home(repo, record.project), record)

    def work(self, count: int | None = None, *, max_failures: int | None = None) -> int:
        """Make runs; return how many ended. So many failures in a row as `max_failures` end it.

        Raises:
            KeyboardInterrupt: Of the run at work; its values will be tried again.
        """
        done = failures = 0
        while count is None or done < count:
            trial = self._study.next(self._past())
            if trial is None:
                break
            good = self._one(trial)
            done += 1
            failures = 0 if good else failures + 1
            if failures == max_failures or (max_failures is None and failures == done == MAX_FIRST_FAILURES):
                warn(f"{failures} runs of sweep {self._record.id} failed in a row; this agent ends")
                break
        self._finish()
        return done

    def _one(self, trial: Trial) -> bool:
        """Have one run made; return whether it ended well."""
        say(f"sweep {self._record.id}: run {trial.run_id} with {_shown(trial.params)}")
        watch = Watch(self._repo.layout, self._record, self._study, trial)
        with _file_of(self._study, trial) as path:
            try:
                made = self._make(Job(trial, self._record, path, watch))
            except BaseException:
                self._study.end(trial, "again")
                raise
        if made == "interrupted":
            self._study.end(trial, "again")
            raise KeyboardInterrupt
        run = self._run(trial.run_id)
        if run is None:
            warn(f"run {trial.run_id} was never begun: the program does not call init")
            self._study.end(trial, "failed")
            return False
        if made == "stopped":
            self._mark_stopped(run)
            self._study.end(trial, "pruned")
            return True
        if run.state == "preempted":
            # Somebody asked the program to go, as schedulers do: the values are not to blame.
            self._study.end(trial, "again")
            return False
        # A run can end between two looks; later ones are compared with all that it logged.
        watch.finish()
        value = self._sweep.value_of(run)
        good = run.state == "finished"
        if good and value is None and self._study.plan.metric is not None:
            warn(
                f"run {trial.run_id} logged no {self._study.plan.metric.name}: the sweep learns nothing of it"
            )
        self._study.end(trial, "complete" if good else "failed", value)
        return good

    def _past(self) -> Iterator[PastRun]:
        for run in self._sweep.runs:
            yield PastRun(run.id, run.state, run.config, self._sweep.value_of(run))

    def _run(self, run_id: str) -> RunView | None:
        layout = self._repo.layout.run(self._record.project, run_id)
        try:
            return RunView(RunEntry(layout, records.load(layout)), Home(self._repo, self._record.project))
        except NotFoundError:
            return None

    def _mark_stopped(self, run: RunView) -> None:
        """Say in the record that the sweep ended the run, and not somebody else."""

        def change(record: RunRecord) -> None:
            session = record.last_session
            if session is not None:
                session.ended = session.ended or iso_now()
                session.state = "killed"
                session.error = None
                session.extra["stopped_by"] = f"hyperband of sweep {self._record.id}"
            record.state = "killed"

        records.update(run.layout, change)
        for warning in self._repo.record([run.layout.folder], f"run {run.id} stopped by its sweep"):
            warn(warning)

    def _finish(self) -> None:
        """Write that the sweep has nothing left to try, when the last of its runs has ended."""
        record = sweep_record.load(self._repo.layout, self._record.project, self._record.id)
        if record.state != "running" or not self._study.is_exhausted():
            return
        set_state(self._repo, record, "finished")
        say(f"sweep {record.id} is finished")


class Watch:
    """Looks at a run while it runs: what it logs goes to the study, which may want its end."""

    def __init__(self, layout: Layout, record: SweepRecord, study: Study, trial: Trial) -> None:
        self._run = layout.run(record.project, trial.run_id)
        self._layout = layout
        self._record = record
        self._study = study
        self._trial = trial
        self._seen = 0
        self._beat = Beat(study.params_file(trial.run_id))

    def __call__(self) -> bool:
        """Say that this agent is at work, and return whether the run should end now."""
        self._beat()
        for number, value in self._fresh():
            if self._study.report(self._trial, number, value):
                run_id = self._trial.run_id
                say(f"sweep {self._record.id}: run {run_id} is stopped at its value {number}: {value:g}")
                return True
        return False

    def finish(self) -> None:
        """Tell the study the rest of what the run logged."""
        for number, value in self._fresh():
            self._study.report(self._trial, number, value)

    def _fresh(self) -> Iterator[tuple[int, float]]:
        """Yield the values of the metric that were not seen before, with their numbers from 1."""
        metric, band = self._study.plan.metric, self._study.plan.hyperband
        if metric is None or band is None:
            return
        # Loaded for sweeps that stop runs only.
        from tracker.storage.history import read_columns

        values = read_columns(self._run, [metric.name], damaged=[])[metric.name]
        for number, value in enumerate(values[self._seen :], self._seen + 1):
            self._seen = number
            found = metric_value({metric.name: value}, {"name": metric.name})
            if found is not None:
                yield number, found


def set_state(repo: Repo, record: SweepRecord, state: sweep_record.SweepState) -> SweepRecord:
    """Write the state of a sweep, in the record and in the ledger."""

    def change(found: SweepRecord) -> None:
        found.state = state

    fresh = sweep_record.update(repo.layout, record, change)
    for warning in repo.record([repo.layout.sweep(record.project, record.id)], f"sweep {record.id} {state}"):
        warn(warning)
    return fresh


@contextmanager
def _file_of(study: Study, trial: Trial) -> Iterator[Path]:
    """Write the values of a run where its `init` finds them, for as long as it runs."""
    path = study.params_file(trial.run_id)
    write_atomic(path, dump_yaml(sweep_file(trial.params)), durable=False)
    try:
        yield path
    finally:
        remove_quietly(path)


def _shown(params: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in params.items()) or "nothing to choose"
