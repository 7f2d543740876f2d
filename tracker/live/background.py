"""One thread a run for work that must not wait on the training thread.

Jobs run in the order in which they were given. A job with a key that is already
waiting is not queued twice, so a script that changes its config in a loop causes a
few writes and not a thousand.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from tracker.storage.bell import Bell

Job = Callable[[], None]


class Background:
    """A queue of jobs and the thread that runs them.

    A job handles its own failures. The thread is a daemon: who needs its jobs done
    calls `close`, which waits for them. No lock is held while a job is given, so a signal
    handler that interrupts it may wait for `close` in another thread.
    """

    def __init__(self, name: str, *, every_s: float | None = None, tick: Job | None = None) -> None:
        """Begin at once; `tick` runs about every `every_s` seconds while open."""
        self._jobs: OrderedDict[object, Job] = OrderedDict()
        self._delayed: list[tuple[float, Job]] = []
        self._wake = Bell()
        self._open = True
        self._pid = os.getpid()
        self._every_s = every_s
        self._tick = tick
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job, *, key: str | None = None) -> None:
        """Queue a job; one with the same key that still waits is replaced by this one.

        After `close` it runs at once, in the caller's thread, so nothing is lost.
        """
        if self._has_ended():
            job()
            return
        self._jobs[key or object()] = job
        self._wake.ring()
        if self._has_ended():  # Between the two.
            self._run_waiting()

    def submit_later(self, delay_s: float, job: Job) -> None:
        """Queue a job when so much time has passed; one that is not due yet at `close` is left out."""
        if self._open:
            self._delayed.append((time.monotonic() + delay_s, job))
            self._wake.ring()

    def drain(self, timeout_s: float | None = None) -> bool:
        """Wait until every job given before has run; return whether that came true in time."""
        if threading.current_thread() is self._thread:
            return True
        reached = Bell()
        self.submit(reached.ring)
        return reached.wait(timeout_s)

    def close(self, timeout_s: float | None = None) -> bool:
        """Run what is queued, then end the thread; return whether that came true in time.

        A second call is harmless.
        """
        self._open = False
        self._wake.ring()
        if threading.current_thread() is self._thread:
            return True
        self._thread.join(timeout_s)
        if not self._has_ended():
            return False
        if os.getpid() == self._pid:  # What waits in a forked child is the parent's.
            self._run_waiting()
        return True

    def _has_ended(self) -> bool:
        return not self._thread.is_alive()

    def _work(self) -> None:
        if self._tick is not None and self._every_s is not None:
            self.submit_later(self._every_s, self._tick)
        while True:
            # Asked first: what was given while it was open is in the queue by then.
            is_open = self._open
            self._run_waiting()
            job = self._due()
            if job is None:
                if not is_open:
                    return
                self._wake.wait(self._pause())
                continue
            job()
            if job is self._tick and self._every_s is not None:
                self.submit_later(self._every_s, job)

    def _run_waiting(self) -> None:
        while self._jobs:
            try:
                _, job = self._jobs.popitem(last=False)
            except KeyError:  # Another thread took it.
                return
            job()

    def _due(self) -> Job | None:
        now = time.monotonic()
        for place, (at, job) in enumerate(self._delayed):
            if self._open and at <= now:
                del self._delayed[place]
                return job
        return None

    def _pause(self) -> float | None:
        """Return for how long nothing is due; None for ever."""
        first = min((at for at, _ in self._delayed), default=None)
        return None if first is None else max(first - time.monotonic(), 0.0)
