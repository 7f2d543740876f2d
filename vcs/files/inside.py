"""Changes below one folder that follow no link out of it.

Each folder on the way is opened by name from the one above it, and a link in the way
is refused. So whatever a manifest says and whoever changes links at the same time,
nothing outside is touched.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from vcs.atomic import disk_error
from vcs.errors import ConflictError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Inside:
    """An open folder. One thread at a time; paths that come in order are cheapest."""

    def __init__(self, root: Path) -> None:
        """Open `root`, whose own path may lead over links.

        Raises:
            StoreError: It cannot be opened.
        """
        self.root = root
        try:
            self._root_fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise disk_error(error, f"cannot open the folder {root}") from error
        # The open folders on the way to the last one asked for: names and descriptors.
        self._way: list[tuple[str, int]] = []

    def __enter__(self) -> Inside:
        return self

    def __exit__(self, *_: object) -> None:
        self._back_to(0)
        os.close(self._root_fd)

    def folder(self, path: str) -> int:
        """Return the descriptor of a folder, valid until the next call; `""` is the root.

        Raises:
            ConflictError: It is missing, or a part of it is a link or a file.
        """
        parts = path.split("/") if path else []
        same = 0
        while same < min(len(parts), len(self._way)) and parts[same] == self._way[same][0]:
            same += 1
        self._back_to(same)
        fd = self._way[-1][1] if self._way else self._root_fd
        for part in parts[same:]:
            try:
                fd = os.open(part, _FOLDER, dir_fd=fd)
            except OSError as error:
                raise self._refusal(error, path) from error
            self._way.append((part, fd))
        return fd

    def status(self, path: str) -> os.stat_result | None:
        """Return what lies at a path, itself and not what it points to; None if nothing."""
        parent, _, name = path.rpartition("/")
        try:
            return os.stat(name, dir_fd=self.folder(parent), follow_symlinks=False)
        except FileNotFoundError:
            return None

    def remove(self, path: str) -> None:
        """Remove a file or link; it is fine if it is gone.

        Raises:
            ConflictError: The way there is not as it was.
            StoreError: It cannot be removed.
        """
        parent, _, name = path.rpartition("/")
        try:
            os.unlink(name, dir_fd=self.folder(parent))
        except FileNotFoundError:
            return
        except OSError as error:
            raise disk_error(error, f"cannot remove {self.root / path}") from error

    def remove_folder(self, path: str) -> bool:
        """Remove a folder if it is empty; return whether it is gone."""
        parent, _, name = path.rpartition("/")
        folder = self.folder(parent)
        try:
            os.rmdir(name, dir_fd=folder)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            raise disk_error(error, f"cannot remove the folder {self.root / path}") from error
        return True

    def _back_to(self, length: int) -> None:
        while len(self._way) > length:
            os.close(self._way.pop()[1])

    def _refusal(self, error: OSError, path: str) -> ConflictError:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            return ConflictError(
                f"a part of {self.root / path} is a link or a file; nothing is written through it",
                hint="remove it, or choose another folder",
            )
        if error.errno == errno.ENOENT:
            return ConflictError(f"the folder {self.root / path} went away", hint="run it again")
        return ConflictError(f"cannot open the folder {self.root / path}: {error.strerror}")
