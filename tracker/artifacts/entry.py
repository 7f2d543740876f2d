"""One path of an artifact, as scripts see it, and the collections of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, overload

from tracker.artifacts.references import is_verifiable
from tracker.errors import ArtifactNotLoggedError, NotFoundError, UsageError
from vcs.files.listing import Entry

if TYPE_CHECKING:
    from tracker.artifact import Artifact


class EntryNotFoundError(NotFoundError, KeyError, FileNotFoundError):
    """An artifact has no such path.

    Also a KeyError and a FileNotFoundError: wandb raises the one from `get_entry` and
    the other from `remove`.
    """


class ArtifactManifestEntry:
    """A file, link or reference of an artifact.

    Attributes:
        path: Relative, with `/`.
        digest: BLAKE3 of the content, in hexadecimal; of the URI where the content is
            not known.
        size: In bytes; None where it is not known.
        ref: The URI of a reference; None for what the store holds.
        local_path: The file that it was added from, as long as the artifact object lives.
    """

    def __init__(self, artifact: Artifact, entry: Entry, *, local_path: str | None = None) -> None:
        self._artifact = artifact
        self._entry = entry
        self.local_path = local_path

    @property
    def entry(self) -> Entry:
        """The line of the manifest."""
        return self._entry

    @property
    def path(self) -> str:
        return self._entry.path

    @property
    def name(self) -> str:
        return self._entry.path

    @property
    def digest(self) -> str:
        return self._entry.digest

    @property
    def size(self) -> int | None:
        return None if self._entry.kind == "ref" and not self.has_known_content else self._entry.size

    @property
    def ref(self) -> str | None:
        return self._entry.target if self._entry.kind == "ref" else None

    @property
    def has_known_content(self) -> bool:
        """Whether `digest` is that of the content; False for a remote reference."""
        return self._entry.kind != "ref" or is_verifiable(self._entry)

    def parent_artifact(self) -> Artifact:
        """Return the artifact that it belongs to."""
        return self._artifact

    def download(self, root: str | os.PathLike[str] | None = None, **_ignored: Any) -> str:
        """Put this one file below `root` and return where it lies; see `Artifact.download`."""
        return self._artifact._download_entry(self._entry, root)

    def open(self, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """Open the content for reading, seekable, without putting it anywhere.

        A large file that is not on this machine is read where it lies: only what is read is
        fetched. A reference to a local file is read where it is, and not verified.

        Raises:
            UsageError: A mode other than `rb`, `r`, `rt`, or a reference that is not local.
            NotFoundError, IntegrityError, StoreError: It cannot be had.
        """
        return self._artifact._open_entry(self._entry, mode, encoding)

    def ref_target(self) -> str:
        """Return the URI of a reference.

        Raises:
            UsageError: It is none.
        """
        if self.ref is None:
            raise UsageError(f"{self.path!r} is not a reference", hint="download() brings it")
        return self.ref

    def ref_url(self) -> str:
        """Return a name for this path that is good anywhere in the project.

        Raises:
            ArtifactNotLoggedError: The artifact is a draft, which has no such name.
        """
        if self._artifact.is_draft():
            raise ArtifactNotLoggedError(
                f"{self._artifact.name} is not logged", hint="log it first: run.log_artifact(artifact)"
            )
        return f"tracker-artifact://{self._artifact.qualified_name}/{self.path}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArtifactManifestEntry) and other._entry == self._entry

    def __hash__(self) -> int:
        return hash(self._entry)

    def __repr__(self) -> str:
        return f"<ArtifactManifestEntry {self.path!r} {self.digest[:12]} {self._entry.size} bytes>"


class ArtifactManifest:
    """The entries of an artifact by path; `artifact.manifest`. Empty folders are not among them."""

    def __init__(self, entries: dict[str, ArtifactManifestEntry], digest: Callable[[], str]) -> None:
        self.entries = entries
        self._digest = digest

    def digest(self) -> str:
        """Return the digest of the artifact."""
        return self._digest()

    def get_entry_by_path(self, path: str) -> ArtifactManifestEntry | None:
        """Return the entry at `path`, or None."""
        return self.entries.get(path)

    def get_entries_in_directory(self, directory: str) -> list[ArtifactManifestEntry]:
        """Return the entries below a folder."""
        prefix = f"{directory.rstrip('/')}/"
        return [entry for path, entry in self.entries.items() if path.startswith(prefix)]

    def __len__(self) -> int:
        return len(self.entries)


class ArtifactFile:
    """A file of a logged artifact, in the shape of wandb's public `File`."""

    def __init__(self, entry: ArtifactManifestEntry) -> None:
        self._entry = entry

    @property
    def name(self) -> str:
        return self._entry.path

    @property
    def size(self) -> int:
        return self._entry.size or 0

    @property
    def digest(self) -> str:
        return self._entry.digest

    @property
    def url(self) -> str:
        return self._entry.ref or self._entry.ref_url()

    direct_url = url

    def download(
        self, root: str | os.PathLike[str] = ".", replace: bool = False, exist_ok: bool = False
    ) -> Path:
        """Put the file below `root` under its name and return where it lies.

        Raises:
            UsageError: A file of that name exists, and neither `replace` nor `exist_ok` is set.
        """
        target = Path(root) / self.name
        if target.exists() and not replace:
            if exist_ok:
                return target
            raise UsageError(f"{target} exists", hint="replace=True replaces it, exist_ok=True keeps it")
        return Path(self._entry.download(root))

    def __repr__(self) -> str:
        return f"<File {self.name} {self.size} bytes>"


class ArtifactFiles(Sequence[ArtifactFile]):
    """The files of an artifact, in order; a list that cannot be changed."""

    def __init__(self, entries: Sequence[ArtifactManifestEntry]) -> None:
        self._files = [ArtifactFile(entry) for entry in entries]

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> ArtifactFile: ...
    @overload
    def __getitem__(self, index: slice) -> list[ArtifactFile]: ...
    def __getitem__(self, index: int | slice) -> ArtifactFile | list[ArtifactFile]:
        return self._files[index]

    def __iter__(self) -> Iterator[ArtifactFile]:
        return iter(self._files)

    def __repr__(self) -> str:
        return f"<ArtifactFiles {len(self)}>"
