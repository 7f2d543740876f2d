"""Threads that wait for servers and disks, with a limit to what waits for them.

The work is handed out and its results are taken by one thread, so what it keeps count
of needs no lock. Memory is bounded: who hands out more than `limit` pieces waits.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any

NAME = "tracker-transfer"
"""How the threads are called."""


class Workers:
    """A pool for the block; what fails in it is raised by the next call, or at the end."""

    def __init__(self, count: int, *, limit: int | None = None) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=NAME)
        self._limit = limit or count + 2
        self._waits = True
        self._waiting: dict[Future[Any], Callable[[Any], None]] = {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=self._waits, cancel_futures=True)

    def submit(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Hand out work; `then` is given its result later, in the thread of the caller."""
        while len(self._waiting) >= self._limit:
            self._take()
        self._waiting[self._pool.submit(work)] = then

    def drain(self) -> None:
        """Wait for everything."""
        while self._waiting:
            self._take()

    def take_finished(self, *, wait: bool = True) -> None:
        """After a failure: wait for what is running, unless that is not wanted, and take what went well."""
        self._pool.shutdown(wait=wait, cancel_futures=True)
        self._waits = wait
        waiting, self._waiting = self._waiting, {}
        for future, then in waiting.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                then(future.result())

    def _take(self) -> None:
        done, _ = wait(self._waiting, return_when=FIRST_COMPLETED)
        for future in done:
            then = self._waiting.pop(future)
            then(future.result())
