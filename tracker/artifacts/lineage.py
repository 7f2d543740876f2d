"""Which runs made and used a version, by what their records say."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from tracker.artifacts.logged import Version
from tracker.errors import NotFoundError, UsageError
from tracker.storage.catalog import Catalog, RunEntry


def producer_of(version: Version) -> Any:
    """Return the run that the manifest names; None if it names none, or that run is gone."""
    manifest = version.source
    if manifest.origin.run is None:
        return None
    with suppress(NotFoundError, UsageError):
        entry = Catalog(version.home.repo.layout).find(manifest.origin.run, manifest.project)
        if entry.id == manifest.origin.run:
            return version.home.open_run(entry)
    return None


def consumers_of(version: Version) -> list[Any]:
    """Return the runs whose records name the version among what they used, oldest first."""
    manifest = version.source
    wanted = (f"{manifest.project}/{manifest.name}", manifest.digest)
    found: list[RunEntry] = [
        entry
        for entry in Catalog(version.home.repo.layout).runs()
        if any((used.artifact, used.digest) == wanted for used in entry.record.used)
    ]
    return [version.home.open_run(entry) for entry in sorted(found, key=lambda entry: entry.record.created)]
