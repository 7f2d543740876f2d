"""What changed, as it changes: server-sent events, found by looking at the files.

No run needs to know of a page. The files of the runs that a page shows are looked at a few
times a second; the list of all runs as often as its size allows.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse

from tracker.read.series import stamp_of
from tracker.web.shelf import Shelf
from tracker.web.work import Closing, in_thread
from vcs.errors import NotFoundError
from vcs.layout import RunLayout

_LOOK_S = 0.3
# A connection on which nothing happens may be cut by a proxy.
_SIGN_OF_LIFE_S = 15.0
_MOST_WATCHED = 200

Stamps = dict[str, dict[str, Any]]


class Events:
    """The open streams of one server."""

    def __init__(self, shelf: Shelf, closing: Closing) -> None:
        self._shelf = shelf
        self._closing = closing

    async def stream(self, request: Request) -> StreamingResponse:
        """Answer with a stream.

        `watch` names runs whose files are looked at, separated by spaces; `version` is that of the
        list that the page knows: if there is another one by now, it is told so at once.
        """
        watched = request.query_params.get("watch", "").split()[:_MOST_WATCHED]
        known = request.query_params.get("version", "")
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(
            self._events(request, watched, int(known) if re.fullmatch(r"[0-9]{1,18}", known) else None),
            media_type="text/event-stream",
            headers=headers,
        )

    async def _events(self, request: Request, watched: list[str], known: int | None) -> AsyncIterator[str]:
        version, stamps = await in_thread(partial(self._look, watched), daemon=True)
        yield _event("hello", {"version": version})
        if known is not None and known != version:
            yield _event("runs", {"version": version})
        silent_s = 0.0
        while not self._closing.is_set and not await request.is_disconnected():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _LOOK_S)
            found = await in_thread(partial(self._look, watched), daemon=True)
            silent_s += _LOOK_S
            if found[0] != version:
                yield _event("runs", {"version": found[0]})
                silent_s = 0.0
            grown = _grown(stamps, found[1])
            if grown:
                yield _event("grown", grown)
                silent_s = 0.0
            if silent_s > _SIGN_OF_LIFE_S:
                yield ": still here\n\n"
                silent_s = 0.0
            version, stamps = found

    def _look(self, watched: Iterable[str]) -> tuple[int, Stamps]:
        stamps: Stamps = {}
        for name in watched:
            with suppress(NotFoundError):
                stamps[name] = _stamps_of(self._shelf.layout(name))
        return self._shelf.listing().version, stamps


def _stamps_of(run: RunLayout) -> dict[str, Any]:
    found: dict[str, Any] = {"history": stamp_of(run), "system": stamp_of(run, "system")}
    with suppress(OSError):
        found["console"] = run.output.stat().st_size
    with suppress(OSError):
        found["record"] = run.record.stat().st_mtime_ns
    return found


def _grown(before: Stamps, now: Stamps) -> dict[str, list[str]]:
    grown = {}
    for name, stamps in now.items():
        old = before.get(name, {})
        what = [kind for kind, stamp in stamps.items() if old.get(kind) != stamp]
        if what:
            grown[name] = what
    return grown


def _event(kind: str, data: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"
