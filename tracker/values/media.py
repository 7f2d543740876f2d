"""What `log` sees in a raw value: an image in a figure, a table in a data frame, a list of media.

Also the one place from which to import all media.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tracker.values.arrays import is_array, is_instance_of
from tracker.values.audio import Audio
from tracker.values.content import Media, Record
from tracker.values.graph import Graph
from tracker.values.histogram import Histogram
from tracker.values.html import Html
from tracker.values.image import Image, group_images, picture_of
from tracker.values.joined import JoinedTable, PartitionedTable
from tracker.values.objects import Molecule, Object3D, Plotly, box3d
from tracker.values.overlays import BoundingBoxes2D, Classes, ImageMask
from tracker.values.plots import Plot
from tracker.values.sink import MediaSink
from tracker.values.table import Table
from tracker.values.video import Video

__all__ = [
    "Audio",
    "BoundingBoxes2D",
    "Classes",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "ImageMask",
    "JoinedTable",
    "Media",
    "MediaList",
    "Molecule",
    "Object3D",
    "PartitionedTable",
    "Plot",
    "Plotly",
    "Table",
    "Video",
    "box3d",
    "value_to_media",
]

# An array of up to this many numbers says more as a list; the same limit as in scalars.py.
_LONGEST_LIST = 32


class MediaList(Media):
    """Several media of one kind under one key."""

    record_type: ClassVar[str] = "media-list"
    group_type: ClassVar[str] = "media-list"

    def __init__(self, items: Sequence[Media]) -> None:
        """Hold media, at least one, all of one class.

        Raises:
            ValueError: There is none.
            TypeError: They are of several classes.
        """
        if not items:
            raise ValueError("a list of media needs at least one")
        kinds = sorted({type(item).__name__ for item in items})
        if len(kinds) > 1:
            raise TypeError(
                f"a list of media is of one kind, not {' and '.join(kinds)}; log each under its own key"
            )
        self.items = tuple(items)

    def freeze(self) -> MediaList:
        """Return the list of the frozen media."""
        return MediaList([item.freeze() for item in self.items])

    def to_record(self, sink: MediaSink) -> Record:
        """Return one record for all, with the record of each under `items`."""
        images = [item for item in self.items if isinstance(item, Image)]
        if images:
            return group_images(images, sink)
        with sink.group():
            items = [item.to_record(sink) for item in self.items]
        return {"_type": self.items[0].group_type, "count": len(items), "items": items}


def value_to_media(value: object) -> object:
    """Return the media that a value of `log` stands for, or the value itself.

    - a PIL image, a matplotlib figure, axes or `pyplot` itself: Image
    - a plotly figure: Plotly
    - a pandas data frame: Table
    - an array or tensor of real numbers with more than 32 of them: Histogram; fewer
      stay what they are and are recorded one by one, as wandb does
    - a list or tuple of media, PIL images or figures: MediaList
    - media: frozen, so that later changes do not reach what was logged

    Loads no library: what a value cannot be is not looked at. Lists are looked into
    only when their first item is one of these.
    """
    if isinstance(value, Media):
        return value.freeze()
    if isinstance(value, (list, tuple)):
        return _list_to_media(value)
    if is_array(value):
        return Histogram(_unmasked(value)) if _is_distribution(value) else value
    if is_instance_of(value, "pandas", "DataFrame"):
        return Table(dataframe=value).freeze()
    if type(value).__module__.partition(".")[0] == "plotly" and hasattr(value, "to_json"):
        return Plotly(value)
    return picture_of(value)


def _list_to_media(value: Sequence[Any]) -> object:
    if not value or isinstance(value[0], (float, int, str)):
        return value
    first = _to_single(value[0])
    if not isinstance(first, Media):
        return value
    items = [first, *(_to_single(item) for item in value[1:])]
    if len({type(item) for item in items}) > 1:
        # Of several kinds: each keeps a record of its own.
        return items
    return MediaList(items)


def _to_single(value: object) -> Any:
    return value if isinstance(value, (list, tuple)) or is_array(value) else value_to_media(value)


def _unmasked(value: Any) -> Any:
    """What is masked in an array of numpy is no number, whatever lies below the mask."""
    return value.compressed() if is_instance_of(value, "numpy.ma", "MaskedArray") else value


def _is_distribution(value: Any) -> bool:
    size = 1
    for length in value.shape:
        size *= int(length)
    dtype = str(value.dtype)
    return size > _LONGEST_LIST and any(kind in dtype for kind in ("int", "float", "bool"))
