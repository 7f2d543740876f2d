"""Files of runs that are too large for the ledger, brought back out of the store.

A `run.yaml` names every file of its run with its digest; those that the ledger does not
carry are objects. So when records come back out of the ledger, these come back too.
Leaves to others: making them objects, and noticing that records are gone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from vcs.atomic import disk_error, make_folder, remove_quietly, temporary_name
from vcs.digest import Digest, parse_digest
from vcs.errors import FormatError, IntegrityError, NotFoundError
from vcs.layout import Layout, RunLayout
from vcs.paths import check_entry_path
from vcs.stores.base import Store
from vcs.yaml_io import load_yaml

# A record is parsed only if it names a file of a million bytes or more: parsing costs
# milliseconds, and few runs have one.
_HAS_LARGE_FILE = re.compile(rb"\bsize[\"']?:\s*\d{7}")
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class LargeFile:
    """A file that a run's record names and the disk has not."""

    run: RunLayout
    path: str
    digest: Digest
    size: int
    created: str

    @property
    def target(self) -> Path:
        return self.run.folder / self.path


def missing_files(layout: Layout) -> Iterator[LargeFile]:
    """Yield the files that are named by runs with large files, and are not on disk."""
    return (file for file in named_files(layout) if not os.path.lexists(file.target))


def named_files(layout: Layout) -> Iterator[LargeFile]:
    """Yield the files that runs with large files name.

    A record that cannot be read, or that names a file outside of its run, names none.
    """
    for record in sorted(layout.runs.glob("[!.]*/[!.]*/run.yaml")):
        with suppress(OSError):
            yield from files_named_in(RunLayout(record.parent), record.read_bytes())


def files_named_in(run: RunLayout, record: bytes) -> Iterator[LargeFile]:
    """Yield the files that the record of a run names, if one of them is large."""
    if _HAS_LARGE_FILE.search(record):
        with suppress(UnicodeDecodeError, FormatError):
            yield from _files_of(run, load_yaml(record.decode(), "run"))


def _files_of(run: RunLayout, content: object) -> Iterator[LargeFile]:
    listed = content.get("files") if isinstance(content, dict) else None
    created = str(content.get("created", "")) if isinstance(content, dict) else ""
    for file in listed if isinstance(listed, list) else []:
        if not isinstance(file, dict):
            continue
        path, digest, size = file.get("path"), file.get("digest"), file.get("size")
        if isinstance(path, str) and isinstance(digest, str) and isinstance(size, int):
            yield LargeFile(run, check_entry_path(path), parse_digest(digest), size, created)


def bring_back(layout: Layout, store: Store) -> int:
    """Write every missing file that the store has, whole and verified; return how many.

    Overwrites nothing, and follows no link out of a run. A file whose object is missing
    or damaged stays away. Not durable by itself. Calling it again is harmless.

    Raises:
        StoreError: The disk refuses; the files before it are back.
    """
    count = 0
    for file in missing_files(layout):
        try:
            count += _place(file, store)
        except (NotFoundError, IntegrityError):
            continue
    return count


def _place(file: LargeFile, store: Store) -> bool:
    folders = [parent for parent in file.target.parents if parent.is_relative_to(file.run.folder)]
    if any(folder.is_symlink() or (folder.exists() and not folder.is_dir()) for folder in folders):
        return False
    if file.path.startswith("media/") and _link(file, store):
        return True
    with store.open(file.digest) as stream:
        make_folder(file.target.parent)
        temporary = file.target.parent / temporary_name(file.target.name)
        hasher = blake3()
        try:
            with temporary.open("xb") as copy:
                while block := stream.read(_BLOCK_BYTES):
                    hasher.update(block)
                    copy.write(block)
            if hasher.hexdigest() != file.digest:
                raise IntegrityError(f"object {file.digest[:12]} is damaged")
            os.link(temporary, file.target)
        except FileExistsError:
            return False
        except OSError as error:
            raise disk_error(error, f"cannot bring back {file.target}") from error
        finally:
            remove_quietly(temporary)
    return True


def _link(file: LargeFile, store: Store) -> bool:
    """Link the object's own read-only file, as media are when they are logged."""
    source = store.file_of(file.digest)
    if source is None:
        return False
    make_folder(file.target.parent)
    try:
        os.link(source, file.target)
    except OSError:  # another file system, or one without links
        return False
    return True
