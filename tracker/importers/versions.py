"""What a found run logged becomes versions; contents are linked into the store where that is possible."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from tracker.artifacts.attributes import check_metadata
from tracker.artifacts.references import entries_for
from tracker.importers.found import FoundArtifact
from vcs.artifacts.manifest import Manifest, Origin
from vcs.errors import NotFoundError
from vcs.files.listing import Entry, Listing
from vcs.paths import to_entry_path
from vcs.repo import Repo

_MANY = 1 << 20


def log_found(
    repo: Repo, project: str, artifact: FoundArtifact, *, run: str | None, known: Collection[str] = ()
) -> Manifest | None:
    """Store the contents and make the version; None if its digest is among the known ones.

    Raises:
        NotFoundError: A file is not where the source says; nothing was logged.
        UsageError: A name, alias or path that cannot be.
        StoreError: The disk refused.
    """
    listing = _listing(repo, artifact)
    if listing.digest in known:
        return None
    logged = repo.log_artifact(
        project,
        artifact.name,
        artifact.type,
        listing,
        origin=Origin(run=run, step=artifact.step),
        description=artifact.description,
        metadata=check_metadata(artifact.metadata),
        aliases=list(artifact.aliases),
    )
    return logged.manifest


def log_version(
    repo: Repo, project: str, artifact: FoundArtifact, *, commit: str | None
) -> tuple[Manifest, bool]:
    """Make a version that belongs to no run; return it, and whether it is new.

    A version with these contents is left as it is, and its aliases where they are: so a
    second import moves nothing back.

    Raises: as `log_found` does.
    """
    listing = _listing(repo, artifact)
    with suppress(NotFoundError):
        return repo.resolve(f"{artifact.name}@{listing.digest}", project=project), False
    logged = repo.log_artifact(
        project,
        artifact.name,
        artifact.type,
        listing,
        origin=Origin(commit=commit),
        metadata=check_metadata(artifact.metadata),
        aliases=list(artifact.aliases),
    )
    return logged.manifest, logged.new


def _listing(repo: Repo, artifact: FoundArtifact) -> Listing:
    if artifact.folder is not None:
        return repo.add_tree(artifact.folder)
    entries: list[Entry] = []
    with repo.store.batch() as batch:
        for name, path in artifact.files:
            digest, size = batch.adopt_file(path)
            entries.append(Entry(to_entry_path(name), digest, size))
    for name, address in artifact.references:
        entries += entries_for(repo, address, name, checksum=False, max_objects=_MANY)
    return Listing.checked(entries)
