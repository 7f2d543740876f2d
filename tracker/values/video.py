"""Moving pictures, from frames or a file."""

from __future__ import annotations

import io
import shutil
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from tracker.values.arrays import Array, TakenArray, is_array
from tracker.values.content import Content, Media, Record, existing_suffix, file_record, is_path
from tracker.values.pixels import CHANNELS, import_pil, to_uint8
from tracker.values.sink import MediaSink
from vcs.errors import UsageError

FILE_TYPES = ("gif", "mp4", "webm", "ogg", "mov", "mkv", "avi")
_MADE = ("gif", "mp4", "webm")
_CODECS = {"mp4": "libx264", "webm": "libvpx-vp9"}


class Video(Media):
    """Moving pictures; frames become a file, a file is kept as it is.

    Attributes:
        width, height: In pixels; None for a file.
        format: gif, mp4, …
    """

    record_type: ClassVar[str] = "video-file"
    group_type: ClassVar[str] = "videos"

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: int | None = None,
        format: str | None = None,
    ) -> None:
        """Take a file, a file object, or frames of the shape (time, channels, height, width).

        Frames of the shape (batch, time, channels, height, width) are laid side by
        side, in a square as far as that goes. Values are scaled as for images. An
        animated GIF needs Pillow; mp4 and webm need imageio with ffmpeg.

        Args:
            data_or_path: What to take.
            caption: Shown below it.
            fps: Frames a second of what is made from frames: 4 if not given. A GIF
                counts in hundredths of a second.
            format: Of what is made from frames: gif (the default), mp4 or webm. Of a
                file object: what it contains.

        Raises:
            ValueError: Another shape, format or rate.
            TypeError: Something no video can be made from.
            NotFoundError: No such file.
            UsageError: The package that writes this format is missing.
        """
        self.caption = None if caption is None else str(caption)
        self.width: int | None = None
        self.height: int | None = None
        self.format = (format or "gif").lower().lstrip(".")
        if self.format not in FILE_TYPES:
            raise ValueError(f"the format of a video is one of {', '.join(FILE_TYPES)}, not {format!r}")
        self._content = self._take(data_or_path, fps)

    def to_record(self, sink: MediaSink) -> Record:
        """Put the video into the sink; see `Media.to_record`."""
        stored = self._content.put(sink, folder="videos", suffix=f".{self.format}")
        record = file_record(self.record_type, stored, caption=self.caption)
        return record | {"width": self.width, "height": self.height}

    def _take(self, data: Any, fps: int | None) -> Content:
        if is_path(data):
            self.format = existing_suffix(data, FILE_TYPES, "a video").lstrip(".")
            return Content.of_file(Path(data))
        if hasattr(data, "read"):
            return Content(bytes(data.read()))
        if not is_array(data) and not isinstance(data, (list, tuple)):
            raise TypeError(f"a video cannot be made from {type(data).__name__}")
        rate = 4 if fps is None else fps
        if not rate > 0:
            raise ValueError(f"a video has more than 0 frames a second, not {fps}")
        taken = TakenArray(data)
        self.height, self.width = _frame_size(taken.shape)
        file_format = self.format
        _check_writer(file_format)
        return Content(make=lambda: video_bytes(taken.numpy(), file_format, rate))


def video_bytes(array: Array, file_format: str, fps: float) -> bytes:
    """Return the file of frames of the shape ([batch,] time, channels, height, width)."""
    pixels = to_uint8(array)
    if pixels.ndim == 5:
        pixels = _tile(pixels)
    frames = pixels.transpose(0, 2, 3, 1)
    if frames.shape[3] == 1:
        frames = frames.repeat(3, axis=3)
    return _gif_bytes(frames, fps) if file_format == "gif" else _imageio_bytes(frames, file_format, fps)


def _frame_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return (height, width) of the video made from this shape."""
    if len(shape) not in (4, 5) or shape[-3] not in CHANNELS or 0 in shape:
        raise ValueError(
            f"a video has the shape (time, channels, height, width) with 1, 3 or 4 channels, not {shape}"
        )
    rows, columns = (1, 1) if len(shape) == 4 else _tiles(shape[0])
    return rows * shape[-2], columns * shape[-1]


def _tiles(count: int) -> tuple[int, int]:
    columns = 1
    while columns * columns < count:
        columns += 1
    return -(-count // columns), columns


def _tile(batch: Array) -> Array:
    """Lay the videos of a batch side by side; missing ones are black."""
    import numpy

    count, time, channels, height, width = batch.shape
    rows, columns = _tiles(count)
    wall = numpy.zeros((time, channels, rows * height, columns * width), dtype=numpy.uint8)
    for index in range(count):
        top, left = index // columns * height, index % columns * width
        wall[:, :, top : top + height, left : left + width] = batch[index]
    return wall


def _check_writer(file_format: str) -> None:
    if file_format not in _MADE:
        raise ValueError(f"frames can be written as {', '.join(_MADE)}, not {file_format}")
    if file_format == "gif":
        import_pil("a video from frames")
    elif find_spec("imageio") is None or find_spec("imageio_ffmpeg") is None:
        raise UsageError(
            f"writing frames as {file_format} needs imageio with ffmpeg",
            hint='pip install "tracker[video]", or use format="gif"',
        )


def _gif_bytes(frames: Array, fps: float) -> bytes:
    pil = import_pil("a video from frames")
    images = [pil.fromarray(frame) for frame in frames]
    buffer = io.BytesIO()
    # Players slow down what claims to be faster than 50 frames a second.
    duration_ms = max(20, round(1000 / fps))
    images[0].save(
        buffer,
        format="gif",
        save_all=True,
        append_images=images[1:],
        duration=duration_ms,
        loop=0,
        disposal=2,
    )
    return buffer.getvalue()


def _imageio_bytes(frames: Array, file_format: str, fps: float) -> bytes:
    imageio = import_module("imageio.v2")
    # Not a TemporaryDirectory: at the exit those go before the runs have ended.
    folder = tempfile.mkdtemp(prefix="tracker-video-")
    try:
        path = Path(folder) / f"video.{file_format}"
        # macro_block_size=1: keep the size of the frames, where imageio would stretch them.
        writer = imageio.get_writer(
            path, format="FFMPEG", mode="I", fps=fps, codec=_CODECS[file_format], macro_block_size=1
        )
        with writer:
            for frame in frames:
                writer.append_data(frame[:, :, :3])
        return path.read_bytes()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
