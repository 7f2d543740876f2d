"""Files in the making: written and verified in a hidden folder, then moved into place.

The hidden folder lies in the target, so that moving is renaming. Until the moves begin
nothing of the target has changed, whatever goes wrong; each move is atomic, so a kill
in between leaves whole files, and running it again goes on. A folder that the target
lacks is moved as one.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

from vcs.atomic import disk_error, write_all
from vcs.digest import Digest
from vcs.errors import ConflictError, FormatError, IntegrityError, StoreError
from vcs.files.ignore import STAGING_PREFIX
from vcs.files.inside import Inside
from vcs.files.listing import Entry
from vcs.files.staged import Waiting, WrittenFiles
from vcs.files.stat_cache import StatCache
from vcs.helpers import Helpers, Request
from vcs.paths import check_entry_path, check_link, is_plain_name
from vcs.progress import Progress
from vcs.stores.base import Store
from vcs.stores.copying import Advance, clone_file, copy_and_hash, copy_stream_and_hash, hash_descriptor
from vcs.stores.small_files import BUFFER_BYTES, LARGE_BYTES, Written, write_small_files

Link: TypeAlias = Literal["auto", "copy", "hardlink"]

# Files that are asked for at once: requests and replies pass a helper's socket in one piece.
_CHUNK_FILES = 128
# A helper takes 30 ms to start, in which this process writes a thousand files.
_HELP_AFTER_FILES = 1000
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CANNOT_LINK = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EACCES}
)


class Staging:
    """A hidden folder in `target` that goes away with the block."""

    def __init__(self, target: Path, store: Store, *, link: Link, stat_cache: StatCache | None) -> None:
        """Prepare; `target` is an absolute path without links that exists when the block begins."""
        self._target = target
        self._store = store
        self._link = link
        self._cache = stat_cache
        self._made: set[str] = {""}
        self._written: dict[str, WrittenFiles] = {}
        self._path = ""
        self._lock_fd = -1
        self._stopped = False

    def __enter__(self) -> Staging:
        _remove_leftovers(self._target)
        self._path = os.path.join(self._target, f"{STAGING_PREFIX}{os.urandom(8).hex()}")
        try:
            os.mkdir(self._path, 0o700)
            self._lock_fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise disk_error(error, f"cannot write to {self._target}") from error
        with suppress(OSError):  # Says that we live; where there are no locks, leftovers stay.
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
        os.close(self._lock_fd)

    def write(self, entries: Iterable[Entry], progress: Progress | None) -> None:
        """Write and verify files, links and empty folders.

        Raises:
            NotFoundError, IntegrityError: An object is missing or damaged; its path is named.
            FormatError: A path is unsafe, or two exclude each other.
            StoreError: The disk is full.
        """
        small = Waiting()
        large: list[Entry] = []
        try:
            folder = None
            for entry in entries:
                path = entry.path
                name_at = path.rfind("/") + 1
                if path[:name_at] != folder or not is_plain_name(path[name_at:]):
                    check_entry_path(path)
                    folder = path[:name_at]
                    self._make_folders(folder[:-1])
                if entry.kind != "file":
                    self._write_link_or_folder(entry)
                    _advance(progress, entry)
                elif entry.size >= LARGE_BYTES:
                    large.append(entry)
                else:
                    small.add(entry)
            self._write_files(small, large, progress)
        except FileExistsError as error:
            name = os.path.relpath(str(error.filename), self._path)
            raise FormatError(f"{name!r} and another path are one on this file system") from None
        except OSError as error:
            raise disk_error(error, f"cannot write to {self._target}") from error

    def _write_files(self, small: Waiting, large: list[Entry], progress: Progress | None) -> None:
        """Write the large files on threads of their own, and meanwhile the small ones."""
        if not large:
            self._write_small(small, progress)
            return
        from vcs.pools import thread_pool  # 8 ms, for large files only.

        alone = len(large) == 1
        advance = self._advancing(progress)
        pool = thread_pool(min(4, os.cpu_count() or 1), "tracker-checkout")
        try:
            futures = [pool.submit(self._write_large, entry, alone, advance) for entry in large]
            self._write_small(small, progress)
            for future in futures:
                future.result()
                if progress is not None:
                    progress.advance(1, 0)
        finally:
            self._stopped = True
            pool.shutdown(cancel_futures=True)

    def _advancing(self, progress: Progress | None) -> Advance:
        """Return what counts bytes of large files, on their threads; ends them after Ctrl-C or a failure."""

        def advance(done_bytes: int) -> None:
            if self._stopped:
                raise _StoppedError
            if progress is not None:
                progress.advance(0, done_bytes)

        return advance

    def move(self, paths: Iterable[str], inside: Inside) -> None:
        """Move files, links and whole folders to their place, replacing files and links.

        Raises:
            ConflictError: A folder has appeared where none was, or a link on the way.
            StoreError: The disk failed; what was moved so far is whole.
        """
        moved_ns: dict[str, int] = {}
        for path in paths:
            parent, _, name = path.rpartition("/")
            moved_ns[path] = time.time_ns()
            try:
                os.rename(f"{self._path}/{path}", name, dst_dir_fd=inside.folder(parent))
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.EISDIR, errno.ENOTDIR):
                    raise ConflictError(
                        f"{self._target / path} appeared during the checkout", hint="run it again"
                    ) from error
                raise disk_error(error, f"cannot write {self._target / path}") from error
        if self._cache is not None:
            self._remember(moved_ns, self._cache)

    def _remember(self, moved_ns: dict[str, int], cache: StatCache) -> None:
        """Tell the stat cache what the files of moved folders hold.

        Nobody else could reach them before the move, so any change shows in a ctime,
        unless that was younger than the clock's tick when the folder was moved. A file
        moved by itself got a new ctime by that, and is left out.
        """
        for folder, written in self._written.items():
            root = folder
            while root and root not in moved_ns:
                root = root.rpartition("/")[0]
            if root:
                at_ns = moved_ns[root]
                cache.set_folder(os.path.join(self._target, folder), written.known(at_ns))

    def _make_folders(self, folder: str) -> None:
        """Make a folder and those above it. Each is made here, so none is a link."""
        missing: list[str] = []
        while folder not in self._made:
            missing.append(folder)
            folder = folder.rpartition("/")[0]
        for folder in reversed(missing):
            os.mkdir(f"{self._path}/{folder}")
            self._made.add(folder)

    def _write_link_or_folder(self, entry: Entry) -> None:
        where = f"{self._path}/{entry.path}"
        if entry.kind == "link":
            os.symlink(check_link(entry.path, entry.target), where)
        elif entry.path not in self._made:
            os.mkdir(where)
            self._made.add(entry.path)

    def _write_small(self, entries: Waiting, progress: Progress | None) -> None:
        with Helpers([write_small_files], BUFFER_BYTES, begin_after=_HELP_AFTER_FILES) as helpers:
            for path, group in self._store.places(entries):
                for start in range(0, len(group), _CHUNK_FILES):
                    self._write_group(
                        str(path), group[start : start + _CHUNK_FILES], entries, helpers, progress
                    )
            helpers.finish()
        for digest, data in self._store.read_many(entries):
            for entry in entries.of(digest):
                self._write_one(entry, data)
                _advance(progress, entry)

    def _write_group(
        self,
        pack: str,
        group: Sequence[tuple[int, int, bytes]],
        entries: Waiting,
        helpers: Helpers,
        progress: Progress | None,
    ) -> None:
        """Write objects that are neighbours; what cannot be written so stays among `entries`."""
        start, length = group[0][0], group[-1][0] + group[-1][1] - group[0][0]
        files = [
            (entry, (entry.path, offset - start, size, raw, entry.executable))
            for offset, size, raw in group
            for entry in entries.of(Digest(raw.hex()))
            if entry.size == size
        ]

        def done(written: list[Written | None], _buffer: memoryview) -> Request | None:
            for (entry, _), one in zip(files, written, strict=True):
                if one is None:
                    continue
                entries.remove(entry)
                self._note_written(entry, one)
                _advance(progress, entry)
            return None

        arguments = (f"{self._path}/", pack, start, length, [wanted for _, wanted in files])
        helpers.call(Request(0, arguments, done, _lost), len(files))

    def _write_one(self, entry: Entry, data: bytes | memoryview | None) -> None:
        if data is None:
            data = self._read(entry)
        if len(data) != entry.size:
            raise _wrong_size(entry, len(data))
        fd = os.open(f"{self._path}/{entry.path}", _NEW_FILE, 0o777 if entry.executable else 0o666)
        try:
            write_all(fd, memoryview(data))
            self._note(entry, fd)
        finally:
            os.close(fd)

    def _read(self, entry: Entry) -> bytes:
        """Return an object that could not be had so quickly, or say why it cannot be had."""
        size = self._store.size(Digest(entry.digest))
        if size != entry.size:  # Also spares us reading a huge object into memory.
            raise _wrong_size(entry, size)
        try:
            return self._store.read_bytes(Digest(entry.digest))
        except IntegrityError as error:
            raise _damaged(entry, error.message) from error

    def _write_large(self, entry: Entry, alone: bool, advance: Advance) -> None:
        where = f"{self._path}/{entry.path}"
        source = self._store.file_of(Digest(entry.digest))
        # A link shares the mode too, so a file that is executable gets a copy.
        if (
            source is not None
            and self._link == "hardlink"
            and not entry.executable
            and _linked(source, where)
        ):
            return
        fd = os.open(where, _NEW_FILE, 0o777 if entry.executable else 0o666)
        try:
            if source is None:
                digest = self._copy_object(entry, fd, alone, advance)
            else:
                digest = self._copy_file(source, fd, entry.size, alone, advance)
            if os.fstat(fd).st_size != entry.size:
                raise _wrong_size(entry, os.fstat(fd).st_size)
            if digest != entry.digest:
                raise _damaged(entry, f"object {entry.digest[:12]} in {self._store.name} is damaged")
            self._note(entry, fd)
        finally:
            os.close(fd)

    def _copy_file(self, source: Path, fd: int, size: int, alone: bool, advance: Advance) -> Digest:
        source_fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if self._link == "auto" and clone_file(source_fd, fd):
                return hash_descriptor(source_fd, advance=advance)[0]
            return copy_and_hash(source_fd, fd, size, alone=alone, advance=advance)[0]
        finally:
            os.close(source_fd)

    def _copy_object(self, entry: Entry, fd: int, alone: bool, advance: Advance) -> Digest:
        """Copy an object that is no file of its own."""
        with self._store.open(Digest(entry.digest)) as stream:

            def read(buffer: bytearray) -> int:
                if isinstance(stream, io.BufferedIOBase):
                    return stream.readinto(buffer)
                block = stream.read(len(buffer))
                buffer[: len(block)] = block
                return len(block)

            return copy_stream_and_hash(read, fd, entry.size, alone=alone, advance=advance)[0]

    def _note(self, entry: Entry, fd: int) -> None:
        status = os.fstat(fd)
        self._note_written(entry, (status.st_mtime_ns, status.st_ctime_ns, status.st_ino))

    def _note_written(self, entry: Entry, written: Written) -> None:
        if self._cache is not None:
            folder = entry.path.rpartition("/")[0]
            files = self._written.get(folder)
            if files is None:
                files = self._written[folder] = WrittenFiles()
            files.add(entry, written)


class _StoppedError(Exception):
    """The checkout is over; nobody waits for this file."""


def _advance(progress: Progress | None, entry: Entry) -> None:
    if progress is not None:
        progress.advance(1, entry.size)


def _lost() -> None:
    raise StoreError("a process that helped with the checkout was ended", hint="run it again")


def _damaged(entry: Entry, why: str) -> IntegrityError:
    return IntegrityError(
        f"cannot check out {entry.path}: {why}",
        hint="fetch it again from a remote, or from whoever has a copy",
    )


def _wrong_size(entry: Entry, size: int) -> IntegrityError:
    return IntegrityError(
        f"cannot check out {entry.path}: it should have {entry.size} bytes and its object has {size}",
        hint="the manifest is damaged or was changed by hand; fetch it again",
    )


def _linked(source: Path, where: str) -> bool:
    try:
        os.link(source, where)
    except OSError as error:
        if error.errno in _CANNOT_LINK:
            return False
        raise
    return True


def _remove_leftovers(target: Path) -> None:
    """Remove what a killed checkout left in this folder."""
    for path in target.glob(f"{STAGING_PREFIX}*"):
        with suppress(OSError):
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(fd)
