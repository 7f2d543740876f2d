"""Tracked paths follow their pointers, after git has moved those; shared by several hooks."""

from __future__ import annotations

from hooks.call import Call
from vcs.errors import Error
from vcs.tracked import verbs as tracked
from vcs.tracked.checkout import PathPlan
from vcs.tracked.place import enumerate_paths


def follow_pointers(call: Call) -> None:
    """Bring every tracked path to its pointer, and say what was done and what was left.

    Files changed by hand stay, and files deleted by hand stay away, where the new version
    leaves them as they were. A path that cannot be brought there stays as it is.

    Raises:
        GitError, LockedError, StoreError: Nothing, or not everything, is there.
    """
    plan = tracked.plan_checkout(call.repo, restore=False)
    with call.outside.show_progress("Bringing tracked data") as progress:
        applied = plan.apply(progress=progress)
    for done in applied.done:
        _report(call, done)
    for left in plan.blocked:
        _report_blocked(call, left)
    for failed, error in applied.failed:
        call.say(f"{failed.path} stays as it was: {_described(error)}")
    if not plan.blocked and not applied.failed:
        call.state.mark_seen()


def _report(call: Call, done: PathPlan) -> None:
    placing = done.placing
    if placing is None:
        return
    if not placing.changes_nothing:
        written, removed = len(placing.add) + len(placing.replace), len(placing.remove)
        counts = ", ".join(
            f"{count} file{'s' * (count != 1)} {what}"
            for count, what in ((written, "written"), (removed, "removed"))
            if count
        )
        name = done.pointer.short_name if done.pointer is not None else "not tracked here"
        call.say(f"{done.path} is {name} now ({counts or 'folders only'})")
    if placing.kept:
        call.say(f"{done.path}: left as they are, changed by hand: {enumerate_paths(placing.kept)}")


def _report_blocked(call: Call, left: PathPlan) -> None:
    if left.error is not None:
        call.say(f"{left.path} stays as it is: {_described(left.error)}")
        return
    stays = f"{left.path} stays at {left.was}" if left.was else f"{left.path} stays as it is"
    call.say(
        f"{stays}, because these were changed by hand: {enumerate_paths(left.conflicts)}; "
        f"keep them in a version: tracker commit {left.path}; "
        f"or overwrite them, keeping copies: tracker checkout --force {left.path}"
    )


def _described(error: Error) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
