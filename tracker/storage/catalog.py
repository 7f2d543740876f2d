"""The runs of a project folder: listed, found by what people type, their state told.

A damaged run.yaml hides no other run: it is reported beside the list. State is what
the record says, with one correction: a run that says `running` while its process is
gone from this host has crashed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from tracker.storage import records
from tracker.storage.records import RunRecord, Session
from tracker.storage.run_head import Head
from tracker.storage.run_index import IndexedRun, Name, RunIndex, read_mapping
from vcs.errors import Error, NotFoundError, StoreError, UsageError
from vcs.layout import Layout, RunLayout
from vcs.liveness import ProcessId, is_alive
from vcs.names import near
from vcs.progress import Progress

# As many candidates as fit on two lines.
_SHOWN = 6
# In the machinery, beside the stat cache; may be deleted.
CACHE_NAME = "run-cache"


class RunEntry:
    """A run that could be read."""

    def __init__(self, layout: RunLayout, record: RunRecord) -> None:
        self.layout = layout
        self.record = record

    @property
    def head(self) -> Head:
        """What a list of runs says of it."""
        return Head.of(self.record)

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

    def mapping(self, name: Name) -> dict[str, Any] | None:
        """Return what config.yaml or summary.yaml says now; None if there is no such mapping.

        Raises:
            FormatError, StoreError: The file is damaged, or cannot be read.
        """
        return read_mapping(self.layout.folder / f"{name}.yaml", name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunEntry) and (other.layout, other.record) == (self.layout, self.record)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"RunEntry({self.project}/{self.id})"


class ListedEntry(RunEntry):
    """One of many runs: what is not asked for is not read."""

    def __init__(self, found: IndexedRun) -> None:
        self._found = found

    @cached_property
    def layout(self) -> RunLayout:  # type: ignore[override]
        return self._found.layout

    @cached_property
    def record(self) -> RunRecord:  # type: ignore[override]
        return self._found.record()

    @property
    def head(self) -> Head:
        return self._found.head

    @property
    def id(self) -> str:
        return self._found.head.id

    @property
    def project(self) -> str:
        return self._found.head.project

    @property
    def state(self) -> str:
        state = self._found.head.state
        return state_of(self.record) if state == "running" else state

    def mapping(self, name: Name) -> dict[str, Any] | None:
        return self._found.mapping(name)


class Catalog:
    """What runs there are.

    Attributes:
        damaged: The errors of the records that the newest listing could not read.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._index = RunIndex(layout.machinery / CACHE_NAME, layout.runs)
        self.damaged: list[Error] = []

    def projects(self) -> list[str]:
        """Return the projects that have runs, sorted."""
        return [name for name in _folders(self._layout.runs) if self.ids(name)]

    def ids(self, project: str) -> list[str]:
        """Return the ids of the runs of a project, sorted; reads no record."""
        if not _is_name(project):
            return []
        folder = self._layout.runs / project
        return [name for name in _folders(folder) if self._layout.run(project, name).record.is_file()]

    def runs(self, project: str | None = None, progress: Progress | None = None) -> Iterator[RunEntry]:
        """Yield the runs of one project or of all, by project and id; `progress` counts them as files.

        Costs some microseconds for each that has not changed since it was last listed,
        about a millisecond for others. Those that cannot be read are in `damaged` when
        the iteration has ended.
        """
        self.damaged = []
        projects = _folders(self._layout.runs) if project is None else [project] if _is_name(project) else []
        keys = [(name, run_id) for name in projects for run_id in _folders(self._layout.runs / name)]
        if progress is not None:
            progress.add_total(len(keys), 0)
        if keys:
            for found in self._index.runs(_counted(keys, progress), self.damaged):
                yield ListedEntry(found)
            self._index.save()

    def find(self, text: str, project: str | None = None) -> RunEntry:
        """Return the run that `text` means: an id, a name, or the beginning of one.

        `project/id` and `entity/project/id` are understood too. A whole id wins over a
        name, a name over the beginning of an id, and that over the beginning of a name;
        `project`, if given, over all others.

        Raises:
            NotFoundError: No run; names that look alike are in the hint.
            UsageError: Several runs.
            FormatError: The run is there, its record cannot be read.
        """
        *path, wanted = text.strip().strip("/").split("/")
        places = self._places(path, project) if wanted else []
        for projects in places:
            for look in (self._by_id, self._by_name, self._by_beginning_of_id, self._by_beginning_of_name):
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

    def _by_beginning_of_id(self, wanted: str, projects: list[str]) -> list[RunEntry]:
        return [self._read(name, i) for name in projects for i in self.ids(name) if i.startswith(wanted)]

    def _by_name(self, wanted: str, projects: list[str]) -> list[RunEntry]:
        return [entry for name in projects for entry in self.runs(name) if entry.head.name == wanted]

    def _by_beginning_of_name(self, wanted: str, projects: list[str]) -> list[RunEntry]:
        return [entry for name in projects for entry in self.runs(name) if entry.head.name.startswith(wanted)]

    def _unknown(self, text: str, wanted: str, places: list[list[str]]) -> NotFoundError:
        known = [entry for projects in places for name in projects for entry in self.runs(name)]
        names = {name: None for entry in known for name in (entry.id, entry.head.name) if name}
        return NotFoundError(
            f"no run {text!r}", hint=near(wanted, list(names)) or "list the runs: tracker runs"
        )

    def _read(self, project: str, run_id: str) -> RunEntry:
        layout = self._layout.run(project, run_id)
        return RunEntry(layout, records.load(layout))


def _counted(keys: list[tuple[str, str]], progress: Progress | None) -> Iterable[tuple[str, str]]:
    if progress is None:
        return keys

    def counted() -> Iterator[tuple[str, str]]:
        for key in keys:
            yield key
            progress.advance(1, 0)

    return counted()


def _is_name(project: str) -> bool:
    return project not in ("", ".", "..") and "/" not in project


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
