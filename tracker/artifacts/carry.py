"""Bringing objects from one store into another on this machine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tracker.errors import IntegrityError
from vcs.atomic import disk_error, make_folder
from vcs.digest import Digest
from vcs.files.listing import Entry
from vcs.repo import Repo
from vcs.stores.base import Batch, Store

# Up to this an object goes through memory.
_MEMORY_BYTES = 16 << 20


def carry_objects(entries: Iterable[Entry], source: Repo, target: Repo) -> int:
    """Copy the contents that the target lacks; return how many objects were copied.

    Nothing where both share their objects. A second call copies nothing.

    Raises:
        NotFoundError: The source lacks one.
        IntegrityError: One is damaged in the source; nothing wrong is stored under its digest.
        StoreError: A disk failed.
    """
    if source.layout.objects_root == target.layout.objects_root:
        return 0
    sizes = {Digest(entry.digest): entry.size for entry in entries if entry.kind == "file"}
    missing = target.store.missing(sizes)
    with target.store.batch() as batch:
        for digest in missing:
            stored = _carry_one(digest, sizes[digest], source.store, batch, target.layout.store_tmp)
            if stored != digest:
                raise IntegrityError(f"object {digest[:12]} in {source.store.name} is damaged")
    return len(missing)


def _carry_one(digest: Digest, size: int, source: Store, batch: Batch, tmp: Path) -> Digest:
    if size <= _MEMORY_BYTES:
        return batch.put_bytes(source.read_bytes(digest))
    make_folder(tmp)
    try:
        with source.open(digest) as stream, tempfile.NamedTemporaryFile(dir=tmp, prefix="carry.") as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)
            copy.flush()
            return batch.put_file(Path(copy.name))[0]
    except OSError as error:
        raise disk_error(error, f"cannot copy object {digest[:12]}") from error
