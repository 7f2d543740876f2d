"""What lies in a folder now, to be compared with a listing."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from vcs.atomic import disk_error
from vcs.digest import Digest
from vcs.files.ignore import Ignore, Rules, is_always_left_out
from vcs.files.listing import Entry
from vcs.files.stat_cache import StatCache
from vcs.stores.copying import hash_descriptor

_NO_RULES = Rules("", ())


@dataclass
class Tree:
    """The files, links and folders that were there.

    Attributes:
        root: The folder; absolute.
        files: Everything but folders, by path.
        folders: With `""`, the folder itself; empty if that is missing.
    """

    root: Path
    files: dict[str, os.stat_result] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    _stat_cache: StatCache | None = None
    _digests: dict[str, Digest] = field(default_factory=dict)

    def holds(self, path: str, entry: Entry) -> bool:
        """Whether `path` has the kind and the content of `entry`; the executable bit does not count.

        Reads the file unless its size decides, or the stat cache knows it.
        """
        status = self.files.get(path)
        if status is None:
            return False
        if stat.S_ISLNK(status.st_mode):
            return entry.kind == "link" and self._target_of(path) == entry.target
        if not stat.S_ISREG(status.st_mode) or entry.kind != "file" or status.st_size != entry.size:
            return False
        return self.digest(path) == entry.digest

    def is_executable(self, path: str) -> bool:
        """Whether it is a file that its owner may execute."""
        mode = self.files[path].st_mode
        return stat.S_ISREG(mode) and bool(mode & stat.S_IXUSR)

    def digest(self, path: str) -> Digest:
        """Return the digest of a file, which is read at most once.

        Raises:
            StoreError: It cannot be read.
        """
        found = self._digests.get(path)
        if found is None:
            found = self._digests[path] = self._known_or_read(path)
        return found

    def _known_or_read(self, path: str) -> Digest:
        where = self.root / path
        if self._stat_cache is not None:
            known = self._stat_cache.get(where, self.files[path])
            if known is not None:
                return known
        at_ns = time.time_ns()
        try:
            fd = os.open(where, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                status = os.fstat(fd)
                digest, size = hash_descriptor(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise disk_error(error, f"cannot read {where}") from error
        if self._stat_cache is not None and size == status.st_size:
            self._stat_cache.put(where, status, digest, at_ns=at_ns)
        return digest

    def _target_of(self, path: str) -> str | None:
        try:
            return os.readlink(self.root / path)
        except OSError:
            return None


def read_tree(
    root: Path,
    *,
    stat_cache: StatCache | None = None,
    ignore: Ignore | None = None,
    enter: Callable[[str], bool] | None = None,
) -> Tree:
    """Read the folder, following no link. A missing folder gives an empty tree.

    `.git`, `.tracker` and what `ignore` leaves out are not in it. `enter` is
    asked for each folder whether to look into it, from the top down.

    Raises:
        StoreError: A folder cannot be read.
    """
    tree = Tree(root, _stat_cache=stat_cache)
    if not root.is_dir():
        return tree
    tree.folders.add("")
    waiting = [("", str(root))]
    while waiting:
        prefix, folder = waiting.pop()
        rules = ignore.rules(prefix) if ignore is not None else _NO_RULES
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    is_dir = entry.is_dir(follow_symlinks=False)
                    if is_always_left_out(entry.name) or (
                        rules and rules.leaves_out(entry.name, is_dir=is_dir)
                    ):
                        continue
                    path = prefix + entry.name
                    if not is_dir:
                        tree.files[path] = entry.stat(follow_symlinks=False)
                    elif enter is None or enter(path):
                        tree.folders.add(path)
                        waiting.append((f"{path}/", entry.path))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise disk_error(error, f"cannot read the folder {folder}") from error
    return tree
