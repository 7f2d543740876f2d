"""Answers are made in threads that nobody has to wait for.

Starlette's own threads keep the process until they are done, which for a huge history is
long after Ctrl-C. A thread here that only reads ends with the process, wherever it is; one
that changes records is waited for. Long reading asks now and then whether its answer is
still wanted.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import Request

from vcs.errors import Error

T = TypeVar("T")

# As many threads at once as starlette would have.
_MOST = 40


class UnwantedError(Error):
    """Nobody waits for the answer any more: the page has gone, or the server ends."""

    kind = "unwanted"


class Wanted:
    """Whether an answer is still waited for."""

    def __init__(self) -> None:
        self._gone = threading.Event()

    def check(self) -> None:
        """Return if it is.

        Raises:
            UnwantedError: It is not.
        """
        if self._gone.is_set():
            raise UnwantedError("nobody waits for this answer any more")

    def end(self) -> None:
        """Let the next check raise."""
        self._gone.set()


class Closing:
    """Tells everything that is being answered that the server ends."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def close(self) -> None:
        """End what only reads, so that the server can."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    async def wait(self) -> None:
        await self._event.wait()


class Workers:
    """The threads of one server."""

    def __init__(self, closing: Closing) -> None:
        self._closing = closing
        self._free = asyncio.Semaphore(_MOST)

    async def read(self, request: Request, work: Callable[[], T], wanted: Wanted) -> T:
        """Return what `work` returns, unless the page goes or the server ends before.

        Raises:
            UnwantedError: One of these; `wanted` says it to `work`, and nobody waits for it.
        """
        async with self._free:
            answer = asyncio.ensure_future(in_thread(work, daemon=True))
            ends = [
                asyncio.ensure_future(_disconnected(request)),
                asyncio.ensure_future(self._closing.wait()),
            ]
            try:
                await asyncio.wait([answer, *ends], return_when=asyncio.FIRST_COMPLETED)
                if answer.done():
                    return answer.result()
                raise UnwantedError("the server ends" if self._closing.is_set else "the page has gone")
            finally:
                wanted.end()
                for task in (answer, *ends):
                    task.cancel()

    async def change(self, work: Callable[[], T]) -> T:
        """Return what `work` returns; the process does not end before it is done."""
        async with self._free:
            return await in_thread(work, daemon=False)


async def in_thread(work: Callable[[], T], *, daemon: bool) -> T:
    """Call in a thread of its own; if nobody awaits it any more, what it comes to is dropped."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[T] = loop.create_future()

    def settle(how: Callable[[Any], None], value: Any) -> None:
        if not found.done():
            how(value)

    def tell(how: Callable[[Any], None], value: Any) -> None:
        # The loop is closed once the server has ended.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, how, value)

    def body() -> None:
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where the call is awaited
            tell(found.set_exception, error)
        else:
            tell(found.set_result, value)

    threading.Thread(target=body, name="answer", daemon=daemon).start()
    return await found


async def _disconnected(request: Request) -> None:
    """Return when the client has gone; its request must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
