"""`tracker resume`: a run goes on where its checkpoint was, with the code that it had.

`plan_resume` says what will be done, `Plan.prepare` brings code and inputs, and the
recorded command is started with an order to go on with the run (`tracker.live.revival`).
`plan_auto` is for job scripts: the code as it lies, a new run the first time and the same
run afterwards, until it ends well.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tracker.compare.environment import named
from tracker.compare.runs import ComparedRun
from tracker.compare.values import Change
from tracker.errors import LockedError, NotFoundError, UsageError
from tracker.live.branching import read_resume_mark
from tracker.live.revival import Revival
from tracker.live.term import say, warn
from tracker.revive import supervise
from tracker.revive.checkpoints import Checkpoint, find_checkpoint
from tracker.revive.command import (
    given_command,
    interpreter_of,
    recorded_command,
    variables_for,
    without_choices,
)
from tracker.revive.inputs import plan_inputs
from tracker.revive.plan import Plan, import_folders, plan_code
from tracker.revive.python_facts import PythonFacts, ask
from tracker.settings import surroundings as surroundings_of_now
from tracker.storage import history
from tracker.storage.catalog import Catalog, RunEntry, process_of
from tracker.storage.records import RunRecord, Session
from vcs.digest import digest_bytes
from vcs.liveness import is_alive
from vcs.repo import Repo


@dataclass(frozen=True)
class ResumeOptions:
    """What the user asks for.

    Attributes:
        checkpoint: As `checkpoints.find_checkpoint` takes it; the newest one if None.
        command: Instead of the recorded one.
        in_place: In the working tree of now rather than in one of the run's own.
        step: Go on at this step rather than at the checkpoint's.
        copies: Paths that git ignores, to be copied into the run's tree.
    """

    checkpoint: str | None = None
    command: tuple[str, ...] = ()
    in_place: bool = False
    step: int | None = None
    copies: tuple[str, ...] = ()


def resume(
    run: str,
    *,
    checkpoint: str | None = None,
    command: Sequence[str] = (),
    in_place: bool = False,
    step: int | None = None,
    copies: Sequence[str] = (),
    project: str | None = None,
) -> int:
    """Go on with a run in a process of its own, as `tracker resume` does; wait for its end.

    Code, inputs and checkpoint are those of the run; see `tracker resume --help`. Returns
    the exit status of the script; negative is the signal that ended it. Signals that this
    process receives meanwhile go to the script.

    Args:
        run: Its id, its name, or the beginning of one.
        checkpoint: An alias or version of its checkpoints, or `name:alias`; the newest if
            not given.
        command: Words of another command than the recorded one.
        in_place: Use the working tree of now, which has to be clean.
        step: Go on at this step rather than at the checkpoint's.
        copies: Paths that git ignores, to be copied into the run's tree.
        project: Where to look for the run first.

    Raises:
        UsageError, NotFoundError, ConflictError, LockedError, GitError: It cannot go on so;
            says why, and nothing was started.
    """
    repo = Repo.open()
    entry = Catalog(repo.layout).find(run, project)
    options = ResumeOptions(checkpoint, tuple(command), in_place, step, tuple(copies))
    plan = plan_resume(repo, entry, options, surroundings_of_now())
    prepare(repo, plan)
    return supervise.run(plan.command.words, plan.command.folder, plan.variables)


def plan_resume(repo: Repo, entry: RunEntry, options: ResumeOptions, surroundings: Mapping[str, str]) -> Plan:
    """Plan to go on with a run. Changes nothing.

    Raises:
        LockedError: It is still going on.
        UsageError, NotFoundError, ConflictError, GitError: It cannot go on so.
    """
    record = entry.record
    session = record.last_session
    if session is None:
        raise UsageError(f"run {record.id} was never started")
    refuse_live(record, session)
    folder = repo.layout.worktree_of(record.project, record.id)
    code = plan_code(repo, record, session, folder, in_place=options.in_place, copies=options.copies)
    python = interpreter_of(session)
    if options.command:
        command = given_command(options.command, session, code.place)
    else:
        command = recorded_command(session, code.place, run=record.id, python=python)
    inputs = plan_inputs(repo, record, tree=code.tree.folder, folder=command.folder)
    checkpoint = find_checkpoint(repo, record, options.checkpoint)
    step = options.step if options.step is not None else _step(checkpoint, in_place=options.in_place)
    facts = ask(python, folder=Path.cwd())
    revival = Revival(f"{record.project}/{record.id}", step, checkpoint.version if checkpoint else None)
    variables = variables_for(session, revival, surroundings, import_from=import_folders(facts, repo, code))
    notes = [
        *code.notes,
        *command.notes,
        *(one.problem for one in inputs if one.problem is not None),
        *environment_notes(ComparedRun(entry), facts),
        *_checkpoint_notes(checkpoint, step),
    ]
    return Plan(
        "resume",
        command,
        variables,
        revival,
        run=f"{record.project}/{record.id}",
        title=f"{record.name or record.id} ({entry.state})",
        code=code,
        inputs=tuple(inputs),
        checkpoint=checkpoint,
        step=step,
        masked=masked_rows(entry, step),
        notes=tuple(notes),
        surroundings=surroundings,
    )


def plan_auto(repo: Repo, words: Sequence[str], surroundings: Mapping[str, str], *, label: str = "") -> Plan:
    """Plan to begin a run of a command here, or to go on with the one that did not end well.

    The code is what lies here. A run is the same job's if command and directory are, and
    `label`, and the index of a Slurm array.

    Raises:
        LockedError: The job's run is still going on.
        UsageError, NotFoundError: The command cannot be started; the checkpoint is gone.
    """
    if not words:
        raise UsageError("--auto needs the command", hint="tracker resume --auto -- python train.py")
    key = job_key(words, surroundings, label)
    entry = _job_run(repo, key)
    if entry is None or entry.state == "finished":
        revival = Revival(key=key)
        command = given_command(words, None, None)
        variables = {**surroundings, **revival.variables()}
        return Plan("start", command, variables, revival, surroundings=surroundings)
    record = entry.record
    session = record.last_session
    if session is not None:
        refuse_live(record, session, hint="jobs with equal commands are told apart by --label")
    checkpoint = find_checkpoint(repo, record, None)
    step = None if checkpoint is None else checkpoint.step
    revival = Revival(
        f"{record.project}/{record.id}", step, checkpoint.version if checkpoint else None, key=key
    )
    return Plan(
        "resume",
        given_command(words, None, None),
        # Nothing of then: the job script has set what the job needs.
        {**without_choices(surroundings), **revival.variables()},
        revival,
        run=f"{record.project}/{record.id}",
        title=f"{record.name or record.id} ({entry.state})",
        checkpoint=checkpoint,
        step=step,
        masked=masked_rows(entry, step),
        notes=tuple(_checkpoint_notes(checkpoint, step)),
        surroundings=surroundings,
    )


def prepare(repo: Repo, plan: Plan) -> None:
    """Bring what the plan needs, and say what will not be as it was."""
    problems = plan.prepare(repo)
    for note in (*plan.notes, *problems):
        warn(note)
    if plan.run is not None:
        checkpoint = f" from {plan.checkpoint.version}" if plan.checkpoint is not None else ""
        say(f"{plan.verb} {plan.title}{checkpoint} in {plan.command.folder}")


def refuse_live(record: RunRecord, session: Session, *, hint: str = "end that process first") -> None:
    """Check that a run is not going on in a process of this host.

    Raises:
        LockedError: It is.
    """
    if session.state == "running" and is_alive(process_of(session)):
        raise LockedError(f"run {record.id} is still going on in process {session.pid}", hint=hint)


def job_key(words: Sequence[str], surroundings: Mapping[str, str], label: str) -> str:
    """Return what tells a job from others: directory, command, label, place in a Slurm array."""
    array = surroundings.get("SLURM_ARRAY_TASK_ID", "")
    parts = [os.path.realpath(Path.cwd()), list(words), label, array]
    return f"job-{digest_bytes(json.dumps(parts).encode())[:16]}"


def environment_notes(run: ComparedRun, facts: PythonFacts) -> list[str]:
    """Return what of the Python that will run is not as it was."""
    notes = []
    if run.session.python and run.session.python != facts.version:
        notes.append(f"Python was {run.session.python} then, and is {facts.version} now")
    then = {name: version.partition(" ")[0] for name, version in run.packages.items()}
    differing = [
        (name, Change(version, facts.packages[name]))
        for name, version in then.items()
        if facts.packages.get(name, version) != version
    ]
    gone = [name for name in then if name not in facts.packages]
    if differing:
        notes.append(f"packages are not as then: {named(differing)}")
    if gone:
        more = f" and {len(gone) - 5} more" if len(gone) > 5 else ""
        notes.append(f"packages of then are missing: {', '.join(gone[:5])}{more}")
    return notes


def masked_rows(entry: RunEntry, step: int | None) -> int:
    """Return how many rows going on at a step takes back."""
    if step is None:
        return 0
    columns = history.read_columns(entry.layout, ["_step"])
    return sum(found >= step for found in columns["_step"])


def _job_run(repo: Repo, key: str) -> RunEntry | None:
    for place, run_id in read_resume_mark(repo.layout.resume_mark).items():
        project, _, own_key = place.partition(":")
        if own_key == key:
            try:
                return Catalog(repo.layout).find(f"{project}/{run_id}")
            except NotFoundError:
                return None  # removed since
    return None


def _step(checkpoint: Checkpoint | None, *, in_place: bool) -> int | None:
    if checkpoint is not None:
        return checkpoint.step
    # A tree of its own holds nothing that an earlier session left, so the script begins at the beginning.
    return None if in_place else 0


def _checkpoint_notes(checkpoint: Checkpoint | None, step: int | None) -> list[str]:
    if checkpoint is None:
        where = "after its last row" if step is None else f"at step {step}"
        return [f"the run has no checkpoint; the script begins anew, and the run goes on {where}"]
    if step is None:
        return [f"{checkpoint.version} is of another run; this one goes on after its last row"]
    return []
