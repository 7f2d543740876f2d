"""Before a push: what the commits point to is in the store, and goes to the remote first.

A pointer without its objects is a promise that nobody can keep. Only pointers of commits
that no remote has yet count: those of others were theirs to check. Where the project has
a remote for contents, objects and records are sent before the commits are.
"""

from __future__ import annotations

import os

from hooks.call import Call
from hooks.changes import EVERY_POINTER, own_pointers, parse_raw, read_pointers
from vcs.artifacts.edits import read_edit_log
from vcs.digest import Digest
from vcs.errors import Error, FormatError, IntegrityError, NotFoundError
from vcs.tracked.pointer import PLAIN_PATTERNS, Pointer
from vcs.tracked.versions import listing_of

_SHOWN = 5


def run(call: Call) -> bool:
    """Check, say what is missing, and return whether the push may go on."""
    missing = [line for path, pointer in _pushed(call) for line in _missing(call, path, pointer)]
    for line in missing:
        call.say(line)
    if missing:
        call.say("not pushed: nobody could check that out; to push all the same: git push --no-verify")
        return False
    return _share(call)


def _share(call: Call) -> bool:
    """Send contents and records, if they go to where git pushes; False if that failed."""
    from vcs.sharing.exchange import Request, push, records_remote
    from vcs.sharing.opened import choose_remote

    request = Request(prompt=False)
    try:
        if choose_remote(call.repo.settings) is None:
            return True
        # Another git remote, a public mirror for example, is not meant to get the records.
        if call.argument(0) != records_remote(call.repo, request):
            return True
        with call.outside.show_progress("Pushing") as progress:
            pushed = push(call.repo, request, progress=progress)
    except Error as error:
        call.say(error.message)
        call.say(
            "not pushed: contents and records could not go first; to push all the same: git push --no-verify"
        )
        return False
    if pushed.sent is not None and pushed.sent.objects and pushed.remote is not None:
        count = pushed.sent.objects
        call.say(f"sent {count} object{'' if count == 1 else 's'} to {pushed.remote.title}")
    for one in pushed.synced.renumbered if pushed.synced is not None else ():
        call.say(str(one))
    return True


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
    absent = store.missing(set(objects))
    if absent:
        absent -= store.obtainable(absent)
    lacking = sorted(objects[digest] for digest in absent)
    if not lacking:
        return []
    shown = ", ".join(os.path.join(path, one) if not pointer.single else path for one in lacking[:_SHOWN])
    more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
    return [f"{name} lacks {shown}{more}: not in {store.name}"]
