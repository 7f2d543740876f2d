"""What lies over an image: classes, masks of pixels, bounding boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

from tracker.values.arrays import TakenArray
from tracker.values.content import Content, Media, Record, existing_suffix, file_record
from tracker.values.json_text import json_bytes
from tracker.values.pixels import import_pil, png_bytes
from tracker.values.sink import MediaSink

_MAX_CLASS = 65_535


class Classes(Media):
    """The classes that labels, masks and boxes speak of: `[{"id": 0, "name": "cat"}, …]`."""

    record_type: ClassVar[str] = "classes"
    group_type: ClassVar[str] = "classes"

    def __init__(self, class_set: Sequence[Mapping[str, Any]]) -> None:
        """Take the classes; each needs `id` (a whole number) and `name`.

        Raises:
            ValueError: One lacks a part, or two have the same id.
        """
        self.class_set: list[dict[str, Any]] = []
        for item in class_set:
            if not isinstance(item, Mapping) or "id" not in item or "name" not in item:
                raise ValueError(f'a class is {{"id": 0, "name": "cat"}}, not {item!r}')
            self.class_set.append({"id": int(item["id"]), "name": str(item["name"])})
        if len({item["id"] for item in self.class_set}) != len(self.class_set):
            raise ValueError("two classes have the same id")

    @property
    def labels(self) -> dict[int, str]:
        """The names by id."""
        return {item["id"]: item["name"] for item in self.class_set}

    def to_record(self, sink: MediaSink) -> Record:
        """Return the classes as they are; nothing is put into the sink."""
        return {"_type": self.record_type, "class_set": self.class_set}


class ImageMask(Media):
    """A class for each pixel, as a PNG file whose grey values are the ids of the classes."""

    record_type: ClassVar[str] = "mask"
    group_type: ClassVar[str] = "masks"

    def __init__(self, val: Mapping[str, Any], key: str, classes: Classes | None = None) -> None:
        """Take `{"mask_data": HxW whole numbers}` or `{"path": file}`, with `class_labels`.

        Raises:
            ValueError: Neither or both, another shape, or an id that is negative or
                above 65,535.
        """
        if ("mask_data" in val) == ("path" in val):
            raise ValueError(f'the mask {key!r} needs "mask_data" or "path"')
        self._labels = _labels(val, classes)
        if "path" in val:
            self._suffix = existing_suffix(val["path"], ("png",), "a mask")
            self._content = Content.of_file(val["path"])
            return
        self._suffix = ".png"
        array = _mask_pixels(TakenArray(val["mask_data"]), key)
        import_pil("a mask")
        self._content = Content(make=lambda: png_bytes(array))

    def to_record(self, sink: MediaSink) -> Record:
        """Put the mask into the sink."""
        stored = self._content.put(sink, folder="images/mask", suffix=self._suffix)
        return file_record(self.record_type, stored) | _labels_record(self._labels)


class BoundingBoxes2D(Media):
    """Boxes over an image, as a JSON file.

    A box has `position`, either of `minX, maxX, minY, maxY` or of `middle` (x, y),
    `width` and `height`, in fractions of the image unless its `domain` is "pixel";
    and `class_id`, and may have `box_caption` and `scores` (numbers by name).
    """

    record_type: ClassVar[str] = "boxes2D"
    group_type: ClassVar[str] = "boxes2D"

    def __init__(self, val: Mapping[str, Any], key: str, classes: Classes | None = None) -> None:
        """Take `{"box_data": [box, …], "class_labels": {id: name}}`.

        Raises:
            ValueError, TypeError: A box is malformed; the message says which and how.
        """
        if not isinstance(val, Mapping) or not isinstance(val.get("box_data"), Sequence):
            raise ValueError(f'the boxes {key!r} need "box_data", a list of boxes')
        self._labels = _labels(val, classes)
        self._boxes = [_check_box(box, f"box {i} of {key!r}") for i, box in enumerate(val["box_data"])]

    def to_record(self, sink: MediaSink) -> Record:
        """Put the boxes into the sink."""
        data = json_bytes({"box_data": self._boxes} | _labels_record(self._labels))
        stored = sink.put_bytes(data, folder="metadata/boxes2D", suffix=".boxes2D.json")
        record = file_record(self.record_type, stored) | _labels_record(self._labels)
        return record | {"count": len(self._boxes)}


class _Overlay(Protocol):
    def __init__(self, val: Mapping[str, Any], key: str, classes: Classes | None = None) -> None: ...


T = TypeVar("T", bound=_Overlay)


def take_overlays(given: Mapping[str, Any] | None, kind: type[T], classes: Classes | None) -> dict[str, T]:
    """Return overlays by name; each is given as one, or as the mapping that makes one.

    Raises:
        ValueError: They are not given by name, or one is malformed.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ValueError(f"masks and boxes are given by name, in a dictionary, not {type(given).__name__}")
    return {
        str(name): value if isinstance(value, kind) else kind(value, str(name), classes)
        for name, value in given.items()
    }


def _labels(val: Mapping[str, Any], classes: Classes | None) -> dict[int, str]:
    labels = dict(classes.labels) if classes is not None else {}
    given = val.get("class_labels")
    if given is None:
        return labels
    if not isinstance(given, Mapping):
        raise TypeError("class_labels is a dictionary from the id of a class to its name")
    return labels | {int(number): str(name) for number, name in given.items()}


def _labels_record(labels: Mapping[int, str]) -> Record:
    # JSON has only text as keys; readers turn the ids back.
    return {"class_labels": {str(number): name for number, name in labels.items()}} if labels else {}


def _mask_pixels(taken: TakenArray, key: str) -> Any:
    import numpy

    array = taken.numpy()
    while array.ndim > 2 and 1 in array.shape:
        array = array.squeeze(array.shape.index(1))
    if array.ndim != 2 or not array.size:
        raise ValueError(f"the mask {key!r} is HxW, not of the shape {taken.shape}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"the mask {key!r} holds whole numbers, not {array.dtype}")
    low, high = array.min(), array.max()
    # Not `low < 0`, so that NaN is refused too.
    if not (low >= 0 and high <= _MAX_CLASS):
        raise ValueError(f"the mask {key!r} holds ids of classes from 0 to {_MAX_CLASS}, not {low} to {high}")
    return array.astype(numpy.uint8 if high <= 255 else numpy.uint16)


def _check_box(box: Any, what: str) -> dict[str, Any]:
    if not isinstance(box, Mapping):
        raise TypeError(f"{what} is not a dictionary")
    position = box.get("position")
    corners, centre = {"minX", "maxX", "minY", "maxY"}, {"middle", "width", "height"}
    if not isinstance(position, Mapping) or set(position) not in (corners, centre):
        raise ValueError(f'{what} needs "position" with minX, maxX, minY, maxY or with middle, width, height')
    checked: dict[str, Any] = {
        "position": {
            name: [_number(part, what) for part in value] if name == "middle" else _number(value, what)
            for name, value in position.items()
        }
    }
    if "class_id" in box:
        checked["class_id"] = int(box["class_id"])
    if box.get("box_caption") is not None:
        checked["box_caption"] = str(box["box_caption"])
    if box.get("domain") is not None:
        checked["domain"] = str(box["domain"])
    if box.get("scores") is not None:
        if not isinstance(box["scores"], Mapping):
            raise TypeError(f"scores of {what} are a dictionary of numbers")
        checked["scores"] = {str(name): _number(value, what) for name, value in box["scores"].items()}
    return checked


def _number(value: Any, what: str) -> int | float:
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{what} holds {value!r} where a number belongs")
    return value
