"""Runs as TensorBoard's event files: a folder for each run, with hyperparameters.

Numbers, text, pictures, sound and histograms of the history; of the rest it is said that
it is left out. Numbers become float32, as event files have them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from tracker.exports.media import bytes_of, flat_config, is_number, pictures_in
from tracker.exports.places import LeftOut, folder_of
from tracker.read.fields import to_time
from tracker.read.run_view import RunView
from tracker.storage.history import read_rows
from tracker.wire.protobuf import bytes_field, double_field, float_field, packed_doubles, varint_field
from tracker.wire.tfrecord import frame
from vcs.atomic import replacing
from vcs.stores.base import Store

_OWN = ("_step", "_timestamp", "_runtime")
_HPARAMS = "_hparams_/session_start_info"


def write_tensorboard(runs: Iterable[RunView], target: Path, store: Store, left_out: LeftOut) -> list[Path]:
    """Write each run into a folder of its own below `target`; return the files.

    A file appears whole; one of an earlier export is replaced.

    Raises:
        FormatError, StoreError: A history cannot be read, or the disk refused.
    """
    made = []
    for run in runs:
        created = to_time(run.created_at)
        start_s = created.timestamp() if created is not None else 0.0
        path = target / folder_of(run) / f"events.out.tfevents.{int(start_s)}.{run.record.id}.0.0"
        with replacing(path) as stream:
            for event in _events(run, start_s, store, left_out):
                stream.write(frame(event))
        made.append(path)
    return made


def _events(run: RunView, start_s: float, store: Store, left_out: LeftOut) -> Iterator[bytes]:
    yield double_field(1, start_s) + bytes_field(3, "brain.Event:2")
    if run.config:
        yield double_field(1, start_s) + bytes_field(5, _hparams(run.config))
    for row in read_rows(run.layout):
        values = [
            value
            for key, found in row.items()
            if key not in _OWN
            for value in _values(key, found, store, left_out)
        ]
        if values:
            head = double_field(1, row["_timestamp"]) + varint_field(2, row["_step"])
            yield head + bytes_field(5, b"".join(values))


def _hparams(config: dict[str, Any]) -> bytes:
    pairs = b"".join(
        bytes_field(1, bytes_field(1, key) + bytes_field(2, _json_value(value)))
        for key, value in flat_config(config)
    )
    content = bytes_field(3, pairs)
    metadata = bytes_field(1, bytes_field(1, "hparams") + bytes_field(2, content))
    return bytes_field(1, bytes_field(1, _HPARAMS) + bytes_field(9, metadata))


def _json_value(value: Any) -> bytes:
    """Return a google.protobuf.Value; what is no scalar becomes text."""
    if isinstance(value, bool):
        return varint_field(4, int(value))
    if isinstance(value, (int, float)):
        return double_field(2, float(value))
    return bytes_field(3, value if isinstance(value, str) else str(value))


def _values(key: str, value: Any, store: Store, left_out: LeftOut) -> Iterator[bytes]:
    tag = bytes_field(1, key)
    if is_number(value):
        yield bytes_field(1, tag + float_field(2, _single(value)))
    elif isinstance(value, str):
        tensor = varint_field(1, 7) + bytes_field(8, value)
        yield bytes_field(
            1, tag + bytes_field(8, tensor) + bytes_field(9, bytes_field(1, bytes_field(1, "text")))
        )
    elif isinstance(value, dict) and "_type" in value:
        yield from _medium(key, value, store, left_out)
    elif value is not None:
        left_out.add(f"{key}: a list or dictionary")


def _medium(key: str, record: dict[str, Any], store: Store, left_out: LeftOut) -> Iterator[bytes]:
    kind = record["_type"]
    if kind == "histogram":
        yield bytes_field(1, bytes_field(1, key) + bytes_field(5, _histogram(record)))
        return
    if kind == "audio-file" and (data := bytes_of(record, store)) is not None:
        sound = float_field(1, float(record.get("sample_rate") or 0)) + bytes_field(4, data)
        yield bytes_field(1, bytes_field(1, key) + bytes_field(6, sound))
        return
    pictures = list(pictures_in(record))
    for number, picture in enumerate(pictures):
        data = bytes_of(picture, store)
        if data is not None:
            tag = key if len(pictures) == 1 else f"{key}/{number}"
            size = varint_field(1, picture.get("height") or 0) + varint_field(2, picture.get("width") or 0)
            yield bytes_field(1, bytes_field(1, tag) + bytes_field(4, size + bytes_field(4, data)))
    if not pictures:
        left_out.add(f"{key}: {kind}")


def _histogram(record: dict[str, Any]) -> bytes:
    counts, edges = [float(n) for n in record["values"]], [float(edge) for edge in record["bins"]]
    total = sum(counts)
    middles = [(a + b) / 2 for a, b in pairwise(edges)]
    summed = record["mean"] * total if "mean" in record else sum(map(float.__mul__, middles, counts))
    proto = double_field(1, record.get("min", edges[0])) + double_field(2, record.get("max", edges[-1]))
    proto += double_field(3, total) + double_field(4, summed)
    return proto + packed_doubles(6, edges[1:]) + packed_doubles(7, counts)


def _single(value: float) -> float:
    """Return a number that a float32 can be made of: beyond its range it is infinite."""
    number = float(value)
    if abs(number) > 3.4028235e38:
        return float("inf") if number > 0 else float("-inf")
    return number
