"""Putting a live run together, in the order that the promises about crashes need.

1. the code commit and its ref, 2. the live mark, 3. run.yaml with the new session,
4. config.yaml, 5. the history segment, 6. everything else. What can wait (packages,
the ledger's entry, runs that crashed earlier) goes to the keeper's thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tracker.collect.environment import collect_environment
from tracker.collect.seeds import seeds
from tracker.errors import AlreadyExistsError, GitError, StoreError, UsageError
from tracker.live import marks
from tracker.live.assemble import assemble, assemble_on_disk, join
from tracker.live.branching import Branch, decide, read_resume_mark, resume_key
from tracker.live.config_files import config_changes, read_config, write_config
from tracker.live.engine import Facts
from tracker.live.parts import Parts
from tracker.live.pins import Pins, pins_of
from tracker.live.recorder import write_text
from tracker.live.revival import Revival
from tracker.live.term import warn, warn_once
from tracker.settings import RunSettings, recorded_environment
from tracker.storage import history, records
from tracker.storage.journal import Header
from tracker.storage.records import ForkPoint, RunRecord, Session
from tracker.storage.takeover import take_over
from tracker.values.random_names import generate_name
from vcs.clock import iso_time
from vcs.layout import Layout
from vcs.liveness import this_process
from vcs.lock import file_lock
from vcs.names import check_project
from vcs.repo import Repo

DEFAULT_PROJECT = "uncategorized"


def start_disabled(settings: RunSettings, given: Mapping[str, Any], run_id: str) -> Parts:
    """Put together a run that records nothing and touches no disk."""
    facts = Facts(
        id=run_id,
        project=settings.project or DEFAULT_PROJECT,
        entity=settings.entity,
        name=settings.name or f"disabled-{run_id}",
        group=settings.group or "",
        job_type=settings.job_type or "",
        tags=settings.tags or (),
        notes=settings.notes or "",
        start_time=time.time(),
    )
    return assemble(settings, facts, given)


def start_on_disk(
    settings: RunSettings,
    given: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    place: Path | None = None,
    revival: Revival = Revival(),  # noqa: B008 (immutable)
) -> Parts:
    """Begin or resume a run whose records lie in the project of the current directory.

    `given` is the configuration that the script asks for; a resumed run keeps its other
    keys, and `defaults` fill what is then still missing.

    Raises:
        UsageError, LockedError: See `branching.decide`.
        GitError, FormatError, StoreError: The project, its settings or the record of the
            run cannot be read, or nothing can be written.
    """
    repo = Repo.open(place)
    for warning in repo.warnings:
        warn(warning)
    project = check_project(settings.project or repo.settings.project or DEFAULT_PROJECT)
    settings = replace(settings, project=project, entity=settings.entity or repo.settings.entity or "")
    if repo.git is None:
        warn_once("no git repository here: the code of this run is not recorded (git init changes that)")
    here = revival.key or place_key(repo.layout)
    branch = decide(settings, project, repo.layout, key=here, step=revival.step)
    if branch.kind == "shared":
        return join(settings, repo, branch, given)
    starting = _Starting(settings, repo, branch, given, defaults or {}, revival)
    parts = starting.run()
    parts.pins = _pins(repo, project, branch, revival)
    if settings.resume == "auto" or revival.key is not None:
        assert parts.disk is not None
        parts.disk.resume_key = resume_key(project, here)
        remember(repo.layout, parts.disk.resume_key, branch.run_id)
    return parts


def join_run(settings: RunSettings, place: Path) -> Parts:
    """Join a run of the project at `place`, for its rows only.

    Raises:
        UsageError: There is no such run.
    """
    repo = Repo.open(place)
    branch = decide(settings, settings.project or DEFAULT_PROJECT, repo.layout, key="")
    if branch.before is None:
        raise UsageError(f"no run {settings.run_id!r} that could be joined in {place}")
    return join(settings, repo, branch, {})


def _pins(repo: Repo, project: str, branch: Branch, revival: Revival) -> Pins:
    """Return what names mean in a run that is revived; nothing in particular in any other."""
    if revival.reproduces is not None:
        return pins_of(records.load(repo.layout.run(project, revival.reproduces)), spares_aliases=True)
    if revival.run is None or branch.before is None:
        return Pins()
    from tracker.live.checkpoint import default_name  # all of artifacts, which other runs need not load

    own = default_name(branch.run_id)
    return pins_of(branch.before, checkpoints=[own], checkpoint=revival.checkpoint)


def place_key(layout: Layout) -> str:
    """Return where `resume="auto"` looks for its run: the current directory, as the project sees it."""
    return os.path.relpath(Path.cwd(), layout.worktree)


def remember(layout: Layout, key: str, run_id: str | None) -> None:
    """Write into resume.json which run `key` goes on with; None forgets it."""
    import json

    # The jobs of an array begin at one moment, each with a mark of its own.
    with file_lock(layout.locks / "resume", timeout_s=10.0, what="the marks of runs to go on with"):
        runs = read_resume_mark(layout.resume_mark)
        if runs.get(key) == run_id:
            return
        if run_id is None:
            del runs[key]
        else:
            runs[key] = run_id
        write_text(layout.resume_mark, json.dumps({"format": 1, "runs": runs}, indent=1) + "\n")


class _Starting:
    """The steps of beginning a session, each with what the earlier ones found out."""

    def __init__(
        self,
        settings: RunSettings,
        repo: Repo,
        branch: Branch,
        given: Mapping[str, Any],
        defaults: Mapping[str, Any],
        revival: Revival,
    ) -> None:
        self.settings = settings
        self.revival = revival
        self.repo = repo
        self.branch = branch
        self.project = settings.project or DEFAULT_PROJECT
        self.run_files = repo.layout.run(self.project, branch.run_id)
        self.now = time.time()
        self.process = this_process()
        base = branch.before or branch.source
        self.old_config = read_config(repo.layout.run(self.project, base.id)) if base is not None else {}
        self.config = {**defaults, **self.old_config, **given}

    def run(self) -> Parts:
        """Take all the steps."""
        session = self._session()
        mark = marks.Mark(self.project, self.branch.run_id, session.number, self.process, self.settings.job)
        marks.put(self.repo.layout, mark)
        try:
            record = self._enter(session)
            if session.number != mark.session:
                marks.remove(self.repo.layout, mark)
                mark = replace(mark, session=session.number)
                marks.put(self.repo.layout, mark)
            write_config(self.run_files, self.config)
            parts = self._assemble(record, session)
        except BaseException:
            marks.remove(self.repo.layout, mark)
            raise
        assert parts.disk is not None
        parts.disk.mark = mark
        return parts

    def _session(self) -> Session:
        before = self.branch.before
        facts = collect_environment(recorded_environment())
        known = {field: facts.pop(field) for field in list(facts) if field in Session.__struct_fields__}
        code = self._code()
        previous = before.last_session if before is not None else None
        return Session(
            number=previous.number + 1 if previous is not None else 0,
            started=iso_time(self.now),
            from_step=self.branch.start_step,
            host=self.process.host,
            boot=self.process.boot,
            pid=self.process.pid,
            pid_start=self.process.pid_start,
            cwd=relative_place(self.repo.layout),
            seeds=seeds(),
            config_changes=config_changes(self.old_config, self.config) if before is not None else {},
            extra=facts,
            **known,
            **code,
        )

    def _code(self) -> dict[str, Any]:
        """Make the code a commit. A repository that refuses costs the code, not the training."""
        if not self.settings.code or self.repo.git is None:
            return {}
        try:
            code = self.repo.capture_code()
        except (GitError, StoreError) as error:
            if self.settings.strict:
                raise
            warn(f"the code of this run is not recorded: {error}")
            return {}
        return {
            "commit": code.commit,
            "branch": code.branch,
            "remote": code.remote,
            "code_commit": code.code_commit,
            "dirty": code.dirty,
            "left_out": [{"path": left.path, "reason": left.reason} for left in code.left_out],
        }

    def _enter(self, session: Session) -> RunRecord:
        """Put the session into run.yaml; from here on the run exists."""
        if self.branch.before is None:
            record = self._new_record(session)
            if self.branch.source is not None and self.branch.fork_step is not None:
                source = self.repo.layout.run(self.project, self.branch.source.id)
                take_over(source, self.run_files, last_step=self.branch.fork_step)
            try:
                records.create(self.run_files, record)
            except AlreadyExistsError:
                raise AlreadyExistsError(
                    f"run {record.id!r} was begun by another process at this moment",
                    hint=f'go on with it: init(id="{record.id}", resume="allow"); or leave out the id',
                ) from None
            return record

        def change(record: RunRecord) -> None:
            marks.crash_vanished(record)
            newest = record.last_session
            # Another process may have resumed it too, since the decision was made.
            session.number = newest.number + 1 if newest is not None else 0
            record.sessions.append(session)
            record.state = "running"
            for name, value in given_facts(self.settings).items():
                setattr(record, name, value)

        return records.update(self.run_files, change)

    def _new_record(self, session: Session) -> RunRecord:
        source = self.branch.source
        record = RunRecord(
            id=self.branch.run_id,
            project=self.project,
            name=generate_name(count_runs(self.run_files.folder.parent) + 1),
            created=iso_time(self.now),
            reproduces=self.revival.reproduces,
            sweep=self.settings.sweep_id,
            sessions=[session],
        )
        if source is not None and self.branch.fork_step is not None:
            record.forked_from = ForkPoint(run=source.id, step=self.branch.fork_step)
            record.metrics = source.metrics
        facts = {"entity": self.settings.entity, **given_facts(self.settings)}
        if self.revival.reproduces is not None:
            # Two runs of one name could not be told apart on the command line.
            facts.pop("name", None)
        for name, value in facts.items():
            setattr(record, name, value)
        return record

    def _assemble(self, record: RunRecord, session: Session) -> Parts:
        tail = self.branch.tail
        # Asked before the segment of this session exists.
        earlier_s = tail.runtime_s if tail is not None else 0.0
        if tail is None and (self.branch.before is not None or self.branch.source is not None):
            earlier_s = history.last_runtime_s(self.run_files)
        header = Header(
            run=record.id,
            session=session.number,
            start=self.now,
            from_step=self.branch.start_step,
        )
        facts = Facts.of(
            record,
            start_time=self.now,
            earlier_s=earlier_s,
            starting_step=self.branch.start_step,
            resumed=self.branch.resumed,
            session=session.number,
            folder=self.run_files.folder,
            code={name: getattr(session, name) for name in ("commit", "branch", "code_commit", "dirty")},
        )
        return assemble_on_disk(
            self.settings, self.repo, self.run_files, header, facts, record, self.config, tail
        )


def given_facts(settings: RunSettings) -> dict[str, Any]:
    """Return those facts of the record that the script gave; a resumed run keeps the others."""
    given = {
        "name": settings.name,
        "group": settings.group,
        "job_type": settings.job_type,
        "notes": settings.notes,
        "tags": None if settings.tags is None else list(settings.tags),
    }
    return {name: value for name, value in given.items() if value is not None}


def count_runs(folder: Path) -> int:
    """Return how many runs a project has."""
    try:
        return sum(not name.startswith(".") for name in os.listdir(folder))
    except FileNotFoundError:
        return 0


def relative_place(layout: Layout) -> str:
    """Return the current directory relative to the working tree; absolute outside of it."""
    here = Path(os.path.realpath(Path.cwd()))
    inside = here.is_relative_to(os.path.realpath(layout.worktree))
    return os.path.relpath(here, os.path.realpath(layout.worktree)) if inside else str(here)
