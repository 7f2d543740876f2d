"""The files of the store on a disk: where objects lie, and how a file becomes one.

A file is written under `tmp`, made durable, and only then gets the name under which
others find it. What is to be stored, and what is asked of a store, is not known here.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vcs.atomic import disk_error, fsync_directory, make_folder, temporary_name
from vcs.digest import Digest
from vcs.stores.packs import PackFolder
from vcs.stores.ranges import RangeFile
from vcs.stores.recent import Recent
from vcs.stores.recipes import RecipeFolder


class LocalFiles:
    """Objects, packs and recipes below the folders of one file system.

    Making one costs nothing and creates nothing; folders appear with the first object.
    """

    def __init__(self, objects: Path, packs: Path, tmp: Path) -> None:
        """Use these folders, which may be missing. `tmp` must be on the file system of the others."""
        self.objects = objects
        self.tmp = tmp
        self.partial = objects.parent / "partial"
        self.packs = PackFolder(packs)
        self.recipes = RecipeFolder(objects)
        self.recent = Recent(objects.parent / "recent-large", keep=512)
        self.recent_small = Recent(objects.parent / "recent-small", keep=128)
        self.claims = objects.parent / "claims"
        self._prefix = f"{objects}{os.sep}"

    def loose_path(self, digest: Digest) -> str:
        """Return where the object lies if it is a file of its own."""
        return f"{self._prefix}{digest[:2]}{os.sep}{digest[2:]}"

    def loose_names(self) -> Iterator[tuple[str, str]]:
        """Yield the objects that are files of their own: two letters of each, and the others."""
        try:
            folders = sorted(os.listdir(self.objects))
            for folder in folders:
                if len(folder) == 2:
                    for name in os.listdir(self.objects / folder):
                        if len(name) == 62:
                            yield folder, name
        except FileNotFoundError:
            return
        except OSError as error:
            raise disk_error(error, f"cannot read {self.objects}") from error

    def refresh(self, *, force: bool = False) -> bool:
        """Take note of packs that other processes sealed or removed; return whether there are any."""
        try:
            return self.packs.refresh(force=force)
        except OSError as error:
            raise disk_error(error, f"cannot read {self.packs.folder}") from error

    def open_ranges(self, digest: Digest) -> RangeFile | None:
        """Open a large object as ranges of files, one if it is a file of its own; None if it is not here.

        Raises:
            IntegrityError: Its recipe is damaged.
        """
        path = Path(self.loose_path(digest))
        try:
            return RangeFile(digest, [digest], [path], [(0, 0, os.stat(path).st_size)])
        except FileNotFoundError:
            return self.recipes.open(digest)
        except OSError as error:
            raise disk_error(error, f"cannot read object {digest[:12]}") from error

    def changed_s(self, digest: Digest) -> float | None:
        """Return when an object was put, or last found by who was to put it; None if it is gone.

        By the disk's clock. Of an object that lies in several places the latest.
        """
        pack = self.packs.find(bytes.fromhex(digest))
        paths: list[str | Path] = [self.loose_path(digest), self.recipes.path(digest)]
        paths += [pack.path] if pack is not None else []
        times = []
        for path in paths:
            with suppress(OSError):
                status = os.stat(path)
                # A file that was linked into the store has an old time of its own.
                times.append(max(status.st_mtime, status.st_ctime))
        return max(times, default=None)

    def open_temporary(self) -> tuple[int, Path]:
        """Create a temporary file for an object or a pack; a lock on it tells that its maker lives."""
        path = self.tmp / temporary_name("object")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            fd = os.open(path, flags, 0o644)
        except FileNotFoundError:
            make_folder(self.tmp)
            try:
                fd = os.open(path, flags, 0o644)
            except OSError as error:
                raise disk_error(error, f"cannot write to the store at {self.tmp}") from error
        except OSError as error:
            raise disk_error(error, f"cannot write to the store at {self.tmp}") from error
        with suppress(OSError):  # Without locks on this file system, age alone decides about leftovers.
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd, path

    def adopt(self, fd: int, path: Path, digest: Digest) -> None:
        """Take a file as a large object, by a new name; its bytes were hashed after they were written.

        The file, open as `fd`, lies in the file system of the store and is the caller's
        alone. It is durable before it gets its name.

        Raises:
            StoreError: The disk failed; the file is where it was.
        """
        target = Path(self.loose_path(digest))
        try:
            settle(fd)
            make_folder(target.parent)
            os.rename(path, target)
            fsync_directory(target.parent)
        except OSError as error:
            raise disk_error(error, f"cannot write to the store at {self.objects}") from error

    def seal(self, fd: int, temporary: Path, name: str) -> None:
        """Give a finished pack its name (a new one), which makes its objects visible.

        Raises:
            OSError: It is not visible.
        """
        make_folder(self.packs.folder)
        os.fchmod(fd, 0o444)
        os.rename(temporary, self.packs.folder / name)


def settle(fd: int) -> None:
    """Make a file durable and read-only."""
    os.fchmod(fd, 0o444)
    os.fsync(fd)
