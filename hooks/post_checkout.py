"""After a switch of branches, a merge or a rebase the data is that of the commit."""

from __future__ import annotations

from hooks.call import Call
from hooks.post_commit import stamp
from hooks.rewritten import carry
from hooks.sync import follow_pointers


def checkout(call: Call) -> bool:
    """After `git checkout`, `switch`, `worktree add`: follow the pointers.

    A checkout of single files (flag 0) moves no data: the pointer among them may be the
    next step of the user's own. In a rebase the end counts (the shim leaves that out).
    """
    if call.argument(2) == "1":
        follow_pointers(call)
    return True


def merge(call: Call) -> bool:
    """After `git merge` and `pull`: follow, and say which versions the merge itself made."""
    follow_pointers(call)
    head = call.git.head()
    if call.argument(0) != "1" and head is not None:
        stamp(call, head)
    return True


def rewrite(call: Call) -> bool:
    """After a rebase or an amend: carry links over; after a rebase follow the pointers too."""
    carry(call)
    if call.argument(0) == "rebase":
        follow_pointers(call)
    return True
