"""Two ways to have a run made: a program in a process of its own, or a function in this one."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from tracker.compat.launcher import shimmed_environment
from tracker.live import session
from tracker.live.term import say, warn
from tracker.settings import surroundings, variables_of
from tracker.sweeps.agent import Job, Made
from tracker.sweeps.plan import Plan, command_of

# How often a run is looked at, and how long one that was told to end may take for it.
INTERVAL_S = 0.5
GRACE_S = 30.0


class StoppedBySweep(Exception):
    """Ends the function of a run that its sweep stops."""


def program_maker(plan: Plan, *, grace_s: float = GRACE_S) -> Callable[[Job], Made]:
    """Return what starts the sweep's program for each run; `import wandb` in it means tracker.

    Raises:
        UsageError: The sweep has no program.
    """
    command_of(plan, {}, interpreter=sys.executable, params_file=Path("params.json"))

    def make(job: Job) -> Made:
        words = command_of(plan, job.trial.params, interpreter=sys.executable, params_file=job.params_file)
        environment = shimmed_environment({**surroundings(), **variables_of(job.options)})
        # A group of its own, so that what the program starts ends with it.
        process = subprocess.Popen(words, env=environment, start_new_session=True)
        try:
            return _wait(process, job.watch, grace_s)
        except BaseException:
            _end(process, signal.SIGINT, grace_s)
            raise

    return make


def _wait(process: subprocess.Popen[bytes], watch: Callable[[], bool], grace_s: float) -> Made:
    while True:
        try:
            process.wait(INTERVAL_S)
        except subprocess.TimeoutExpired:
            if watch():
                _end(process, signal.SIGHUP, grace_s)
                return "stopped"
            continue
        return "ended"


def _end(process: subprocess.Popen[bytes], number: signal.Signals, grace_s: float) -> None:
    """Ask a program to end, and kill it if it does not."""
    for last in (number, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        try:
            os.killpg(process.pid, last)
            process.wait(grace_s)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def function_maker(function: Callable[[], object]) -> Callable[[Job], Made]:
    """Return what calls a function for each run; its errors end the run, not the agent."""

    def make(job: Job) -> Made:
        session.setup(job.options)
        watcher = _Watcher(job.watch)
        try:
            with watcher:
                function()
        except StoppedBySweep:
            pass
        except KeyboardInterrupt:
            session.finish(1)
            raise
        except Exception as error:  # noqa: BLE001 - the sweep goes on with other values
            warn(f"run {job.trial.run_id} failed: {type(error).__name__}: {error}")
            say(traceback.format_exc())
            session.finish(1)
        finally:
            session.finish(0)
            session.setup(dict.fromkeys(job.options, ""))
        return "stopped" if watcher.stopped else "ended"

    return make


class _Watcher:
    """A thread that looks at the run of this process and stops the function by an exception."""

    def __init__(self, watch: Callable[[], bool]) -> None:
        self._watch = watch
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._look, name="tracker-sweep", daemon=True)
        self._target = threading.get_ident()
        self.stopped = False

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        # Under the lock no exception is on its way when the function is done.
        with self._lock:
            self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(INTERVAL_S):
            if not self._watch():
                continue
            with self._lock:
                if not self._over.is_set():
                    self.stopped = True
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(self._target), ctypes.py_object(StoppedBySweep)
                    )
            return
