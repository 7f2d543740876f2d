"""What bringing a run back would do, as a value: printed, tested, and then carried out."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tracker.errors import UsageError
from tracker.live.revival import Revival
from tracker.revive.checkpoints import Checkpoint
from tracker.revive.command import Command, Place
from tracker.revive.inputs import (
    InputPlan,
    bring_tracked,
    copy_into,
    pointed_paths,
    unknown_inputs,
    unknown_text,
)
from tracker.revive.python_facts import PythonFacts
from tracker.revive.worktrees import (
    CodeFiles,
    TreePlan,
    check_commit,
    ignored_paths,
    plan_in_place,
    plan_worktree,
)
from tracker.storage.records import RunRecord, Session
from vcs.atomic import make_folder
from vcs.repo import Repo

Verb = Literal["resume", "reproduce", "start"]

_ACTIONS = {
    "create": "in a new worktree",
    "reuse": "in its worktree",
    "move": "in its worktree, which is at another commit now",
    "checkout": "in place, HEAD detached",
    "none": "as it lies",
}
_REASONS = {"size": "too large", "secret": "looked like a secret", "count": "one of very many"}


@dataclass(frozen=True)
class Code:
    """The code that will run, and where.

    Attributes:
        tree: What has to be done for it; None where it runs as it lies.
        tracked: The paths that the code tracks by pointers.
        unknown: Paths that git ignores, of which nothing was recorded.
        copies: Those that are copied from the user's working tree.
        notes: What of the code is not as it was.
    """

    tree: TreePlan
    place: Place
    tracked: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What will be done. Nothing has been changed yet.

    Attributes:
        run: `project/id`; None for a run that is only begun.
        step: Where it goes on; None: after its last row.
        masked: How many rows that takes back.
        variables: The whole environment of the process.
        notes: What is not as it was, a sentence each.
    """

    verb: Verb
    command: Command
    variables: Mapping[str, str]
    revival: Revival
    run: str | None = None
    title: str = ""
    code: Code | None = None
    inputs: tuple[InputPlan, ...] = ()
    checkpoint: Checkpoint | None = None
    step: int | None = None
    masked: int = 0
    notes: tuple[str, ...] = ()
    surroundings: Mapping[str, str] = field(default_factory=dict, repr=False)

    def prepare(self, repo: Repo) -> list[str]:
        """Bring code and inputs; return what could not be brought, a sentence each.

        Interrupted, it can simply be run again from a new plan.

        Raises:
            NotFoundError: An input is missing.
            ConflictError, GitError, IntegrityError, LockedError, StoreError: See the parts.
        """
        code = self.code
        problems: list[str] = []
        if code is not None:
            code.tree.apply(repo)
            if code.tracked and code.tree.commit is not None:
                problems += bring_tracked(code.tree.folder)
            for path in code.copies:
                copy_into(repo.layout.worktree / path, code.tree.folder / path)
        for one in self.inputs:
            one.apply()
        make_folder(self.command.folder)
        return problems

    def variable_changes(self) -> dict[str, str | None]:
        """Return what is set and, as None, unset beside the environment of now."""
        names = sorted({*self.variables, *self.surroundings})
        return {
            name: self.variables.get(name)
            for name in names
            if self.variables.get(name) != self.surroundings.get(name)
        }

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        code = self.code
        return {
            "verb": self.verb,
            "run": self.run,
            "commit": code.tree.commit if code else None,
            "folder": str(code.tree.folder) if code else str(self.command.folder),
            "action": code.tree.action if code else "none",
            "tracked": list(code.tracked) if code else [],
            "copies": list(code.copies) if code else [],
            "unknown_inputs": list(code.unknown) if code else [],
            "inputs": [one.to_plain() for one in self.inputs],
            "checkpoint": self.checkpoint.version if self.checkpoint else None,
            "step": self.step,
            "masked_rows": self.masked,
            "command": list(self.command.words),
            "cwd": str(self.command.folder),
            "variables": self.variable_changes(),
            "notes": list(self.notes),
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield titles and texts for people, in the order in which things will happen."""
        code = self.code
        if code is not None:
            commit = code.tree.commit[:10] if code.tree.commit else "as it is now"
            yield "code", f"{commit}, {_ACTIONS[code.tree.action]}: {code.tree.folder}"
            for path in code.tracked:
                yield "tracked", path
            for path in code.copies:
                yield "copied", f"{path}, as it is now"
        for one in self.inputs:
            where = "" if one.target is None else f" at {one.target}"
            yield "input", f"{one.version} (as {one.asked}), {one.state}{where}"
        if self.checkpoint is not None:
            yield "checkpoint", self.checkpoint.version
        if self.verb == "resume":
            yield "step", self._step_text()
        yield "command", shlex.join(self.command.words)
        yield "folder", str(self.command.folder)
        for name, value in self.variable_changes().items():
            if not name.startswith("TRACKER_REVIVE_"):
                yield "variable", f"{name} is not set" if value is None else f"{name}={value}"
        for note in self.notes:
            yield "note", note

    def _step_text(self) -> str:
        if self.step is None:
            return "after its last row"
        rows = f"{self.masked} row{'' if self.masked == 1 else 's'}"
        back = f"; {rows} from there on will be masked, none removed" if self.masked else ""
        return f"{self.step}{back}"


def plan_code(
    repo: Repo,
    record: RunRecord,
    session: Session,
    folder: Path,
    *,
    in_place: bool = False,
    copies: Sequence[str] = (),
) -> Code:
    """Plan to have the code of a session at `folder`, or in place.

    Raises:
        UsageError: The code was not recorded and is not to run as it lies, or a path to be
            copied lies outside of the working tree.
        NotFoundError, ConflictError: See `worktrees`.
    """
    commit = session.code_commit
    here = repo.layout.worktree
    former = (repo.layout.root, here, repo.layout.worktree_of(record.project, record.id))
    if commit is None:
        if not in_place:
            raise UsageError(
                f"the code of run {record.id} was not recorded",
                hint=f"go on with it as it is here now: tracker resume {record.id} --in-place",
            )
        place = Place(here, former, lambda path: (here / path).exists())
        notes = (f"the code of run {record.id} was not recorded; what lies in {here} runs",)
        return Code(TreePlan("none", here, None), place, notes=notes)
    check_commit(repo, commit)
    files = CodeFiles(repo, commit)
    if in_place:
        tree = plan_in_place(repo, commit)
    else:
        tree = plan_worktree(repo, folder, commit, started_from=session.commit)
    tracked = pointed_paths(sorted(files.paths))
    place = Place(tree.folder, former, files.has)
    brought = [] if in_place else [_inside(path, here) for path in copies]
    unknown: list[str] = []
    if not in_place:
        used = [os.path.normpath(os.path.join(session.cwd, one.path)) for one in record.used if one.path]
        unknown = unknown_inputs(ignored_paths(repo), tracked, [*used, *brought])
    return Code(
        tree, place, tuple(tracked), tuple(unknown), tuple(brought), tuple(_code_notes(session, unknown))
    )


def import_folders(facts: PythonFacts, repo: Repo, code: Code) -> list[str]:
    """Return the folders of the tree from which Python has to import instead of the project's own."""
    if code.tree.folder == repo.layout.root:
        return []
    below = facts.paths_below(repo.layout.root)
    return [str(code.tree.folder / path) for path in below if code.place.has(path)]


def _code_notes(session: Session, unknown: Sequence[str]) -> Iterator[str]:
    for one in session.left_out:
        reason = str(one.get("reason"))
        yield f"{one.get('path')} is not in the recorded code: {_REASONS.get(reason, reason)}"
    if unknown:
        yield unknown_text(unknown)


def _inside(path: str, root: Path) -> str:
    """Return a path that the user gave relative to the working tree."""
    folder, name = os.path.split(os.path.abspath(path))
    # The path itself may be a link, and is one in the copy, too.
    absolute, top = Path(os.path.realpath(folder), name), os.path.realpath(root)
    if not absolute.is_relative_to(top) or str(absolute) == top:
        raise UsageError(f"{path} does not lie below {root}", hint="the run finds it where it is")
    return os.path.relpath(absolute, top)
