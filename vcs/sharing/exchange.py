"""Push, pull and fetch: contents by the remote for contents, records by the git server.

A push sends objects first and then, in one transaction of git, code commits and ledger;
so what the ledger of the git server names is with the remote. A pull goes the other way
round, and leaves contents to be fetched when they are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vcs.digest import Digest
from vcs.errors import GitError, IntegrityError, NotFoundError, UsageError
from vcs.progress import ticking
from vcs.records.large_files import bring_back, missing_files
from vcs.records.ledger_sync import LedgerSync, Synced, default_remote
from vcs.retention.named_objects import NamedObjects, Selection, named_objects, newly_named
from vcs.sharing.download import Fetched, fetch
from vcs.sharing.garbage import project_mark
from vcs.sharing.opened import Limits, choose_remote, need_remote, open_contents
from vcs.sharing.upload import Sent, send

if TYPE_CHECKING:
    from vcs.progress import Progress
    from vcs.remotes import Remote
    from vcs.repo import Repo
    from vcs.sharing.contents import RemoteContents

# What readers of a run want at once; its media can wait until somebody looks at them.
_WITH_THE_RECORDS = ("history/", "system/", "output.log")
_NAMED = 3


@dataclass(frozen=True)
class Request:
    """What to exchange, and how.

    Attributes:
        remote: A name or an address; None: the project's.
        git_remote: A git remote; None: that of the settings, else of the branch.
        selection: Whose contents; records always travel as a whole.
        prompt: Whether git may ask for a password.
    """

    remote: str | None = None
    git_remote: str | None = None
    selection: Selection = field(default_factory=Selection)
    limits: Limits = field(default_factory=Limits)
    prompt: bool = True


@dataclass(frozen=True)
class Pushed:
    """What a push came to; what was not part of it is None.

    Attributes:
        remote: The remote for contents.
        git_remote: The git remote for records.
        sent: What went to the one.
        synced: What became of the ledger.
        unknown: Versions whose listing is not here, so that nobody knew what to send.
        names: A name for each object that is missing.
        named: How many objects the selected records name that no push of this clone had seen to.
        versions_read: How many manifests were read to find that out.
    """

    remote: Remote | None
    git_remote: str | None
    sent: Sent | None
    synced: Synced | None
    unknown: Sequence[str] = ()
    names: dict[Digest, str] = field(default_factory=dict)
    named: int = 0
    versions_read: int = 0


@dataclass(frozen=True)
class Pulled:
    """What a pull came to; what was not part of it is None."""

    remote: Remote | None
    git_remote: str | None
    synced: Synced | None
    fetched: Fetched | None


def push(repo: Repo, request: Request, *, progress: Progress | None = None, check: bool = False) -> Pushed:
    """Send contents, then records. With `check` it looks at what really lies on the remote first.

    Raises:
        UsageError: There is neither a remote for contents nor one of git.
        IntegrityError: Objects here are damaged; what is whole was sent, and no records.
        StoreError, GitError, LockedError, ConflictError: It can be run again, and goes on.
    """
    remote = choose_remote(repo.settings, request.remote)
    git_remote = records_remote(repo, request)
    if remote is None and git_remote is None:
        raise UsageError(
            "there is nowhere to push to",
            hint=f"contents: tracker remote add lab s3://bucket/path; records: {how_to_share_records(repo)}",
        )
    if remote is None:
        with ticking(progress):
            return Pushed(None, git_remote, None, _sync(repo, request).push(git_remote or ""))
    total = Sent()
    named = NamedObjects()
    with (
        _opened(repo, remote, request.limits) as contents,
        contents.lease(project_mark(repo.git, repo.layout)) as lease,
    ):
        if check:
            contents.forget_what_is_gone()

        def send_contents(tip: str) -> None:
            nonlocal named
            named = _to_send(repo, request, None if check else contents.whole_ledger(), tip)
            sent = send(repo.here, contents, lease, named.sizes, pace=request.limits.pace, progress=progress)
            total.objects += sent.objects
            total.bytes += sent.bytes
            total.missing, total.damaged = sent.missing, sent.damaged
            if sent.damaged:
                raise _damaged(sent.damaged, named)
            lease.confirm()
            if request.selection == Selection() and not sent.missing and not named.unknown:
                contents.note_all_of(tip)

        synced = None
        if git_remote is None:
            send_contents("")
        else:
            with ticking(progress):
                synced = _sync(repo, request).push(git_remote, before_ledger=send_contents)
            if synced.commit is None:  # Without git history, there are no records either.
                send_contents("")
    names = {digest: named.names[digest] for digest in total.missing if digest in named.names}
    return Pushed(remote, git_remote, total, synced, named.unknown, names, len(named.sizes), named.versions)


def _to_send(repo: Repo, request: Request, whole: str | None, tip: str) -> NamedObjects:
    """What a push has to look for: what `tip` names; without what `whole` does, which is there."""
    if whole and tip and repo.git is not None:
        if whole == tip:
            return NamedObjects()
        # A commit that is not here any more is no reason to stop.
        with suppress(GitError):
            return newly_named(repo.git, repo.layout, repo.here, whole, tip, request.selection)
    return named_objects(repo.layout, repo.collections, repo.here, request.selection)


def lacking(repo: Repo, request: Request) -> tuple[Remote, NamedObjects, dict[Digest, int]]:
    """Return what a push would send, without sending anything.

    Raises:
        NotFoundError: There is no remote for contents.
        StoreError: It cannot be reached.
    """
    remote = need_remote(repo.settings, request.remote)
    named = named_objects(repo.layout, repo.collections, repo.here, request.selection)
    with _opened(repo, remote, request.limits) as contents:
        index = contents.refresh()
    absent = {digest: size for digest, size in named.sizes.items() if bytes.fromhex(digest) not in index}
    here = absent.keys() - repo.here.missing(absent)
    return remote, named, {digest: absent[digest] for digest in here}


def pull(repo: Repo, request: Request, *, contents: bool = False, progress: Progress | None = None) -> Pulled:
    """Bring records and merge them with ours; with `contents`, then fetch what is selected of them.

    Raises:
        UsageError: There is no git remote.
        StoreError, GitError, LockedError: It can be run again, and goes on.
        IntegrityError: What the remote has of some objects is damaged; the others came.
    """
    git_remote = records_remote(repo, request)
    if git_remote is None:
        raise UsageError("there is no git remote to pull records from", hint=how_to_share_records(repo))
    with ticking(progress):
        synced = _sync(repo, request).pull(git_remote)
    remote = choose_remote(repo.settings, request.remote)
    fetched = None
    if remote is not None:
        wanted = {
            file.digest for file in missing_files(repo.layout) if file.path.startswith(_WITH_THE_RECORDS)
        }
        if contents:
            fetched = fetch_contents(repo, request, progress=progress, also=wanted)
        elif repo.here.missing(wanted):
            repo.store.obtain(wanted, progress)
        bring_back(repo.layout, repo.here)
    return Pulled(remote, git_remote, synced, fetched)


def fetch_contents(
    repo: Repo, request: Request, *, progress: Progress | None = None, also: set[Digest] | None = None
) -> Fetched:
    """Fetch the contents that the selected records name, and long listings first, which name the others.

    Raises:
        NotFoundError: There is no remote for contents.
        IntegrityError: What the remote has of some objects is damaged; the others came.
        StoreError: It cannot be reached; what came is kept.
    """
    remote = need_remote(repo.settings, request.remote)
    with _opened(repo, remote, request.limits) as contents:
        total = Fetched()
        listings = _absent_listings(repo, request.selection)
        if listings:
            _add(total, fetch(repo.here, contents, listings, pace=request.limits.pace))
        named = named_objects(repo.layout, repo.collections, repo.here, request.selection)
        wanted = {*named.sizes, *(also or ())}
        _add(total, fetch(repo.here, contents, wanted, pace=request.limits.pace, progress=progress))
    bring_back(repo.layout, repo.here)
    if total.damaged:
        raise _damaged(total.damaged, named, remote=remote.title)
    return total


def records_remote(repo: Repo, request: Request) -> str | None:
    """Return the git remote for the records; None without git, or without a remote."""
    if repo.git is None:
        return None
    return request.git_remote or repo.settings.git_remote or default_remote(repo.git)


def how_to_share_records(repo: Repo) -> str:
    """Return what to type where there is no git remote."""
    return "git remote add origin URL" if repo.git is not None else "git init; git remote add origin URL"


def _absent_listings(repo: Repo, selection: Selection) -> set[Digest]:
    from vcs.retention.named_objects import selected_versions

    found = NamedObjects()
    versions = selected_versions(repo.collections, selection, found)
    return repo.here.missing(manifest.digest for manifest in versions if manifest.lines is None)


def _sync(repo: Repo, request: Request) -> LedgerSync:
    if repo.git is None:
        raise NotFoundError("there is no git repository here", hint="git init")
    return LedgerSync(repo.git, repo.layout, repo.ledger, prompt=request.prompt)


@contextmanager
def _opened(repo: Repo, remote: Remote, limits: Limits) -> Iterator[RemoteContents]:
    contents = open_contents(repo.layout, remote, limits=limits)
    try:
        yield contents
    finally:
        contents.bucket.close()


def _add(total: Fetched, more: Fetched) -> None:
    total.objects += more.objects
    total.bytes += more.bytes
    total.missing = [*total.missing, *more.missing]
    total.damaged = [*total.damaged, *more.damaged]


def _damaged(digests: Sequence[Digest], named: NamedObjects, remote: str | None = None) -> IntegrityError:
    where = f"on {remote}" if remote else "here"
    shown = "; ".join(named.names.get(digest, digest[:12]) for digest in digests[:_NAMED])
    more = f" and {len(digests) - _NAMED} more" if len(digests) > _NAMED else ""
    return IntegrityError(
        f"objects {where} are damaged: {shown}{more}",
        hint=f"mend it: tracker verify{f' --remote {remote}' if remote else ''} --repair",
    )
