"""Media and tables as contents of an artifact: `add(obj, name)` and `get(name)`.

The object's record is a JSON file `<name>.<kind>.json`; what it names (pictures,
sounds, a table's cells) lies at `media/…` in the same artifact, once for each content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tracker.artifacts.draft import Draft
from tracker.errors import Error, FormatError, UsageError
from tracker.values.content import Media
from tracker.values.graph import Graph
from tracker.values.joined import JoinedTable, PartitionedTable
from tracker.values.json_text import from_json, json_bytes
from tracker.values.media import Audio, Histogram, Html, Image, Molecule, Object3D, Table, value_to_media
from tracker.values.objects import Plotly
from tracker.values.sink import NAME_LENGTH, Stored
from tracker.values.video import Video
from vcs.digest import Digest
from vcs.files.listing import Entry
from vcs.stores.base import Batch

# A record that is larger than this was not written by us.
_MAX_RECORD_BYTES = 64 << 20

_FROM_FILE: dict[str, Callable[..., Any]] = {
    "audio-file": Audio,
    "video-file": Video,
    "html-file": Html,
    "object3D-file": Object3D,
    "molecule-file": Molecule,
}
_FROM_JSON: dict[str, Callable[[Any], Any]] = {"graph-file": Graph.of_json, "plotly-file": Plotly.of_json}


def add_object(draft: Draft, value: object, name: str, *, overwrite: bool = False) -> Entry:
    """Store a media value, or what `log` would take for one, and return the entry of its record.

    Raises:
        UsageError: The value is no media.
    """
    media = value_to_media(value)
    if not isinstance(media, Media):
        raise UsageError(
            f"an object of type {type(value).__name__} cannot be added by name",
            hint="add a Table, an Image or other media, or write a file with new_file",
        )
    sink = _DraftSink(draft)
    with sink.group():
        record = media.to_record(sink)
    return draft.add_bytes(json_bytes(record), object_path(name, record["_type"]), overwrite=overwrite)


def object_path(name: str, record_type: str) -> str:
    """Return where the record of an object lies: `scores` is kept at `scores.table.json`."""
    ending = f".{record_type.removesuffix('-file').replace('/', '-')}.json"
    return name if name.endswith(ending) else name + ending


def find_record(name: str, paths: Any) -> str | None:
    """Return the path of the record that `get(name)` means, among `paths`."""
    if name in paths and name.endswith(".json"):
        return name
    found = [path for path in paths if path.startswith(f"{name}.") and path.endswith(".json")]
    fitting = [path for path in found if path.count(".") == name.count(".") + 2]
    return min(fitting, default=None)


def revive(
    data: bytes, path: str, fetch: Callable[[str], Path], *, tables: Callable[[str], Iterable[Table]]
) -> Any:
    """Return the object of a record.

    `fetch` brings a path of the artifact and says where it lies; `tables` gives those of a folder.

    Raises:
        FormatError: It is no record.
        UsageError: A kind of object that cannot be made again from its record.
    """
    if len(data) > _MAX_RECORD_BYTES:
        raise FormatError(f"{path} is too large for the record of an object")
    try:
        record = from_json(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is no record of an object: {error}") from error
    try:
        if isinstance(record, dict) and record.get("_type") == PartitionedTable.record_type:
            folder = record["parts_path"]
            return PartitionedTable(folder, parts=partial(tables, folder))
        return _revive(record, path, fetch)
    except Error:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"{path} is no record of an object: {error!r}") from error


def _revive(record: Any, path: str, fetch: Callable[[str], Path]) -> Any:
    if not isinstance(record, dict) or not isinstance(kind := record.get("_type"), str):
        raise FormatError(f"{path} is no record of an object")
    if kind == Histogram.record_type:
        return Histogram(np_histogram=(record["values"], record["bins"]))
    if kind == JoinedTable.record_type:
        first, second = (
            _revive(table, path, fetch) if isinstance(table, dict) else table
            for table in (record["table1"], record["table2"])
        )
        return JoinedTable(first, second, record["join_key"])
    where = record.get("path")
    if kind == Table.record_type and isinstance(where, str):
        return _revive_table(fetch(where).read_bytes(), where, fetch)
    if kind == Image.record_type and isinstance(where, str):
        return _revive_image(record, where, fetch)
    if kind in _FROM_FILE and isinstance(where, str):
        caption = {"caption": record["caption"]} if "caption" in record else {}
        return _FROM_FILE[kind](str(fetch(where)), **caption)
    if kind in _FROM_JSON and isinstance(where, str):
        return _FROM_JSON[kind](_json_of(fetch(where).read_bytes(), where))
    raise UsageError(
        f"{path} holds a {kind}, which cannot be made again",
        hint="get_entry(name).download() brings its file",
    )


def _revive_image(record: dict[str, Any], where: str, fetch: Callable[[str], Path]) -> Image:
    masks = {
        name: {"path": str(fetch(mask["path"])), "class_labels": mask.get("class_labels")}
        for name, mask in record.get("masks", {}).items()
    }
    boxes = {
        name: _json_of(fetch(box["path"]).read_bytes(), box["path"])
        for name, box in record.get("boxes", {}).items()
    }
    return Image(
        str(fetch(where)),
        caption=record.get("caption"),
        classes=record.get("classes"),
        masks=masks or None,
        boxes=boxes or None,
    )


def _json_of(data: bytes, path: str) -> Any:
    try:
        return from_json(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is no JSON: {error}") from error


def _revive_table(data: bytes, path: str, fetch: Callable[[str], Path]) -> Table:
    try:
        table = from_json(data)
        columns, rows = table["columns"], table["data"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise FormatError(f"{path} is no table: {error}") from error

    def cell(value: Any) -> Any:
        return _revive(value, path, fetch) if isinstance(value, dict) and "_type" in value else value

    return Table.of_checked(columns, ([cell(value) for value in row] for row in rows))


class _DraftSink:
    """A `MediaSink` over a draft: what is put appears below `media/` in the artifact."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._batch: Batch | None = None
        self._entries: list[Entry] = []

    def put_bytes(self, data: bytes, *, folder: str, suffix: str) -> Stored:
        with self.group():
            assert self._batch is not None
            return self._remember(self._batch.put_bytes(data), len(data), folder, suffix)

    def put_file(self, path: Path, *, folder: str, suffix: str) -> Stored:
        with self.group():
            assert self._batch is not None
            digest, size = self._batch.put_file(path)
            return self._remember(digest, size, folder, suffix)

    @contextmanager
    def group(self) -> Iterator[None]:
        if self._batch is not None:
            yield
            return
        try:
            with self._draft.home.repo.store.batch() as self._batch:
                yield
            self._draft.add_entries(self._entries)
        finally:
            self._batch = None
            self._entries = []

    def _remember(self, digest: Digest, size: int, folder: str, suffix: str) -> Stored:
        path = f"media/{folder}/{digest[:NAME_LENGTH]}{suffix}"
        self._entries.append(Entry(path, digest, size))
        return Stored(digest, size, path)
