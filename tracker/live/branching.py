"""Which run `init` begins: a new one, an old one that goes on, one taken back, or a fork.

`decide` only reads. What it returns is carried out by `start.py`, which writes under the
run's lock; two processes that decide for one new id at once are told apart there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tracker.errors import FormatError, LockedError, NotFoundError, UsageError
from tracker.live.term import say, warn
from tracker.settings import RunSettings
from tracker.storage import records
from tracker.storage.catalog import process_of
from tracker.storage.history import Tail, last_step, tail_of
from tracker.storage.records import RunRecord
from tracker.values.random_names import generate_id
from vcs.layout import Layout
from vcs.liveness import is_alive
from vcs.names import check_run_id, near

Kind = Literal["new", "resumed", "rewound", "forked", "shared"]


@dataclass(frozen=True)
class Branch:
    """What to begin.

    Attributes:
        kind: resumed, rewound and shared go on with a run that exists.
        run_id: The run.
        start_step: The first step of the new session.
        before: The record as it is, of a run that exists.
        source: The record that a fork leaves.
        fork_step: The last step that a fork shares with its source.
        tail: The end of the history that a resumed run has.
    """

    kind: Kind
    run_id: str
    start_step: int = 0
    before: RunRecord | None = None
    source: RunRecord | None = None
    fork_step: int | None = None
    tail: Tail | None = None

    @property
    def resumed(self) -> bool:
        return self.before is not None


def decide(
    settings: RunSettings, project: str, layout: Layout, *, key: str, step: int | None = None
) -> Branch:
    """Decide what `init` begins in `project`.

    `key` names the place and program for which `resume="auto"` remembers a run. A run that
    goes on does so at `step`, if that is given, and else after its last row.

    Raises:
        UsageError: The options contradict what exists: a run that must or must not
            exist, a step that is not there, a fork onto itself.
        LockedError: The run is still going on in another process of this host.
        FormatError: The record of the run is damaged.
    """
    run_id = None if settings.run_id is None else check_run_id(settings.run_id)
    if settings.resume_from is not None:
        return _rewind(settings.resume_from, run_id, project, layout)
    if settings.fork_from is not None:
        return _fork(settings.fork_from, run_id, project, layout)
    if settings.resume == "auto":
        run_id = _remembered(run_id, layout, project, key)
    if run_id is None:
        if settings.resume == "must":
            raise UsageError('resume="must" needs the id of the run', hint='init(id="…", resume="must")')
        return Branch("new", generate_id())
    before = _existing(layout, project, run_id)
    if settings.mode == "shared":
        return Branch("new", run_id) if before is None else Branch("shared", run_id, before=before)
    if before is None:
        if settings.resume == "must":
            raise _missing(layout, project, run_id)
        return Branch("new", run_id)
    if settings.resume == "never":
        raise UsageError(f'run {run_id!r} exists in project {project}, and resume="never" forbids to go on')
    if settings.resume is None:
        raise UsageError(
            f"run {run_id!r} exists already in project {project}",
            hint=f'go on with it: init(id="{run_id}", resume="allow"); or begin a new one: leave out the id',
        )
    _refuse_live(before)
    if step is not None:
        return Branch("rewound", run_id, step, before=before)
    tail = tail_of(layout.run(project, run_id), before.metrics)
    return Branch("resumed", run_id, _next_step(before, tail), before=before, tail=tail)


def parse_point(text: str, *, option: str) -> tuple[str, int]:
    """Return run id and step of `<run id>?_step=<n>`.

    Raises:
        UsageError: It has another form.
    """
    run_id, _, query = text.partition("?")
    name, _, number = query.partition("=")
    try:
        step = float(number)
    except ValueError:
        step = -1.0
    if name != "_step" or step < 0 or step != int(step):
        raise UsageError(f"{option}={text!r} names no step", hint=f'{option}="<run id>?_step=<number>"')
    return check_run_id(run_id), int(step)


def _rewind(text: str, run_id: str | None, project: str, layout: Layout) -> Branch:
    target, step = parse_point(text, option="resume_from")
    if run_id not in (None, target):
        raise UsageError(
            f"resume_from takes run {target!r} back, and id names {run_id!r}",
            hint="leave out the id, or fork_from",
        )
    before = _existing(layout, project, target)
    if before is None:
        raise _missing(layout, project, target)
    _refuse_live(before)
    _check_reached(layout, before, step, option="resume_from")
    return Branch("rewound", target, step + 1, before=before)


def _fork(text: str, run_id: str | None, project: str, layout: Layout) -> Branch:
    origin, step = parse_point(text, option="fork_from")
    if run_id == origin:
        raise UsageError(
            f"run {origin!r} cannot be forked onto itself", hint="give another id, or resume_from"
        )
    source = _existing(layout, project, origin)
    if source is None:
        raise _missing(layout, project, origin)
    if run_id is not None and _existing(layout, project, run_id) is not None:
        raise UsageError(f"run {run_id!r} exists already in project {project}", hint="leave out the id")
    _check_reached(layout, source, step, option="fork_from")
    return Branch("forked", run_id or generate_id(), step + 1, source=source, fork_step=step)


def _check_reached(layout: Layout, record: RunRecord, step: int, *, option: str) -> None:
    last = last_step(layout.run(record.project, record.id))
    if last is None or step > last:
        reached = "no step at all" if last is None else f"step {last}"
        raise UsageError(f"{option}: run {record.id!r} reached {reached}, not step {step}")


def _next_step(record: RunRecord, tail: Tail) -> int:
    if tail.last_step is not None:
        return tail.last_step + 1
    # A fork that has not logged yet goes on after its source, and so does what follows it.
    return max((session.from_step for session in record.sessions), default=0)


def _existing(layout: Layout, project: str, run_id: str) -> RunRecord | None:
    try:
        return records.load(layout.run(project, run_id))
    except NotFoundError:
        return None


def _missing(layout: Layout, project: str, run_id: str) -> UsageError:
    """Say where the run is, if it is anywhere near."""
    elsewhere = [folder.parent.name for folder in layout.runs.glob(f"*/{run_id}") if folder.is_dir()]
    if elsewhere:
        hint = f"it is in project {elsewhere[0]}: init(project={elsewhere[0]!r}, …)"
    else:
        names = [folder.name for folder in layout.runs.joinpath(project).glob("[!.]*")]
        hint = near(run_id, names) or "list the runs: tracker runs"
    return UsageError(f"no run {run_id!r} in project {project}", hint=hint)


def _refuse_live(record: RunRecord) -> None:
    session = record.last_session
    if session is None or session.state != "running":
        return
    alive = is_alive(process_of(session))
    if alive:
        raise LockedError(
            f"run {record.id!r} is still going on in process {session.pid}",
            hint='end that process first; several processes log to one run with mode="shared"',
        )
    if alive is None:
        say(f"run {record.id} was last seen running on host {session.host}; going on with it here")


def _remembered(run_id: str | None, layout: Layout, project: str, key: str) -> str | None:
    remembered = read_resume_mark(layout.resume_mark).get(resume_key(project, key))
    if run_id is not None:
        if remembered not in (None, run_id):
            warn(f"resume='auto' remembers run {remembered}; the id {run_id} that was given wins")
        return run_id
    if remembered is None:
        return None
    before = _existing(layout, project, remembered)
    session = before.last_session if before is not None else None
    if session is not None and session.state == "running" and is_alive(process_of(session)):
        say(f"run {remembered} is still going on in process {session.pid}; beginning a new one")
        return None
    return remembered


def resume_key(project: str, key: str) -> str:
    """Return the entry of resume.json for a project and a place."""
    return f"{project}:{key}"


def read_resume_mark(path: Path) -> dict[str, str]:
    """Return what resume.json remembers: run ids by `resume_key`; a damaged file remembers nothing."""
    try:
        content = json.loads(path.read_text())
        runs = content["runs"]
        return {str(key): str(value) for key, value in runs.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, FormatError):
        warn(f"{path} is damaged and is ignored: resume='auto' begins a new run")
        return {}
