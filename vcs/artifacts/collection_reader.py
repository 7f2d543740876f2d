"""Artifacts by name, read: which versions, aliases and edits there are.

Needs no lock: a version appears whole under its final name, and logs only grow. Every
question looks at the disk, so what other processes do is seen at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from vcs.artifacts.alias_log import AliasMove
from vcs.artifacts.collection_files import CollectionFiles, Damaged
from vcs.artifacts.edits import Details
from vcs.artifacts.lookup import look_up
from vcs.artifacts.manifest import Manifest, decode_listing
from vcs.atomic import disk_error
from vcs.clock import iso_now
from vcs.errors import FormatError, LockedError, NotFoundError, StoreError, UsageError
from vcs.files.listing import Listing
from vcs.layout import Layout
from vcs.lock import file_lock
from vcs.names import ArtifactRef, check_artifact_name, check_project, parse_artifact_ref
from vcs.stores.base import Store

LOCK_TIMEOUT_S = 30.0


class Versions(list[Manifest]):
    """The readable versions of a collection in order, and in `damaged` the others."""

    def __init__(self, manifests: Iterable[Manifest] = (), damaged: Sequence[Damaged] = ()) -> None:
        super().__init__(manifests)
        self.damaged = tuple(damaged)


class CollectionReader:
    """All artifacts of a layout, for reading; `Collections` changes them."""

    def __init__(
        self,
        layout: Layout,
        store: Store,
        *,
        now: Callable[[], str] = iso_now,
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        """Nothing is read or made here; `now` gives the time of each record."""
        self._layout = layout
        self._store = store
        self._now = now
        self._lock_timeout_s = lock_timeout_s
        self._known: dict[tuple[str, str], CollectionFiles] = {}

    # finding versions

    def resolve(self, ref: ArtifactRef | str, *, project: str, type: str | None = None) -> Manifest:
        """Return the version that `ref` names; `project` is that of the caller.

        Raises:
            NotFoundError: It does not exist; the message says what does.
            UsageError: Not a reference, an ambiguous digest, or not of the type.
            FormatError: The manifest is damaged.
        """
        wanted = parse_artifact_ref(ref) if isinstance(ref, str) else ref
        files = self._files(wanted.project or project, wanted.name)
        manifest = look_up(files, wanted, self.names)
        if type is not None and manifest.type != type:
            raise UsageError(
                f"{manifest.qualified_name} is of type {manifest.type!r}, not {type!r}",
                hint=f"ask for type={manifest.type!r}, or leave the type out",
            )
        return manifest

    def listing(self, manifest: Manifest) -> Listing:
        """Return what the version contains.

        Raises:
            FormatError: The entries are damaged or hostile; the path is named.
            NotFoundError: A long listing is an object that is not in this store.
            IntegrityError: That object is damaged.
        """
        return decode_listing(manifest, self.listing_text(manifest))

    def listing_text(self, manifest: Manifest) -> bytes:
        """Return the text of what the version contains: its digest is right, its entries are hostile.

        Raises:
            NotFoundError, IntegrityError: As for `listing`.
        """
        if manifest.lines is not None:
            return manifest.lines
        try:
            return self._store.read_bytes(manifest.digest)
        except NotFoundError as error:
            raise NotFoundError(
                f"the listing of {manifest.qualified_name} is not in the local store", hint=error.hint
            ) from error

    def versions(self, project: str, name: str) -> Versions:
        """Return every readable version, in order; unreadable ones are in `.damaged`.

        An unknown collection has none. The cost is one small file for each.
        """
        files = self._files(project, name)
        found: list[Manifest] = []
        damaged: list[Damaged] = []
        for number in files.numbers():
            try:
                found.append(files.manifest(number))
            except NotFoundError:
                continue  # deleted meanwhile
            except (FormatError, StoreError) as error:
                damaged.append(Damaged(files.path(number), error.message))
        return Versions(found, damaged)

    def names(self, project: str | None = None) -> list[tuple[str, str]]:
        """Return (project, name) of the collections that have a version, sorted."""
        projects = [project] if project is not None else _folders(self._layout.artifacts)
        pairs = [(each, name) for each in projects for name in _folders(self._layout.artifacts / each)]
        return [pair for pair in pairs if _is_name(pair) and self._files(*pair).numbers()]

    def type_of(self, project: str, name: str) -> str | None:
        """Return the type that a collection has for life; None if it never had a version."""
        return self._files(project, name).type()

    def problems(self, project: str, name: str) -> list[Damaged]:
        """Read all files of a collection and return what is damaged in them."""
        return self._files(project, name).problems()

    def renumbered(self, manifest: Manifest) -> Manifest:
        """Return a version that was read before as it is numbered now; itself if nothing is known of it.

        Records that came from another clone since may have given its number to another version.
        """
        try:
            now = self._files(manifest.project, manifest.name).manifest(manifest.number)
            if now.digest == manifest.digest:
                return now
        except (FormatError, NotFoundError):
            pass
        try:
            return self.resolve(
                ArtifactRef("", manifest.project, manifest.name, f"@{manifest.digest}"),
                project=manifest.project,
            )
        except (FormatError, NotFoundError):
            return manifest

    def source_of(self, manifest: Manifest) -> Manifest:
        """Return the version that a link points to; the version itself if it is no link.

        A link whose source was deleted, is damaged or has other contents stands for itself.
        """
        if manifest.source is None:
            return manifest
        try:
            source = self.resolve(manifest.source, project=manifest.project)
        except (NotFoundError, FormatError):
            return manifest
        return source if source.digest == manifest.digest else manifest

    # aliases and details

    def aliases(self, project: str, name: str) -> dict[str, str]:
        """Return alias to version (`v2`)."""
        return self._files(project, name).aliases()

    def aliases_of(self, manifest: Manifest) -> list[str]:
        """Return the aliases that name this version, in the order in which they were set."""
        current = self.aliases(manifest.project, manifest.name)
        return [alias for alias, version in current.items() if version == manifest.version]

    def alias_log(self, project: str, name: str) -> list[AliasMove]:
        """Return every move, oldest first."""
        return list(self._files(project, name).aliases_log().moves)

    def effective(self, manifest: Manifest) -> Details:
        """Return description, metadata, tags and lifetime after all edits; a link's are its source's."""
        source = self.source_of(manifest)
        return self._files(source.project, source.name).details(source)

    def collection_details(self, project: str, name: str) -> Details:
        """Return description and tags of the collection itself."""
        return self._files(project, name).edits().apply(None, Details())

    # for the ledger

    def folder(self, project: str, name: str) -> Path:
        """Where the files of a collection lie."""
        return self._files(project, name).folder

    def paths_of(self, manifest: Manifest) -> list[Path]:
        """Return the files that logging, moving an alias, editing or deleting may have touched.

        A link's edits are its source's. Files that do not exist (a deleted manifest among
        them) are in the list too.
        """
        files = self._files(manifest.project, manifest.name)
        paths = [files.path(manifest.number), files.aliases_path, files.edits_path]
        if manifest.source is not None:
            source = parse_artifact_ref(manifest.source)
            paths.append(self._layout.edits(source.project or manifest.project, source.name))
        return paths

    def manifest_paths(self, project: str, name: str) -> tuple[set[Path], set[Path]]:
        """Return where the manifests of a collection lie, and where those of deleted versions lay."""
        files = self._files(project, name)
        return set(map(files.path, files.numbers())), set(map(files.path, files.edits().deleted))

    # helpers

    def _files(self, project: str, name: str) -> CollectionFiles:
        key = (check_project(project), check_artifact_name(name))
        return self._known.setdefault(key, CollectionFiles(self._layout, *key))

    @contextmanager
    def _turn(self, files: CollectionFiles) -> Iterator[None]:
        """Wait for the collection's lock; go on without if it cannot be had."""
        lock = file_lock(
            self._layout.collection_lock(files.project, files.name),
            timeout_s=self._lock_timeout_s,
            what=f"the artifact {files.project}/{files.name}",
        )
        with ExitStack() as stack:
            with suppress(LockedError, StoreError):
                stack.enter_context(lock)
            yield


def _folders(path: Path) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise disk_error(error, f"cannot read {path}") from error


def _is_name(pair: tuple[str, str]) -> bool:
    """Whether a folder can be a collection; others were put there by hand."""
    try:
        check_project(pair[0])
        check_artifact_name(pair[1])
    except UsageError:
        return False
    return True
