"""sweep.yaml: what a sweep is and whether it goes on. Its runs say that they belong to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from vcs.atomic import create_exclusive, write_atomic
from vcs.errors import AlreadyExistsError, FormatError, NotFoundError
from vcs.layout import Layout
from vcs.lock import file_lock
from vcs.names import near
from vcs.yaml_io import dump_yaml, load_yaml

FORMAT = 1
SweepState = Literal["running", "paused", "stopped", "finished"]
_LOCK_TIMEOUT_S = 30.0


@dataclass
class SweepRecord:
    """A sweep.

    Attributes:
        config: As it was given, in wandb's form.
        state: `paused` and `stopped` begin no run; `finished`: nothing is left to try.
    """

    id: str
    project: str
    created: str
    config: dict[str, Any]
    state: SweepState = "running"
    name: str = ""
    format: int = FORMAT
    extra: dict[str, Any] = field(default_factory=dict)


def create(layout: Layout, record: SweepRecord) -> None:
    """Write the record of a new sweep, durably.

    Raises:
        AlreadyExistsError: The id is taken.
        StoreError: The disk refused.
    """
    if not create_exclusive(layout.sweep(record.project, record.id), _render(record)):
        raise AlreadyExistsError(f"sweep {record.id} exists already")


def load(layout: Layout, project: str, sweep_id: str) -> SweepRecord:
    """Read a record.

    Raises:
        NotFoundError: There is no such sweep.
        FormatError: The record is damaged, or of a newer format.
    """
    path = layout.sweep(project, sweep_id)
    raw = load_yaml(path, "sweep")
    if not isinstance(raw, dict) or not isinstance(raw.get("config"), dict):
        raise FormatError(f"{path} is no record of a sweep")
    if isinstance(raw.get("format"), int) and raw["format"] > FORMAT:
        raise FormatError(f"{path} has a newer format", hint="install a newer version of tracker")
    known = {
        name: raw[name] for name in ("id", "project", "created", "config", "state", "name") if name in raw
    }
    if (known.get("project"), known.get("id")) != (project, sweep_id):
        raise FormatError(f"{path} says that it is another sweep")
    if known.get("state", "running") not in get_args(SweepState):
        raise FormatError(f"{path} has no state that a sweep can have")
    extra = {name: value for name, value in raw.items() if name not in known and name != "format"}
    return SweepRecord(**known, extra=extra)


def find(layout: Layout, text: str, project: str | None = None) -> SweepRecord:
    """Return the sweep that `text` means: its id, `project/id` or `entity/project/id`.

    Raises:
        NotFoundError: There is none, or several projects have it.
    """
    *path, sweep_id = text.strip("/").split("/")
    wanted = path[-1] if path else project
    found = [key for key in _keys(layout) if key[1] == sweep_id and wanted in (None, key[0])]
    if len(found) != 1:
        hint = near(sweep_id, [key[1] for key in _keys(layout)]) or "list the sweeps: tracker sweep ls"
        raise NotFoundError(
            f"no sweep {text!r}" if not found else f"{text!r} means several sweeps", hint=hint
        )
    return load(layout, *found[0])


def every(layout: Layout, project: str | None = None) -> Iterator[SweepRecord]:
    """Yield the sweeps of one project or of all."""
    for key in _keys(layout):
        if project in (None, key[0]):
            yield load(layout, *key)


def update(layout: Layout, record: SweepRecord, change: Callable[[SweepRecord], None]) -> SweepRecord:
    """Read the record anew, let `change` alter it, write it back; return it."""
    with file_lock(lock_of(layout, record), timeout_s=_LOCK_TIMEOUT_S, what=f"sweep {record.id}"):
        fresh = load(layout, record.project, record.id)
        change(fresh)
        write_atomic(layout.sweep(record.project, record.id), _render(fresh))
    return fresh


def lock_of(layout: Layout, record: SweepRecord) -> Any:
    """Where the lock of a sweep's record lies."""
    return layout.locks / f"sweep-{record.project}-{record.id}"


def _keys(layout: Layout) -> list[tuple[str, str]]:
    return sorted((path.parent.name, path.stem) for path in layout.sweeps.glob("*/*.yaml"))


def _render(record: SweepRecord) -> str:
    plain = asdict(record)
    extra = plain.pop("extra")
    return dump_yaml({"format": plain.pop("format"), **plain, **extra})
