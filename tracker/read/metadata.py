"""How a run was started and on what, with the keys of wandb's `run.metadata`."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from tracker.storage.records import RunRecord, Session
from tracker.storage.segment_names import COLUMNS, LINES
from vcs.clock import iso_time
from vcs.layout import RunLayout


def metadata_of(record: RunRecord) -> dict[str, Any]:
    """Return what the newest session says of itself; empty if the run has none."""
    session = record.last_session
    if session is None:
        return {}
    program, args = _program(session)
    found: dict[str, Any] = {
        "os": session.platform,
        "python": session.python,
        "host": session.host,
        "username": session.user,
        "startedAt": session.started,
        "heartbeatAt": session.ended,
        "program": program,
        "codePath": program,
        "args": args,
        "root": session.cwd,
        "git": {"remote": session.remote, "commit": session.commit} if session.commit else None,
        "cpu_count": session.cpu.get("count"),
        "gpu_count": len(session.gpus) or None,
        "gpu": session.gpus[0].get("name") if session.gpus else None,
        "state": record.state,
        "environment": session.environment,
        "seeds": session.seeds,
    }
    return {key: value for key, value in found.items() if value not in (None, "")}


def heartbeat(run: RunLayout, record: RunRecord) -> str:
    """Return when the run was last known to be alive: its end, else when a file of it was last written."""
    session = record.last_session
    if session is not None and session.ended is not None:
        return session.ended
    newest = 0.0
    for folder in (run.history, run.system):
        for path in (*folder.glob(f"*{LINES}"), *folder.glob(f"*{COLUMNS}")):
            with suppress(OSError):
                newest = max(newest, path.stat().st_mtime)
    if newest:
        return iso_time(newest)
    return session.started if session is not None else record.created


def _program(session: Session) -> tuple[str | None, list[str]]:
    """Split a command line into the script and what was given to it."""
    for place, word in enumerate(session.argv):
        if word.endswith(".py"):
            return word, session.argv[place + 1 :]
    return (session.argv[0] if session.argv else None), session.argv[1:]
