"""Before a push: what the commits point to is in the store.

A pointer without its objects is a promise that nobody can keep. Only pointers of commits
that no remote has yet count: those of others were theirs to check.
"""

from __future__ import annotations

import os

from hooks.call import Call
from hooks.changes import EVERY_POINTER, own_pointers, parse_raw, read_pointers
from vcs.digest import Digest
from vcs.edits import read_edit_log
from vcs.errors import FormatError, IntegrityError, NotFoundError
from vcs.pointer import PLAIN_PATTERNS, Pointer
from vcs.tracked_versions import listing_of

_SHOWN = 5


def run(call: Call) -> bool:
    """Check, say what is missing, and return whether the push may go on."""
    missing = [line for path, pointer in _pushed(call) for line in _missing(call, path, pointer)]
    for line in missing:
        call.say(line)
    if missing:
        call.say("not pushed: nobody could check that out; to push all the same: git push --no-verify")
    return not missing


def _pushed(call: Call) -> list[tuple[str, Pointer]]:
    """Return path and pointer of every pointer that the commits bring in, each version once."""
    refs = [line.split() for line in call.input.splitlines()]
    ours = [fields[1] for fields in refs if len(fields) == 4 and fields[1].strip("0")]
    theirs = [fields[3] for fields in refs if len(fields) == 4 and fields[3].strip("0")]
    if not ours:
        return []
    known = [f"^{commit}" for commit in theirs if call.git.resolve(commit)]
    which = [*ours, *known, "--not", "--remotes", "--", EVERY_POINTER]
    git = call.git
    printed = git.run(
        *("-c", "log.showRoot=true", "log", "--full-history", "--no-merges", "--raw", "-z", "--no-abbrev"),
        *("--no-renames", "--no-show-signature", "--format=", *which),
        env=PLAIN_PATTERNS,
    )
    merges = git.run("rev-list", "--full-history", "--merges", *which, env=PLAIN_PATTERNS).decode().split()
    changes = {(one.path, one.blob): one for one in parse_raw(printed) if one.status != "D"}
    pointers = read_pointers(git, changes.values())
    for merge in merges:
        pointers += own_pointers(git, merge)
    return list({(path, pointer.digest): (path, pointer) for path, pointer in pointers}.values())


def _missing(call: Call, path: str, pointer: Pointer) -> list[str]:
    store = call.repo.store
    name = pointer.short_name
    edits = read_edit_log(call.repo.layout.edits(pointer.project, pointer.name))
    if pointer.number in edits.deleted:
        return []  # On purpose.
    try:
        listing = listing_of(call.repo, pointer)
    except (NotFoundError, FormatError, IntegrityError) as error:
        return [f"{path}: {error.message}"]
    objects = {Digest(entry.digest): entry.path for entry in listing if entry.kind == "file"}
    lacking = sorted(objects[digest] for digest in store.missing(set(objects)))
    if not lacking:
        return []
    shown = ", ".join(os.path.join(path, one) if not pointer.single else path for one in lacking[:_SHOWN])
    more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
    return [f"{name} lacks {shown}{more}: not in {store.name}"]
