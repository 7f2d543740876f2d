"""Before a commit: its pointers can be read, nothing huge slips in, and tracked data is stored.

What changed under tracked paths becomes versions, and their pointers go into the index
that the commit is made from. So a commit names the data with which its code was tried.
"""

from __future__ import annotations

import os
import time

from hooks.call import Call
from hooks.changes import EVERY_POINTER, Change, staged
from hooks.unwanted import explain, find_unwanted
from vcs.artifacts.manifest import Origin
from vcs.errors import Error, FormatError
from vcs.records.ledger_tree import read_objects
from vcs.tracked import verbs as tracked
from vcs.tracked.pointer import PLAIN_PATTERNS, parse, tracked_path
from vcs.tracked.verbs import Committed

_PARTIAL = "next-index-"
_REAL = "index.lock"


def run(call: Call) -> bool:
    """Do it, and return whether the commit may go on; if not, the user has been told why.

    While commits are replayed (rebase, merge, cherry-pick) nothing is stored: the data in
    the working tree is not that of the commit in the making.
    """
    started_s = time.time()
    changes = staged(call)
    broken = _broken_pointers(call, changes)
    if broken:
        for line in broken:
            call.say(line)
        call.say("not committed; repair the pointer, or: git commit --no-verify")
        return False
    merged = call.git.resolve("MERGE_HEAD") if call.is_replaying else None
    others = staged(call, merged) if merged is not None else None
    settings = call.repo.settings.hooks
    unwanted = find_unwanted(call.git, changes, settings, others=others)
    if unwanted:
        for line in explain(unwanted, settings):
            call.say(line)
        return False
    if call.is_replaying:
        return True
    return _store(call, started_s, alone=not changes)


def _store(call: Call, started_s: float, *, alone: bool) -> bool:
    """Store what changed and stage the pointers; trouble stops the commit, which would name old data."""
    try:
        with call.outside.show_progress("Storing tracked data") as progress:
            done = tracked.commit(call.repo, origin=lambda: _origin(call), progress=progress)
        _stage(call, done)
    except (Error, OSError) as error:
        call.say(f"not committed: tracked data could not be stored: {_described(error)}")
        call.say("to commit without it: git commit --no-verify")
        return False
    for one in done.paths:
        count = one.status.differs
        call.say(f"{one.path} is {one.pointer.short_name} now ({count} file{'s' * (count != 1)} changed)")
        for warning in one.logged.warnings:
            call.say(warning)
    if done.paths and alone:
        # git has counted what there is to commit before it called us.
        call.say("if git finds nothing to commit now: the pointers are there, commit again")
    for left in done.left:
        problem = tracked.problem(left)
        if problem is not None and left.state not in ("missing", "outdated"):
            call.say(f"not stored: {_described(problem)}")
    call.state.mark_seen(started_s)
    return True


def _origin(call: Call) -> Origin:
    # The exact code will be the commit itself; post-commit says which that is.
    return Origin(commit=call.git.head(), branch=call.git.branch())


def _stage(call: Call, done: Committed) -> None:
    """Put pointers into the index if they are what lies in the working tree.

    Those that name something else than what lies there (after `git checkout -- x.tracker`,
    say) are the user's business.
    """
    left = {one.pointer_path for one in done.left}
    for env in _indexes(call):
        found = call.git.run(
            *("diff-files", "--name-only", "-z", "--diff-filter=MT", "--", EVERY_POINTER),
            env={**PLAIN_PATTERNS, **env},
        )
        names = [name for name in os.fsdecode(found).split("\0") if name and name not in left]
        if names:
            text = "".join(f"{name}\0" for name in names)
            call.git.run("update-index", "-z", "--stdin", input=os.fsencode(text), env=env)


def _indexes(call: Call) -> list[dict[str, str]]:
    """The environments for the index that is committed, and for what becomes git's own.

    For `git commit PATH` git makes two: one of HEAD and the paths, which is committed, and
    one of everything staged and the paths, which is there afterwards.
    """
    found = [call.index_env]
    if call.index is not None and call.index.name.startswith(_PARTIAL):
        real = call.git.git_dir / _REAL
        if real.is_file():
            found.append({"GIT_INDEX_FILE": str(real)})
    return found


def _broken_pointers(call: Call, changes: list[Change]) -> list[str]:
    pointers = [one for one in changes if one.is_file and tracked_path(one.path) is not None]
    broken = []
    for one, content in zip(pointers, read_objects(call.git, [p.blob for p in pointers]), strict=True):
        try:
            parse((content or b"").decode(errors="replace"), one.path)
        except FormatError as error:
            broken.append(error.message)
    return broken


def _described(error: Error | OSError) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
    return f"{error.message}; {error.hint}" if error.hint else error.message
