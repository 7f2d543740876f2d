"""Writing changes of a version into the records, and into the ledger."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from tracker.artifacts.attributes import Editable, check_metadata, words
from tracker.artifacts.logged import Version
from tracker.live.term import warn
from vcs.names import check_alias, check_tag


def read_editable(version: Version) -> Editable:
    """Return what may change about a version as it is recorded now."""
    collections = version.home.repo.collections
    manifest = collections.renumbered(version.manifest)
    return Editable.of(collections.effective(manifest), collections.aliases_of(manifest))


def save_changes(version: Version, before: Editable, after: Editable) -> Editable:
    """Write what differs between two states and return the new one.

    Only that: what others changed meanwhile stays, and an alias that moved on to
    another version is not taken from it.

    Raises:
        UsageError: A value that cannot be. Nothing was written.
        StoreError, LockedError: The disk, or another process, refused.
    """
    aliases = words(after.aliases, check_alias, "aliases")
    after.tags = words(after.tags, check_tag, "tags")
    after.metadata = check_metadata(after.metadata)
    changed: dict[str, Any] = {}
    for field in fields(Editable):
        value = getattr(after, field.name)
        if field.name != "aliases" and value != getattr(before, field.name):
            changed[field.name] = "" if field.name == "description" and value is None else value
    repo = version.home.repo
    manifest = repo.collections.renumbered(version.manifest)
    place = (manifest.project, manifest.name)
    current = repo.collections.aliases(*place)
    added = [alias for alias in aliases if alias not in before.aliases]
    removed = [alias for alias in before.aliases if alias not in aliases]
    done = [
        *([repo.edit_artifact(manifest, **changed)] if changed else []),
        *(repo.move_alias(*place, alias, manifest.version) for alias in added),
        *(repo.remove_alias(*place, alias) for alias in removed if current.get(alias) == manifest.version),
    ]
    for change in done:
        for warning in change.warnings:
            warn(warning)
    return read_editable(version)


def delete_version(version: Version, *, delete_aliases: bool) -> None:
    """Delete a version from the records; see `Artifact.delete`."""
    repo = version.home.repo
    manifest = repo.collections.renumbered(version.manifest)
    for warning in repo.delete_artifact(manifest, delete_aliases=delete_aliases).warnings:
        warn(warning)
