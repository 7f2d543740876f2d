"""A versioned set of files: `tracker.Artifact`.

An artifact begins as a draft, to which files are added. Logging it makes it a version,
`name:v0`, `name:v1`, …, whose contents never change. Everything works without a
network, and without a run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Literal

from tracker.artifacts.attributes import (
    ArtifactAttributes,
    ArtifactTTL,
    Editable,
    check_metadata,
    check_not_reserved,
    words,
)
from tracker.artifacts.draft import Draft
from tracker.artifacts.editing import delete_version, read_editable, save_changes
from tracker.artifacts.entry import ArtifactFiles, ArtifactManifest, ArtifactManifestEntry, EntryNotFoundError
from tracker.artifacts.home import Home, find_home
from tracker.artifacts.lineage import consumers_of, producer_of
from tracker.artifacts.logged import Patterns, Version
from tracker.artifacts.objects import add_object, find_record, revive
from tracker.errors import ArtifactFinalizedError, UsageError
from tracker.live.term import say, warn
from tracker.settings import artifact_folder
from vcs.collection import Logged
from vcs.digest import Digest
from vcs.listing import Entry
from vcs.manifest import Manifest, Origin
from vcs.names import check_alias, check_artifact_name, check_tag, check_type, near, parse_artifact_ref
from vcs.paths import to_entry_path

__all__ = ["Artifact", "ArtifactTTL", "logged_artifact"]

Path_ = str | os.PathLike[str]


class Artifact(ArtifactAttributes):
    """A draft of a version, or a version.

    `run.log_artifact(artifact)` turns the one into the other; so does `save()`, also
    without a run. Contents are stored when they are added.
    """

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
        storage_region: str | None = None,
        digest_algorithm: str | None = None,
    ) -> None:
        """Begin a draft.

        Args:
            name: Of the collection: letters, digits, dashes, underscores and dots.
            type: Of all its versions, such as `model` or `dataset`.
            description: In your words.
            metadata: What else belongs to it; at most 100 keys.
            incremental, storage_region, digest_algorithm: Taken for wandb's sake; no effect.
            use_as: A name for its role in a run.

        Raises:
            UsageError: A name or type that cannot be.
        """
        check_not_reserved(check_artifact_name(name), check_type(type))
        self._begin(name, type)
        self._draft = Draft(name, find_home)
        self._values = Editable(description, check_metadata(metadata))
        self._use_as = use_as

    @classmethod
    def of_reserved(cls, name: str, type: str) -> Artifact:
        """Begin a draft with a name or type that scripts cannot have; for what we log ourselves."""
        artifact = cls.__new__(cls)
        artifact._begin(check_artifact_name(name), check_type(type))
        artifact._draft = Draft(name, find_home)
        return artifact

    def _begin(self, name: str, type_name: str) -> None:
        self._name = name
        self._type = type_name
        self._draft: Draft | None = None
        self._version: Version | None = None
        self._values = Editable()
        self._recorded = Editable()
        self._deleted = False
        self._parent: str | None = None
        self._use_as: str | None = None
        self.on_download: Callable[[str | None], None] | None = None
        self._finalized = False

    # adding

    def add_file(
        self,
        local_path: Path_,
        name: str | None = None,
        is_tmp: bool | None = False,
        skip_cache: bool | None = False,
        policy: Literal["mutable", "immutable"] | None = "mutable",
        overwrite: bool = False,
    ) -> ArtifactManifestEntry:
        """Store a file and return its entry; later changes of the file do not matter.

        A symbolic link is followed. The name defaults to that of the file. The same
        name with the same content is fine. The other arguments have no effect.

        Raises:
            NotFoundError, UsageError: No such file, not a regular file, a name that
                cannot be, or a name that is taken by other content (without `overwrite`).
            ConflictError: It changed while it was read, twice.
            ArtifactFinalizedError: The artifact is final.
        """
        _check_policy(policy)
        draft = self._drafted()
        entry = draft.add_file(local_path, name, overwrite=overwrite)
        return self._entry(entry)

    def add_dir(
        self,
        local_path: Path_,
        name: str | None = None,
        skip_cache: bool | None = False,
        policy: Literal["mutable", "immutable"] | None = "mutable",
        merge: bool = False,
    ) -> None:
        """Store what is in a folder, below `name` or at the top.

        Executable bits, symbolic links and empty folders are kept. `.trackerignore` (the
        rules of gitignore, in the folder, below it, or above it in the working tree)
        says what stays out. A file that did not change since it was last added is not
        read again. All or nothing is added.

        Raises:
            NotFoundError, UsageError: No such folder; a link that leaves it; a socket, pipe
                or device in it; a path that is taken by other content (without `merge`).
            ConflictError: A file changed while it was read, twice.
            ArtifactFinalizedError: The artifact is final.
        """
        _check_policy(policy)
        self._drafted().add_dir(local_path, name, merge=merge)

    def add_reference(
        self,
        uri: Path_ | ArtifactManifestEntry,
        name: str | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
    ) -> Sequence[ArtifactManifestEntry]:
        """Record where something lies instead of storing it.

        A `file://` URI or a local path is hashed, a folder file by file, so that a
        changed source is noticed; any other URI is recorded as it is, and nothing is
        fetched. With `checksum=False` a local one is not read either. An entry of
        another artifact shares its content.

        Raises:
            NotFoundError: A local path that does not exist.
            UsageError: An unknown scheme without `name`, credentials in the URI, more
                than `max_objects` files, or a name that is taken.
            ArtifactFinalizedError: The artifact is final.
        """
        draft = self._drafted()
        if isinstance(uri, ArtifactManifestEntry):
            return [self._entry(self._add_foreign(draft, uri, name))]
        limit = 10_000_000 if max_objects is None else max_objects
        entries = draft.add_reference(uri, name, checksum=checksum, max_objects=limit)
        return [self._entry(entry) for entry in entries]

    def add(self, obj: Any, name: str, overwrite: bool = False) -> ArtifactManifestEntry:
        """Store a table, an image or other media under a name; `get(name)` returns it.

        Raises:
            UsageError: Not such an object, or a name that is taken by another one.
            ArtifactFinalizedError: The artifact is final.
        """
        return self._entry(add_object(self._drafted(), obj, to_entry_path(name), overwrite=overwrite))

    @contextmanager
    def new_file(
        self,
        name: str,
        mode: str = "x",
        encoding: str | None = None,
        policy: Literal["mutable", "immutable"] | None = "mutable",
    ) -> Iterator[IO[Any]]:
        """Open a file to write to; it is added at the end of the block.

        If the block raises, nothing is added. Mode `x` wants a new name, `w` replaces;
        `b` is for bytes.

        Raises:
            UsageError: The name is taken (mode `x`), or a mode that cannot be.
            ArtifactFinalizedError: The artifact is final.
        """
        _check_policy(policy)
        with self._drafted().new_file(name, mode, encoding) as stream:
            yield stream

    def remove(self, item: Path_ | ArtifactManifestEntry) -> None:
        """Take out a file, or everything in a folder.

        Raises:
            EntryNotFoundError: There is no such path.
            ArtifactFinalizedError: The artifact is final.
        """
        path = item.path if isinstance(item, ArtifactManifestEntry) else os.fspath(item)
        self._drafted().remove(path)

    def finalize(self) -> None:
        """Let nothing be added or removed any more; logging does this."""
        self._finalized = True
        if self._draft is not None:
            self._draft.frozen = True

    # reading

    @property
    def manifest(self) -> ArtifactManifest:
        """The entries by path."""
        entries = {entry.path: self._entry(entry) for entry in self._contents() if entry.kind != "dir"}
        return ArtifactManifest(entries, lambda: self.digest)

    def get_entry(self, name: Path_) -> ArtifactManifestEntry:
        """Return the entry at a path; also of a draft.

        Raises:
            EntryNotFoundError: There is none; a KeyError too.
        """
        path = os.fspath(name)
        found = self._find(path)
        if found is None:
            paths = [entry.path for entry in self._contents()]
            raise EntryNotFoundError(f"{self.name} has no file {path!r}", hint=near(path, paths))
        return self._entry(found)

    get_path = get_entry

    def get(self, name: str) -> Any:
        """Return the object that was added under the name; None if there is none.

        Raises:
            UsageError: An object of a kind that cannot be made again.
            FormatError, IntegrityError: It is damaged.
        """
        path = find_record(to_entry_path(name), [entry.path for entry in self._contents()])
        if path is None:
            return None
        digest = Digest(self.get_entry(path).digest)
        data = self._place().repo.store.read_bytes(digest)
        return revive(data, path, lambda part: Path(self.get_entry(part).download()))

    def files(self, names: Sequence[str] | None = None, per_page: int = 50) -> ArtifactFiles:
        """Return the files of a version: all of them, or those of these names."""
        self._logged("files")
        chosen = None if names is None else set(names)
        return ArtifactFiles(
            [
                self._entry(entry)
                for entry in self._contents()
                if entry.kind != "dir" and (chosen is None or entry.path in chosen)
            ]
        )

    def file(self, root: str | None = None) -> str:
        """Download the one file of a version and return where it lies.

        Raises:
            UsageError: It has several, or none.
        """
        files = self.files()
        if len(files) != 1:
            raise UsageError(
                f"{self.name} has {len(files)} files, not one", hint="get_entry(name).download()"
            )
        return self.get_entry(files[0].name).download(root)

    def download(
        self,
        root: Path_ | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,
        path_prefix: Path_ | None = None,
        multipart: bool | None = None,
        *,
        include: Patterns = None,
        exclude: Patterns = None,
    ) -> str:
        """Put the contents below `root` and return it.

        Files that are there and right are left alone, changed ones are replaced, each
        by a rename when it is whole; the digest of every byte that is written is
        verified. Other files stay. A run that uses the artifact records the folder.
        References to this machine are copied; others are named in a warning.

        Args:
            root: Defaults to `./artifacts/name:v3`, or below TRACKER_ARTIFACT_DIR.
            allow_missing_references: Warn about references whose file is gone.
            path_prefix: Only paths that begin with this text.
            include, exclude: Only paths that fit, or do not fit, these patterns; the
                rules are those of gitignore.

        Raises:
            ArtifactNotLoggedError: It is a draft.
            NotFoundError: An object is not in the store, or the file of a reference is gone.
            IntegrityError: An object is damaged; nothing wrong is left below `root`.
            ConflictError: The file of a reference has changed.
            StoreError: The disk is full or cannot be written; calling again goes on.
        """
        version = self._logged("contents to download")
        folder = self._root(root)
        version.download(
            folder,
            prefix=None if path_prefix is None else os.fspath(path_prefix),
            include=include,
            exclude=exclude,
            allow_missing_references=allow_missing_references,
        )
        return self._downloaded(root, folder)

    def checkout(self, root: Path_ | None = None) -> str:
        """Make `root` (`./artifacts/name` if not given) hold the contents and nothing else.

        Every other file below it is removed. Otherwise as `download`.
        """
        version = self._logged("contents to check out")
        if root is None:
            root = os.path.join(artifact_folder(), version.source.name)
        version.checkout(Path(root))
        return self._downloaded(root, Path(root))

    def verify(self, root: Path_ | None = None) -> None:
        """Check that `root` holds exactly the contents; reads every byte.

        Raises:
            VerificationError: A file is missing, changed, or not of the version; a
                ValueError too. Names the files.
        """
        self._logged("contents to verify").verify(self._root(root))

    # the life of a version

    def wait(self, timeout: int | None = None) -> Artifact:
        """Return the artifact, which is logged already when `log_artifact` returns.

        Raises:
            ArtifactNotLoggedError: It is a draft that nobody logged.
        """
        self._logged("version to wait for")
        return self

    def save(self, project: str | None = None, settings: Any = None) -> None:
        """Log a draft, or write changed aliases, description, metadata, tags and lifetime.

        A draft goes through the live run, if there is one, and else belongs to no run.

        Raises:
            UsageError: A value that cannot be. Nothing was written.
            StoreError: The disk refused.
        """
        if self._version is not None:
            self._recorded = save_changes(self._version, self._recorded, self._values)
            self._values = read_editable(self._version)
            return
        home = find_home()
        if home.log_draft is not None and project in (None, home.project):
            home.log_draft(self)
            return
        target = home if project is None else home.in_project(project)
        git = target.repo.git
        origin = Origin(commit=git.head(), branch=git.branch()) if git is not None else Origin()
        self.commit(target, origin=origin)

    def commit(
        self, home: Home, *, origin: Origin, aliases: Sequence[str] = (), tags: Sequence[str] = ()
    ) -> Logged:
        """Make the draft a version of the home's project; the run's `log_artifact` calls this.

        Equal contents in the collection are that version; aliases and `latest` move to
        it in either case.

        Raises:
            UsageError: A name, alias or tag that cannot be, another type than the collection's.
            FormatError: Two paths that would be one on some file systems.
            StoreError: The disk refused. The draft stays a draft.
        """
        draft = self._drafted(frozen=True)
        draft.frozen = True
        try:
            draft.move_home(home)
            logged = home.repo.log_artifact(
                home.project,
                self._name,
                self._type,
                draft.listing(),
                origin=origin,
                description=self._values.description,
                metadata=check_metadata(self._values.metadata),
                aliases=list(aliases),
                parent=self._parent,
                tags=words(tags, check_tag, "tags"),
            )
        except BaseException:
            draft.frozen = self._finalized
            raise
        ttl_s = self._values.ttl_s
        self._become(Version(logged.manifest, home))
        self._tell(logged)
        if ttl_s is not None and ttl_s != self._values.ttl_s:
            self._values.ttl_s = ttl_s
            self.save()
        return logged

    def new_draft(self) -> Artifact:
        """Return a draft with the contents, description and metadata of this version.

        Nothing is read or copied. Logged under the same name it is the next version.

        Raises:
            ArtifactNotLoggedError: It is a draft.
        """
        version = self._logged("version to draft from")
        draft = Artifact.__new__(Artifact)
        draft._begin(version.source.name, self._type)
        draft._draft = Draft(version.source.name, lambda: version.home, self._contents())
        draft._values = Editable(self._values.description, dict(self._values.metadata))
        draft._parent = version.source.version
        return draft

    def delete(self, delete_aliases: bool = False) -> None:
        """Delete the version; of a link, the link alone. The number is never used again.

        Raises:
            UsageError: Aliases name it, and `delete_aliases` is false.
            NotFoundError: It is gone already.
        """
        delete_version(self._logged("version to delete"), delete_aliases=delete_aliases)
        self._deleted = True
        self._values.aliases = []

    def link(self, target_path: str, aliases: Sequence[str] | None = None) -> Artifact:
        """Make this version a version of another collection, `[[entity/]project/]name`, too.

        Nothing is copied. A draft is logged first. Linking a link links its source.

        Raises:
            UsageError: The target is its own collection, or of another type.
        """
        if self._version is None:
            self.save()
        version = self._logged("version to link")
        target = parse_artifact_ref(target_path)
        logged = version.home.repo.link_artifact(
            version.manifest,
            target.project or version.home.project,
            target.name,
            words(aliases, check_alias, "aliases"),
        )
        for warning in logged.warnings:
            warn(warning)
        return logged_artifact(logged.manifest, version.home)

    def unlink(self) -> None:
        """Delete this link; the version that it points to stays.

        Raises:
            UsageError: It is no link.
        """
        if not self.is_link:
            raise UsageError(f"{self.name} is not a link", hint="delete() deletes a version")
        self.delete(delete_aliases=True)

    # lineage

    def logged_by(self) -> Any:
        """Return the run that logged it first; None if no run did."""
        return producer_of(self._logged("producer"))

    def used_by(self) -> list[Any]:
        """Return the runs that used it, oldest first; reads the record of every run."""
        return consumers_of(self._logged("consumers"))

    # for those who make artifacts

    def add_names(self, aliases: Sequence[str], tags: Sequence[str] = ()) -> None:
        """Let aliases name this version and add tags, at once; unsaved changes stay unsaved.

        Raises:
            UsageError: An alias or tag that cannot be. Nothing was written.
        """
        version = self._logged("version to name")
        before = read_editable(version)
        after = replace(before, aliases=[*before.aliases, *aliases], tags=[*before.tags, *tags])
        saved = save_changes(version, before, after)
        for values in (self._values, self._recorded):
            values.aliases = list(dict.fromkeys([*values.aliases, *aliases]))
            values.tags = list(dict.fromkeys([*values.tags, *saved.tags]))

    def draft_in(self, home: Home) -> Draft:
        """Return the draft, which lives in `home` from now on.

        Raises:
            ArtifactFinalizedError: The artifact is final.
        """
        draft = self._drafted()
        draft.move_home(home)
        return draft

    def _become(self, version: Version) -> None:
        self._version = version
        self._draft = None
        self._values = read_editable(version)
        self._recorded = read_editable(version)

    def _tell(self, logged: Logged) -> None:
        for warning in logged.warnings:
            warn(warning)
        if logged.new:
            return
        back = [move for move in logged.moved if move.previous is not None]
        moves = "".join(f"; {move.alias} moves to it from {move.previous}" for move in back)
        say(f"{self.name} has the same content, so no new version is made{moves}")
        if logged.changed:
            warn(f"{' and '.join(logged.changed)} of {self.name} replaced by what was logged now")

    def _drafted(self, *, frozen: bool = False) -> Draft:
        """Return the draft, or refuse to change a version."""
        if self._draft is None:
            raise ArtifactFinalizedError(
                f"{self.name} is logged, so its contents are final",
                hint="draft = artifact.new_draft() begins the next version",
            )
        if not frozen:
            self._draft.check_open()
        return self._draft

    def _place(self) -> Home:
        if self._version is not None:
            return self._version.home
        assert self._draft is not None
        return self._draft.home

    def _entry(self, entry: Entry) -> ArtifactManifestEntry:
        local = self._draft.local_paths.get(entry.path) if self._draft is not None else None
        return ArtifactManifestEntry(self, entry, local_path=local)

    def _find(self, path: str) -> Entry | None:
        if self._draft is not None:
            return self._draft.entries.get(path)
        return self._contents().by_path.get(path)

    def _add_foreign(self, draft: Draft, other: ArtifactManifestEntry, name: str | None) -> Entry:
        source = other.entry
        entry = Entry(
            to_entry_path(name) if name else source.path,
            source.digest,
            source.size,
            kind=source.kind,
            executable=source.executable,
            target=source.target,
        )
        return draft.add_entry(entry, other.parent_artifact()._place())

    def _root(self, root: Path_ | None) -> Path:
        if root is not None:
            return Path(root)
        return Path(artifact_folder()) / self.source_name

    def _downloaded(self, asked: Path_ | None, folder: Path) -> str:
        text = os.fspath(asked) if asked is not None else os.path.join(".", os.fspath(folder))
        if self.on_download is not None:
            self.on_download(text)
        return text

    def _download_entry(self, entry: Entry, root: Path_ | None) -> str:
        version = self._logged("contents to download")
        return str(version.download_entry(entry, self._root(root)))

    def __repr__(self) -> str:
        return f"<Artifact {self.qualified_name if self._version else self._name} ({self._type})>"


def logged_artifact(
    manifest: Manifest,
    home: Home,
    *,
    use_as: str | None = None,
    on_download: Callable[[str | None], None] | None = None,
) -> Artifact:
    """Return the artifact of a version; `on_download` hears of the folders that it is put into."""
    artifact = Artifact.__new__(Artifact)
    artifact._begin(manifest.name, manifest.type)
    artifact._become(Version(manifest, home))
    artifact._use_as = use_as
    artifact.on_download = on_download
    return artifact


def _check_policy(policy: str | None) -> None:
    if policy not in ("mutable", "immutable", None):
        raise UsageError(
            f"no policy {policy!r}", hint='"mutable" or "immutable"; both store the content at once'
        )
