"""One run: what it is, its console, its code, its files, its media; and the changes a page may make."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from tracker.compare.code import compare_code
from tracker.read.frames import flatten, thin
from tracker.storage.catalog import state_of
from tracker.storage.history import last_runtime_s, last_step, read_columns
from tracker.storage.segment import Damage
from tracker.storage.segment_names import ranks_in
from tracker.web.answers import Query, answer, refuse_changes
from tracker.web.shelf import Shelf, plain
from vcs.atomic import disk_error
from vcs.errors import NotFoundError, UsageError

_CONSOLE_PIECE = 256 << 10
_EDITABLE = ("name", "notes", "group", "job_type")
_MOST_MEDIA = 5000
_MOST_HISTOGRAMS = 240
_MOST_STATISTICS = 2000


def run(shelf: Shelf, query: Query) -> Response:
    """Return what is recorded of a run, but for its rows."""
    found = shelf.run(name_of(query))
    record = found.record
    damaged: list[Damage] = []
    session = record.last_session
    about: dict[str, Any] = {
        **record.to_plain(),
        "key": f"{record.project}/{record.id}",
        "name": record.name or record.id,
        "state": state_of(record),
        "duration": found.duration,
        "runtime_s": last_runtime_s(found.layout, damaged=damaged),
        "last_step": last_step(found.layout, damaged=damaged),
        "heartbeat_at": found.heartbeat_at,
        "config": found.config,
        "summary": dict(found.summary_values()),
        "folder": str(found.layout.folder),
        "ranks": ranks_in(found.layout.history),
        "metadata": found.metadata,
        "command": shlex.join(session.argv) if session else "",
        "media": kinds_of(found.summary_values()),
        "has_code": session is not None and session.code_commit is not None,
        "damaged": list(dict.fromkeys(each.error().message for each in damaged))[:20],
    }
    about.pop("files", None)
    # Histograms are asked for by themselves; here they would be most of the answer.
    about["summary"] = {
        name: {**value, "values": [], "bins": []}
        if isinstance(value, dict) and value.get("_type") == "histogram"
        else value
        for name, value in about["summary"].items()
    }
    return answer(plain(about))


def kinds_of(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return the metrics whose values are no numbers, each with what they are."""
    kinds = {}
    for key, value in flatten(summary).items():
        if isinstance(value, dict) and "_type" in value:
            kinds[key] = str(value["_type"])
        elif isinstance(value, str) and not key.startswith("_"):
            kinds[key] = "text"
    return kinds


def code(shelf: Shelf, query: Query) -> Response:
    """Return what the working tree had that its commit had not, at the start of the newest session."""
    session = shelf.run(name_of(query)).record.last_session
    if session is None or session.code_commit is None or session.commit is None:
        return answer({"files": [], "patch": [], "left_out": 0, "note": "no commit of the code was recorded"})
    return answer(plain(compare_code(shelf.repo.git, session.commit, session.code_commit).to_plain()))


def console(shelf: Shelf, query: Query) -> Response:
    """Return a piece of the console from a place on; a negative place counts from the end."""
    layout = shelf.layout(name_of(query))
    start = query.number("start", -_CONSOLE_PIECE)
    try:
        with layout.output.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            start = max(0, size + start) if start < 0 else min(start, size)
            stream.seek(start)
            data = stream.read(_CONSOLE_PIECE)
    except FileNotFoundError:
        data, size, start = b"", 0, 0
    except OSError as error:
        raise disk_error(error, f"cannot read {layout.output}") from error
    # Characters are not torn apart: a piece ends before one that is not whole.
    cut = 0
    while cut < min(4, len(data)) and start + len(data) < size and data[len(data) - 1 - cut] & 0xC0 == 0x80:
        cut += 1
    if start + len(data) < size and cut < len(data) and data[len(data) - 1 - cut] >= 0xC0:
        cut += 1
    data = data[: len(data) - cut] if cut else data
    text = data.decode(errors="replace")
    return answer({"start": start, "end": start + len(data), "size": size, "text": text})


def media(shelf: Shelf, query: Query) -> Response:
    """Return the values of a metric that are no numbers (media, texts), each with its step."""
    layout = shelf.layout(name_of(query))
    key = query.text("key")
    columns = read_columns(layout, dict.fromkeys(["_step", key]), complete=True, damaged=[])
    pairs = list(zip(columns["_step"], columns[key], strict=True))
    shown = pairs[-_MOST_MEDIA:]
    return answer({"values": [[step, plain(value)] for step, value in shown], "total": len(pairs)})


def histograms(shelf: Shelf, query: Query) -> Response:
    """Return histograms of a metric, evenly chosen where there are many, and statistics of the steps."""
    layout = shelf.layout(name_of(query))
    key = query.text("key")
    columns = read_columns(layout, dict.fromkeys(["_step", key]), complete=True, damaged=[])
    found = [
        {"step": step, **value}
        for step, value in zip(columns["_step"], columns[key], strict=True)
        if isinstance(value, dict) and value.get("_type") == "histogram"
    ]
    statistics = [
        {name: value for name, value in each.items() if name not in ("values", "bins", "_type")}
        for each in thin(found, _MOST_STATISTICS)
    ]
    chosen = thin(found, _MOST_HISTOGRAMS) if found else []
    rows = [{"step": each["step"], "values": each["values"], "bins": each["bins"]} for each in chosen]
    return answer(plain({"rows": rows, "statistics": statistics, "total": len(found)}))


def edit(shelf: Shelf, query: Query) -> Response:
    """Change name, notes, group, job type or tags of a run; return what they are now."""
    refuse_changes(shelf)
    found = shelf.run(name_of(query))
    for name, value in query.body.items():
        if name in _EDITABLE and isinstance(value, str):
            setattr(found, name, value)
        elif name == "tags" and isinstance(value, list) and all(isinstance(tag, str) for tag in value):
            found.tags = list(dict.fromkeys(tag for tag in value if tag))
        else:
            raise UsageError(f"a run has no {name!r} that can be changed to {value!r}")
    found.update()
    record = found.record
    return answer(
        {"name": record.name or record.id, "notes": record.notes, "tags": record.tags, "group": record.group}
    )


def delete(shelf: Shelf, query: Query) -> Response:
    """Delete the records of a run."""
    refuse_changes(shelf)
    shelf.run(name_of(query)).delete()
    return answer({"deleted": name_of(query)})


def lineage(shelf: Shelf, query: Query) -> Response:
    """Return the versions that a run used and logged; those that were deleted since are said to be."""
    found = shelf.run(name_of(query))
    record = found.record
    return answer(
        {
            "used": [_version(shelf, line.artifact, line.version, line.digest) for line in record.used],
            "logged": [
                {**_version(shelf, line.artifact, line.version, line.digest), "step": line.step}
                for line in record.logged
            ],
        }
    )


def _version(shelf: Shelf, artifact: str, version: str, digest: str) -> dict[str, Any]:
    from tracker.read.editing import find_version

    about: dict[str, Any] = {"artifact": artifact, "version": version, "digest": digest}
    try:
        manifest = find_version(shelf.repo, artifact, version, digest)
    except NotFoundError:
        return {**about, "deleted": True}
    return {**about, "type": manifest.type, "size_bytes": manifest.size_bytes, "files": manifest.file_count}


def name_of(query: Query) -> str:
    """Return the run in the address, as `project/id`."""
    return f"{query.path['project']}/{query.path['run']}"
