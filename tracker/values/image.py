"""Images, with captions, classes, masks and boxes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from tracker.values.arrays import TakenArray, is_array, is_instance_of
from tracker.values.content import Content, Media, Record, existing_suffix, file_record, is_path
from tracker.values.overlays import BoundingBoxes2D, Classes, ImageMask, take_overlays
from tracker.values.pixels import encode, import_pil, picture_shape, png_bytes, to_picture
from tracker.values.sink import MediaSink

FILE_TYPES = ("png", "jpg", "jpeg", "bmp", "gif", "webp", "tif", "tiff")
FOLDER = "images"


class Image(Media):
    """A picture, from an array, a tensor, a PIL image, a matplotlib figure or a file.

    Pixels are copied and figures drawn at once; they are encoded by the thread that
    writes, without loss unless `file_type` says otherwise. A file is kept as it is.

    Attributes:
        width, height: In pixels; None for a file that Pillow cannot read.
        format: png, jpg, …
        caption: Shown beside it.
    """

    record_type: ClassVar[str] = "image-file"
    group_type: ClassVar[str] = "images/separated"
    MAX_ITEMS = 108

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Classes | Sequence[Mapping[str, Any]] | None = None,
        boxes: Mapping[str, Any] | None = None,
        masks: Mapping[str, Any] | None = None,
        file_type: str | None = None,
        normalize: bool = True,
    ) -> None:
        """Take a picture.

        Args:
            data_or_path: HxW, HxWxC or CxHxW with 1, 3 or 4 channels (`to_picture`
                and `to_uint8` of `pixels.py` say how shapes and scales are read), a
                PIL image, a matplotlib figure, a path, or an Image.
            mode: The PIL mode to convert to, such as "L"; guessed when not given.
            caption: Shown beside it.
            grouping: Accepted as wandb does; recorded.
            classes: Classes that masks and boxes speak of.
            boxes: By name, `{"box_data": […], "class_labels": {…}}`.
            masks: By name, `{"mask_data": HxW array, "class_labels": {…}}` or `{"path": …}`.
            file_type: png (the default), jpg or bmp; for a file its own suffix counts.
            normalize: Scale fractions to 0..255; see `to_uint8`.

        Raises:
            ValueError: A shape that is no picture; a box or mask that is malformed.
            TypeError: Something an image cannot be made from.
            NotFoundError: No such file.
        """
        self.caption = None if caption is None else str(caption)
        self.format = (file_type or "png").lower().lstrip(".")
        if self.format not in FILE_TYPES:
            raise ValueError(f"file_type of an image is png, jpg or bmp, not {file_type!r}")
        self.width: int | None = None
        self.height: int | None = None
        self._grouping = grouping
        self._content = self._take(data_or_path, mode, normalize)
        self._classes = classes if classes is None or isinstance(classes, Classes) else Classes(classes)
        self._boxes: dict[str, BoundingBoxes2D] = take_overlays(boxes, BoundingBoxes2D, self._classes)
        self._masks: dict[str, ImageMask] = take_overlays(masks, ImageMask, self._classes)

    @property
    def image(self) -> Any:
        """The picture as a PIL image, decoded anew at each call."""
        image = import_pil("reading an image").open(io.BytesIO(self._content.read()))
        image.load()
        return image

    def to_record(self, sink: MediaSink) -> Record:
        """Put the picture and its overlays into the sink; see `Media.to_record`."""
        with sink.group():
            stored = self._content.put(sink, folder=FOLDER, suffix=f".{self.format}")
            record = file_record(self.record_type, stored, caption=self.caption)
            record |= {"width": self.width, "height": self.height}
            if self._grouping is not None:
                record["grouping"] = self._grouping
            if self._classes is not None:
                record["classes"] = self._classes.class_set
            if self._masks:
                record["masks"] = {name: mask.to_record(sink) for name, mask in self._masks.items()}
            if self._boxes:
                record["boxes"] = {name: boxes.to_record(sink) for name, boxes in self._boxes.items()}
        return record

    def _take(self, data: Any, mode: str | None, normalize: bool) -> Content:
        if isinstance(data, Image):
            self.caption = data.caption if self.caption is None else self.caption
            self.width, self.height, self.format = data.width, data.height, data.format
            return data._content
        if is_path(data):
            return self._take_file(Path(data))
        if is_instance_of(data, "PIL.Image", "Image"):
            return self._take_pil(data.copy() if mode is None else data.convert(mode))
        figure = matplotlib_figure(data)
        if figure is not None:
            return self._take_figure(figure)
        if is_array(data) or isinstance(data, (list, tuple)):
            return self._take_array(TakenArray(data), mode, normalize)
        raise TypeError(f"an image cannot be made from {type(data).__name__}")

    def _take_file(self, path: Path) -> Content:
        content = Content.of_file(path)
        self.format = existing_suffix(path, FILE_TYPES, "an image").lstrip(".")
        # The bytes are kept whatever they are; the size is told where Pillow is there and knows them.
        with suppress(ImportError, OSError, ValueError):
            from PIL import Image as Pil

            with Pil.open(io.BytesIO(content.read())) as opened:
                self.width, self.height = opened.size
        return content

    def _take_pil(self, image: Any) -> Content:
        self.width, self.height = image.size
        file_format = self.format
        return Content(make=lambda: encode(image, file_format))

    def _take_figure(self, figure: Any) -> Content:
        buffer = io.BytesIO()
        # Drawn here: figures are changed and closed right after, and matplotlib is not made for threads.
        figure.savefig(buffer, format="png")
        self.format = "png"
        data = buffer.getvalue()
        self.width, self.height = png_size(data)
        return Content(data)

    def _take_array(self, taken: TakenArray, mode: str | None, normalize: bool) -> Content:
        if "complex" in taken.dtype:
            raise TypeError("an image cannot be made from complex numbers")
        self.height, self.width = picture_shape(taken.shape, channels_first=taken.is_tensor)
        pil = import_pil("an image from an array")
        file_format = self.format

        def make() -> bytes:
            pixels = to_picture(taken, normalize=normalize)
            if mode is None and file_format == "png":
                return png_bytes(pixels)
            image = pil.fromarray(pixels)
            return encode(image if mode is None else image.convert(mode), file_format)

        return Content(make=make)


def group_images(images: Sequence[Image], sink: MediaSink) -> Record:
    """Return one record for images logged as a list, with wandb's keys and one record an image."""
    with sink.group():
        items = [image.to_record(sink) for image in images]
    record: Record = {
        "_type": Image.group_type,
        "count": len(items),
        "width": items[0]["width"],
        "height": items[0]["height"],
        "format": items[0]["format"],
        "filenames": [item["path"] for item in items],
    }
    if any("caption" in item for item in items):
        record["captions"] = [item.get("caption", "") for item in items]
    return record | {"items": items}


def picture_of(value: object) -> object:
    """Return the Image of a PIL image or a matplotlib figure; any other value as it is."""
    if is_instance_of(value, "PIL.Image", "Image") or matplotlib_figure(value) is not None:
        return Image(value)
    return value


def matplotlib_figure(value: object) -> Any | None:
    """Return the figure that a figure, axes, or the module `pyplot` stands for; else None."""
    if is_instance_of(value, "matplotlib.figure", "FigureBase"):
        return value
    if is_instance_of(value, "matplotlib.axes", "Axes"):
        return getattr(value, "figure", None)
    if getattr(value, "__name__", None) == "matplotlib.pyplot" and hasattr(value, "gcf"):
        return value.gcf()
    return None


def png_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) out of the header of a PNG file."""
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
