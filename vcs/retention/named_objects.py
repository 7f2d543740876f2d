"""The objects that records name: what has to be with a remote for its records to be complete.

A version names its files, and its listing where that is an object; a run names its
large files. Reads every manifest that is selected, and no content but long listings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vcs.artifacts.manifest import Manifest, decode_listing
from vcs.digest import Digest
from vcs.errors import FormatError, IntegrityError, NotFoundError
from vcs.records.large_files import named_files

if TYPE_CHECKING:
    from vcs.artifacts.collection_reader import CollectionReader
    from vcs.files.listing import Listing
    from vcs.layout import Layout
    from vcs.stores.base import Store


@dataclass(frozen=True)
class Selection:
    """Which records count; all of them by default. What fits any run or version named, counts,
    if it also fits project and time.

    Attributes:
        runs: Ids; their large files, and the versions that they logged.
        versions: By `project/name:vN`.
        project: Only of this one.
        since: Only what was made at this time or later, as records write it.
    """

    runs: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()
    project: str | None = None
    since: str | None = None

    def takes_version(self, manifest: Manifest) -> bool:
        """Whether a version counts."""
        if self.project is not None and manifest.project != self.project:
            return False
        if self.since is not None and manifest.created < self.since:
            return False
        if not self.runs and not self.versions:
            return True
        return manifest.origin.run in self.runs or manifest.qualified_name in self.versions

    def takes_run(self, project: str, run: str, created: str) -> bool:
        """Whether the large files of a run count."""
        if self.project is not None and project != self.project:
            return False
        if self.since is not None and created < self.since:
            return False
        return run in self.runs or not (self.runs or self.versions)


@dataclass
class NamedObjects:
    """What records name.

    Attributes:
        sizes: Each object with its size in bytes.
        names: A path or version for each, for messages.
        unknown: Versions whose contents cannot be told, because their listing is not here.
    """

    sizes: dict[Digest, int] = field(default_factory=dict)
    names: dict[Digest, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def named_objects(
    layout: Layout, collections: CollectionReader, store: Store, selection: Selection | None = None
) -> NamedObjects:
    """Return what the selected records name. A damaged manifest names nothing, and is unknown."""
    chosen = selection or Selection()
    found = NamedObjects()
    seen: set[Digest] = set()
    for manifest in selected_versions(collections, chosen, found):
        if manifest.digest in seen:
            continue
        seen.add(manifest.digest)
        listing = contents_of(manifest, store, found)
        for entry in listing or ():
            if entry.kind == "file":
                digest = Digest(entry.digest)
                found.sizes[digest] = entry.size
                found.names.setdefault(digest, f"{manifest.qualified_name}, {entry.path}")
    for file in named_files(layout):
        run = file.run.folder.name
        if chosen.takes_run(file.run.folder.parent.name, run, file.created):
            found.sizes[file.digest] = file.size
            found.names.setdefault(file.digest, f"run {run}, {file.path}")
    return found


def selected_versions(
    collections: CollectionReader, selection: Selection, found: NamedObjects
) -> Iterator[Manifest]:
    """Yield the versions that count; damaged ones are noted as unknown."""
    for project, name in collections.names(selection.project):
        versions = collections.versions(project, name)
        found.unknown += [str(one.path) for one in versions.damaged]
        yield from (manifest for manifest in versions if selection.takes_version(manifest))


def contents_of(manifest: Manifest, store: Store, found: NamedObjects) -> Listing | None:
    """Return the listing of a version; None, and a note, if it is not to be had.

    A listing that is an object of its own is noted as one.
    """
    try:
        if manifest.lines is not None:
            return decode_listing(manifest, manifest.lines)
        data = store.read_bytes(manifest.digest)
        listing = decode_listing(manifest, data)
    except (NotFoundError, FormatError, IntegrityError):
        found.unknown.append(manifest.qualified_name)
        return None
    found.sizes[manifest.digest] = len(data)
    found.names.setdefault(manifest.digest, f"the listing of {manifest.qualified_name}")
    return listing
