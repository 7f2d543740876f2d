"""Threads that help with large files, where threads are to be had.

At the end of a program none are: what a script leaves for `atexit` runs after Python
has closed its pools. Helpers are a matter of speed only, so the work is then done by
the thread that asks.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


def thread_pool(count: int, name: str) -> Executor:
    """Return a pool of `count` threads; one that uses the caller's if no thread can be begun."""
    pool = ThreadPoolExecutor(count, thread_name_prefix=name)
    try:
        # Begins the first thread, which then waits for the work.
        pool.submit(int)
    except RuntimeError:
        return Inline()
    return pool


class Inline(Executor):
    """Does each piece of work at once, in the thread that hands it out."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Return a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - as threads do: whoever asks for the result gets it
            future.set_exception(error)
        return future
