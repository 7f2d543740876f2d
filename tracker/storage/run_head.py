"""What a list of runs says of each, without the rest of its record."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import msgspec

from tracker.storage.records import RunRecord, Session


class Head(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The part of a record that most questions are about; fields as in RunRecord and its last session.

    Attributes:
        state: As last written; see `catalog.state_of`.
        duration_s: For how long it ran in all its sessions; None while one has not ended.
    """

    id: str
    project: str
    entity: str
    name: str
    group: str
    job_type: str
    tags: tuple[str, ...]
    notes: str
    created: str
    state: str
    user: str
    host: str
    commit: str | None
    branch: str | None
    dirty: bool | None
    duration_s: float | None

    @classmethod
    def of(cls, record: RunRecord) -> Self:
        """Return the head of a record."""
        last = record.last_session
        return cls(
            id=record.id,
            project=record.project,
            entity=record.entity,
            name=record.name,
            group=record.group,
            job_type=record.job_type,
            tags=tuple(record.tags),
            notes=record.notes,
            created=record.created,
            state=record.state,
            user=last.user if last else "",
            host=last.host if last else "",
            commit=last.commit if last else None,
            branch=last.branch if last else None,
            dirty=last.dirty if last else None,
            duration_s=_duration_s(record.sessions),
        )


def _duration_s(sessions: list[Session]) -> float | None:
    total = 0.0
    for session in sessions:
        if session.ended is None:
            return None
        try:
            begin, end = datetime.fromisoformat(session.started), datetime.fromisoformat(session.ended)
            total += max(0.0, (end - begin).total_seconds())
        except (ValueError, TypeError):  # no times, or only one says its zone
            return None
    return total
