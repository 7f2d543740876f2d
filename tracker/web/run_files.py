"""The bytes of a run: files and media. What they contain is of anybody's making.

Bytes are sent under a type that they cannot choose: pictures, sound and films as what they
are, HTML into a sandbox, the rest as text or for download. No answer can run a script as
our page, and none can ask another machine for anything.
"""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path
from urllib.parse import quote

from starlette.responses import FileResponse, Response

from tracker.read.files import File
from tracker.web.answers import Query, answer
from tracker.web.run_page import name_of
from tracker.web.shelf import Shelf
from vcs.errors import NotFoundError

_SHOWN = ("image/", "audio/", "video/")
# As the page may show a picture with markup in it, but nothing in it may run or load.
_INERT = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
# For HTML whose scripts somebody asked to run: no origin, no network, no way out of the frame.
_SCRIPTED = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; "
    "worker-src blob:; form-action 'none'; base-uri 'none'"
)
_HTML_STILL = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; media-src data:"
)


def files(shelf: Shelf, query: Query) -> Response:
    """List the files of a run."""
    found = shelf.run(name_of(query)).files()
    listed = [
        {"name": file.name, "path": file.path, "size": file.size, "local": file.local_path is not None}
        for file in found
    ]
    return answer({"files": listed})


def file(shelf: Shelf, query: Query) -> Response:
    """Send a file of a run: `path` as in the list; `download=1` to save it, `scripts=1` to let HTML run.

    Raises:
        NotFoundError: There is none, or it leads out of the records.
    """
    run = shelf.run(name_of(query))
    wanted = query.text("path")
    matches = [each for each in run.files() if each.path == wanted]
    if not matches:
        raise NotFoundError(f"run {run.id} has no file {wanted!r}")
    found = matches[0]
    headers = headers_for(found.name, download=query.flag("download"), scripts=query.flag("scripts"))
    path = _inside(shelf, found)
    if path is not None:
        return FileResponse(path, headers=headers)
    return Response(found.read_bytes(), headers=headers)


def headers_for(name: str, *, download: bool = False, scripts: bool = False) -> dict[str, str]:
    """Return the headers under which bytes of unknown making can be sent."""
    kind = mimetypes.guess_type(name)[0] or ""
    policy = _INERT
    if kind in ("text/html", "application/xhtml+xml"):
        shown, policy = "text/html; charset=utf-8", _SCRIPTED if scripts else _HTML_STILL
    elif kind.startswith(_SHOWN):
        shown = kind
    elif kind == "application/pdf":
        shown = "application/octet-stream"
    else:
        shown = "text/plain; charset=utf-8"
    headers = {
        "content-type": shown,
        "content-security-policy": policy + "; frame-ancestors 'self'",
        "cache-control": "private, max-age=0, must-revalidate",
    }
    if download or shown == "application/octet-stream":
        leaf = os.path.basename(name)
        headers["content-disposition"] = f"attachment; filename*=UTF-8''{quote(leaf, safe='')}"
    return headers


def _inside(shelf: Shelf, found: File) -> Path | None:
    """Return where a file lies; None if only the store has it.

    Raises:
        NotFoundError: It is a link that leads out of the records and the store.
    """
    path = found.local_path
    if path is None:
        return None
    real = Path(os.path.realpath(path))
    layout = shelf.repo.layout
    allowed = (layout.runs, layout.objects_root)
    if not any(real.is_relative_to(os.path.realpath(folder)) for folder in allowed):
        raise NotFoundError(f"{found.name} is a link to a file outside of the records")
    return real
