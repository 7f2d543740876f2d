"""Agents past this process: as processes here, as jobs of Slurm, as tasks of a Ray cluster.

The engine schedules, ours records: each starts agents that meet in the study, so the
project has to lie where all of them see it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from vcs.errors import StoreError, UsageError

Engine = Literal["processes", "slurm", "submitit", "ray"]
# How often the queue of a cluster is looked at: many who wait must be no load for it.
_LOOK_S = 5.0
ENGINES: tuple[Engine, ...] = ("processes", "slurm", "submitit", "ray")


class Working(Protocol):
    """Agents at work."""

    def is_done(self) -> bool:
        """Whether all of them have ended."""
        ...

    def stop(self) -> None:
        """Ask all of them to end; their values will be tried again."""
        ...

    def failures(self) -> list[str]:
        """Return what is to be said of each that failed; waits for all."""
        ...


def start(
    engine: Engine,
    sweep: str,
    root: Path,
    logs: Path,
    *,
    jobs: int,
    count: int | None,
    options: Mapping[str, str],
) -> Working:
    """Start agents of a sweep.

    Args:
        sweep: `project/id`.
        root: The folder of the project, in which the agents start programs.
        logs: Where they print to.
        options: For the engine: parameters of submitit's executor, or of `ray.init`.

    Raises:
        UsageError: The engine is not installed, or does not know an option.
    """
    if engine == "processes":
        if options:
            raise UsageError("processes of this machine take no options of an engine")
        return Processes(sweep, root, logs, jobs, count)
    if engine == "ray":
        return RayTasks(sweep, root, jobs, count, options)
    return Jobs("slurm" if engine == "slurm" else "local", sweep, root, logs, jobs, count, options)


def work_in(root: str, sweep: str, count: int | None) -> None:
    """Be an agent in a project; what jobs and tasks call."""
    from tracker.sweeps.calls import agent

    os.chdir(root)
    agent(sweep, count=count)


class Processes:
    """Agents as processes of this machine, each with a log."""

    def __init__(self, sweep: str, root: Path, logs: Path, jobs: int, count: int | None) -> None:
        words = [sys.executable, "-m", "tracker.cli.main", "sweep", "agent", sweep]
        words += ["--count", str(count)] if count is not None else []
        self._logs = [logs / f"agent-{number}.log" for number in range(jobs)]
        self._agents: list[subprocess.Popen[bytes]] = []
        for path in self._logs:
            try:
                with open(path, "ab") as log:
                    # Ctrl-C reaches them through this process only, so each ends its run in peace.
                    made = subprocess.Popen(words, cwd=root, stdout=log, stderr=log, start_new_session=True)
            except OSError as error:
                self.stop()
                raise StoreError(f"cannot start an agent: {error}") from error
            self._agents.append(made)

    def is_done(self) -> bool:
        """See `Working`."""
        return all(agent.poll() is not None for agent in self._agents)

    def stop(self) -> None:
        """See `Working`."""
        for agent in self._agents:
            if agent.poll() is None:
                agent.send_signal(signal.SIGINT)

    def failures(self) -> list[str]:
        """See `Working`."""
        codes = [agent.wait() for agent in self._agents]
        return [f"see {path}" for path, code in zip(self._logs, codes, strict=True) if code]


class Jobs:
    """Agents as jobs of Slurm, or of submitit's executor for one machine."""

    def __init__(
        self,
        cluster: str,
        sweep: str,
        root: Path,
        logs: Path,
        jobs: int,
        count: int | None,
        options: Mapping[str, str],
    ) -> None:
        submitit = _import("submitit", "slurm")
        # Without accounting it warns each time that it asks.
        logging.getLogger("submitit").setLevel(logging.ERROR)
        try:
            executor = submitit.AutoExecutor(folder=logs / "jobs-%j", cluster=cluster)
            executor.update_parameters(**{"name": "tracker-sweep", **_typed(options)})
            with executor.batch():
                self._jobs = [executor.submit(work_in, str(root), sweep, count) for _ in range(jobs)]
        except (NameError, TypeError, RuntimeError, FileNotFoundError, ValueError) as error:
            raise UsageError(f"submitit cannot start jobs: {error}") from error
        self._errors = (submitit.core.utils.FailedJobError, submitit.core.utils.UncompletedJobError)
        self._has_queue = cluster == "slurm"
        self._looked_s = time.monotonic()
        self._missing: set[str] = set()
        self._lost: set[str] = set()

    def is_done(self) -> bool:
        """See `Working`."""
        waiting = {job.job_id for job in self._jobs if not job.done()}
        if waiting and self._has_queue and time.monotonic() - self._looked_s > _LOOK_S:
            self._look(waiting)
        return waiting <= self._lost

    def _look(self, waiting: set[str]) -> None:
        """Find out which jobs are in the queue no more; two looks in a row, as results come after the end.

        A job that was killed leaves no result, and without accounting nothing else says so.
        """
        listed = _listed_by_slurm()
        if listed is not None:
            gone = waiting - listed
            self._lost, self._missing = gone & self._missing, gone
        self._looked_s = time.monotonic()

    def stop(self) -> None:
        """See `Working`."""
        for job in self._jobs:
            if not job.done():
                job.cancel()

    def failures(self) -> list[str]:
        """See `Working`."""
        said = []
        for job in self._jobs:
            if job.job_id in self._lost and not job.done():
                said.append(f"job {job.job_id} ended without a result; see {job.paths.stderr}")
                continue
            try:
                job.result()
            except self._errors as error:
                said.append(f"job {job.job_id}: {str(error).splitlines()[0]}; see {job.paths.stderr}")
        return said


class RayTasks:
    """Agents as tasks of a Ray cluster: the one that `address` names, else one of this machine."""

    def __init__(
        self, sweep: str, root: Path, jobs: int, count: int | None, options: Mapping[str, str]
    ) -> None:
        self._ray = _import("ray", "ray")
        try:
            if not self._ray.is_initialized():
                self._ray.init(log_to_driver=False, include_dashboard=False, **_typed(options))
        except (ConnectionError, TypeError, ValueError, RuntimeError) as error:
            raise UsageError(f"Ray cannot be used: {error}") from error
        # Ray starts a task again whose worker died; the study settles what it was at.
        task = self._ray.remote(max_retries=3, num_cpus=1)(work_in)
        self._tasks = [task.remote(str(root), sweep, count) for _ in range(jobs)]

    def is_done(self) -> bool:
        """See `Working`."""
        ready, _ = self._ray.wait(self._tasks, num_returns=len(self._tasks), timeout=0)
        return len(ready) == len(self._tasks)

    def stop(self) -> None:
        """See `Working`."""
        for task in self._tasks:
            self._ray.cancel(task)

    def failures(self) -> list[str]:
        """See `Working`."""
        said = []
        errors = (self._ray.exceptions.RayError,)
        for task in self._tasks:
            try:
                self._ray.get(task)
            except errors as error:
                said.append(str(error).strip().splitlines()[-1])
        with contextlib.suppress(*errors):
            self._ray.shutdown()
        return said


def _listed_by_slurm() -> set[str] | None:
    """Return the jobs in the queue, those of arrays one by one; None if it cannot be asked."""
    words = ["squeue", "--me", "--array", "--noheader", "--format=%i"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_LOOK_S * 4)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return set(done.stdout.split()) if done.returncode == 0 else None


def _typed(options: Mapping[str, str]) -> dict[str, Any]:
    """Return options with numbers where their texts are numbers."""
    return {key: int(text) if text.isdigit() else text for key, text in options.items()}


def _import(name: str, extra: str) -> Any:
    import importlib

    try:
        return cast(Any, importlib.import_module(name))
    except ImportError as error:
        raise UsageError(f"this engine needs {name}", hint=f"pip install 'tracker[{extra}]'") from error
