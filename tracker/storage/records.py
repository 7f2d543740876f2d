"""run.yaml: what a run is, its sessions, what it used and logged.

Reading checks every known field and keeps the unknown ones, so a newer version's
additions and notes made by hand survive a rewrite. Replacement is atomic and
durable. `update` is the way to change a record that others may change too: it
reads, changes and writes under the run's lock, so no change of two is lost.
The lock lies beside the run's folder, which so stays free of machinery.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, cast

import msgspec

from vcs.atomic import create_exclusive, write_atomic
from vcs.errors import AlreadyExistsError, FormatError, NotFoundError
from vcs.layout import RunLayout
from vcs.ledger_paths import bring_back_hint
from vcs.lock import file_lock
from vcs.paths import check_entry_path
from vcs.yaml_io import dump_yaml, load_yaml, read_text

FORMAT = 1
State = Literal["running", "finished", "failed", "killed", "preempted", "crashed"]

# An editor holds the lock for milliseconds; more means that something hangs.
LOCK_TIMEOUT_S = 10.0


class _Part(msgspec.Struct, kw_only=True):
    """A mapping of run.yaml.

    Attributes:
        extra: Fields that this version does not know; written back after the known ones.
    """

    extra: dict[Any, Any] = {}

    @classmethod
    def from_plain(cls, raw: object, *, what: str) -> Self:
        """Build it from what YAML gave.

        Raises:
            FormatError: Not a mapping, or a known field is missing or of a wrong type.
        """
        if not isinstance(raw, dict):
            raise FormatError(f"{what}: expected a mapping, got {type(raw).__name__}")
        spelled = _spelled(cls)
        known = {name: value for name, value in raw.items() if name in spelled}
        lists = {name: part for name, part in _LISTS.get(cls, {}).items() if name in known}
        items = {name: _parts(part, known.pop(name), f"{what}: {name}") for name, part in lists.items()}
        try:
            made = msgspec.convert(known, cls)
        except msgspec.ValidationError as error:
            raise FormatError(f"{what}: {error}") from error
        for name, value in items.items():
            setattr(made, name, value)
        made.extra = {name: value for name, value in raw.items() if name not in spelled}
        return made

    def to_plain(self) -> dict[Any, Any]:
        """Return it as YAML has it: known fields in order, without those that are None."""
        plain: dict[Any, Any] = {}
        for spelled, name in _spelled(type(self)).items():
            value = getattr(self, name)
            if value is not None:
                plain[spelled] = _to_plain(value)
        return {**plain, **{name: value for name, value in self.extra.items() if name not in plain}}


@cache
def _spelled(part: type[_Part]) -> dict[str, str]:
    """Return the known fields of a part: as the file spells them, as Python does."""
    return {f.encode_name: f.name for f in msgspec.structs.fields(part) if f.name != "extra"}


class ForkPoint(_Part, kw_only=True):
    """Where a forked run left its source: the last step that both share."""

    run: str
    step: int


class Session(_Part, kw_only=True):
    """One attempt of a run: from a start of the process to its end.

    Attributes:
        ended: None while it runs, and for ever if the process was killed.
        from_step: The first step that it may log.
        boot, pid, pid_start: With `host`, the identity of the process; see liveness.
        cwd: Relative to the root of the project; absolute outside of it.
        left_out: `path` and `reason` of each file that is not in the code commit.
        seeds, seeds_at_end: Random generators and torch's flags; see collect.seeds. At the
            start a script has rarely seeded them; the end is unknown of a killed session.
        config_changes: For each key whose value differs from the session before,
            `old` and `new`.
        rows, dropped_rows: Counts of history rows, known when it has ended.
    """

    number: int
    started: str
    ended: str | None = None
    exit_code: int | None = None
    state: State = "running"
    signal: str | None = None
    error: str | None = None
    from_step: int = 0
    host: str = ""
    boot: str = ""
    pid: int = 0
    pid_start: float = 0.0
    user: str = ""
    cwd: str = ""
    argv: list[str] = []
    commit: str | None = None
    branch: str | None = None
    remote: str | None = None
    code_commit: str | None = None
    dirty: bool | None = None
    left_out: list[dict[str, Any]] = []
    python: str = ""
    platform: str = ""
    cpu: dict[str, Any] = {}
    gpus: list[dict[str, Any]] = []
    seeds: dict[str, Any] = {}
    seeds_at_end: dict[str, Any] = {}
    environment: dict[str, Any] = {}
    config_changes: dict[str, Any] = {}
    rows: int | None = None
    dropped_rows: int | None = None


class Used(_Part, kw_only=True, rename={"as_": "as"}):
    """An artifact version that the run took as input.

    Attributes:
        artifact: `project/name`.
        as_: What was asked for, such as `mnist:latest`; spelled `as` in the file.
        path: Where it was downloaded; None if it was not.
    """

    artifact: str
    version: str
    digest: str
    as_: str | None = None
    session: int = 0
    path: str | None = None


class LoggedVersion(_Part, kw_only=True):
    """An artifact version that the run logged; `artifact` is `project/name`."""

    artifact: str
    version: str
    digest: str
    aliases: list[str] = []
    session: int = 0
    step: int | None = None


class RunFile(_Part, kw_only=True):
    """A file of the run, by its path in the run's folder."""

    path: str
    digest: str
    size: int


class RunRecord(_Part, kw_only=True):
    """The whole of run.yaml.

    Attributes:
        state: As last written. A run whose process vanished still says `running`
            here; `catalog.state_of` tells.
        reproduces: The id of the run that this one runs again; see tracker.revive.
        sweep: The id of the sweep that chose its parameters.
        metrics: The definitions of `define_metric`, as given.
    """

    format: int = FORMAT
    id: str
    project: str
    entity: str = ""
    name: str = ""
    group: str = ""
    job_type: str = ""
    tags: list[str] = []
    notes: str = ""
    created: str
    state: State = "running"
    forked_from: ForkPoint | None = None
    reproduces: str | None = None
    sweep: str | None = None
    sessions: list[Session] = []
    used: list[Used] = []
    logged: list[LoggedVersion] = []
    files: list[RunFile] = []
    metrics: list[dict[str, Any]] = []

    @property
    def last_session(self) -> Session | None:
        """The newest session; None before the first."""
        return max(self.sessions, key=lambda session: session.number, default=None)

    def session(self, number: int) -> Session:
        """Return the session of that number.

        Raises:
            NotFoundError: There is none.
        """
        for session in self.sessions:
            if session.number == number:
                return session
        raise NotFoundError(f"run {self.id} has no session {number}")


# Lists whose items are parts themselves, so that the unknown fields of each item are kept too.
_LISTS: dict[type[_Part], dict[str, type[_Part]]] = {
    RunRecord: {"sessions": Session, "used": Used, "logged": LoggedVersion, "files": RunFile},
}

_P = TypeVar("_P", bound=_Part)


def parse(text: str, *, path: Path) -> RunRecord:
    """Read the text of a run.yaml; `path` is for messages.

    Raises:
        FormatError: It is cut, hostile, or of a newer format.
    """
    return build(load_yaml(text, f"run {path}"), path=path)


def build(raw: Any, *, path: Path) -> RunRecord:
    """Make a record of what the text holds; `RunRecord.to_plain` is the way back.

    Raises:
        FormatError: As for `parse`.
    """
    if isinstance(raw, dict) and isinstance(raw.get("format"), int) and raw["format"] > FORMAT:
        raise FormatError(
            f"{path} has format {raw['format']}; this version reads up to {FORMAT}",
            hint="install a newer version of tracker",
        )
    record = RunRecord.from_plain(raw, what=str(path))
    if record.forked_from is not None:
        record.forked_from = ForkPoint.from_plain(raw["forked_from"], what=f"{path}: forked_from")
    for file in record.files:
        check_entry_path(file.path)
    return record


def render(record: RunRecord) -> str:
    """Return the text of run.yaml; `parse` gives an equal record back.

    Raises:
        FormatError: It holds what `parse` would refuse. No such record is ever written.
    """
    plain = record.to_plain()
    build(plain, path=Path("run.yaml"))
    try:
        return dump_yaml(plain)
    except (TypeError, ValueError) as error:
        raise FormatError(f"run {record.id} has what run.yaml cannot hold: {error}") from error


def load(run: RunLayout) -> RunRecord:
    """Read the record of a run.

    Raises:
        NotFoundError: There is no run.yaml.
        FormatError: It is cut, hostile, of a newer format, or that of another run; the
            path is named.
        StoreError: The disk failed.
    """
    try:
        text = read_text(run.record, "run")
    except NotFoundError:
        raise NotFoundError(f"no run in {run.folder}", hint="list the runs: tracker runs") from None
    try:
        record = parse(text, path=run.record)
    except FormatError as error:
        error.hint = error.hint or bring_back_hint(run.record)
        raise
    # Others build paths from these, so a record cannot point out of its own folder.
    if (record.project, record.id) != (run.folder.parent.name, run.folder.name):
        raise FormatError(
            f"{run.record} says that it is run {record.project}/{record.id}",
            hint="a run's folder has the name of the run; rename one or the other",
        )
    return record


def create(run: RunLayout, record: RunRecord) -> None:
    """Write the record of a new run, durably; of two processes that try, one succeeds.

    Raises:
        AlreadyExistsError: The run exists.
        StoreError: The disk failed; no record was made.
    """
    if not create_exclusive(run.record, render(record)):
        raise AlreadyExistsError(
            f"run {record.id} exists already in project {record.project}",
            hint="continue it with resume='must', or choose another id",
        )


def save(run: RunLayout, record: RunRecord) -> None:
    """Create or replace the record, atomically and durably.

    What others changed since it was read is overwritten: use `update` instead
    wherever somebody else may write.
    """
    with _lock(run):
        write_atomic(run.record, render(record))


def update(run: RunLayout, change: Callable[[RunRecord], None]) -> RunRecord:
    """Read the record, let `change` alter it in place, write it back; return it.

    Concurrent updates come one after the other. If `change` raises, nothing is
    written. A change that changes nothing writes nothing.

    Raises:
        NotFoundError, FormatError: As for `load`.
        LockedError: Another process holds the lock for more than ten seconds.
        StoreError: The disk failed; the old record stands.
    """
    with _lock(run):
        record = load(run)
        before = render(record)
        change(record)
        after = render(record)
        if after != before:
            write_atomic(run.record, after)
    return record


def _lock(run: RunLayout) -> Any:
    return file_lock(run.lock, timeout_s=LOCK_TIMEOUT_S, what=f"run {run.folder.name}")


def _parts(part: type[_P], raw: object, what: str) -> list[_P]:
    if not isinstance(raw, list):
        raise FormatError(f"{what}: expected a list, got {type(raw).__name__}")
    return [part.from_plain(item, what=f"{what}[{index}]") for index, item in enumerate(raw)]


def _to_plain(value: object) -> object:
    if isinstance(value, _Part):
        return value.to_plain()
    if isinstance(value, Mapping):
        return {name: _to_plain(item) for name, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_to_plain(item) for item in value]
    return value
