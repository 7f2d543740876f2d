"""References: entries that name where something lies instead of storing it.

A file on this machine is hashed, so that a change is found out; anything else is
recorded by its URI alone. No reference ever opens a connection.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tracker.errors import ConflictError, NotFoundError, UsageError
from vcs.atomic import disk_error
from vcs.digest import Digest, digest_bytes
from vcs.files.ignore import Ignore
from vcs.files.listing import Entry
from vcs.files.stat_cache import StatCache
from vcs.paths import look_hint, to_entry_path
from vcs.progress import Progress
from vcs.repo import Repo
from vcs.secrets import mask
from vcs.stores.copying import hash_descriptor

# Schemes whose last part is a good name for the entry.
_NAMED_BY_PATH = frozenset(
    {"http", "https", "s3", "gs", "gcs", "az", "abfs", "abfss", "wasb", "wasbs", "hdfs"}
)


def entries_for(
    repo: Repo,
    uri: str | os.PathLike[str],
    name: str | None,
    *,
    checksum: bool,
    max_objects: int,
    progress: Progress | None = None,
) -> list[Entry]:
    """Return the entries for a reference: one, or for a folder on this machine one for each file.

    Args:
        uri: A URI, or the path of something that exists here.
        name: The path in the artifact; a folder above the files for a folder. Defaults
            to the last part of the URI, or nothing for a folder.
        checksum: Hash local content. Without, only the URI is remembered, and changed
            content is not noticed.
        max_objects: A folder with more files is refused.

    Raises:
        NotFoundError: A local path that does not exist.
        UsageError: Not a URI, credentials in it, an unknown scheme without `name`, or
            more files than `max_objects`.
    """
    local = local_path(uri)
    if local is None:
        return [_remote(os.fspath(uri), name)]
    if not local.exists():
        raise NotFoundError(
            f"cannot refer to {local}: there is no such file or folder", hint=look_hint(local)
        )
    if not checksum:
        path = to_entry_path(name if name is not None else local.name)
        return [Entry(path, digest_bytes(local.as_uri().encode()), 0, "ref", target=local.as_uri())]
    if local.is_dir():
        entries = _folder(repo, local, name, max_objects, progress)
    else:
        path = to_entry_path(name if name is not None else local.name)
        entries = [_local_file(repo, local, path, progress)]
    repo.stat_cache.save()
    return entries


def is_verifiable(entry: Entry) -> bool:
    """Whether the digest of a reference is that of its content."""
    return (
        entry.kind == "ref"
        and entry.digest != digest_bytes(entry.target.encode())
        and (local_path(entry.target) is not None)
    )


def local_path(uri: str | os.PathLike[str]) -> Path | None:
    """Return the absolute path that a `file://` URI or a plain path means; None for another scheme.

    Raises:
        UsageError: A `file://` URI of another machine.
    """
    text = os.fspath(uri)
    parts = urlsplit(text) if "://" in text else None
    if parts is None:
        return Path(os.path.abspath(os.path.expanduser(text)))
    if parts.scheme.lower() != "file":
        return None
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f"{text!r} is on another machine", hint="write file:///path with three slashes")
    return Path(os.path.abspath(unquote(parts.path)))


def _remote(uri: str, name: str | None) -> Entry:
    if mask(uri) != uri:
        raise UsageError(
            f"the URI {mask(uri)!r} has credentials in it, which would be kept in the manifest",
            hint="leave them out, and give them to the program that reads the URI",
        )
    parts = urlsplit(uri)
    if name is None:
        name = parts.path.rstrip("/").rpartition("/")[2] or parts.netloc
        if parts.scheme.lower() not in _NAMED_BY_PATH or not name:
            raise UsageError(f"the reference {uri!r} needs a name", hint="add_reference(uri, name=…)")
    return Entry(to_entry_path(name), digest_bytes(uri.encode()), 0, "ref", target=uri)


def _folder(
    repo: Repo, folder: Path, name: str | None, max_objects: int, progress: Progress | None
) -> list[Entry]:
    prefix = f"{to_entry_path(name)}/" if name else ""
    entries: list[Entry] = []
    for relative in _files_of(folder, Ignore.load(folder, top=repo.layout.worktree)):
        if len(entries) >= max_objects:
            raise UsageError(
                f"{folder} has more than {max_objects} files",
                hint="add_reference(…, max_objects=…) allows more",
            )
        entries.append(_local_file(repo, folder / relative, prefix + relative, progress))
    return entries


def hash_local(path: Path, stat_cache: StatCache) -> tuple[Digest, int]:
    """Return the digest and size of a file of this machine; one that did not change is not read.

    Raises:
        NotFoundError: It does not exist.
        UsageError: It is not a regular file.
        ConflictError: It changed while it was read, twice.
        StoreError: It cannot be read.
    """
    for _ in range(2):
        try:
            before = os.stat(path)
            if not stat.S_ISREG(before.st_mode):
                raise UsageError(f"{path} is not a regular file")
            known = stat_cache.get(path, before)
            if known is not None:
                return known, before.st_size
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                opened, at_ns = os.fstat(fd), time.time_ns()
                digest, size = hash_descriptor(fd)
                after = os.fstat(fd)
            finally:
                os.close(fd)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFoundError(f"there is no file {path}") from error
        except OSError as error:
            raise disk_error(error, f"cannot read {path}") from error
        if (opened.st_size, opened.st_mtime_ns, opened.st_ctime_ns) == (
            size,
            after.st_mtime_ns,
            after.st_ctime_ns,
        ):
            stat_cache.put(path, opened, digest, at_ns=at_ns)
            return digest, size
    raise ConflictError(f"{path} changed while it was read", hint="wait until nothing writes to it")


def _files_of(folder: Path, ignore: Ignore) -> Iterator[str]:
    """Yield the files below, relative and with `/`, in order; what is left out is not entered."""
    for current, folders, files in os.walk(folder):
        base = Path(current).relative_to(folder)
        kept = [name for name in folders if not ignore.matches((base / name).as_posix(), is_dir=True)]
        folders[:] = sorted(kept)
        for name in sorted(files):
            relative = (base / name).as_posix()
            if not ignore.matches(relative):
                yield relative


def _local_file(repo: Repo, path: Path, name: str, progress: Progress | None) -> Entry:
    if progress is not None:
        progress.add_total(1, _size_of(path))
    digest, size = hash_local(path, repo.stat_cache)
    if progress is not None:
        progress.advance(1, size)
    return Entry(name, digest, size, "ref", target=path.as_uri())


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # Hashing says what is wrong.
