"""The list of a run's files in run.yaml, with the digest of each.

What is small travels in the ledger; what is larger than 1 MiB becomes an object of
the store first, so the list names nothing that is not kept. A file that is still
being written to when it is listed is listed as it was then.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from tracker.errors import ConflictError, Error, FormatError, NotFoundError
from tracker.storage.records import RunFile
from vcs.digest import digest_bytes
from vcs.layout import RunLayout
from vcs.paths import check_entry_path
from vcs.records.ledger_tree import LARGEST_RUN_FILE
from vcs.stores.base import Store


def list_files(
    run: RunLayout, store: Store, on_unlisted: Callable[[Error], None], *, without: Collection[Path] = ()
) -> list[RunFile]:
    """Digest every file of a run but run.yaml, and put the large ones into the store.

    `on_unlisted` hears of files whose names no record can hold (not Unicode, a backslash).
    Files in `without` are left out: they are about to be removed.

    Raises:
        StoreError: A large file could not be kept, or a file not be read.
    """
    listed = []
    large = []
    for path in _files_below(run.folder):
        if path == run.record or path in without:
            continue
        relative = path.relative_to(run.folder).as_posix()
        try:
            check_entry_path(relative)
        except FormatError as error:
            on_unlisted(error)
            continue
        try:
            size = path.stat().st_size
            if size > LARGEST_RUN_FILE:
                large.append((relative, path))
            else:
                data = path.read_bytes()
                listed.append(RunFile(path=relative, digest=digest_bytes(data), size=len(data)))
        except FileNotFoundError:  # a temporary file of the script in run.dir
            continue
    if large:
        with store.batch() as batch:
            for relative, path in large:
                try:
                    digest, size = batch.put_file(path)
                except (NotFoundError, ConflictError):  # it vanishes or grows under our hands
                    continue
                listed.append(RunFile(path=relative, digest=digest, size=size))
    return sorted(listed, key=lambda file: file.path)


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the regular files, without temporary ones; symbolic links are not followed."""
    try:
        children = sorted(os.scandir(folder), key=lambda child: child.name)
    except FileNotFoundError:
        return
    for child in children:
        if child.name.startswith(".") and child.name.endswith(".tmp"):
            continue
        if child.is_dir(follow_symlinks=False):
            yield from _files_below(Path(child.path))
        elif stat.S_ISREG(child.stat(follow_symlinks=False).st_mode):
            yield Path(child.path)
