"""Copies of what references point to, made by a download."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from tracker.artifacts.references import hash_local, is_verifiable, local_path
from tracker.errors import ConflictError, UsageError
from vcs.atomic import disk_error, make_folder, temporary_name
from vcs.files.inside import Inside
from vcs.files.listing import Entry
from vcs.files.stat_cache import StatCache
from vcs.stores.copying import clone_file, copy_and_hash, hash_descriptor


def place_reference(entry: Entry, root: Path, stat_cache: StatCache) -> bool:
    """Copy the file that a reference on this machine names below `root`; return whether bytes moved.

    The copy appears whole and with the digest of the entry, or not at all. One that is
    there already is left alone.

    Raises:
        NotFoundError: The file is gone.
        ConflictError: It is not what it was when the reference was made, or a folder on the
            way is a link, which could lead out of `root`.
        StoreError: A disk failed.
    """
    source = local_path(entry.target)
    if source is None:
        raise UsageError(f"{entry.target!r} is not on this machine")
    digest, size = hash_local(source, stat_cache)
    if is_verifiable(entry) and digest != entry.digest:
        raise _changed(entry, source)
    target = root / entry.path
    make_folder(root)
    with Inside(root) as inside:
        folder, name = _make_folders(inside, entry.path), target.name
        there = inside.status(entry.path)
        if there is not None and stat.S_ISREG(there.st_mode) and hash_local(target, stat_cache)[0] == digest:
            return False
        temporary = temporary_name(name)
        try:
            if _copy(source, temporary, folder, size) != digest:
                raise _changed(entry, source)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            raise disk_error(error, f"cannot write {target}") from error
        finally:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
    return True


def copy_is_whole(entry: Entry, path: Path) -> bool | None:
    """Whether the copy of a reference has its digest; None if there is none, or nothing to compare."""
    if not is_verifiable(entry) or not os.path.lexists(path):
        return None
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            return hash_descriptor(stream.fileno())[0] == entry.digest
    except OSError as error:
        raise disk_error(error, f"cannot read {path}") from error


def _copy(source: Path, temporary: str, folder: int, size: int) -> str:
    """Copy to a new file and return the digest of the bytes that arrived."""
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        writing = os.open(temporary, flags, 0o666, dir_fd=folder)
        try:
            if clone_file(reading, writing):
                return hash_descriptor(writing)[0]
            return copy_and_hash(reading, writing, size, alone=True)[0]
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _make_folders(inside: Inside, path: str) -> int:
    """Make the folders above a path, none of them a link; return the descriptor of the last."""
    parts = path.split("/")[:-1]
    for count in range(len(parts)):
        with suppress(FileExistsError):
            os.mkdir(parts[count], dir_fd=inside.folder("/".join(parts[:count])))
    return inside.folder("/".join(parts))


def _changed(entry: Entry, source: Path) -> ConflictError:
    return ConflictError(
        f"{source}, which {entry.path!r} refers to, has changed since it was logged",
        hint="log a new version that refers to it as it is now",
    )
