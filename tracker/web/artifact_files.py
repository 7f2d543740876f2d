"""The files of a version: their bytes, and a look into them without a download."""

from __future__ import annotations

import csv
import io
import math
from importlib import import_module
from typing import Any

from starlette.responses import FileResponse, Response, StreamingResponse

from tracker.compare.contents import looks_like_text
from tracker.compare.tensor import Tensor, UnreadableError
from tracker.compare.tensor_files import open_tensors
from tracker.compare.tensors import TENSOR_SUFFIXES
from tracker.web.answers import Query, answer
from tracker.web.artifacts import manifest_of
from tracker.web.run_files import headers_for
from tracker.web.shelf import Shelf, plain
from vcs.digest import Digest
from vcs.errors import Error, NotFoundError
from vcs.files.listing import Entry

_TEXT_BYTES = 64 << 10
_TABLE_BYTES = 512 << 10
_TABLE_ROWS = 100
_CELL = 500
_TENSORS = 2000
# Statistics are made of so many numbers at most; beyond, shapes must do.
_MOST_NUMBERS = 20_000_000
_PIECE = 1 << 20
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".svg")
_SOUNDS = (".wav", ".mp3", ".ogg", ".flac")
_FILMS = (".mp4", ".webm")


def file(shelf: Shelf, query: Query) -> Response:
    """Send the bytes of a file: `path` as listed; `download=1` to save it.

    Raises:
        NotFoundError: The version has no such file, or its contents are not here.
    """
    entry = _entry_of(shelf, query)
    headers = headers_for(entry.path, download=query.flag("download"), scripts=query.flag("scripts"))
    store, digest = shelf.repo.store, Digest(entry.digest)
    place = store.file_of(digest)
    if place is not None:
        return FileResponse(place, headers=headers)
    stream = store.open(digest)

    def pieces() -> Any:
        with stream:
            while piece := stream.read(_PIECE):
                yield piece

    return StreamingResponse(pieces(), headers={**headers, "content-length": str(entry.size)})


def preview(shelf: Shelf, query: Query) -> Response:
    """Return a look into a file: its kind, and what there is to show of it.

    What cannot be read is said in `note`; nothing in a file is run.
    """
    entry = _entry_of(shelf, query)
    name = entry.path.rpartition("/")[2].lower()
    suffix = f".{name.rpartition('.')[2]}"
    for kind, suffixes in (("image", _PICTURES), ("audio", _SOUNDS), ("video", _FILMS)):
        if suffix in suffixes:
            return answer({"kind": kind})
    try:
        if suffix in TENSOR_SUFFIXES:
            return answer(_tensors(shelf, entry, suffix))
        if suffix == ".parquet":
            return answer(_parquet(shelf, entry))
        with shelf.repo.store.open(Digest(entry.digest)) as stream:
            head = stream.read(_TABLE_BYTES if suffix in (".csv", ".tsv") else _TEXT_BYTES)
    except (UnreadableError, Error) as error:
        return answer({"kind": "none", "note": str(error)})
    if not looks_like_text(head):
        return answer({"kind": "none", "note": "binary"})
    if suffix in (".csv", ".tsv"):
        return answer(_table(head, entry, "\t" if suffix == ".tsv" else ","))
    return answer({"kind": "text", "text": head.decode(errors="replace"), "cut": len(head) < entry.size})


def _entry_of(shelf: Shelf, query: Query) -> Entry:
    """Return the file that was asked for.

    Raises:
        NotFoundError: There is none, or it is a link, a folder, or a reference.
    """
    manifest = manifest_of(shelf, query)
    entry = shelf.repo.collections.listing(manifest).get(query.text("path"))
    if entry.kind != "file":
        raise NotFoundError(f"{entry.path} is no file but a {entry.kind}")
    if not shelf.repo.store.contains(Digest(entry.digest)):
        raise NotFoundError(f"the contents of {entry.path} are not on this machine", hint="tracker pull")
    return entry


def _table(head: bytes, entry: Entry, delimiter: str) -> dict[str, Any]:
    text = head.decode(errors="replace")
    whole = len(head) >= entry.size
    lines = text.splitlines(keepends=True)
    # The last line of a part may be cut.
    source = io.StringIO("".join(lines if whole else lines[:-1]))
    try:
        rows = [
            [cell[:_CELL] for cell in row]
            for row, _ in zip(csv.reader(source, delimiter=delimiter), range(_TABLE_ROWS + 1), strict=False)
        ]
    except csv.Error as error:
        return {"kind": "text", "text": text[:_TEXT_BYTES], "cut": True, "note": f"no table: {error}"}
    return {
        "kind": "table",
        "columns": rows[0] if rows else [],
        "rows": rows[1:],
        "cut": not whole or len(rows) > _TABLE_ROWS,
    }


def _parquet(shelf: Shelf, entry: Entry) -> dict[str, Any]:
    try:
        reader = import_module("pyarrow.parquet")
    except ImportError:
        return {"kind": "none", "note": "a look into Parquet needs pyarrow: pip install 'tracker[parquet]'"}
    arrow = import_module("pyarrow")
    with shelf.repo.store.open(Digest(entry.digest)) as stream:
        try:
            opened = reader.ParquetFile(stream)
            batch = next(opened.iter_batches(batch_size=_TABLE_ROWS), None)
            rows = [] if batch is None else [list(row.values()) for row in batch.to_pylist()]
            columns = [f"{field.name}: {field.type}" for field in opened.schema_arrow]
            total = opened.metadata.num_rows
        except (arrow.ArrowException, OSError, ValueError) as error:
            return {"kind": "none", "note": f"cannot be read as Parquet: {error}"}
    return {
        "kind": "table",
        "columns": columns,
        "rows": plain(rows),
        "cut": total > len(rows),
        "total": total,
    }


def _tensors(shelf: Shelf, entry: Entry, suffix: str) -> dict[str, Any]:
    with open_tensors(suffix, Digest(entry.digest), shelf.repo.store) as opened:
        total = sum(tensor.count for tensor in opened.tensors.values())
        measured = total <= _MOST_NUMBERS
        rows = [
            {
                "name": name,
                "dtype": tensor.dtype,
                "shape": list(tensor.shape),
                "count": tensor.count,
                **(_statistics(tensor) if measured and tensor.numeric else {}),
            }
            for name, tensor in list(opened.tensors.items())[:_TENSORS]
        ]
        return {
            "kind": "tensors",
            "tensors": rows,
            "total": len(opened.tensors),
            "numbers": total,
            "measured": measured,
            "values": plain(opened.values),
        }


def _statistics(tensor: Tensor) -> dict[str, float | str | None]:
    """Return lowest, highest, mean and spread of the finite numbers, and how many are not."""
    import numpy

    count, odd, total, squares = 0, 0, 0.0, 0.0
    low, high = math.inf, -math.inf
    try:
        for block in tensor.blocks():
            numbers = numpy.abs(block) if numpy.iscomplexobj(block) else block.astype(numpy.float64)
            finite = numbers[numpy.isfinite(numbers)]
            odd += len(numbers) - len(finite)
            if len(finite):
                count += len(finite)
                low, high = min(low, float(finite.min())), max(high, float(finite.max()))
                total += float(finite.sum())
                squares += float(numpy.square(finite).sum())
    except UnreadableError as error:
        return {"note": str(error)}
    if not count:
        return {"not_finite": odd}
    mean = total / count
    return {
        "min": low,
        "max": high,
        "mean": mean,
        "std": math.sqrt(max(0.0, squares / count - mean * mean)),
        "not_finite": odd,
    }
