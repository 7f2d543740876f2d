"""Contents that are with a remote too, and need not lie on this machine: found, to make room here.

The last known copy of an object is never among them. That a remote has one is not taken
from memory: the inventories are read, the files that they name are looked for, and the
ledger of the git server, fetched at that moment, has to name the object, so that no
collection of garbage removes it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vcs.digest import Digest
from vcs.errors import NotFoundError
from vcs.layout import remote_ledger
from vcs.records.ledger_sync import LedgerSync
from vcs.retention.gc import GRACE_S, GcPlan, mentions_of_others, unused_since
from vcs.retention.named_objects import NamedObjects, Selection, contents_of, selected_versions
from vcs.retention.reachability import Expand, all_mentions, check_absent, find_reachable, in_ledgers
from vcs.sharing.exchange import Request, records_remote
from vcs.sharing.inventory import RemoteIndex
from vcs.sharing.obtaining import RemoteSource
from vcs.sharing.opened import open_contents

if TYPE_CHECKING:
    from vcs.remotes import Remote
    from vcs.repo import Repo


@dataclass(frozen=True)
class PushedPlan:
    """What would go.

    Attributes:
        plan: The objects, as if they were garbage.
        remotes: The remotes that have them.
        only_here: How many of the objects that were chosen no remote is known to keep.
    """

    plan: GcPlan
    remotes: tuple[Remote, ...]
    only_here: int


def plan_pushed(
    repo: Repo, request: Request, *, expand: Expand, grace_s: float = GRACE_S, chosen: bool = False
) -> PushedPlan:
    """Find contents of versions that a remote has. Reads all records; changes nothing.

    With `chosen`, what a version outside of the selection needs stays. So does what another
    repository needs that shares the store. Listings and the
    files of runs stay in any case: records cannot be read without them.

    Raises:
        NotFoundError: There is no remote for contents.
        StoreError, GitError: A remote, the git server, or a repository cannot be reached.
        FormatError: Another repository has a long listing that is nowhere.
    """
    remotes = RemoteSource(repo.layout, repo.settings).remotes()
    if not remotes:
        raise NotFoundError(
            "there is no remote for contents, so this is the only copy",
            hint="tracker remote add lab s3://bucket/path; tracker push",
        )
    since_s, waits = unused_since(repo.here, grace_s)
    wanted = _of_versions(repo, request.selection)
    if chosen:
        # What is not selected: all of it, without what is.
        wanted -= _of_versions(repo, Selection(), but=request.selection)
    wanted -= _of_runs(repo, expand)
    # Other repositories in the store may have other remotes, or none.
    others = find_reachable(mentions_of_others(repo.layout, repo.here, expand), repo.store)
    check_absent(others)
    wanted -= {Digest(text) for text in others.digests}
    here = {digest for digest in repo.here.list() if digest in wanted}
    kept = here & _shared(repo, request, expand)
    there: set[Digest] = set()
    for remote in remotes:
        there |= _on(repo, remote, kept - there)
    plan: dict[Digest, int] = {}
    for digest in sorted(there):
        changed_s = repo.here.changed_s(digest)
        if changed_s is not None and changed_s < since_s:
            plan[digest] = repo.here.size(digest)
    found = GcPlan(plan, len(there) - len(plan), len(here), since_s, waits)
    return PushedPlan(found, tuple(remotes), len(here) - len(there))


def _of_versions(repo: Repo, selection: Selection, *, but: Selection | None = None) -> set[Digest]:
    """The files of the versions that count, without their listings."""
    unknown = NamedObjects()
    found: set[Digest] = set()
    for manifest in selected_versions(repo.collections, selection, unknown):
        if but is None or not but.takes_version(manifest):
            listing = contents_of(manifest, repo.store, unknown)
            found |= {Digest(entry.digest) for entry in listing or () if entry.kind == "file"}
    return found


def _of_runs(repo: Repo, expand: Expand) -> set[Digest]:
    """What records that are no versions name, and the listings of those that are."""
    found: set[Digest] = set()
    for one in all_mentions(repo.layout, None, expand):
        if one.source.version is None:
            found |= {Digest(text) for text in one.digests}
        else:
            found |= {Digest(text) for text in one.listings}
    return found


def _shared(repo: Repo, request: Request, expand: Expand) -> set[Digest]:
    """What the ledger of the git server names; without one, what our records name."""
    git_remote = records_remote(repo, request)
    if repo.git is None or git_remote is None:
        mentions = all_mentions(repo.layout, None, expand)
    else:
        sync = LedgerSync(repo.git, repo.layout, repo.ledger, prompt=request.prompt)
        if sync.fetch(git_remote) is None:
            return set()
        mentions = in_ledgers(repo.git, [remote_ledger(git_remote)], expand)
    return {Digest(text) for text in find_reachable(mentions, repo.store).digests}


def _on(repo: Repo, remote: Remote, digests: set[Digest]) -> set[Digest]:
    """Those of the objects that really lie on a remote."""
    contents = open_contents(repo.layout, remote)
    try:
        contents.refresh()
        there = RemoteIndex([contents.really_there()])
        return {digest for digest in digests if bytes.fromhex(digest) in there}
    finally:
        contents.bucket.close()
