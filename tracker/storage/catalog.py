"""The runs of a project folder: listed, found by what people type, their state told.

A damaged run.yaml hides no other run: it is reported beside the list. State is what
the record says, with one correction: a run that says `running` while its process is
gone from this host has crashed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tracker.storage.liveness import ProcessId, is_alive
from tracker.storage.record_cache import RecordCache
from tracker.storage.records import RunRecord, Session
from vcs.errors import Error, NotFoundError, StoreError, UsageError
from vcs.layout import Layout, RunLayout
from vcs.names import near

# As many candidates as fit on two lines.
_SHOWN = 6
# In the machinery, beside the stat cache; may be deleted.
CACHE_NAME = "run-cache"


@dataclass(frozen=True)
class RunEntry:
    """A run that could be read."""

    layout: RunLayout
    record: RunRecord

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def project(self) -> str:
        return self.record.project

    @property
    def state(self) -> str:
        """See `state_of`; asked anew each time."""
        return state_of(self.record)


class Catalog:
    """What runs there are.

    Attributes:
        damaged: The errors of the records that the newest listing could not read.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._cache = RecordCache(layout.machinery / CACHE_NAME)
        self.damaged: list[Error] = []

    def projects(self) -> list[str]:
        """Return the projects that have runs, sorted."""
        return [name for name in _folders(self._layout.runs) if self.ids(name)]

    def ids(self, project: str) -> list[str]:
        """Return the ids of the runs of a project, sorted; reads no record."""
        if project in ("", ".", "..") or "/" in project:
            return []
        folder = self._layout.runs / project
        return [name for name in _folders(folder) if self._layout.run(project, name).record.is_file()]

    def runs(self, project: str | None = None) -> Iterator[RunEntry]:
        """Yield the runs of one project or of all, by project and id.

        Costs a quarter of a millisecond for each that has not changed since the last
        listing, about three for others. Those that cannot be read are in `damaged` when
        the iteration has ended.
        """
        self.damaged = []
        for name in self.projects() if project is None else [project]:
            for run_id in self.ids(name):
                entry = self._entry(name, run_id)
                if entry is not None:
                    yield entry
        self._cache.save(self._layout.runs)

    def find(self, text: str, project: str | None = None) -> RunEntry:
        """Return the run that `text` means: an id, the beginning of one, or a name.

        `project/id` and `entity/project/id` are understood too. A whole id wins over a
        name, a name over the beginning of an id; `project`, if given, over all others.

        Raises:
            NotFoundError: No run; names that look alike are in the hint.
            UsageError: Several runs.
            FormatError: The run is there, its record cannot be read.
        """
        *path, wanted = text.strip().strip("/").split("/")
        places = self._places(path, project) if wanted else []
        for projects in places:
            for look in (self._by_id, self._by_name, self._by_prefix):
                found = look(wanted, projects)
                if len(found) == 1:
                    return found[0]
                if found:
                    raise _ambiguous(text, found)
        raise self._unknown(text, wanted, places)

    def state(self, record: RunRecord) -> str:
        """See `state_of`."""
        return state_of(record)

    def _places(self, path: list[str], project: str | None) -> list[list[str]]:
        """Return the groups of projects to look in, one after the other."""
        everywhere = self.projects()
        wanted = path[-1] if path else project
        others = [name for name in everywhere if name != wanted and not path]
        return [group for group in ([name for name in everywhere if name == wanted], others) if group]

    def _by_id(self, wanted: str, projects: list[str]) -> list[RunEntry]:
        return [self._read(name, wanted) for name in projects if wanted in self.ids(name)]

    def _by_prefix(self, wanted: str, projects: list[str]) -> list[RunEntry]:
        return [self._read(name, i) for name in projects for i in self.ids(name) if i.startswith(wanted)]

    def _by_name(self, wanted: str, projects: list[str]) -> list[RunEntry]:
        return [entry for name in projects for entry in self.runs(name) if entry.record.name == wanted]

    def _unknown(self, text: str, wanted: str, places: list[list[str]]) -> NotFoundError:
        known = [entry for projects in places for name in projects for entry in self.runs(name)]
        names = {name: None for entry in known for name in (entry.id, entry.record.name) if name}
        return NotFoundError(
            f"no run {text!r}", hint=near(wanted, list(names)) or "list the runs: tracker runs"
        )

    def _read(self, project: str, run_id: str) -> RunEntry:
        layout = self._layout.run(project, run_id)
        return RunEntry(layout, self._cache.load(layout))

    def _entry(self, project: str, run_id: str) -> RunEntry | None:
        try:
            return self._read(project, run_id)
        except NotFoundError:
            return None  # removed since the folder was listed
        except Error as error:
            self.damaged.append(error)
            return None


def _ambiguous(text: str, found: list[RunEntry]) -> UsageError:
    shown = ", ".join(f"{entry.project}/{entry.id}" for entry in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return UsageError(f"{text!r} means {len(found)} runs: {shown}{more}", hint="give the whole id")


def state_of(record: RunRecord) -> str:
    """Return the state of a run: as recorded, or `crashed` if its process is known to be gone.

    A run that says `running` on another host stays that: it cannot be known from here.
    """
    session = record.last_session
    if record.state != "running" or session is None or not session.pid:
        return record.state
    return "crashed" if is_alive(process_of(session)) is False else "running"


def process_of(session: Session) -> ProcessId:
    """Return the process that ran a session."""
    return ProcessId(session.host, session.boot, session.pid, session.pid_start)


def _folders(path: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted, without hidden ones; none if it is missing."""
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.name[0] != "." and entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
