"""TensorBoard's event files: each folder that has some is a run.

Event files of one folder follow each other, as restarts of one training do. Values of
neighbouring events with one step become one row. Where a restart says that it begins
again at an earlier step, the rows from there on are masked, as TensorBoard hides them.
Times have milliseconds here, microseconds there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from tracker.importers.event_values import Reader, read_hparams
from tracker.importers.found import FoundItem, FoundRow, FoundRun, FoundSession, Notes, id_of, stamp_of
from tracker.storage.journal import RewindMark
from tracker.values.sink import MediaSink
from tracker.wire.protobuf import Message
from tracker.wire.tfrecord import read_records
from vcs.errors import FormatError, NotFoundError

SOURCE = "tensorboard"

# Fields of Event.
_TIME, _STEP, _FILE_VERSION, _GRAPH, _SUMMARY, _SESSION, _RUN_METADATA, _META_GRAPH = 1, 2, 3, 4, 5, 7, 8, 9
_SESSION_START = 1
# hparams stand at the beginning: so many events are looked at for them.
_HEAD_EVENTS = 50


def find_runs(root: Path, project: str) -> Iterator[FoundRun]:
    """Yield the runs below a folder, in the order of their names.

    Raises:
        NotFoundError: There is no event file.
    """
    seen: set[str] = set()
    for folder, files in _folders(root):
        relative = folder.relative_to(root).as_posix()
        run_id = id_of(SOURCE, folder.name, files[0].name)
        if run_id in seen:
            run_id = id_of(SOURCE, relative, files[0].name)
        seen.add(run_id)
        found = _run_of(folder, files, run_id, project)
        if found is None:
            continue
        found.name = folder.name if relative == "." else relative
        found.group = "" if relative == "." or "/" not in relative else relative.rpartition("/")[0]
        yield found
    if not seen:
        raise NotFoundError(
            f"no event files below {root}", hint="give the folder that tensorboard --logdir gets"
        )


def _folders(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    for folder, below, names in os.walk(root, followlinks=False):
        below.sort()
        files = sorted(Path(folder, name) for name in names if "tfevents" in name)
        if files:
            yield Path(folder), sorted(files, key=_place_in_time)


def _place_in_time(path: Path) -> tuple[int, str]:
    """Event files are called `events.out.tfevents.<seconds>.…`."""
    seconds = path.name.partition("tfevents.")[2].partition(".")[0]
    return int(seconds) if seconds.isdigit() else 0, path.name


def _run_of(folder: Path, files: list[Path], run_id: str, project: str) -> FoundRun | None:
    """Return a run with what its first and last events say; None if there is no event at all."""
    notes = Notes()
    config: dict[str, Any] = {}
    started_s: float | None = None
    for path in files:
        for event in islice(_events(path, notes), _HEAD_EVENTS):
            started_s = event.float64(_TIME) if started_s is None else started_s
            config |= read_hparams(event.message(_SUMMARY))
    if started_s is None:
        return None
    session = FoundSession(started_s=started_s, rows=partial(_rows, files))
    found = FoundRun(
        id=run_id,
        project=project,
        place=str(folder),
        stamp=stamp_of(files),
        sessions=[session],
        config=config,
    )
    host = files[0].name.partition("tfevents.")[2].split(".")[1:2]
    session.facts = {"host": host[0]} if host else {}
    found.remarks.add("event files do not say how a run ended: it is recorded as finished")
    return found


def _events(path: Path, notes: Notes) -> Iterator[Message]:
    try:
        for record in read_records(path):
            yield Message(record)
    except FormatError as error:
        notes.add(f"{path.name}: what follows a damaged place is left out: {error.message}")


def _rows(files: list[Path], sink: MediaSink, notes: Notes) -> Iterator[FoundItem]:
    reader = Reader(sink, notes)
    for path in files:
        row: FoundRow | None = None
        for event in _events(path, notes):
            time_s, step = event.float64(_TIME), event.number(_STEP)
            if event.message(_SESSION).number(1) == _SESSION_START:
                yield from [row] if row is not None else []
                row = None
                yield RewindMark(step, time_s)
            if _GRAPH in event or _META_GRAPH in event or _RUN_METADATA in event:
                notes.add("graphs of models are left out")
            values = reader.values(event.message(_SUMMARY))
            if not values:
                continue
            if row is not None and (row.step != step or not row.values.keys().isdisjoint(values)):
                yield row
                row = None
            row = (
                FoundRow(step, time_s, values)
                if row is None
                else FoundRow(step, row.time_s, {**row.values, **values})
            )
        if row is not None:
            yield row
