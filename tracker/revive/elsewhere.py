"""The command of a run at another commit: what would have come of it with that code.

As `tracker reproduce` does it, with the inputs of the run and the tracked data of the
commit, in a worktree that is removed at the end. The new run is kept and named.
"""

from __future__ import annotations

import copy
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tracker.live.term import warn
from tracker.read import editing
from tracker.revive import supervise
from tracker.revive.plan import Plan
from tracker.revive.reproduce import ReproduceOptions, plan_reproduction
from tracker.revive.worktrees import remove_worktree
from tracker.storage.catalog import Catalog, RunEntry
from vcs.errors import Error, NotFoundError
from vcs.repo import Repo

# How a program ends that a person or a scheduler has stopped.
_STOPPED = frozenset({-signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT, 128 + signal.SIGTERM})


@dataclass(frozen=True)
class Label:
    """What a new run is called."""

    name: str
    group: str
    notes: str


@dataclass(frozen=True)
class Elsewhere:
    """What running a command at another commit came to.

    Attributes:
        status: The exit status; negative is the signal that ended it.
        run: The new run; None if the script began none.
    """

    status: int
    run: RunEntry | None


def plan_elsewhere(
    repo: Repo,
    entry: RunEntry,
    commit: str,
    surroundings: Mapping[str, str],
    *,
    copies: tuple[str, ...] = (),
) -> Plan:
    """Plan to run the command of a run with the code of a commit. Changes nothing.

    Raises:
        UsageError, NotFoundError, ConflictError, GitError: It cannot be run there; says why.
    """
    record = copy.deepcopy(entry.record)
    for session in record.sessions:
        session.commit = session.code_commit = commit
        session.left_out = []
    return plan_reproduction(
        repo, RunEntry(entry.layout, record), ReproduceOptions(copies=copies), surroundings
    )


def run_elsewhere(repo: Repo, plan: Plan, label: Label) -> Elsewhere:
    """Carry out a plan and wait for the end. What the script prints goes to stderr.

    Raises:
        KeyboardInterrupt: The script was stopped from outside; the run, if any, is kept.
        Error: See `Plan.prepare`; nothing was started.
    """
    try:
        for problem in plan.prepare(repo):
            warn(problem)
        words, folder = plan.command.words, plan.command.folder
        status = supervise.run(words, folder, plan.variables, stdout=sys.stderr.fileno())
    finally:
        if plan.code is not None:
            _remove(repo, plan.code.tree.folder)
    run = _named(repo, str(plan.revival.run), label)
    if status in _STOPPED:
        raise KeyboardInterrupt
    return Elsewhere(status, run)


def _named(repo: Repo, name: str, label: Label) -> RunEntry | None:
    """Return the run that was begun, named whatever the script called it; None if there is none."""
    try:
        entry = Catalog(repo.layout).find(name)
    except NotFoundError:
        return None
    fields = {"name": label.name, "group": label.group, "notes": label.notes}
    return RunEntry(entry.layout, editing.save(repo, entry.layout, entry.record, fields))


def _remove(repo: Repo, folder: Path) -> None:
    if not folder.exists():
        return
    try:
        remove_worktree(repo, folder)
    except Error as error:
        warn(f"{folder} is not needed any more, and could not be removed: {error.message}")
