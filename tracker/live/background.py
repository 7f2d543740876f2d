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
        self._delayed: list[tuple[float, Job]] = []
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

    def submit_later(self, delay_s: float, job: Job) -> None:
        """Queue a job when so much time has passed; one that is not due yet at `close` is left out."""
        with self._wake:
            if self._open:
                self._delayed.append((time.monotonic() + delay_s, job))
                self._wake.notify()

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
        if self._tick is not None and self._every_s is not None:
            self.submit_later(self._every_s, self._tick)
        while True:
            job = self._next()
            if job is None:
                return
            try:
                job()
            finally:
                with self._wake:
                    self._busy = False
                    self._wake.notify_all()
            if job is self._tick and self._every_s is not None:
                self.submit_later(self._every_s, job)

    def _next(self) -> Job | None:
        """Return the next job when there is one; None to end."""
        with self._wake:
            while True:
                job = self._jobs.popitem(last=False)[1] if self._jobs else self._due()
                if job is not None:
                    self._busy = True
                    return job
                if not self._open:
                    return None
                self._wake.wait(self._pause())

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
