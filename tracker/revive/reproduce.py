"""`tracker reproduce`: a run is run again, exactly, and compared with what it was.

The code is checked out in a worktree, what the run used is brought by digest, names of
artifacts mean what they meant then, and the recorded command runs as a new run that names
the old one. Then both are compared as any two runs are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tracker.compare.runs import ComparedRun, compare_runs
from tracker.compare.values import EXACT, Tolerance
from tracker.compare.verdict import Verdict, judge
from tracker.errors import NotFoundError, UsageError
from tracker.live.revival import Revival
from tracker.live.term import say, warn
from tracker.revive import supervise
from tracker.revive.command import given_command, interpreter_of, recorded_command, variables_for
from tracker.revive.environment import build, wanted
from tracker.revive.inputs import plan_inputs
from tracker.revive.plan import Plan, import_folders, plan_code
from tracker.revive.python_facts import ask
from tracker.revive.resume import environment_notes
from tracker.revive.worktrees import remove_worktree
from tracker.storage import history
from tracker.storage.catalog import Catalog, RunEntry
from tracker.storage.records import Session
from tracker.values.random_names import generate_id
from vcs.errors import Error
from vcs.repo import Repo
from vcs.yaml_io import read_text


@dataclass(frozen=True)
class ReproduceOptions:
    """What the user asks for.

    Attributes:
        ignore: Patterns of metrics that are not compared.
        command: Instead of the recorded one.
        copies: Paths that git ignores, to be copied into the worktree.
        own_environment: Whether to build an environment with the packages of then.
        keep: Whether to keep the worktree also when the runs are the same.
    """

    tolerance: Tolerance = EXACT
    ignore: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    own_environment: bool = False
    keep: bool = False


@dataclass(frozen=True)
class Reproduction:
    """What running a run again came to.

    Attributes:
        status: The exit status of the command; negative is the signal that ended it.
        run: The new run.
        folder: Its worktree; None if that was removed, as it held nothing of interest.
        notes: What was not as then, a sentence each.
    """

    status: int
    run: RunEntry
    verdict: Verdict
    folder: Path | None
    notes: tuple[str, ...] = field(default=())


def plan_reproduction(
    repo: Repo,
    entry: RunEntry,
    options: ReproduceOptions,
    surroundings: Mapping[str, str],
    *,
    make_id: Callable[[], str] = generate_id,
) -> Plan:
    """Plan to run a run again. Changes nothing; the environment of `--env` is built later.

    Raises:
        UsageError, NotFoundError, ConflictError, GitError: It cannot be run again; says why.
    """
    record = entry.record
    session = session_to_reproduce(entry)
    new_id = make_id()
    code = plan_code(
        repo, record, session, repo.layout.worktree_of(record.project, new_id), copies=options.copies
    )
    python = interpreter_of(session)
    if options.command:
        command = given_command(options.command, session, code.place)
    else:
        command = recorded_command(session, code.place, run=record.id, python=python)
    inputs = plan_inputs(repo, record, tree=code.tree.folder, folder=command.folder)
    facts = ask(python, folder=Path.cwd())
    revival = Revival(f"{record.project}/{new_id}", reproduces=record.id)
    variables = variables_for(session, revival, surroundings, import_from=import_folders(facts, repo, code))
    run = ComparedRun(entry)
    notes = [*code.notes, *command.notes, *(one.problem for one in inputs if one.problem is not None)]
    if not options.own_environment:
        notes += environment_notes(run, facts)
    if len({(one.code_commit, tuple(one.argv[1:])) for one in record.sessions}) > 1:
        notes.append(f"the run has sessions of other code or commands; that of session {session.number} runs")
    return Plan(
        "reproduce",
        command,
        variables,
        revival,
        run=f"{record.project}/{record.id}",
        title=run.title,
        code=code,
        inputs=tuple(inputs),
        notes=tuple(notes),
        surroundings=surroundings,
    )


def reproduce(
    repo: Repo, entry: RunEntry, options: ReproduceOptions, plan: Plan, *, quiet_stdout: bool = False
) -> Reproduction:
    """Carry out a plan: run the run again, wait for its end, and compare.

    `quiet_stdout` sends what the script prints to stderr.

    Raises:
        NotFoundError: An input is missing, or the script began no run.
        Error: See `Plan.prepare` and `environment.build`; nothing was started.
    """
    notes = list(plan.notes)
    if options.own_environment:
        plan, built = with_environment(repo, entry, plan)
        notes += built
    notes += plan.prepare(repo)
    for note in notes:
        warn(note)
    say(f"running {plan.title} again in {plan.command.folder}")
    words, folder = plan.command.words, plan.command.folder
    stdout = sys.stderr.fileno() if quiet_stdout else None
    status = supervise.run(words, folder, plan.variables, stdout=stdout)
    tree = plan.code.tree.folder if plan.code is not None else None
    try:
        new = Catalog(repo.layout).find(str(plan.revival.run))
    except NotFoundError:
        raise NotFoundError(
            f"the command began no run in project {plan.revival.project}, and ended with status {status}",
            hint=f"try it: cd {folder} and run it there",
        ) from None
    old = Catalog(repo.layout).find(str(plan.run))
    verdict = judge(compare_runs(repo, old, new, tolerance=options.tolerance, ignore=options.ignore))
    if tree is not None and verdict.same and not options.keep:
        tree = _removed(repo, tree)
    return Reproduction(status, new, verdict, tree, tuple(notes))


def with_environment(repo: Repo, entry: RunEntry, plan: Plan) -> tuple[Plan, list[str]]:
    """Return the plan with the Python of an environment that has the packages of then, and notes.

    Raises:
        UsageError: The packages were not recorded.
        NotFoundError, StoreError: See `environment.build`.
    """
    session = session_to_reproduce(entry)
    try:
        text = read_text(entry.layout.requirements, "requirements")
    except NotFoundError:
        raise UsageError(
            f"the packages of run {entry.id} were not recorded", hint="leave out --env"
        ) from None
    want = wanted(text, session.python, project=repo.layout.root)
    before = plan.command.words[0]
    python = build(repo.layout, want, candidates=[before])
    words = tuple(python if word == before else word for word in plan.command.words)
    return replace(plan, command=replace(plan.command, words=words)), list(want.notes)


def session_to_reproduce(entry: RunEntry) -> Session:
    """Return the session whose command makes the run from its beginning: the first that has rows.

    What a session logged that was taken back to its beginning does not count.

    Raises:
        UsageError: The run was never started.
    """
    record = entry.record
    newest = record.last_session
    if newest is None:
        raise UsageError(f"run {record.id} was never started")
    rows = history.read_rows(entry.layout, all_segments=True)
    counting = {row["_session"] for row in rows if not row["_masked"]}
    having = [session for session in record.sessions if session.number in counting]
    return min(having, key=lambda session: session.number, default=newest)


def _removed(repo: Repo, folder: Path) -> Path | None:
    try:
        remove_worktree(repo, folder)
    except Error as error:
        warn(f"{folder} is not needed any more, and could not be removed: {error.message}")
        return folder
    return None
