"""Requests and answers: parameters checked, errors of ours as JSON with a status."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from blake3 import blake3
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tracker.read.filter_text import FilterError
from tracker.web.shelf import Shelf
from tracker.web.work import UnwantedError, Wanted, Workers
from vcs.errors import (
    AlreadyExistsError,
    ConflictError,
    Error,
    FormatError,
    LockedError,
    NotFoundError,
    UsageError,
)

_STATUS: dict[type[Error], int] = {
    UsageError: 400,
    NotFoundError: 404,
    AlreadyExistsError: 409,
    ConflictError: 409,
    LockedError: 423,
    FormatError: 422,
    UnwantedError: 503,
}
_LARGEST_BODY = 4 << 20
# Other methods only ask: a question whose parameters are too many for an address is a POST.
_CHANGES = ("PATCH", "DELETE")

Body = dict[str, Any]
Handler = Callable[[Shelf, "Query"], Response]
_encoder = msgspec.json.Encoder()


class Query:
    """What was asked.

    Attributes:
        path: Parameters in the path.
        body: The JSON object that was sent; empty without one.
        wanted: What long work asks now and then.
    """

    def __init__(self, request: Request, body: Body) -> None:
        self.path: Mapping[str, str] = request.path_params
        self.headers = request.headers
        self.body = body
        self.wanted = Wanted()
        self._given = request.query_params

    def text(self, name: str, default: str = "") -> str:
        return str(self._given.get(name, default))

    def number(self, name: str, default: int) -> int:
        """Return a whole number.

        Raises:
            UsageError: It is none.
        """
        given = self._given.get(name)
        try:
            return default if given is None else int(given)
        except ValueError:
            raise UsageError(f"{name} is a whole number, not {given!r}") from None

    def flag(self, name: str) -> bool:
        return self._given.get(name, "") not in ("", "0", "false")


def answer(value: Any, status: int = 200, *, mark: str | None = None) -> Response:
    """Return JSON; `value` must be plain already.

    With a mark, an ETag, the browser may keep it, and asks whether it is `unchanged`.
    """
    headers = {"cache-control": "no-store"} if mark is None else _kept(mark)
    return Response(_encoder.encode(value), status, media_type="application/json", headers=headers)


def unchanged(mark: str) -> Response:
    """Say that the browser has the answer already."""
    return Response(status_code=304, headers=_kept(mark))


def _kept(mark: str) -> dict[str, str]:
    return {"cache-control": "private, no-cache", "etag": mark}


def _marked(response: Response, request: Request) -> Response:
    """Give an answer that has no mark one by its bytes: through ssh a long one is sent once."""
    # Files that are sent have no bytes here, and a mark of their own.
    if (
        type(response) is not Response
        or request.method != "GET"
        or response.status_code != 200
        or response.media_type != "application/json"
        or "etag" in response.headers
    ):
        return response
    mark = f'"{blake3(response.body).hexdigest(16)}"'
    if request.headers.get("if-none-match") == mark:
        return unchanged(mark)
    response.headers.update(_kept(mark))
    return response


def refuse_changes(shelf: Shelf) -> None:
    """Raise ReadOnlyError where nothing may be changed."""
    if shelf.read_only:
        raise ReadOnlyError("this page only reads", hint="start it without --read-only to change runs")


class ReadOnlyError(Error):
    """The server was started to read only."""

    kind = "read-only"


def endpoint(shelf: Shelf, handler: Handler, workers: Workers) -> Callable[[Request], Any]:
    """Return what starlette calls: the handler in a thread, its errors as answers."""

    async def called(request: Request) -> Response:
        try:
            query = Query(request, await _body(request))
            work = partial(handler, shelf, query)
            if request.method in _CHANGES:
                return await workers.change(work)
            return _marked(await workers.read(request, work, query.wanted), request)
        except Error as error:
            return error_answer(error)

    called.__name__ = handler.__name__
    return called


def error_answer(error: Error) -> Response:
    """Return an error as the page shows it."""
    status = next((_STATUS[cls] for cls in type(error).__mro__ if cls in _STATUS), 500)
    if isinstance(error, ReadOnlyError):
        status = 403
    body = {"error": error.kind, "message": error.message, "hint": error.hint}
    if isinstance(error, FilterError):
        body["position"] = str(error.position)
    return JSONResponse(body, status)


async def _body(request: Request) -> Body:
    if request.method in ("GET", "HEAD"):
        return {}
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise UsageError("a change is sent as JSON")
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > _LARGEST_BODY:
            raise UsageError("the request is too large")
    try:
        found = json.loads(bytes(data) or b"{}")
    except ValueError as error:
        raise UsageError(f"the request is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError("the request is no JSON object")
    return found
