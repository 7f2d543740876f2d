"""When records were deleted: what the history of ledgers says of it, and for whom it began to hold.

A deletion that is shared later than it was made would look old to everybody else. So who
shares it puts a commit on top that changes nothing and has the remote's ledger as a second
parent: against that one it deletes, at the time of the push. As with any merge, what one
parent had counts from then.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from vcs.git import Git, failure
from vcs.layout import MERGE_REF
from vcs.records.ledger_tree import COMMIT_END, FAST_IMPORT, changes_between, commit_head

# A push that is tried again so soon dates nothing anew.
_NOT_OLD_S = 600.0
_MESSAGE = "deletions shared"


def deletions(git: Git, *revisions_and_limits: str) -> Mapping[str, str]:
    """Return what commits took away: id of the content, and its path in the ledger.

    Of merges, what any of the parents had.
    """
    logged = git.run(
        *("log", "--full-history", "-m", "--root", "--raw", "--no-abbrev", "-z", "--no-renames"),
        *("--no-show-signature", "--diff-filter=D", "--format=", *revisions_and_limits),
    )
    fields = iter(os.fsdecode(logged).split("\0"))
    gone = {}
    for text in fields:
        about = text.strip("\n")
        if about.startswith(":"):
            gone[about.split(" ")[2]] = next(fields, "")
    return gone


def date_deletions(git: Git, tip: str, seen: str, now_s: float) -> str:
    """Return a ledger commit to share instead of `tip`, with the same records.

    It is `tip` itself unless that lacks records of `seen`, the ledger of the remote and an
    ancestor, that were deleted a while ago. MERGE_REF keeps a new commit alive.

    Raises:
        GitError: git fails, or objects of a ledger are missing.
    """
    gone = {before[1] for before, after in changes_between(git, seen, tip).values() if before and not after}
    if not gone or gone <= deletions(git, f"{seen}..{tip}", f"--max-age={int(now_s - _NOT_OLD_S)}").keys():
        return tip
    head = commit_head(MERGE_REF, f"{git.identity()} {int(now_s)} +0000", _MESSAGE)
    stream = [head, f"from {tip}\nmerge {seen}\n".encode(), COMMIT_END]
    done = git.call(*FAST_IMPORT, "--force", input=iter(stream))
    if done.code:
        raise failure(["fast-import"], done)
    return done.output.decode().strip()
