"""The application: addresses and what answers them. No address needs to know under which prefix it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tracker.web import (
    artifact_files,
    artifacts,
    comparison,
    run_files,
    run_page,
    runs_table,
    series_data,
    whole_version,
)
from tracker.web.answers import Handler, endpoint
from tracker.web.events import Events
from tracker.web.guard import Guard
from tracker.web.shelf import Shelf
from tracker.web.work import Closing, Workers

STATIC = Path(__file__).parent / "static"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_RUN = "/api/run/{project}/{run}"
_ARTIFACT = "/api/artifact/{project}/{name}"

# Address, method, what answers. A question whose parameters are too many for an address is a POST.
ROUTES: list[tuple[str, str, Handler]] = [
    ("/api/about", "GET", runs_table.about),
    ("/api/reading", "GET", runs_table.reading),
    ("/api/runs", "POST", runs_table.runs),
    ("/api/keys", "POST", runs_table.keys),
    ("/api/fields", "GET", runs_table.fields),
    ("/api/series", "POST", series_data.series),
    ("/api/bands", "POST", series_data.bands),
    ("/api/metrics", "POST", series_data.metrics),
    (_RUN, "GET", run_page.run),
    (_RUN, "PATCH", run_page.edit),
    (_RUN, "DELETE", run_page.delete),
    (f"{_RUN}/code", "GET", run_page.code),
    (f"{_RUN}/console", "GET", run_page.console),
    (f"{_RUN}/media", "GET", run_page.media),
    (f"{_RUN}/histograms", "GET", run_page.histograms),
    (f"{_RUN}/lineage", "GET", run_page.lineage),
    (f"{_RUN}/files", "GET", run_files.files),
    (f"{_RUN}/file", "GET", run_files.file),
    ("/api/compare", "POST", comparison.compare),
    ("/api/diff", "GET", comparison.diff),
    ("/api/parameters", "POST", comparison.parameters),
    ("/api/artifacts", "GET", artifacts.collections),
    ("/api/artifact-diff", "GET", artifacts.diff),
    (_ARTIFACT, "GET", artifacts.collection),
    (_ARTIFACT, "PATCH", artifacts.move_alias),
    (f"{_ARTIFACT}/{{version}}", "GET", artifacts.version),
    (f"{_ARTIFACT}/{{version}}/file", "GET", artifact_files.file),
    (f"{_ARTIFACT}/{{version}}/zip", "GET", whole_version.whole),
    (f"{_ARTIFACT}/{{version}}/preview", "GET", artifact_files.preview),
]


def make_app(
    shelf: Shelf, token: str | None, *, hosts: Iterable[str] = (), prefix: str = ""
) -> tuple[ASGIApp, Closing]:
    """Return the guarded application, and what must be closed before the server ends."""
    closing = Closing()
    workers = Workers(closing)
    events = Events(shelf, closing)
    routes = [
        Route(path, endpoint(shelf, handler, workers), methods=[method]) for path, method, handler in ROUTES
    ]
    routes += [
        Route("/api/events", events.stream, methods=["GET"]),
        Route("/", _page, methods=["GET"]),
        Route("/static/{path:path}", _static, methods=["GET"]),
    ]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        closing.close()

    app = Starlette(routes=routes, lifespan=lifespan)
    return Guard(app, token, hosts=hosts, prefix=prefix), closing


async def _page(request: Request) -> Response:
    return _file(STATIC / "index.html")


async def _static(request: Request) -> Response:
    path = (STATIC / request.path_params["path"]).resolve()
    if not path.is_relative_to(STATIC) or path.suffix not in _KINDS or not path.is_file():
        return Response("there is no such file", 404, media_type="text/plain")
    return _file(path)


def _file(path: Path) -> Response:
    # Asked for again each time, answered with 304: a new version shows at once.
    headers = {"cache-control": "no-cache"}
    return FileResponse(path, media_type=_KINDS[path.suffix], headers=headers)
