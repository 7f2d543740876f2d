"""A run as a list shows it: what it is, its config and its summary, and nothing else of it.

Tens of thousands are made for a list, so each reads what it is asked for, when it is
asked. `runs.Run` is the same with everything that can be done with a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tracker.artifacts.home import Home
from tracker.live.term import warn
from tracker.read.fields import to_time
from tracker.storage.catalog import RunEntry
from tracker.storage.records import LoggedVersion, RunRecord, Used
from vcs.errors import FormatError
from vcs.layout import RunLayout

if TYPE_CHECKING:
    from tracker.storage.segment import Damage


class RunView:
    """A run, read from its files. What is read is kept.

    Attributes:
        record: Everything that run.yaml says.
        config: The hyperparameters, nested as given.
    """

    def __init__(self, entry: RunEntry, home: Home) -> None:
        self._entry = entry
        self._around = home
        self._head = entry.head

    @property
    def record(self) -> RunRecord:
        return self._entry.record

    @record.setter
    def record(self, record: RunRecord) -> None:
        self._entry = RunEntry(self.layout, record)
        self._head = self._entry.head

    @property
    def layout(self) -> RunLayout:
        """Where its files lie."""
        return self._entry.layout

    # what it is

    @property
    def id(self) -> str:
        return self._head.id

    @property
    def project(self) -> str:
        return self._head.project

    @property
    def entity(self) -> str:
        return self._head.entity

    @property
    def path(self) -> list[str]:
        """Entity, project and id."""
        return [self.entity, self.project, self.id]

    @property
    def state(self) -> str:
        """running, finished, failed, killed, preempted or crashed, as of now."""
        return self._entry.state

    @property
    def created_at(self) -> str:
        return self._head.created

    @property
    def heartbeat_at(self) -> str:
        """When the run was last known to be alive."""
        from tracker.read.metadata import heartbeat

        return heartbeat(self.layout, self.record)

    updated_at = heartbeat_at

    @property
    def duration(self) -> float:
        """For how long it has run in all its sessions, in seconds."""
        if self._head.duration_s is not None:
            return self._head.duration_s
        sessions = self.record.sessions
        if any(session.ended is None for session in sessions[:-1]):
            # Nobody saw when a session that was killed ended, but its last row tells.
            from tracker.storage.history import last_runtime_s

            return last_runtime_s(self.layout, damaged=[])
        total = 0.0
        for session in sessions:
            begin = to_time(session.started)
            end = to_time(session.ended or (self.heartbeat_at if self.state != "running" else None))
            if begin is not None:
                total += max(0.0, ((end or datetime.now(UTC)) - begin).total_seconds())
        return total

    @property
    def user(self) -> str:
        return self._head.user

    username = user

    @property
    def commit(self) -> str | None:
        """The git commit that the newest session started from."""
        return self._head.commit

    # as recorded, until it is set

    @cached_property
    def name(self) -> str:
        return self._head.name or self.id

    @cached_property
    def tags(self) -> list[str]:
        return list(self._head.tags)

    @cached_property
    def notes(self) -> str:
        return self._head.notes

    @cached_property
    def group(self) -> str:
        return self._head.group

    @cached_property
    def job_type(self) -> str:
        return self._head.job_type

    @property
    def display_name(self) -> str:
        return self.name

    # what it holds

    @cached_property
    def config(self) -> dict[str, Any]:
        return self._entry.mapping("config") or {}

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """The last value of each metric, and what was set by hand."""
        return self.summary_values()

    def summary_values(self) -> dict[str, Any]:
        """Return what `summary` begins with: as it is recorded, without changes made to it here."""
        if self._head.state != "running":
            # It can be made again from the history, so a damaged file is no loss.
            with suppress(FormatError):
                recorded = self._entry.mapping("summary")
                if recorded is not None:
                    return recorded
        from tracker.storage.history import summary_of

        damaged: list[Damage] = []
        values = summary_of(self.layout, self.record.metrics, damaged=damaged)
        if damaged:
            warn(f"run {self.id}: {damaged[0].error().message}; the summary leaves out what cannot be read")
        return values

    # for filters

    def plain_field(self, name: str) -> Any:
        """See `fields.Subject`."""
        if name == "name":
            return [self.id, self.name]
        if name in ("used", "logged"):
            record = self.record
            lines: Sequence[Used | LoggedVersion] = record.used if name == "used" else record.logged
            return [text for line in lines for text in _spellings(line)]
        if name == "sweep":
            return self.record.sweep
        if name in ("user", "host", "commit", "branch", "dirty"):
            return getattr(self._head, name) or None
        return getattr(self, name)

    def __repr__(self) -> str:
        return f"<Run {'/'.join(part for part in self.path if part)} ({self.state})>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunView) and other.layout == self.layout

    def __hash__(self) -> int:
        return hash(self.layout)


def _spellings(line: Used | LoggedVersion) -> list[str]:
    """Return the ways in which people name a version."""
    name = line.artifact.rpartition("/")[2]
    aliases = line.aliases if isinstance(line, LoggedVersion) else []
    return [
        text
        for base in (name, line.artifact)
        for text in (base, f"{base}:{line.version}", *(f"{base}:{alias}" for alias in aliases))
    ]
