"""The files of a run: those on disk, and those that only the store still has.

A name is what the script gave: what lies in the run's `files/` folder has no prefix.
Everything else is named by its path in the run's folder (`config.yaml`, `output.log`,
`media/images/….png`).
"""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, overload

from tracker.storage.records import RunFile, RunRecord
from vcs.atomic import disk_error, write_atomic
from vcs.clock import iso_time
from vcs.digest import digest_bytes, parse_digest
from vcs.errors import NotFoundError, UsageError
from vcs.layout import RunLayout
from vcs.names import near
from vcs.stores.base import Store

_SAVED = "files/"


@dataclass(frozen=True)
class FilePlace:
    """Where the files of one run are."""

    run: RunLayout
    store: Store
    forget: Callable[[str], None]


class File:
    """One file of a run.

    Attributes:
        name: As the script named it.
        size: In bytes.
        path: In the run's folder.
    """

    def __init__(self, place: FilePlace, path: str, size: int, kept: RunFile | None) -> None:
        self._place = place
        self._kept = kept
        self.path = path
        self.size = size

    @property
    def name(self) -> str:
        return self.path.removeprefix(_SAVED)

    id = name

    @property
    def local_path(self) -> Path | None:
        """Where it lies on disk; None if only the store has it."""
        path = self._place.run.folder / self.path
        return path if path.is_file() else None

    @property
    def digest(self) -> str:
        """BLAKE3 of the bytes; reads the file."""
        return digest_bytes(self.read_bytes())

    @property
    def mimetype(self) -> str:
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    @property
    def updated_at(self) -> str | None:
        """When it was last written; None if only the store has it."""
        path = self.local_path
        return None if path is None else iso_time(path.stat().st_mtime)

    @property
    def url(self) -> str:
        return (self._place.run.folder / self.path).as_uri()

    direct_url = url

    def read_bytes(self) -> bytes:
        """Return the bytes, from disk or else out of the store.

        Raises:
            NotFoundError: Neither has them.
            IntegrityError: The store's are damaged.
        """
        path = self.local_path
        if path is not None:
            try:
                return path.read_bytes()
            except OSError as error:
                raise disk_error(error, f"cannot read {path}") from error
        if self._kept is None:
            raise NotFoundError(f"the file {self.name} of run {self._place.run.folder.name} is gone")
        return self._place.store.read_bytes(parse_digest(self._kept.digest))

    def download(
        self,
        root: str | os.PathLike[str] = ".",
        replace: bool = False,
        exist_ok: bool = False,
        api: object = None,
    ) -> IO[str]:
        """Put the file below `root` under its name and return it, open for reading as text.

        Raises:
            UsageError: A file of that name exists, and neither `replace` nor `exist_ok` is set.
            NotFoundError, IntegrityError, StoreError: As for `read_bytes`, or the disk refused.
        """
        target = Path(root) / self.name
        if target.exists() and not replace:
            if not exist_ok:
                raise UsageError(f"{target} exists", hint="replace=True replaces it, exist_ok=True keeps it")
        else:
            write_atomic(target, self.read_bytes(), durable=False)
        return open(target, encoding="utf-8", errors="replace")

    def delete(self) -> None:
        """Remove the file from the run.

        Raises:
            UsageError: It is a record of the run, not a file that the script gave.
        """
        if not self.path.startswith((_SAVED, "media/")):
            raise UsageError(f"{self.name} is a record of the run", hint="run.delete() deletes the whole run")
        with suppress(FileNotFoundError):
            os.unlink(self._place.run.folder / self.path)
        self._place.forget(self.path)

    def __repr__(self) -> str:
        return f"<File {self.name} ({self.size} bytes)>"


class Files(Sequence[File]):
    """The files of a run, by name; a list that cannot be changed."""

    def __init__(self, files: Sequence[File]) -> None:
        self._files = list(files)

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> File: ...
    @overload
    def __getitem__(self, index: slice) -> list[File]: ...
    def __getitem__(self, index: int | slice) -> File | list[File]:
        return self._files[index]

    def __iter__(self) -> Iterator[File]:
        return iter(self._files)

    def __repr__(self) -> str:
        return f"<Files {len(self)}>"


def list_files(
    place: FilePlace, record: RunRecord, names: Sequence[str] | None = None, pattern: str | None = None
) -> Files:
    """Return the files of a run: all, those of some names, or those that fit a pattern (`%` or `*`)."""
    kept = {file.path: file for file in record.files}
    sizes = {path: file.size for path, file in kept.items()} | dict(_on_disk(place.run.folder))
    files = [File(place, path, size, kept.get(path)) for path, size in sizes.items()]
    files.sort(key=lambda file: file.name)
    if names is not None:
        wanted = set(names)
        files = [file for file in files if file.name in wanted or file.path in wanted]
    if pattern is not None:
        shape = pattern.replace("%", "*")
        files = [file for file in files if fnmatch(file.name, shape)]
    return Files(files)


def find_file(place: FilePlace, record: RunRecord, name: str) -> File:
    """Return the file of this name.

    Raises:
        NotFoundError: There is none; the hint has near names.
    """
    files = list_files(place, record)
    # A file that the script saved wins over a record of the same name.
    for matches in (
        [file for file in files if file.path == _SAVED + name],
        [f for f in files if f.path == name],
    ):
        if matches:
            return matches[0]
    raise NotFoundError(
        f"run {record.id} has no file {name!r}",
        hint=near(name, [file.name for file in files]) or "see run.files()",
    )


def _on_disk(folder: Path) -> Iterator[tuple[str, int]]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            path = Path(parent, name)
            if name.startswith(".") and name.endswith(".tmp"):
                continue
            with suppress(OSError):
                yield path.relative_to(folder).as_posix(), path.stat().st_size
