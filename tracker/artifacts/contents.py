"""Adding to an artifact, and getting back what is in it."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Literal, cast

from tracker.artifacts.attributes import ArtifactAttributes
from tracker.artifacts.draft import Draft
from tracker.artifacts.entry import ArtifactFiles, ArtifactManifest, ArtifactManifestEntry, EntryNotFoundError
from tracker.artifacts.home import Home
from tracker.artifacts.logged import Patterns
from tracker.artifacts.objects import add_object, find_record, object_path, revive
from tracker.artifacts.references import is_verifiable, local_path
from tracker.errors import ArtifactFinalizedError, UsageError
from tracker.settings import artifact_folder
from tracker.values.table import Table
from vcs.digest import Digest
from vcs.files.listing import Entry
from vcs.names import near
from vcs.paths import to_entry_path

if TYPE_CHECKING:
    from tracker.artifact import Artifact

Path_ = str | os.PathLike[str]


class ArtifactContents(ArtifactAttributes):
    """The methods of `tracker.Artifact` that are about its files; see there."""

    on_download: Callable[[str | None], None] | None
    _finalized: bool
    _manifest: ArtifactManifest | None

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

    def __setitem__(self, name: str, obj: Any) -> None:
        """Store an object; as `add`."""
        self.add(obj, name)

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
        if self._manifest is not None:
            return self._manifest
        entries = {entry.path: self._entry(entry) for entry in self._contents() if entry.kind != "dir"}
        manifest = ArtifactManifest(entries, lambda: self.digest)
        if self._version is not None:
            self._manifest = manifest
        return manifest

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
        return revive(
            data, path, lambda part: Path(self.get_entry(part).download()), tables=self._tables_below
        )

    def _tables_below(self, folder: str) -> Iterator[Any]:
        """Yield what `add` put below a folder as tables, in the order of their paths."""
        ending = object_path("", Table.record_type)
        for entry in self._contents():
            if entry.path.startswith(f"{folder.rstrip('/')}/") and entry.path.endswith(ending):
                yield self.get(entry.path)

    def __getitem__(self, name: str) -> Any:
        """Return an object; as `get`."""
        return self.get(name)

    def _open_entry(self, entry: Entry, mode: str, encoding: str | None) -> IO[Any]:
        if mode not in ("rb", "r", "rt"):
            raise UsageError(f"a file of an artifact is opened for reading, not with mode {mode!r}")
        if entry.kind == "ref":
            # Not without a digest: a hostile manifest could name any file of this machine.
            path = local_path(entry.target) if is_verifiable(entry) else None
            if path is None:
                raise UsageError(
                    f"{entry.target} is elsewhere, and is not fetched", hint="entry.ref_target()"
                )
            raw: BinaryIO = path.open("rb")
        elif entry.kind == "file":
            raw = self._place().repo.open_object(Digest(entry.digest))
        else:
            raise UsageError(f"{entry.path} is no file")
        return raw if mode == "rb" else io.TextIOWrapper(raw, encoding=encoding or "utf-8")

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """Return the path that a file was added under by `add_file`; None if it was not."""
        wanted = os.path.abspath(local_path)
        added = self._draft.local_paths if self._draft is not None else {}
        return next((path for path, local in added.items() if local == wanted), None)

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

    # for those who make artifacts

    def draft_in(self, home: Home) -> Draft:
        """Return the draft, which lives in `home` from now on.

        Raises:
            ArtifactFinalizedError: The artifact is final.
        """
        draft = self._drafted()
        draft.move_home(home)
        return draft

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
        return ArtifactManifestEntry(cast("Artifact", self), entry, local_path=local)

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


def _check_policy(policy: str | None) -> None:
    if policy not in ("mutable", "immutable", None):
        raise UsageError(
            f"no policy {policy!r}", hint='"mutable" or "immutable"; both store the content at once'
        )
