"""All files of a version as one download: a zip that is made while it is sent.

Nothing is compressed, since weights and pictures do not get smaller, and nothing is written
to disk. Whoever gets the end of the file has every byte as it was recorded: a file that is
damaged breaks the download off.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from blake3 import blake3
from starlette.responses import Response, StreamingResponse

from tracker.web.answers import Query
from tracker.web.artifacts import manifest_of
from tracker.web.shelf import Shelf
from vcs.digest import Digest
from vcs.errors import IntegrityError, NotFoundError
from vcs.files.listing import Entry
from vcs.stores.base import Store

_PIECE = 1 << 20


def whole(shelf: Shelf, query: Query) -> Response:
    """Send every file of a version, its links and empty folders; references are named in the comment.

    Raises:
        NotFoundError: The contents of a file are not on this machine; nothing is sent.
    """
    manifest = manifest_of(shelf, query)
    entries = list(shelf.repo.collections.listing(manifest))
    store = shelf.repo.store
    missing = [e.path for e in entries if e.kind == "file" and not store.contains(Digest(e.digest))]
    if missing:
        raise NotFoundError(
            f"the contents of {missing[0]} are not on this machine"
            + (f", nor those of {len(missing) - 1} more files" if len(missing) > 1 else ""),
            hint="fetch them first: tracker fetch",
        )
    name = f"{manifest.name}-{manifest.version}.zip"
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "cache-control": "no-store",
    }
    return StreamingResponse(zipped(entries, store), media_type="application/zip", headers=headers)


class _Pipe:
    """What a zip is written into; gives back what has come since."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it."""

    close = flush

    def take(self) -> bytes:
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found


def zipped(entries: Sequence[Entry], store: Store) -> Iterator[bytes]:
    """Yield the bytes of a zip; needs memory for a piece of one file.

    Raises:
        IntegrityError: The bytes of a file are not those that were recorded.
    """
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for entry in entries:
            if entry.kind == "ref":
                continue
            with archive.open(_about(entry), "w", force_zip64=True) as target:
                for piece in _contents(entry, store):
                    target.write(piece)
                    yield pipe.take()
        references = [f"{entry.path} {entry.target}" for entry in entries if entry.kind == "ref"]
        if references:
            archive.comment = ("not in here, only referred to: " + ", ".join(references)).encode()[:65_535]
    yield pipe.take()


def _about(entry: Entry) -> zipfile.ZipInfo:
    about = zipfile.ZipInfo(entry.path + "/" * (entry.kind == "dir"))
    mode = {
        "link": stat.S_IFLNK | 0o777,
        "dir": stat.S_IFDIR | 0o755,
        "file": stat.S_IFREG | (0o755 if entry.executable else 0o644),
    }[entry.kind]
    about.create_system = 3  # the mode is that of Unix
    about.external_attr = mode << 16
    return about


def _contents(entry: Entry, store: Store) -> Iterator[bytes]:
    if entry.kind == "link":
        yield entry.target.encode()
    elif entry.kind == "file":
        seen = blake3()
        with store.open(Digest(entry.digest)) as stream:
            while piece := stream.read(_PIECE):
                seen.update(piece)
                yield piece
        if seen.hexdigest() != entry.digest:
            raise IntegrityError(f"the contents of {entry.path} are damaged", hint="tracker verify")
