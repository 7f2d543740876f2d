"""One thread a run for work that must not wait on the training thread.

Jobs run in the order in which they were given. A job with a key that is already
waiting is not queued twice, so a script that changes its config in a loop causes a
few writes and not a thousand.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

Job = Callable[[], None]


class Background:
    """A queue of jobs and the thread that runs them.

    A job handles its own failures. The thread is a daemon: who needs its jobs done
    calls `close`, which waits for them.
    """

    def __init__(self, name: str, *, every_s: float | None = None, tick: Job | None = None) -> None:
        """Begin at once; `tick` runs about every `every_s` seconds while open."""
        self._jobs: OrderedDict[object, Job] = OrderedDict()
        self._wake = threading.Condition()
        self._open = True
        self._busy = False
        self._every_s = every_s
        self._tick = tick
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job, *, key: str | None = None) -> None:
        """Queue a job; one with the same key that still waits is replaced by this one.

        After `close` it runs at once, in the caller's thread, so nothing is lost.
        """
        with self._wake:
            if self._open and self._thread.is_alive():
                self._jobs[key or object()] = job
                self._wake.notify()
                return
        job()

    def drain(self, timeout_s: float | None = None) -> bool:
        """Wait until no job is waiting or running; return whether that came true in time."""
        if threading.current_thread() is self._thread:
            return True
        with self._wake:
            return self._wake.wait_for(lambda: not self._jobs and not self._busy, timeout_s)

    def close(self, timeout_s: float | None = None) -> bool:
        """Run what is queued, then end the thread; return whether that came true in time.

        A second call is harmless.
        """
        with self._wake:
            self._open = False
            self._wake.notify()
        if threading.current_thread() is self._thread:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        next_tick = time.monotonic() + self._every_s if self._every_s else None
        while True:
            job = self._next(next_tick)
            if job is None:
                return
            if job is self._tick and self._every_s:
                next_tick = time.monotonic() + self._every_s
            try:
                job()
            finally:
                with self._wake:
                    self._busy = False
                    self._wake.notify_all()

    def _next(self, next_tick: float | None) -> Job | None:
        """Return the next job when there is one; None to end."""
        with self._wake:
            while True:
                if self._jobs:
                    self._busy = True
                    return self._jobs.popitem(last=False)[1]
                if not self._open:
                    return None
                wait_s = None if next_tick is None else next_tick - time.monotonic()
                if wait_s is not None and wait_s <= 0:
                    self._busy = True
                    return self._tick
                self._wake.wait(wait_s)
