"""wandb's run folders, as `wandb offline` and online runs leave them. Read without wandb.

Folders of one run id are attempts of one run, and become its sessions. Media are taken
from the folder's files. Contents of artifacts are taken from where wandb staged them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tracker.importers.found import (
    FoundItem,
    FoundRow,
    FoundRun,
    FoundSession,
    Notes,
    safe_name,
    stamp_of,
)
from tracker.importers.report import Report
from tracker.importers.wandb_log import read_log
from tracker.importers.wandb_media import MediaFiles
from tracker.importers.wandb_records import (
    HISTORY,
    OUTPUT,
    STATS,
    SUMMARY,
    Attempt,
    apply_summary,
    items_of,
    read_attempt,
    time_of,
)
from tracker.storage.records import State
from tracker.values.sink import MediaSink
from vcs.errors import NotFoundError

SOURCE = "wandb"
# Files of wandb's own, which stand for what the records say.
_OWN_FILES = frozenset({"output.log", "requirements.txt", "config.yaml", "wandb-summary.json"})


def find_runs(root: Path, project: str | None, report: Report) -> Iterator[FoundRun]:
    """Yield the runs whose folders lie at or below `root`, the oldest first.

    Raises:
        NotFoundError: There is none.
    """
    groups: dict[tuple[str, str], list[Attempt]] = {}
    paths = list(_logs_below(root))
    if not paths:
        raise NotFoundError(f"no .wandb file below {root}", hint="give the folder wandb of the project")
    for path in paths:
        try:
            attempt = read_attempt(path)
        except ValueError as error:
            report.remarks.append(f"left out: {path}: {getattr(error, 'message', error)}")
            continue
        if attempt is None:
            report.remarks.append(f"left out: {path} does not say which run it is of")
            continue
        groups.setdefault((attempt.project, attempt.run_id), []).append(attempt)
    found = [_to_found(attempts, project) for attempts in groups.values()]
    yield from sorted(found, key=lambda run: run.sessions[0].started_s)


def _logs_below(root: Path) -> Iterator[Path]:
    for place, below, names in os.walk(root, followlinks=False):
        below.sort()
        for name in sorted(names):
            if name.startswith("run-") and name.endswith(".wandb"):
                below.clear()
                yield Path(place, name)


def _to_found(attempts: list[Attempt], project: str | None) -> FoundRun:
    attempts.sort(key=lambda attempt: attempt.started_s)
    last = attempts[-1]
    found = FoundRun(
        id=safe_name(last.run_id),
        project=project or safe_name(last.project or "uncategorized"),
        place=", ".join(str(attempt.path.parent) for attempt in attempts),
        stamp=stamp_of(_files_of(attempts)),
        sessions=[],
    )
    for attempt in attempts:
        found.sessions.append(_session_of(attempt, found))
        found.config |= attempt.config
        found.metrics = [
            *(old for old in found.metrics if old.name not in {new.name for new in attempt.metrics}),
            *attempt.metrics,
        ]
        found.tags = attempt.tags or found.tags
        for name in ("entity", "name", "group", "job_type", "notes"):
            setattr(found, name, getattr(attempt, name) or getattr(found, name))
        found.logged += attempt.artifacts
        found.files += list(_kept_files(attempt))
        found.used += attempt.used
        for line in attempt.remarks.lines():
            found.remarks.add(line)
    if last.sweep:
        found.fields["sweep"] = last.sweep
    for name in found.used:
        found.remarks.add(f"that {name} was used is left out: its contents are on wandb's server")
    found.output = _output_of(attempts)
    requirements = last.files / "requirements.txt"
    found.requirements = requirements.read_text("utf-8", "replace") if requirements.is_file() else None
    return found


def _files_of(attempts: list[Attempt]) -> list[Path]:
    paths = [attempt.path for attempt in attempts]
    for attempt in attempts:
        paths += [path for path in attempt.files.rglob("*") if path.is_file()]
    return paths


def _kept_files(attempt: Attempt) -> Iterator[tuple[str, Path]]:
    for path in sorted(attempt.files.rglob("*")):
        name = path.relative_to(attempt.files).as_posix()
        if path.is_file() and not name.startswith("media/") and name not in _OWN_FILES:
            yield name, path


def _session_of(attempt: Attempt, found: FoundRun) -> FoundSession:
    state: State = "finished"
    if attempt.exit_code is None:
        state = "crashed"
        attempt.remarks.add("the log has no end: recorded as crashed until it has one")
    elif attempt.exit_code:
        state = "preempted" if attempt.preempting else "failed"
    ended_s = max(attempt.last_s, attempt.started_s + attempt.runtime_s)
    return FoundSession(
        started_s=attempt.started_s,
        ended_s=ended_s if attempt.exit_code is not None else None,
        state=state,
        exit_code=attempt.exit_code,
        facts=attempt.facts,
        rows=partial(_rows, attempt, found.summary),
        system=partial(_system_rows, attempt),
    )


def _rows(attempt: Attempt, summary: dict[str, Any], sink: MediaSink, notes: Notes) -> Iterator[FoundItem]:
    """Yield the rows; when they are read, `summary` is what the file says of it."""
    media = MediaFiles(attempt.files, sink, notes)
    last_s = attempt.started_s
    recorded: dict[str, Any] = {}
    for record in read_log(attempt.path, Notes()):
        if SUMMARY in record:
            apply_summary(recorded, record.message(SUMMARY))
        if HISTORY not in record:
            continue
        history = record.message(HISTORY)
        values = items_of(history.messages(1))
        step = values.pop("_step", history.message(2).number(1))
        last_s = float(values.pop("_timestamp", last_s))
        values.pop("_runtime", None)
        values.pop("_wandb", None)
        yield FoundRow(int(step), last_s, media.carry(values))
    summary.update(media.carry({key: v for key, v in recorded.items() if not key.startswith("_")}))


def _system_rows(attempt: Attempt, sink: MediaSink, notes: Notes) -> Iterator[FoundItem]:
    step = 0
    for record in read_log(attempt.path, Notes()):
        if STATS in record:
            stats = record.message(STATS)
            yield FoundRow(step, time_of(stats.message(2)), items_of(stats.messages(3)))
            step += 1


def _output_of(attempts: list[Attempt]) -> Iterator[str]:
    for number, attempt in enumerate(attempts):
        if number:
            yield f"--- session {number} ---\n"
        path = attempt.files / "output.log"
        if path.is_file():
            yield path.read_text("utf-8", "replace")
            continue
        for record in read_log(attempt.path, Notes()):
            if OUTPUT in record:
                yield record.message(OUTPUT).text(3)
