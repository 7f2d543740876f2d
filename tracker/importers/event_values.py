"""What the summaries in event files hold, as values of a row.

Both generations are read: values with a field for each kind (what torch writes) and
tensors whose plugin says what they mean (TensorFlow 2).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from tracker.importers.found import Notes
from tracker.importers.media_records import audio_record, image_record, images_record
from tracker.values.sink import MediaSink
from tracker.wire.protobuf import Message
from vcs.errors import FormatError

# Fields of Summary.Value.
_TAG, _SIMPLE, _IMAGE, _HISTOGRAM, _AUDIO, _TENSOR, _METADATA = 1, 2, 4, 5, 6, 8, 9
# What hparams puts beside the metrics.
_HPARAMS = "hparams"
# Numbers of the types of tensors, the field that lists them, and how packed bytes are read.
_FLOAT, _DOUBLE, _INT32, _STRING, _INT64, _BOOL, _HALF = 1, 2, 3, 7, 9, 10, 19
_PACKED = {_FLOAT: "f", _DOUBLE: "d", _INT32: "i", _INT64: "q", _BOOL: "?", _HALF: "e"}


class Reader:
    """Reads the summaries of one run; plugins name themselves only with the first value of a tag."""

    def __init__(self, sink: MediaSink, notes: Notes) -> None:
        self._sink = sink
        self._notes = notes
        self._plugins: dict[str, str] = {}

    def values(self, summary: Message) -> dict[str, Any]:
        """Return the values of one summary by tag."""
        found = {}
        for value in summary.messages(1):
            tag = value.text(_TAG)
            plugin = value.message(_METADATA).message(1).text(1)
            if plugin:
                self._plugins[tag] = plugin
            try:
                made = self._value(value, self._plugins.get(tag, ""))
            except (FormatError, struct.error, ValueError) as error:
                self._notes.add(f"a value of {tag} cannot be read and is left out: {error}")
                continue
            if made is not None:
                found[tag] = made
        return found

    def _value(self, value: Message, plugin: str) -> Any:
        if _SIMPLE in value:
            return value.float32(_SIMPLE)
        if _HISTOGRAM in value:
            return _histogram(value.message(_HISTOGRAM))
        if _IMAGE in value:
            return image_record(value.message(_IMAGE).raw(4), self._sink)
        if _AUDIO in value:
            audio = value.message(_AUDIO)
            return audio_record(audio.raw(4), self._sink, rate=round(audio.float32(1)))
        if _TENSOR in value:
            return self._tensor(value.message(_TENSOR), plugin)
        if plugin != _HPARAMS:
            self._notes.add(f"values of the plugin {plugin or 'without a name'} are left out")
        return None

    def _tensor(self, tensor: Message, plugin: str) -> Any:
        readers: dict[str, Callable[[Message], Any]] = {
            "scalars": lambda t: _numbers(t)[0],
            "text": lambda t: "\n".join(t.texts(8)),
            "images": lambda t: images_record(t.all_raw(8)[2:], self._sink),
            "audio": lambda t: audio_record(t.all_raw(8)[0], self._sink),
            "histograms": _histogram_of_rows,
        }
        if plugin in readers:
            if not (_is_empty(tensor)):
                return readers[plugin](tensor)
            return None
        if not plugin and not _shape(tensor) and tensor.number(1) in _PACKED:
            return _numbers(tensor)[0]
        if plugin != _HPARAMS:
            self._notes.add(f"values of the plugin {plugin or 'without a name'} are left out")
        return None


def read_hparams(summary: Message) -> dict[str, Any]:
    """Return the hyperparameters that a summary of the plugin `hparams` holds; else nothing."""
    found: dict[str, Any] = {}
    for value in summary.messages(1):
        plugin = value.message(_METADATA).message(1)
        if plugin.text(1) != _HPARAMS:
            continue
        for pair in plugin.message(2).message(3).messages(1):
            found[pair.text(1)] = _json_value(pair.message(2))
    return found


def _json_value(value: Message) -> Any:
    """Return what a google.protobuf.Value says."""
    if 2 in value:
        number = value.float64(2)
        return int(number) if number.is_integer() and abs(number) < 1 << 53 else number
    if 3 in value:
        return value.text(3)
    if 4 in value:
        return bool(value.number(4))
    if 6 in value:
        return [_json_value(item) for item in value.message(6).messages(1)]
    if 5 in value:
        return {pair.text(1): _json_value(pair.message(2)) for pair in value.message(5).messages(1)}
    return None


def _shape(tensor: Message) -> list[int]:
    return [dim.number(1) for dim in tensor.message(2).messages(2)]


def _is_empty(tensor: Message) -> bool:
    return 0 in _shape(tensor)


def _numbers(tensor: Message) -> list[Any]:
    kind = tensor.number(1)
    content = tensor.raw(4)
    if content:
        code = _PACKED[kind]
        return list(struct.unpack(f"<{len(content) // struct.calcsize(code)}{code}", content))
    if kind == _FLOAT:
        return tensor.floats(5, "f")
    if kind == _DOUBLE:
        return tensor.floats(6, "d")
    if kind == _HALF:
        return [struct.unpack("<e", struct.pack("<H", bits))[0] for bits in tensor.numbers(13)]
    if kind in (_INT32, _INT64, _BOOL):
        return tensor.numbers({_INT32: 7, _INT64: 10, _BOOL: 11}[kind])
    raise FormatError(f"a tensor of type {kind} is no number")


def _histogram(histogram: Message) -> dict[str, Any] | None:
    """Return the record of a HistogramProto: its buckets, cut to where there are values."""
    low, high, count, total = (histogram.float64(field) for field in (1, 2, 3, 4))
    counts, limits = histogram.floats(7, "d"), histogram.floats(6, "d")
    if not counts or len(counts) != len(limits):
        return None
    edges, kept = [low], []
    for limit, number in zip(limits, counts, strict=True):
        right = min(max(limit, low), high)
        if number == 0 and right == edges[-1]:
            continue
        kept.append(_whole(number))
        edges.append(right)
    return _histogram_record(kept, edges) | {"min": low, "max": high, "mean": total / count if count else 0.0}


def _histogram_of_rows(tensor: Message) -> dict[str, Any] | None:
    """Return the record of a tensor whose rows are left edge, right edge, count."""
    numbers = _numbers(tensor)
    rows = [numbers[start : start + 3] for start in range(0, len(numbers), 3)]
    if not rows:
        return None
    return _histogram_record([_whole(row[2]) for row in rows], [rows[0][0], *(row[1] for row in rows)])


def _histogram_record(counts: list[int | float], edges: list[float]) -> dict[str, Any]:
    return {"_type": "histogram", "values": counts, "bins": edges}


def _whole(number: float) -> int | float:
    return int(number) if float(number).is_integer() else number
