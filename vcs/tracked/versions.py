"""From a pointer, or from what was put at a path last, to the version and its listing."""

from __future__ import annotations

from vcs.artifacts.manifest import Manifest
from vcs.elsewhere import BRING_RECORDS
from vcs.errors import FormatError, IntegrityError, NotFoundError, UsageError
from vcs.files.listing import Listing
from vcs.git import Git
from vcs.names import LATEST, ArtifactRef, parse_artifact_ref, parse_version
from vcs.repo import Repo
from vcs.tracked.memory import Base
from vcs.tracked.pointer import Pointer


def need_git(repo: Repo) -> Git:
    """Return the repository.

    Raises:
        UsageError: There is none; tracked paths live by their pointers being committed.
    """
    if repo.git is None:
        raise UsageError(
            "tracked paths need a git repository",
            hint="git init, or keep versions without one: tracker add PATH",
        )
    return repo.git


def version_of(repo: Repo, pointer: Pointer) -> Manifest:
    """Return the version that a pointer means: by its number, and where that has other contents, by digest.

    Raises:
        NotFoundError: The records here have no such version.
        FormatError: Its manifest is damaged.
    """
    return _find(repo, pointer.project, pointer.name, pointer.version, pointer.digest)


def listing_of(repo: Repo, pointer: Pointer) -> Listing:
    """Return what the path should hold; references, which are no files, are not in it.

    Raises:
        NotFoundError: The version, or its listing, is not here.
        FormatError, IntegrityError: It is damaged.
    """
    return _files(repo, version_of(repo, pointer))


def base_listing(repo: Repo, base: Base) -> Listing | None:
    """Return what was put at a path last; None if that version is not to be had any more."""
    ref = parse_artifact_ref(base.artifact)
    try:
        return _files(repo, _find(repo, ref.project, ref.name, ref.selector, base.digest))
    except (NotFoundError, FormatError, IntegrityError, UsageError):
        return None


def text_of(repo: Repo, pointer: Pointer) -> bytes:
    """Return the text of the listing that the path should have; its entries are hostile.

    Raises:
        NotFoundError, FormatError, IntegrityError: As for `listing_of`, but for its entries.
    """
    return repo.collections.listing_text(version_of(repo, pointer))


def base_text(repo: Repo, base: Base) -> bytes | None:
    """Return the text of what was put at a path last; see `base_listing` and `text_of`."""
    ref = parse_artifact_ref(base.artifact)
    try:
        return repo.collections.listing_text(_find(repo, ref.project, ref.name, ref.selector, base.digest))
    except (NotFoundError, FormatError, IntegrityError, UsageError):
        return None


def version_with(repo: Repo, pointer: Pointer, digest: str) -> Manifest | None:
    """Return a version of the pointer's collection that has a digest; None if none has."""
    try:
        return repo.resolve(
            ArtifactRef("", pointer.project, pointer.name, f"@{digest}"), project=pointer.project
        )
    except (NotFoundError, FormatError):
        return None


def newer_than(repo: Repo, pointer: Pointer, manifest: Manifest | None) -> str | None:
    """Return the version that `latest` names, if that came after the pointer's and differs from it."""
    latest = repo.collections.aliases(pointer.project, pointer.name).get(LATEST)
    number = parse_version(latest) if latest is not None else None
    if number is None or number <= (pointer.number if manifest is None else manifest.number):
        return None
    same = version_with(repo, pointer, pointer.digest)
    return None if same is not None and same.number == number else latest


def base_for(path: str, pointer: Pointer, *, placed: bool) -> Base:
    """Return what is to be remembered once a path holds its pointer's version."""
    return Base(
        path=path,
        artifact=pointer.qualified_name,
        digest=pointer.digest,
        single=pointer.single,
        placed=placed,
    )


def _find(repo: Repo, project: str, name: str, version: str, digest: str) -> Manifest:
    try:
        manifest = repo.resolve(ArtifactRef("", project, name, version), project=project)
    except NotFoundError:
        manifest = None
    if manifest is not None and manifest.digest == digest:
        return manifest
    try:
        return repo.resolve(ArtifactRef("", project, name, f"@{digest}"), project=project)
    except NotFoundError as error:
        here = "has other contents here" if manifest is not None else "is not among the records here"
        raise NotFoundError(
            f"{project}/{name}:{version} ({digest[:12]}) {here}", hint=BRING_RECORDS
        ) from error


def _files(repo: Repo, manifest: Manifest) -> Listing:
    listing = repo.collections.listing(manifest)
    if any(entry.kind == "ref" for entry in listing):
        return Listing(entry for entry in listing if entry.kind != "ref")
    return listing
