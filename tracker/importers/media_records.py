"""Media of other tools, which come as encoded bytes: put into the sink, and described for a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracker.values.content import file_record
from tracker.values.image import Image, png_size
from tracker.values.sink import MediaSink

_SUFFIXES = ((b"\x89PNG", ".png"), (b"\xff\xd8", ".jpg"), (b"GIF8", ".gif"), (b"BM", ".bmp"))


def image_record(data: bytes, sink: MediaSink, caption: str | None = None) -> dict[str, Any]:
    """Keep an encoded picture and return its record.

    Raises:
        ValueError: It is of no known kind.
    """
    suffix = next((suffix for magic, suffix in _SUFFIXES if data.startswith(magic)), None)
    if suffix is None:
        raise ValueError("a picture that is neither PNG, JPEG, GIF nor BMP")
    stored = sink.put_bytes(data, folder="images", suffix=suffix)
    record = file_record(Image.record_type, stored, caption=caption)
    if suffix == ".png":
        record["width"], record["height"] = png_size(data)
    return record


def images_record(pictures: Sequence[bytes], sink: MediaSink) -> dict[str, Any]:
    """Keep several pictures of one key; one alone is a picture of its own."""
    items = [image_record(data, sink) for data in pictures]
    if len(items) == 1:
        return items[0]
    return {"_type": Image.group_type, "count": len(items), "items": items}


def audio_record(data: bytes, sink: MediaSink, rate: int | None = None) -> dict[str, Any]:
    """Keep encoded sound and return its record."""
    suffix = ".wav" if data.startswith(b"RIFF") else ".bin"
    stored = sink.put_bytes(data, folder="audio", suffix=suffix)
    return file_record("audio-file", stored) | ({"sample_rate": rate} if rate else {})
