"""Which values the next run gets: Optuna's samplers over a journal that survives a kill.

The journal is a file that agents append to, each under a lock that the system gives back
when its holder dies; a line that a killed agent left torn is cut off by the next one. If the
journal is gone (a fresh clone), it is made again from the runs. An agent that died leaves
a trial that nobody works on: its run is looked at, and if it did not end either, the same
values are tried again.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tracker.storage import sweep_record
from tracker.storage.sweep_record import SweepRecord
from tracker.sweeps import lease
from tracker.sweeps.plan import read_plan
from tracker.values.random_names import generate_id
from vcs.atomic import make_folder
from vcs.errors import UsageError
from vcs.layout import Layout
from vcs.liveness import ProcessId, is_alive, this_process
from vcs.lock import file_lock

_LOCK_TIMEOUT_S = 60.0
_GRID = "grid"
# Attributes of a trial.
_PARAMS, _RUN, _PROCESS, _AGAIN = "params", "run", "process", "again"

End = Literal["complete", "pruned", "failed", "again"]


@dataclass(frozen=True)
class Trial:
    """Values for one run, and the id that the run will have."""

    number: int
    run_id: str
    params: dict[str, Any]


@dataclass(frozen=True)
class PastRun:
    """What a run of the sweep came to.

    Attributes:
        value: Of the metric; None if it has none.
        state: As `catalog.state_of` says.
    """

    run_id: str
    state: str
    config: dict[str, Any]
    value: float | None


class Study:
    """The trials of one sweep. Safe from any number of processes of one machine or file system."""

    def __init__(self, layout: Layout, record: SweepRecord) -> None:
        """Open the journal; makes it when it is missing.

        Raises:
            UsageError: Optuna is not installed.
        """
        self._layout = layout
        self._record = record
        self.plan = read_plan(record.config)
        self._folder = layout.sweep_memory(record.project, record.id)
        make_folder(self._folder)
        self._optuna = _import_optuna()
        with self._locked():
            self._study = self._open()

    def next(self, past: Iterable[PastRun]) -> Trial | None:
        """Return the next values to try; None if there is nothing left, or the sweep does not run.

        `past` are the runs of the sweep, which is read only if trials lost their agents.
        """
        with self._locked():
            record = sweep_record.load(self._layout, self._record.project, self._record.id)
            if record.state != "running":
                return None
            runs = _Lazily(past)
            self._take_over(runs)
            if self._is_done():
                return None
            trial = self._ask()
            if trial is None:
                return None
            params = self._params_of(trial)
            run_id = generate_id()
            trial.set_user_attr(_PARAMS, params)
            trial.set_user_attr(_RUN, run_id)
            trial.set_user_attr(_PROCESS, asdict(this_process()))
            return Trial(trial.number, run_id, params)

    def params_file(self, run_id: str) -> Path:
        """Where the values of a run lie while it runs; its agent touches the file, see `lease`."""
        return self._folder / f"{run_id}.yaml"

    def is_exhausted(self) -> bool:
        """Whether every run that the sweep is to have has ended."""
        with self._locked():
            return self._is_done() and not self._running()

    def report(self, trial: Trial, iteration: int, value: float) -> bool:
        """Say what a run logged at its nth value of the metric; return whether it should stop."""
        with self._locked():
            trial_id = self._trials()[trial.number]._trial_id
            storage = self._study._storage
            storage.set_trial_intermediate_value(trial_id, iteration, value)
            return bool(self._study.pruner.prune(self._study, storage.get_trial(trial_id)))

    def end(self, trial: Trial, end: End, value: float | None = None) -> None:
        """Say what became of a run; `again`: its values are to be tried once more."""
        with self._locked():
            self._end(trial.number, end, value)

    # under the lock

    def _open(self) -> Any:
        optuna = self._optuna
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        backend = optuna.storages.journal.JournalFileBackend(
            str(self._folder / "journal"), lock_obj=_JournalLock(self._folder / "journal")
        )
        metric = self.plan.metric
        return optuna.create_study(
            study_name=self._record.id,
            storage=optuna.storages.JournalStorage(backend),
            sampler=self._sampler(),
            pruner=self._pruner(),
            direction="maximize" if metric is not None and metric.maximize else "minimize",
            load_if_exists=True,
        )

    def _sampler(self) -> Any:
        samplers = self._optuna.samplers
        if self.plan.method == "bayes":
            # Agents at work count as bad, so that two of them do not try nearly the same.
            return samplers.TPESampler(multivariate=True, constant_liar=True, seed=self._seed())
        return samplers.RandomSampler(seed=self._seed())

    def _seed(self) -> int | None:
        # Each agent draws other numbers; a sweep with a seed and one agent is the same each time.
        return None if self.plan.seed is None else self.plan.seed + len(self._numbers())

    def _numbers(self) -> list[str]:
        journal = self._folder / "journal"
        return journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []

    def _pruner(self) -> Any:
        band = self.plan.hyperband
        if band is None:
            return self._optuna.pruners.NopPruner()
        return self._optuna.pruners.SuccessiveHalvingPruner(
            min_resource=band.first, reduction_factor=band.eta, min_early_stopping_rate=0
        )

    def _ask(self) -> Any | None:
        if self._waiting():
            return self._study.ask()
        if self.plan.method == "grid":
            index = self._next_index()
            if index is None:
                return None
            trial = self._study.ask()
            trial.set_user_attr(_GRID, index)
            return trial
        return self._study.ask()

    def _params_of(self, trial: Any) -> dict[str, Any]:
        index = trial.user_attrs.get(_GRID)
        if index is not None:
            return self.plan.space.combination(index)
        return self.plan.space.draw(trial)

    def _take_over(self, past: _Lazily) -> None:
        """Settle the trials whose agents are gone."""
        if not self._trials():
            self._rebuild(past)
        for trial in self._running():
            process, run_id = trial.user_attrs.get(_PROCESS), trial.user_attrs.get(_RUN, "")
            alive = False if process is None else is_alive(ProcessId(**process))
            if alive or (alive is None and not lease.is_over(self.params_file(run_id))):
                continue
            run = past.by_id().get(run_id)
            if run is not None and run.state == "running" and alive is not None:
                continue  # The training lives on without its agent.
            if run is not None and run.state in ("finished", "failed"):
                self._end(trial.number, "complete" if run.state == "finished" else "failed", run.value)
            else:
                self._end(trial.number, "again")

    def _rebuild(self, past: _Lazily) -> None:
        """Fill an empty journal from runs that were recorded, perhaps in another clone."""
        states = self._optuna.trial.TrialState
        for run in past.by_id().values():
            if run.state == "running":
                continue
            good = run.state == "finished" and run.value is not None
            attrs: dict[str, Any] = {_RUN: run.run_id, _PARAMS: run.config}
            if self.plan.method == "grid":
                attrs[_GRID] = self._index_of(run.config)
            self._study.add_trial(
                self._optuna.trial.create_trial(
                    state=states.COMPLETE if good else states.FAIL,
                    value=run.value if good else None,
                    user_attrs=attrs,
                )
            )

    def _index_of(self, config: dict[str, Any]) -> int | None:
        for index in range(self.plan.space.grid_size):
            combination = self.plan.space.combination(index)
            if all(config.get(key) == value for key, value in combination.items()):
                return index
        return None

    def _end(self, number: int, end: End, value: float | None = None) -> None:
        states = self._optuna.trial.TrialState
        known = self._trials()[number]
        if known.state.is_finished():
            return
        if end == "again":
            self._study._storage.set_trial_user_attr(known._trial_id, _AGAIN, True)
            self._study.tell(number, state=states.FAIL)
            kept = {_GRID: known.user_attrs[_GRID]} if _GRID in known.user_attrs else {}
            self._study.enqueue_trial(known.params, user_attrs=kept)
        elif end == "complete" and value is not None and math.isfinite(value):
            self._study.tell(number, value)
        elif end == "pruned" and known.intermediate_values:
            self._study.tell(number, state=states.PRUNED)
        else:
            self._study.tell(number, state=states.FAIL)

    def _is_done(self) -> bool:
        """Whether no further run is to begin."""
        trials = [t for t in self._trials() if not t.user_attrs.get(_AGAIN)]
        metric = self.plan.metric
        if metric is not None and metric.target is not None:
            ended = [t.value for t in trials if t.state.is_finished() and t.value is not None]
            if any(map(metric.is_reached, ended)):
                return True
        if self._waiting():
            return False
        if self.plan.method == "grid" and self._next_index() is None:
            return True
        return self.plan.run_cap is not None and len(trials) >= self.plan.run_cap

    def _next_index(self) -> int | None:
        """Return the first combination of the grid that nobody has tried; None if there is none."""
        tried = {t.user_attrs.get(_GRID) for t in self._trials() if not t.user_attrs.get(_AGAIN)}
        return next((n for n in range(self.plan.space.grid_size) if n not in tried), None)

    def _trials(self) -> list[Any]:
        trials: list[Any] = self._study.get_trials(deepcopy=False)
        return trials

    def _running(self) -> list[Any]:
        return [trial for trial in self._trials() if trial.state.name == "RUNNING"]

    def _waiting(self) -> list[Any]:
        return [trial for trial in self._trials() if trial.state.name == "WAITING"]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with file_lock(
            self._layout.locks / f"study-{self._record.project}-{self._record.id}",
            timeout_s=_LOCK_TIMEOUT_S,
            what=f"sweep {self._record.id}",
        ):
            yield


class _Lazily:
    """The past runs, read once and only if somebody asks."""

    def __init__(self, runs: Iterable[PastRun]) -> None:
        self._runs = runs
        self._found: dict[str, PastRun] | None = None

    def by_id(self) -> dict[str, PastRun]:
        if self._found is None:
            self._found = {run.run_id: run for run in self._runs}
        return self._found


class _JournalLock:
    """The lock of the journal, for Optuna: its own would stay when an agent is killed."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._held: ExitStack | None = None

    def acquire(self) -> bool:
        held = ExitStack()
        lock = self._journal.with_name("journal.lock")
        held.enter_context(file_lock(lock, timeout_s=_LOCK_TIMEOUT_S, what="the journal of a sweep"))
        self._held = held
        _cut_torn_line(self._journal)
        return True

    def release(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None


def _cut_torn_line(journal: Path) -> None:
    """Remove what a killed agent wrote of a line; whoever holds the lock is the only writer."""
    if not journal.exists():
        return
    with open(journal, "rb+") as stream:
        size = stream.seek(0, os.SEEK_END)
        if size == 0:
            return
        stream.seek(-1, os.SEEK_END)
        if stream.read(1) == b"\n":
            return
        stream.seek(0)
        stream.truncate(stream.read().rfind(b"\n") + 1)


def _import_optuna() -> Any:
    try:
        import optuna
        import optuna.storages.journal
    except ImportError as error:
        raise UsageError("sweeps need Optuna", hint="pip install 'tracker[sweeps]'") from error
    return optuna
