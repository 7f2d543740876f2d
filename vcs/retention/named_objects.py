"""The objects that records name: what has to be with a remote for its records to be complete.

A version names its files, and its listing where that is an object; a run names its
large files. Reads every manifest, or those that are new since a commit of the ledger, and
no content but long listings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vcs.artifacts.manifest import Manifest, decode_listing, parse
from vcs.digest import Digest
from vcs.errors import FormatError, GitError, IntegrityError, NotFoundError
from vcs.ledger_paths import to_record
from vcs.names import parse_version
from vcs.records.large_files import LargeFile, files_named_in, named_files
from vcs.records.ledger_tree import changes_between, read_objects
from vcs.records.merge_runs import RECORD

if TYPE_CHECKING:
    from vcs.artifacts.collection_reader import CollectionReader
    from vcs.files.listing import Listing
    from vcs.git import Git
    from vcs.layout import Layout
    from vcs.stores.base import Store

_BATCH = 256


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
        versions: How many manifests were read.
    """

    sizes: dict[Digest, int] = field(default_factory=dict)
    names: dict[Digest, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    versions: int = 0


def named_objects(
    layout: Layout, collections: CollectionReader, store: Store, selection: Selection | None = None
) -> NamedObjects:
    """Return what the selected records name. A damaged manifest names nothing, and is unknown."""
    chosen = selection or Selection()
    found = NamedObjects()
    seen: set[Digest] = set()
    for manifest in selected_versions(collections, chosen, found):
        if manifest.digest not in seen:
            seen.add(manifest.digest)
            _note_version(manifest, store, found)
    for file in named_files(layout):
        _note_file(file, chosen, found)
    return found


def newly_named(
    git: Git, layout: Layout, store: Store, old: str, new: str, selection: Selection | None = None
) -> NamedObjects:
    """Return what records name that one commit of the ledger has and another has not.

    Reads these records only, as git has them. What else the newer one names, the older one does.

    Raises:
        GitError: One of the commits is not here, or damaged.
    """
    chosen = selection or Selection()
    found = NamedObjects()
    records = [
        (Path(relative), after[1])
        for path, (_, after) in changes_between(git, old, new).items()
        if after is not None and (relative := to_record(path)) is not None and _names_objects(relative)
    ]
    for start in range(0, len(records), _BATCH):
        batch = records[start : start + _BATCH]
        for (path, _), data in zip(batch, read_objects(git, [i for _, i in batch]), strict=True):
            if data is None:
                raise GitError(f"{path} is damaged in the ledger", hint="mend it first: tracker doctor")
            if path.name == RECORD:
                run = layout.run(path.parts[1], path.parts[2])
                for file in files_named_in(run, data):
                    _note_file(file, chosen, found)
                continue
            manifest = _read_version(path, data, found)
            if manifest is not None and chosen.takes_version(manifest):
                _note_version(manifest, store, found)
    return found


def _names_objects(relative: str) -> bool:
    """Whether it is the path of a manifest or of the record of a run."""
    top, *folders, name = relative.split("/")
    if len(folders) != 2:
        return False
    return name == RECORD if top == "runs" else top == "artifacts" and parse_version(name[:-5]) is not None


def _read_version(path: Path, data: bytes, found: NamedObjects) -> Manifest | None:
    """Read a manifest at its path among the records; None, and a note, if it is damaged."""
    found.versions += 1
    try:
        manifest = parse(data.decode(), path=path)
        if Path("artifacts", manifest.project, manifest.name, f"{manifest.version}.yaml") == path:
            return manifest
    except (FormatError, UnicodeDecodeError):
        pass
    found.unknown.append(str(path))
    return None


def _note_version(manifest: Manifest, store: Store, found: NamedObjects) -> None:
    for entry in contents_of(manifest, store, found) or ():
        if entry.kind == "file":
            digest = Digest(entry.digest)
            found.sizes[digest] = entry.size
            found.names.setdefault(digest, f"{manifest.qualified_name}, {entry.path}")


def _note_file(file: LargeFile, selection: Selection, found: NamedObjects) -> None:
    run = file.run.folder.name
    if selection.takes_run(file.run.folder.parent.name, run, file.created):
        found.sizes[file.digest] = file.size
        found.names.setdefault(file.digest, f"run {run}, {file.path}")


def selected_versions(
    collections: CollectionReader, selection: Selection, found: NamedObjects
) -> Iterator[Manifest]:
    """Yield the versions that count; damaged ones are noted as unknown."""
    for project, name in collections.names(selection.project):
        versions = collections.versions(project, name)
        found.unknown += [str(one.path) for one in versions.damaged]
        found.versions += len(versions)
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
