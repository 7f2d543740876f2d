"""What was said of a commit holds for the commit that it was rewritten into."""

from __future__ import annotations

from hooks.call import Call
from vcs.layout import CODE_REFS
from vcs.records.commit_log import Entry, Rewrite, read_commit_log


def carry(call: Call) -> None:
    """Record the rewrites of commits that records speak of: versions, runs, or code that ran.

    The refs that keep that code alive stay as they are: it is the old commit that ran. A
    second call with the same input adds nothing.

    Raises:
        GitError, StoreError: Nothing was recorded.
    """
    by = call.argument(0)
    pairs = [fields[:2] for line in call.input.splitlines() if len(fields := line.split()) >= 2]
    if not pairs:
        return
    log = read_commit_log(call.repo.layout.commits)
    known = log.commits | _code_that_ran(call)
    there = {(one.old, one.new) for one in log.rewrites}
    entries: list[Entry] = []
    for old, new in pairs:
        # An earlier pair of the same rebase may have led to this one.
        if old in known and old != new and (old, new) not in there:
            entries.append(Rewrite(old, new, by))
            there.add((old, new))
            known |= {new}
    if entries:
        count = len(entries)
        call.append(entries, f"{by} carried {count} commit{'s' * (count != 1)} over")


def _code_that_ran(call: Call) -> frozenset[str]:
    """The commits on which runs were started: code commits, and those they are made on."""
    listed = call.git.text("for-each-ref", "--format=%(objectname) %(parent)", CODE_REFS.rstrip("/"))
    return frozenset(listed.split())
