"""The message of a commit says which runs finished since the last one.

`Tracker-Run: calm-otter-12 val/acc=0.987`, one trailer a run. Not where git makes the
message (merge, squash, amend, rebase, cherry-pick, fixup): it speaks of other commits then.
(`git commit --amend -m` cannot be told from a new commit, and gets them.)
A run is named by one commit only, in whichever branch or working tree that is.
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hooks.call import Call
from hooks.finished_runs import FinishedRun, finished_since, metrics_of
from vcs.atomic import make_folder, write_atomic
from vcs.records.commit_log import read_commit_log

TRAILER = "Tracker-Run"
MOST = 20
"""More runs than this (a sweep) are not named one by one."""

_MADE_BY_GIT = ("merge", "squash", "commit")
_SQUASHED_LATER = ("fixup!", "squash!", "amend!")
_METRICS = 3


@dataclass(frozen=True)
class Added:
    """What was added to the message in the making.

    Attributes:
        runs: (project, id, trailer) of each.
        untouched: The message as git made it for the editor, without comments; None if
            the user gave one.
    """

    runs: tuple[tuple[str, str, str], ...]
    untouched: str | None

    @property
    def trailers(self) -> tuple[str, ...]:
        return tuple(trailer for _, _, trailer in self.runs)


def run(call: Call) -> bool:
    """Add the trailers to the message file; a message that has one already is left alone."""
    will_check = call.state.verify.exists()
    call.state.verify.unlink(missing_ok=True)
    call.state.added.unlink(missing_ok=True)
    source = call.argument(1)
    if source in _MADE_BY_GIT or call.is_replaying:
        return True
    file = Path(os.path.abspath(call.argument(0)))
    message = file.read_bytes()
    text = message.decode(errors="replace")
    if text.startswith(_SQUASHED_LATER) or f"\n{TRAILER}:" in f"\n{text}":
        return True
    for_editor = source in ("", "template")
    if for_editor and not will_check:
        return True  # Nobody could tell an empty message from one with only our trailers.
    runs = _runs(call)
    if not runs:
        return True
    shown = runs[-MOST:]
    if len(runs) > len(shown):
        call.say(f"{len(runs)} runs finished since the last commit; the message names the newest {MOST}")
    trailers = [trailer_of(run, call.repo.settings.hooks.metrics) for run in shown]
    untouched = without_comments(call, message) if for_editor else None
    _add(call, file, trailers)
    # The other runs of a sweep belong to the commit too, so that no later one names them.
    lines = [*[""] * (len(runs) - len(shown)), *trailers]
    added = Added(
        tuple((run.project, run.id, line) for run, line in zip(runs, lines, strict=True)), untouched
    )
    write_added(call.state.added, added)
    return True


def trailer_of(run: FinishedRun, wanted: Sequence[str] = ()) -> str:
    """Return the trailer of a run: `Tracker-Run: calm-otter-12 val/acc=0.987`."""
    metrics = [f"{name}={value:.4g}" for name, value in metrics_of(run, wanted)[:_METRICS]]
    return " ".join([f"{TRAILER}: {run.name}", *metrics])


def without_comments(call: Call, message: bytes) -> str:
    """Return what git would keep of a message."""
    kept = call.git.run("stripspace", "--strip-comments", input=_before_scissors(message))
    return kept.decode(errors="replace")


def read_added(path: Path) -> Added | None:
    """Read what `run` left; None if there is nothing, or nothing that can be read."""
    try:
        given = json.loads(path.read_text("utf-8"))
        runs = tuple((str(p), str(i), str(t)) for p, i, t in given["runs"])
        untouched = given["untouched"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Added(runs, untouched if isinstance(untouched, str) else None)


def write_added(path: Path, added: Added) -> None:
    """Leave it for commit-msg and post-commit.

    Raises:
        StoreError: The disk refuses.
    """
    make_folder(path.parent)
    text = json.dumps({"runs": added.runs, "untouched": added.untouched})
    write_atomic(path, text, durable=False)


def _runs(call: Call) -> list[FinishedRun]:
    """Return the user's own runs on this line of history since HEAD that no commit names yet."""
    head, branch = call.git.head(), call.git.branch()
    log = read_commit_log(call.repo.layout.commits)
    found = finished_since(call.repo.layout, _moment_of(call, log.ancestry(head)) if head else 0.0)
    if not found:
        return []
    named = {(one.project, one.run) for one in log.runs}
    user = _user()
    known: dict[str, bool] = {}

    def is_ours(run: FinishedRun) -> bool:
        if (run.project, run.id) in named or (run.user and run.user != user):
            return False
        if run.commit is None or run.commit == head or (run.branch is not None and run.branch == branch):
            return True
        if run.commit not in known:
            known[run.commit] = _is_ancestor(call, run.commit)
        return known[run.commit]

    return [run for run in found if is_ours(run)]


def _moment_of(call: Call, commits: Iterable[str]) -> float:
    """When the earliest of some commits was made: an amend makes a commit new, and is no new commit."""
    options = ("--no-walk=unsorted", "--ignore-missing", "--no-show-signature", "--format=%ct")
    return min(float(line) for line in call.git.text("log", *options, *commits).splitlines())


def _is_ancestor(call: Call, commit: str) -> bool:
    return call.git.call("merge-base", "--is-ancestor", commit, "HEAD").code == 0


def _user() -> str:
    """As runs record it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())


def _add(call: Call, file: Path, trailers: Sequence[str]) -> None:
    options = [part for line in trailers for part in ("--trailer", line)]
    call.git.run(
        *("interpret-trailers", "--in-place", "--no-divider"),
        *("--where", "end", "--if-exists", "addIfDifferent", "--if-missing", "add"),
        *options,
        file,
    )


def _before_scissors(message: bytes) -> bytes:
    """What comes before the line under which `git commit --verbose` shows the changes."""
    lines = message.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line[1:].strip() == b"------------------------ >8 ------------------------":
            return b"".join(lines[:number])
    return message
