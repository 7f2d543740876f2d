"""The contents of an artifact in the making.

Whatever is added is in the store when the call returns, under its digest, so later
changes of the files do not matter and equal content costs nothing. Logging then only
has a manifest to write. A draft that is never logged leaves objects that nothing
names; gc removes them.
"""

from __future__ import annotations

import codecs
import os
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tracker.artifacts.carry import carry_objects
from tracker.artifacts.entry import EntryNotFoundError
from tracker.artifacts.home import Home
from tracker.artifacts.references import entries_for
from tracker.errors import ArtifactFinalizedError, UsageError
from tracker.live.progress_bar import ProgressBar
from vcs.atomic import make_folder
from vcs.digest import digest_bytes
from vcs.files.listing import Entry, Listing
from vcs.names import near
from vcs.paths import check_no_collisions, to_entry_path


class Draft:
    """Paths and their entries; any thread may add.

    A call that fails adds nothing.
    """

    def __init__(self, name: str, find_home: Callable[[], Home], entries: Iterable[Entry] = ()) -> None:
        """Begin with `entries`, whose contents are in the store of the home already."""
        self.name = name
        self.entries: dict[str, Entry] = {entry.path: entry for entry in entries}
        self.local_paths: dict[str, str] = {}
        self.frozen = False
        self._find_home = find_home
        self._home: Home | None = None
        self._lock = threading.RLock()
        self._folders: Counter[str] = Counter()
        for path in self.entries:
            self._folders.update(_folders_of(path))

    @property
    def home(self) -> Home:
        """Where the contents are kept; found when first asked for."""
        with self._lock:
            if self._home is None:
                self._home = self._find_home()
            return self._home

    def move_home(self, home: Home) -> None:
        """Live elsewhere from now on; contents that the new store lacks are copied there."""
        with self._lock:
            if self._home is not None:
                carry_objects(self.entries.values(), self._home.repo, home.repo)
            self._home = home

    def add_file(
        self, local_path: str | os.PathLike[str], name: str | None = None, *, overwrite: bool = False
    ) -> Entry:
        """Store one file; a symbolic link is followed. See `Artifact.add_file`."""
        self.check_open()
        given = Path(local_path)
        path = to_entry_path(os.path.basename(os.path.abspath(given)) if name is None else name)
        with ProgressBar(f"adding {path}") as progress:
            entry = self.home.repo.add_file(given, name=path, progress=progress)
        self._insert([entry], overwrite=overwrite)
        self.local_paths[path] = os.path.abspath(given)
        return entry

    def add_dir(
        self, local_path: str | os.PathLike[str], name: str | None = None, *, merge: bool = False
    ) -> list[Entry]:
        """Store a folder's contents, below `name`. See `Artifact.add_dir`."""
        self.check_open()
        prefix = to_entry_path(name) if name and name.strip("./") else ""
        with ProgressBar(f"adding {local_path}") as progress:
            listing = self.home.repo.add_tree(Path(local_path), progress=progress)
        entries = [_below(prefix, entry) for entry in listing] if prefix else list(listing)
        if prefix and not entries:
            entries = [Entry(prefix, digest_bytes(b""), 0, "dir")]
        self._insert(entries, overwrite=merge)
        return entries

    def add_reference(
        self,
        uri: str | os.PathLike[str],
        name: str | None = None,
        *,
        checksum: bool = True,
        max_objects: int = 10_000_000,
    ) -> list[Entry]:
        """Record where something lies. See `Artifact.add_reference`."""
        self.check_open()
        with ProgressBar(f"hashing {uri}") as progress:
            entries = entries_for(
                self.home.repo, uri, name, checksum=checksum, max_objects=max_objects, progress=progress
            )
        self._insert(entries, overwrite=False)
        return entries

    def add_entry(self, entry: Entry, home: Home, *, overwrite: bool = False) -> Entry:
        """Take over an entry of another artifact; its content is shared, or copied from another store."""
        self.check_open()
        carry_objects([entry], home.repo, self.home.repo)
        self._insert([entry], overwrite=overwrite)
        return entry

    def add_own_file(self, local_path: Path, name: str, *, overwrite: bool = False) -> Entry:
        """Store a file of ours that is gone in a moment; it does not enter the stat cache."""
        self.check_open()
        digest, size = self.home.repo.store.put_file(local_path)
        entry = Entry(to_entry_path(name), digest, size)
        self._insert([entry], overwrite=overwrite)
        return entry

    def add_entries(self, entries: Iterable[Entry]) -> None:
        """Add entries whose contents are in the store of the home already."""
        self._insert(entries, overwrite=False)

    def add_bytes(self, data: bytes, name: str, *, overwrite: bool = False) -> Entry:
        """Store `data` as a file."""
        self.check_open()
        path = to_entry_path(name)
        entry = Entry(path, self.home.repo.store.put_bytes(data), len(data))
        self._insert([entry], overwrite=overwrite)
        return entry

    @contextmanager
    def new_file(self, name: str, mode: str = "x", encoding: str | None = None) -> Iterator[IO[Any]]:
        """Give a file to write to, and store it at the end. See `Artifact.new_file`."""
        self.check_open()
        path = to_entry_path(name)
        exclusive = _check_mode(mode, encoding)
        if exclusive and path in self.entries:
            raise UsageError(f"{self.name} has a file {path!r} already", hint='mode="w" replaces it')
        tmp = self.home.repo.layout.store_tmp
        make_folder(tmp)
        folder = Path(tempfile.mkdtemp(prefix="new-file.", dir=tmp))
        try:
            temporary = folder / Path(path).name
            with temporary.open(mode, encoding=encoding) as stream:
                yield stream
            self.add_own_file(temporary, path, overwrite=not exclusive)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def remove(self, item: str) -> None:
        """Take out a path, or everything below it. See `Artifact.remove`."""
        self.check_open()
        path = to_entry_path(item)
        with self._lock:
            gone = (
                [path]
                if path in self.entries
                else [each for each in self.entries if each.startswith(f"{path}/")]
            )
            if not gone:
                raise self.no_entry(item)
            for each in gone:
                self._drop(each)

    def no_entry(self, path: str) -> EntryNotFoundError:
        """Return the error for a path that is not here."""
        return EntryNotFoundError(f"{self.name} has no file {path!r}", hint=near(path, list(self.entries)))

    def listing(self) -> Listing:
        """Return the contents as they are now.

        Raises:
            FormatError: Two paths that would be one on a case-insensitive file system.
        """
        with self._lock:
            check_no_collisions(self.entries)
            return Listing(self.entries.values())

    def check_open(self) -> None:
        """Check that the contents may change.

        Raises:
            ArtifactFinalizedError: They are frozen.
        """
        if self.frozen:
            raise ArtifactFinalizedError(
                f"the contents of {self.name} are final",
                hint="draft = artifact.new_draft() begins the next version",
            )

    def _insert(self, entries: Iterable[Entry], *, overwrite: bool) -> None:
        """Add entries, all or none; a path with the same content is fine."""
        with self._lock:
            self.check_open()
            new = [entry for entry in entries if self._accepts(entry, overwrite=overwrite)]
            for entry in new:
                self._drop(entry.path)
                self.entries[entry.path] = entry
                folders = _folders_of(entry.path)
                self._folders.update(folders)
                for folder in folders:  # a folder that was empty is so no more
                    self._drop(folder)

    def _accepts(self, entry: Entry, *, overwrite: bool) -> bool:
        """Whether there is something to add; raises where it must not be."""
        if entry.path in self._folders:
            if entry.kind == "dir":
                return False
            raise UsageError(
                f"{entry.path!r} is a folder in {self.name} already", hint="give it another name"
            )
        for folder in _folders_of(entry.path):
            above = self.entries.get(folder)
            if above is not None and above.kind != "dir":
                raise UsageError(f"{folder!r} is a file in {self.name} already", hint="give it another name")
        known = self.entries.get(entry.path)
        if known is None or overwrite:
            return True
        if (known.digest, known.kind, known.target) != (entry.digest, entry.kind, entry.target):
            raise UsageError(
                f"Cannot add the same path twice: {entry.path!r} is in {self.name} with other content",
                hint="overwrite=True (add_file) or merge=True (add_dir) replaces it",
            )
        return known != entry

    def _drop(self, path: str) -> None:
        if self.entries.pop(path, None) is not None:
            self.local_paths.pop(path, None)
            self._folders.subtract(_folders_of(path))
            for folder in _folders_of(path):
                if not self._folders[folder]:
                    del self._folders[folder]


def _folders_of(path: str) -> list[str]:
    """Return the folders above a path: `a/b/c` lies in `a/b` and `a`."""
    found = []
    end = path.rfind("/")
    while end > 0:
        found.append(path[:end])
        end = path.rfind("/", 0, end)
    return found


def _below(prefix: str, entry: Entry) -> Entry:
    return Entry(
        f"{prefix}/{entry.path}",
        entry.digest,
        entry.size,
        kind=entry.kind,
        executable=entry.executable,
        target=entry.target,
    )


def _check_mode(mode: str, encoding: str | None) -> bool:
    """Check the mode of `new_file`; return whether the name must be new."""
    letters = set(mode)
    if len(letters) != len(mode) or not letters <= set("xwbt+") or len(letters & set("xw")) != 1:
        raise UsageError(f"new_file cannot open with mode {mode!r}", hint='"x" or "w", with "b" for bytes')
    if encoding is not None:
        codecs.lookup(encoding)
    return "x" in letters
