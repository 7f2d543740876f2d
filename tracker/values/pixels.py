"""From arrays of any shape and scale to 8-bit pictures and their PNG bytes."""

from __future__ import annotations

import io
from typing import Any

from tracker.values.arrays import Array, TakenArray, import_numpy
from vcs.errors import UsageError

CHANNELS = (1, 3, 4)
_GRID_COLUMNS = 8
_GRID_GAP = 2

# Writing takes a third of the time of the default 6, for files about a tenth larger.
_PNG_LEVEL = 3


def import_pil(what: str) -> Any:
    """Return the module `PIL.Image`.

    Raises:
        UsageError: Pillow is not installed; `what` needs it.
    """
    try:
        import PIL.Image
    except ImportError as error:
        raise UsageError(f"{what} needs Pillow", hint='pip install "tracker[media]"') from error
    return PIL.Image


def picture_shape(shape: tuple[int, ...], *, channels_first: bool) -> tuple[int, int]:
    """Return (height, width) of the picture that `to_picture` makes from this shape.

    Raises:
        ValueError: It cannot make one.
    """
    kind, height, width = _plan(shape, channels_first=channels_first)
    if not height or not width:
        raise ValueError(f"an image of the shape {shape} has no pixels")
    if kind == "grid":
        columns = min(shape[0], _GRID_COLUMNS)
        rows = -(-shape[0] // columns)
        return (
            rows * (height + _GRID_GAP) + _GRID_GAP,
            columns * (width + _GRID_GAP) + _GRID_GAP,
        )
    return height, width


def to_picture(taken: TakenArray, *, normalize: bool = True) -> Array:
    """Return a uint8 array, HxW or HxWx3 or HxWx4.

    Takes HxW; HxWxC and CxHxW with 1, 3 or 4 channels (tensors have channels first
    unless only the last dimension can be channels, arrays the other way round); and a
    batch NxCxHxW of a tensor, which becomes a grid of eight columns. Dimensions of
    size 1 at the front are dropped.

    Raises:
        ValueError: Any other shape.
    """
    array = taken.numpy()
    kind = _plan(array.shape, channels_first=taken.is_tensor)[0]
    pixels = to_uint8(array, normalize=normalize)
    if kind == "grid":
        return _grid(pixels)
    while pixels.ndim > 3:
        pixels = pixels[0]
    if kind == "first":
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    return pixels


def to_uint8(array: Array, *, normalize: bool = True) -> Array:
    """Bring values to 0..255.

    uint8 stays. Truth values and whole numbers that are all 0 or 1 become 0 and 255;
    other whole numbers are cut at 0 and 255. Of fractions, 0..1 is scaled by 255,
    -1..1 is moved and scaled, anything else is cut. NaN is 0. Without `normalize`
    fractions are only cut.
    """
    numpy = import_numpy("an image from an array")
    if array.dtype == numpy.uint8 or not array.size:
        return array.astype(numpy.uint8)
    if array.dtype.kind == "b":
        return array.astype(numpy.uint8) * numpy.uint8(255)
    if array.dtype.kind in "iu":
        if normalize and array.min() >= 0 and array.max() == 1:
            return array.astype(numpy.uint8) * numpy.uint8(255)
        return array.clip(0, 255).astype(numpy.uint8)
    if array.dtype.kind != "f":
        raise TypeError(f"an image cannot be made from values of type {array.dtype}")
    values = array.astype(numpy.float32)
    finite = values[numpy.isfinite(values)]
    if normalize and finite.size:
        low, high = float(finite.min()), float(finite.max())
        if low >= 0 and high <= 1:
            values = values * 255
        elif low >= -1 and high <= 1:
            values = (values + 1) * 127.5
    values = numpy.nan_to_num(values, nan=0, posinf=255, neginf=0)
    return numpy.rint(values.clip(0, 255)).astype(numpy.uint8)


def png_bytes(pixels: Array) -> bytes:
    """Return the PNG file of a picture as `to_picture` makes it (or 16-bit, HxW)."""
    pil = import_pil("an image from an array")
    return encode(pil.fromarray(pixels), "png")


def encode(image: Any, file_format: str) -> bytes:
    """Return the file of a PIL image; colour modes that the format lacks are converted."""
    options: dict[str, object] = {}
    if file_format == "png":
        options["compress_level"] = _PNG_LEVEL
        if image.mode not in ("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"):
            image = image.convert("RGBA" if "A" in image.mode or "a" in image.mode else "RGB")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, format={"jpg": "jpeg"}.get(file_format, file_format), **options)
    return buffer.getvalue()


def _plan(shape: tuple[int, ...], *, channels_first: bool) -> tuple[str, int, int]:
    """Say where the channels are (flat, first, last, or grid for a batch), and height and width."""
    full = shape
    if channels_first and len(shape) == 4 and shape[0] > 1 and shape[1] in CHANNELS:
        return "grid", shape[2], shape[3]
    while len(shape) > 3 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) == 2:
        return "flat", shape[0], shape[1]
    if len(shape) == 3:
        first, last = shape[0] in CHANNELS, shape[2] in CHANNELS
        if first and (channels_first or not last):
            return "first", shape[1], shape[2]
        if last:
            return "last", shape[0], shape[1]
    raise ValueError(
        f"an image cannot be made from the shape {full}: "
        "it takes HxW, HxWxC or CxHxW with 1, 3 or 4 channels, or a list of images"
    )


def _grid(batch: Array) -> Array:
    """Lay NxCxHxW out in rows of eight, with a black gap."""
    import numpy

    count, channels, height, width = batch.shape
    columns = min(count, _GRID_COLUMNS)
    rows = -(-count // columns)
    shape = (rows * (height + _GRID_GAP) + _GRID_GAP, columns * (width + _GRID_GAP) + _GRID_GAP, channels)
    grid = numpy.zeros(shape, dtype=numpy.uint8)
    for index in range(count):
        top = (index // columns) * (height + _GRID_GAP) + _GRID_GAP
        left = (index % columns) * (width + _GRID_GAP) + _GRID_GAP
        grid[top : top + height, left : left + width] = batch[index].transpose(1, 2, 0)
    return grid[:, :, 0] if channels == 1 else grid
