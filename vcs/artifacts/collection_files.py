"""The files of one collection, read: numbers, headers, manifests, aliases, edits.

Made to stay cheap with a thousand versions: a number is a file name, a digest is near the
beginning of its file, and what was read once in this process is read again only if the
file is another one. Nothing is written here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vcs.artifacts.alias_log import AliasLog, read_alias_log
from vcs.artifacts.edits import Details, EditLog, read_edit_log
from vcs.artifacts.manifest import DIGEST_LINE, Manifest, read_manifest
from vcs.atomic import disk_error
from vcs.digest import Digest
from vcs.errors import Error, FormatError, NotFoundError
from vcs.layout import Layout
from vcs.names import LATEST, MAX_NUMBER, parse_version
from vcs.yaml_io import load_yaml

T = TypeVar("T")
_Signature = tuple[int, int, int]

# The digest and the type come before anything that a user can make long.
_HEADER_BYTES = 4096
_TYPE = re.compile(rb"^type: (.+)\n", re.MULTILINE)
_PLAIN_TYPE = re.compile(rb"[a-z]+(?:[-_][a-z]+)*")


@dataclass(frozen=True, slots=True)
class Header:
    """What deduplication needs of a version."""

    digest: Digest
    type: str


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file of a collection that cannot be read, and why."""

    path: Path
    reason: str


class CollectionFiles:
    """One collection; cheap to make, reads on demand, remembers what it read.

    Every question looks at the folder anew, so other processes' versions are seen at once.
    """

    def __init__(self, layout: Layout, project: str, name: str) -> None:
        self.project = project
        self.name = name
        self.folder = layout.collection(project, name)
        self.aliases_path = layout.aliases(project, name)
        self.edits_path = layout.edits(project, name)
        self._layout = layout
        self._prefix = str(layout.manifest(project, name, 0)).removesuffix("0.yaml")
        self._headers: dict[int, tuple[_Signature, Header | None]] = {}
        self._logs: dict[Path, tuple[_Signature, object]] = {}

    def path(self, number: int) -> Path:
        """Where the manifest of a version lies."""
        return self._layout.manifest(self.project, self.name, number)

    def numbers(self) -> list[int]:
        """Return the numbers of the versions that exist, in order; deleted ones left out."""
        deleted = self.edits().deleted
        return sorted(number for number in self._numbers_on_disk() if number not in deleted)

    def next_number(self) -> int:
        """Return one more than the highest number that was ever used.

        Raises:
            FormatError: A (hostile) file or line has used up all numbers.
        """
        used = [self.aliases_log().highest, self.edits().highest, *self._numbers_on_disk()]
        number = max(used) + 1
        if number > MAX_NUMBER:
            raise FormatError(f"{self.folder} names version v{number - 1}, which we never made")
        return number

    def manifest(self, number: int) -> Manifest:
        """Read one version.

        Raises:
            NotFoundError: There is none of that number, or it was deleted.
            FormatError: It is damaged, or says that it belongs elsewhere.
        """
        if number in self.edits().deleted:
            raise NotFoundError(f"{self.project}/{self.name}:v{number} was deleted")
        manifest = read_manifest(self.path(number))
        if (manifest.project, manifest.name, manifest.number) != (self.project, self.name, number):
            raise FormatError(
                f"manifest {self.path(number)} says that it is {manifest.qualified_name}",
                hint="it was moved or renamed by hand, or the file system does not tell Model from model",
            )
        return manifest

    def header(self, number: int) -> Header | None:
        """Return digest and type from the beginning of the file; None if it is damaged."""
        # Asked for every version at each logging: a text, as making a Path takes longer than the stat.
        signature = _signature(self._prefix + f"{number}.yaml")
        if signature is None:
            return None
        known = self._headers.get(number)
        if known is None or known[0] != signature:
            known = (signature, self._read_header(self.path(number)))
            self._headers[number] = known
        return known[1]

    def find(self, digest_prefix: str) -> dict[int, Digest]:
        """Return the versions whose digest begins so; a file is opened once in a process."""
        found: dict[int, Digest] = {}
        for number in self.numbers():
            header = self.header(number)
            if header is not None and header.digest.startswith(digest_prefix):
                found[number] = header.digest
        return found

    def type(self) -> str | None:
        """Return the type that the collection has for life; None while it never had a version."""
        for number in self.numbers():
            header = self.header(number)
            if header is not None:
                return header.type
        return next((stone.type for stone in self.edits().deleted.values() if stone.type), None)

    def aliases(self) -> dict[str, str]:
        """Return alias to version; those of versions that are gone are left out.

        `latest` falls back to the highest version if it was never set: a writer was killed
        between a manifest and its alias, or the log was lost.
        """
        log = self.aliases_log()
        current = {alias: version for alias, version in log.current.items() if self._is_there(version)}
        if not log.knows(LATEST) and (numbers := self.numbers()):
            current[LATEST] = f"v{numbers[-1]}"
        return current

    def aliases_log(self) -> AliasLog:
        """Return the whole log."""
        return self._log(self.aliases_path, read_alias_log) or AliasLog()

    def edits(self) -> EditLog:
        """Return the whole log."""
        return self._log(self.edits_path, read_edit_log) or EditLog()

    def details(self, manifest: Manifest) -> Details:
        """Return a version's description, metadata, tags and lifetime after all edits."""
        logged = Details(manifest.description, manifest.metadata, manifest.tags)
        return self.edits().apply(manifest.number, logged)

    def problems(self) -> list[Damaged]:
        """Read everything and return what is damaged."""
        found: list[Damaged] = []
        for number in self.numbers():
            try:
                self.manifest(number)
            except NotFoundError:
                continue  # deleted meanwhile
            except Error as error:
                found.append(Damaged(self.path(number), error.message))
        for path, lines in (
            (self.aliases_path, self.aliases_log().damaged),
            (self.edits_path, self.edits().damaged),
        ):
            found.extend(Damaged(path, f"line {line} is damaged and counts for nothing") for line in lines)
        return found

    def _numbers_on_disk(self) -> list[int]:
        try:
            with os.scandir(self.folder) as entries:
                names = [entry.name for entry in entries]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise disk_error(error, f"cannot read {self.folder}") from error
        stems = (name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))
        return [number for stem in stems if (number := parse_version(stem)) is not None]

    def _is_there(self, version: str) -> bool:
        number = parse_version(version)
        return number is not None and number not in self.edits().deleted and self.path(number).exists()

    def _read_header(self, path: Path) -> Header | None:
        try:
            # Without waiting: a named pipe in the place of a file would hold us for ever.
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                data = os.read(fd, _HEADER_BYTES)
            finally:
                os.close(fd)
        except OSError:
            return None
        digest, kind = DIGEST_LINE.search(data), _TYPE.search(data)
        try:
            if digest is None or kind is None:
                # Not written by us, or with very long names: slower, still right.
                manifest = read_manifest(path)
                return Header(manifest.digest, manifest.type)
            return Header(Digest(digest[1].decode()), _read_type(kind[1]))
        except Error:
            return None

    def _log(self, path: Path, read: Callable[[Path], T]) -> T | None:
        signature = _signature(path)
        if signature is None:
            return None
        known = self._logs.get(path)
        if known is None or known[0] != signature:
            known = (signature, read(path))
            self._logs[path] = known
        return known[1]  # type: ignore[return-value]


def _signature(path: Path | str) -> _Signature | None:
    """What changes with a file: manifests are replaced whole, logs grow."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(error, f"cannot read {path}") from error
    return status.st_ino, status.st_size, status.st_mtime_ns


def _read_type(text: bytes) -> str:
    if _PLAIN_TYPE.fullmatch(text):
        return text.decode()
    try:
        value = load_yaml(text.decode(), "type")
    except UnicodeDecodeError as error:
        raise FormatError("the type is not UTF-8") from error
    if not isinstance(value, str):
        raise FormatError(f"{value!r} is no type")
    return value
