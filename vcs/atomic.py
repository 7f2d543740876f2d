"""Durable creation and replacement of small files.

Guarantees: a reader of the target sees the old bytes or the new bytes, never a
mixture, also after a power cut. Writers may race; one of them wins whole. What a
killed writer leaves is a temporary file whose name begins with a dot and ends in
`.tmp`. Leaves to others: which bytes, and whether the target may be replaced.

All failures of the disk are StoreError with a sentence about the file.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

from vcs.errors import StoreError

Content: TypeAlias = bytes | bytearray | memoryview | str
# An open file, offset in it, length.
Stretch: TypeAlias = tuple[int, int, int]

_COPY_BYTES = 1 << 20

# A file system that cannot link answers with one of these.
NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})

_REASONS = {
    errno.ENOSPC: ("the disk is full", "free some space and run it again"),
    errno.EDQUOT: ("the disk quota is used up", "free some space and run it again"),
    errno.EROFS: ("the file system is read-only", "use a folder that can be written to"),
    errno.EACCES: ("permission denied", "check who owns the folder, and its mode"),
    errno.EPERM: ("not permitted", "check who owns the folder, and its mode"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", None),
    errno.ENAMETOOLONG: ("the name is too long for this file system", None),
    errno.EMFILE: ("this process has too many open files", "raise the limit: ulimit -n"),
    errno.EIO: ("the disk reports an input/output error", "check the disk before anything else"),
}


def disk_error(error: OSError, doing: str) -> StoreError:
    """Return the StoreError for a failure of the disk: `doing` is "cannot write model.bin"."""
    reason, hint = _REASONS.get(error.errno or 0, (error.strerror or str(error), None))
    return StoreError(f"{doing}: {reason}", hint=hint)


def temporary_name(name: str) -> str:
    """Return a fresh name beside `name`; unique among all processes of all hosts."""
    # File systems count bytes: a hundred Chinese characters are three hundred.
    kept = name.encode(errors="ignore")[:100].decode(errors="ignore")
    return f".{kept}.{os.getpid()}.{os.urandom(6).hex()}.tmp"


def is_temporary(name: str) -> bool:
    """Whether a name is that of a file in the making, or of what is left of one."""
    return name.startswith(".") and name.endswith(".tmp")


def make_folder(path: Path) -> None:
    """Create a folder and its parents; one that exists is fine.

    The folder's own entry is made durable in its parent.
    """
    if path.is_dir():
        return
    missing = [path]
    while not missing[-1].parent.is_dir() and missing[-1].parent != missing[-1]:
        missing.append(missing[-1].parent)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, f"cannot create the folder {path}") from error
    for made in reversed(missing):
        fsync_directory(made.parent)


def fsync_directory(path: Path) -> None:
    """Make the names in a folder durable: creating and renaming are writes of the folder."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise disk_error(error, f"cannot open the folder {path}") from error
    try:
        os.fsync(fd)
    except OSError as error:
        # Some network file systems refuse fsync of a folder; they have no such order to keep.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):
            raise disk_error(error, f"cannot sync the folder {path}") from error
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes | bytearray | memoryview) -> None:
    """Write every byte; a short write is continued, and a full disk is then an OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def remove_quietly(path: Path) -> None:
    """Remove a temporary file; whether that works changes nothing."""
    with suppress(OSError):
        os.unlink(path)


def write_atomic(path: Path, data: Content, *, durable: bool = True, mode: int = 0o644) -> None:
    """Create or replace the file, whole. Parent folders are created.

    After `durable=True` the new bytes survive a power cut (two fsyncs, 0.5 to 5 ms);
    otherwise a power cut may bring back the old file. `mode` is subject to the umask.

    Raises:
        StoreError: Nothing has changed.
    """
    make_folder(path.parent)
    content = _to_bytes(data)
    _replace(path, lambda fd: write_all(fd, content), durable=durable, mode=mode)


def copy_atomic(path: Path, stretches: Iterable[Stretch]) -> None:
    """Create or replace the file with what lies in stretches of open files, whole and durable.

    The system copies; where the file system can, the bytes are shared and not copied at
    all. Parent folders are created.

    Raises:
        StoreError: Nothing has changed.
    """
    make_folder(path.parent)

    def fill(target: int) -> None:
        for source, offset, length in stretches:
            _copy(source, offset, length, target)

    _replace(path, fill, durable=True, mode=0o644)


def _copy(source: int, offset: int, length: int, target: int) -> None:
    while length:
        count = 0
        # Not between these file systems, or on this one; a full disk says so again below.
        with suppress(OSError, AttributeError):
            count = os.copy_file_range(source, target, length, offset)
        if not count:
            data = os.pread(source, min(length, _COPY_BYTES), offset)
            if not data:
                raise StoreError("a file was cut while it was copied", hint="run it again")
            write_all(target, data)
            count = len(data)
        offset += count
        length -= count


def _replace(path: Path, fill: Callable[[int], None], *, durable: bool, mode: int) -> None:
    temporary = _write_temporary(path, fill, durable=durable, mode=mode)
    with _or_nothing(temporary, path):
        os.replace(temporary, path)
    if durable:
        fsync_directory(path.parent)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a stream whose bytes become the file when the block ends well, and not before.

    For what is too long to be held: an export, a download. Parent folders are created.
    A power cut may bring back the old file.

    Raises:
        StoreError: Nothing has changed.
    """
    make_folder(path.parent)
    temporary = path.parent / temporary_name(path.name)
    with _or_nothing(temporary, path):
        with temporary.open("xb") as stream:
            yield stream
        os.replace(temporary, path)


@contextmanager
def _or_nothing(temporary: Path, path: Path) -> Iterator[None]:
    """A failure leaves no temporary file, and what the disk did wrong is said of the path that was meant."""
    try:
        yield
    except OSError as error:
        remove_quietly(temporary)
        raise disk_error(error, f"cannot write {path}") from error
    except BaseException:
        remove_quietly(temporary)
        raise


def create_exclusive(path: Path, data: bytes | str, *, mode: int = 0o644) -> bool:
    """Create the file, whole and durable; return False if the name is taken.

    Of several processes that call this at once exactly one gets True. Parent folders
    are created.

    Raises:
        StoreError: The file was not created.
    """
    make_folder(path.parent)
    if os.path.lexists(path):
        return False
    content = _to_bytes(data)
    temporary = _write_temporary(path, lambda fd: write_all(fd, content), durable=True, mode=mode)
    try:
        created = _link_or_rename(temporary, path)
    except OSError as error:
        raise disk_error(error, f"cannot write {path}") from error
    finally:
        remove_quietly(temporary)
    if created:
        fsync_directory(path.parent)
    return created


def append_line(path: Path, line: str, *, durable: bool = True) -> None:
    """Append one line by one write; lines of several writers never mix.

    If the file ends in the middle of a line (a writer was killed), that line is ended
    first. Creates the file and its folder when missing.

    Raises:
        ValueError: The line contains a newline.
        StoreError: Nothing was appended.
    """
    if "\n" in line:
        raise ValueError("a line cannot contain a newline")
    make_folder(path.parent)
    # The lock orders writers, so that "the last byte" below cannot become stale.
    fd = _open_log(path)
    try:
        size = os.fstat(fd).st_size
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        try:
            write_all(fd, (b"\n" if torn else b"") + line.encode() + b"\n")
            if durable:
                os.fsync(fd)
        except BaseException:
            os.ftruncate(fd, size)
            raise
    except OSError as error:
        raise disk_error(error, f"cannot write {path}") from error
    finally:
        os.close(fd)
    if size == 0 and durable:
        fsync_directory(path.parent)


def replace_log(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Replace a file that others append lines to, whole and durable; none of their lines is lost.

    `change` gets the present bytes (none of a missing file) and returns the new ones. Who
    appends meanwhile waits, and then appends to the new file.

    Raises:
        StoreError: Nothing has changed.
    """
    make_folder(path.parent)
    fd = _open_log(path)
    try:
        with open(fd, "rb", closefd=False) as stream:
            before = stream.read()
        after = change(before)
        if after != before:
            write_atomic(path, after)
    except OSError as error:
        raise disk_error(error, f"cannot write {path}") from error
    finally:
        os.close(fd)


def _open_log(path: Path) -> int:
    """Open a file to append to, under its lock: the file that has the name when the lock is got."""
    while True:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise disk_error(error, f"cannot write {path}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(fd), os.stat(path)):
                    return fd
        except OSError as error:
            os.close(fd)
            raise disk_error(error, f"cannot write {path}") from error
        os.close(fd)  # It was replaced while we waited.


def _to_bytes(data: Content) -> bytes | bytearray | memoryview:
    return data.encode() if isinstance(data, str) else data


def _write_temporary(path: Path, fill: Callable[[int], None], *, durable: bool, mode: int) -> Path:
    """Have a new file beside `path` filled; leave nothing on failure."""
    temporary = path.parent / temporary_name(path.name)
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except OSError as error:
        raise disk_error(error, f"cannot write {path}") from error
    with _or_nothing(temporary, path):
        try:
            fill(fd)
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
    return temporary


def _link_or_rename(temporary: Path, path: Path) -> bool:
    """Give the temporary file its name unless that is taken."""
    try:
        os.link(temporary, path)
        return True
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
    # No hard links here (FAT, some network file systems): order the creators by a lock on the folder.
    fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.path.lexists(path):
            return False
        os.rename(temporary, path)
        return True
    finally:
        os.close(fd)
