"""trackio's databases, one a project, with its media and artifacts beside them. Read without trackio."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tracker.importers.found import (
    FoundArtifact,
    FoundItem,
    FoundRow,
    FoundRun,
    FoundSession,
    Notes,
    artifact_name,
    safe_name,
)
from tracker.importers.media_records import audio_record, image_record
from tracker.importers.report import Report
from tracker.importers.sqlite_source import Database, is_database, open_database
from tracker.values.content import file_record
from tracker.values.sink import MediaSink
from vcs.clock import parse_time
from vcs.digest import digest_bytes
from vcs.errors import FormatError, NotFoundError

SOURCE = "trackio"
# JSON has no such numbers, so trackio writes them as text.
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def find_runs(place: Path, project: str | None, report: Report) -> Iterator[FoundRun]:
    """Yield the runs of a database, or of every database in a folder.

    Raises:
        NotFoundError: There is no database of trackio.
        FormatError: One is damaged.
    """
    paths = [place] if is_database(place) else [p for p in sorted(place.glob("*.db")) if is_database(p)]
    found_any = False
    for path in paths:
        with open_database(path) as database:
            if not database.has("metrics") or not database.has("configs"):
                report.remarks.append(f"left out: {path} is no database of trackio")
                continue
            found_any = True
            for table in ("traces", "alerts"):
                if count := database.count(table):
                    report.remarks.append(f"{table} of {path.stem} are left out ({count})")
            yield from _runs_of(database, path, project or safe_name(path.stem))
    if not found_any:
        raise NotFoundError(
            f"no database of trackio at {place}", hint="give the folder that TRACKIO_DIR names"
        )


def _runs_of(database: Database, path: Path, project: str) -> list[FoundRun]:
    # Older versions know runs by their names only.
    by = "run_id" if "run_id" in database.columns("metrics") else "run_name"
    configs = {row[by]: row for row in database.rows("configs")}
    names: dict[str, None] = {}
    for table in ("metrics", "configs"):
        names |= dict.fromkeys(row[by] for row in database.scan(table, "order by id"))
    return [_run_of(database, path, project, by, key, configs.get(key)) for key in names]


def _run_of(
    database: Database, path: Path, project: str, by: str, key: str, about: dict[str, Any] | None
) -> FoundRun:
    where = f"where {by} = ? order by id"
    first = database.rows("metrics", f"{where} limit 1", key)
    last = database.rows("metrics", f"{where} desc limit 1", key)
    config = _decoded(about["config"]) if about is not None else {}
    created = config.get("_Created") or (first[0]["timestamp"] if first else about and about["created_at"])
    counts = [database.count(table, f"where {by} = ?", key) for table in ("metrics", "system_metrics")]
    session = FoundSession(
        started_s=parse_time(str(created)).timestamp(),
        ended_s=parse_time(last[0]["timestamp"]).timestamp() if last else None,
        rows=partial(_rows, path, "metrics", by, key),
        system=partial(_rows, path, "system_metrics", by, key) if counts[1] else None,
        facts={"user": config["_Username"]} if config.get("_Username") else {},
    )
    found = FoundRun(
        id=safe_name(key),
        project=project,
        place=f"{path}#{key}",
        stamp=digest_bytes(repr((about, last, counts)).encode())[:16],
        sessions=[session],
        name=(about or first[0])["run_name"],
        group=config.get("_Group") or "",
        config={name: value for name, value in config.items() if not name.startswith("_")},
    )
    found.remarks.add("trackio does not say how a run ended: it is recorded as finished")
    found.logged = list(_artifacts(database, path, key, found.name))
    return found


def _rows(path: Path, table: str, by: str, key: str, sink: MediaSink, notes: Notes) -> Iterator[FoundItem]:
    media = path.parent / "media"
    with open_database(path) as database:
        for place, row in enumerate(database.scan(table, f"where {by} = ? order by id", key)):
            values = _carried(_decoded(row["metrics"]), media, sink, notes)
            yield FoundRow(row.get("step", place), parse_time(row["timestamp"]).timestamp(), values)


def _decoded(text: str | bytes) -> dict[str, Any]:
    found = _with_numbers(json.loads(text))
    return found if isinstance(found, dict) else {}


def _with_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_numbers(item) for item in value]
    return _SPECIAL.get(value, value) if isinstance(value, str) else value


def _carried(values: dict[str, Any], media: Path, sink: MediaSink, notes: Notes) -> dict[str, Any]:
    """Return a row whose media are put into the sink."""
    made = {}
    for key, value in values.items():
        kind = value.get("_type", "") if isinstance(value, dict) else ""
        if not kind.startswith("trackio."):
            made[key] = value
            continue
        try:
            made[key] = _medium(kind.removeprefix("trackio."), value, media, sink)
        except (NotFoundError, FormatError, ValueError) as error:
            notes.add(f"{key} is left out: {error}")
    return made


def _medium(kind: str, value: dict[str, Any], folder: Path, sink: MediaSink) -> dict[str, Any]:
    if kind == "table":
        return _table(value.get("_value") or [], sink)
    if kind == "histogram":
        return {"_type": "histogram", "values": value["values"], "bins": value["bins"]}
    readers: dict[str, Callable[[bytes], dict[str, Any]]] = {
        "image": lambda data: image_record(data, sink, value.get("caption")),
        "audio": lambda data: audio_record(data, sink),
        "video": lambda data: file_record(
            "video-file",
            sink.put_bytes(data, folder="videos", suffix=Path(value["file_path"]).suffix),
            caption=value.get("caption"),
        ),
    }
    if kind not in readers:
        raise FormatError(f"a value of the unknown kind {kind}")
    path = (folder / str(value.get("file_path"))).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise NotFoundError(f"the file of a {kind} is not in the folder of trackio's media")
    return readers[kind](path.read_bytes())


def _table(rows: list[dict[str, Any]], sink: MediaSink) -> dict[str, Any]:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    data = [[row.get(column) for column in columns] for row in rows]
    text = json.dumps({"columns": columns, "data": data}, ensure_ascii=False)
    stored = sink.put_bytes(text.encode(), folder="table", suffix=".table.json")
    return file_record("table-file", stored) | {"ncols": len(columns), "nrows": len(rows)}


def _artifacts(database: Database, path: Path, key: str, name: str) -> Iterator[FoundArtifact]:
    collections = {row["id"]: row for row in database.rows("artifacts")}
    aliases: dict[int, list[str]] = {}
    for row in database.rows("artifact_aliases"):
        if row["alias"] != "latest":
            aliases.setdefault(row["artifact_version_id"], []).append(row["alias"])
    where = "where producer_run_id = ? or (producer_run_id is null and producer_run_name = ?) order by id"
    for row in database.rows("artifact_versions", where, key, name):
        collection = collections[row["artifact_id"]]
        blobs = path.parent / "artifacts" / path.stem / "blobs" / "sha256"
        yield FoundArtifact(
            artifact_name(collection["name"]),
            collection["type"],
            files=[(e["path"], blobs / e["digest"][:2] / e["digest"]) for e in json.loads(row["manifest"])],
            aliases=aliases.get(row["id"], []),
            description=collection["description"],
            metadata=json.loads(row["metadata"] or "{}"),
        )
