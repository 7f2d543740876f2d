"""Marks of live sessions, and what becomes of those whose process is gone.

A mark is a small file of the machinery, written before the session enters run.yaml
and removed when it has ended. A process that is killed leaves its mark, and the next
`init` on the same host finds it, says in run.yaml that the run crashed, and records
that in the ledger. Nobody else is ever called crashed: a process on another host, or
one that cannot be seen, keeps its mark.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from tracker.errors import FormatError, NotFoundError
from tracker.storage import records
from tracker.storage.catalog import process_of
from tracker.storage.records import RunRecord
from vcs.atomic import write_atomic
from vcs.layout import Layout
from vcs.liveness import ProcessId, is_alive


@dataclass(frozen=True)
class Mark:
    """One session that has not ended.

    Attributes:
        job: The distributed job whose other ranks may log to the run; see `ranks`.
    """

    project: str
    run: str
    session: int
    process: ProcessId
    job: str = ""

    def path(self, layout: Layout) -> Path:
        return layout.live / f"{self.project}--{self.run}-{self.session}.json"


def put(layout: Layout, mark: Mark) -> None:
    """Write a mark. It need not outlive a power cut, and so is not synced.

    Raises:
        StoreError: The machinery cannot be written to.
    """
    write_atomic(mark.path(layout), json.dumps(asdict(mark)), durable=False)


def remove(layout: Layout, mark: Mark) -> None:
    """Remove a mark; one that is gone is fine."""
    with suppress(FileNotFoundError):
        mark.path(layout).unlink()


def read_all(layout: Layout) -> Iterator[Mark]:
    """Yield the marks that can be read; what is cut or not ours is skipped."""
    if not layout.live.is_dir():
        return
    for path in sorted(layout.live.glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            raw = json.loads(path.read_text())
            mark = Mark(
                str(raw["project"]),
                str(raw["run"]),
                int(raw["session"]),
                ProcessId(**raw["process"]),
                str(raw.get("job", "")),
            )
            # A name that does not fit its content would let a crafted mark name any path.
            if mark.path(layout) == path:
                yield mark


def sweep(layout: Layout) -> list[Mark]:
    """Call those runs crashed whose process is gone; return their marks, which are kept.

    The caller commits the records to the ledger and then removes the marks, so a
    process that dies in between leaves the rest to the next. A run whose record is
    damaged keeps its mark: it may be mended, and whoever lists the runs hears of it.

    Raises:
        StoreError, LockedError: A record cannot be written; others before it are done.
    """
    dead = []
    for mark in read_all(layout):
        if is_alive(mark.process) is not False:
            continue
        try:
            records.update(layout.run(mark.project, mark.run), partial(_crash, number=mark.session))
        except NotFoundError:
            pass  # killed before run.yaml was there, or the run was deleted
        except FormatError:
            continue
        dead.append(mark)
    return dead


def _crash(record: RunRecord, number: int) -> None:
    for session in record.sessions:
        if session.number == number and session.state == "running":
            session.state = "crashed"
    newest = record.last_session
    if newest is not None and newest.state == "crashed" and record.state == "running":
        record.state = "crashed"


def crash_vanished(record: RunRecord) -> None:
    """Say so in a record whose sessions say `running` though their process is known to be gone."""
    for session in record.sessions:
        if session.state == "running" and is_alive(process_of(session)) is False:
            _crash(record, session.number)
