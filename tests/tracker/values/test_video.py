"""Moving pictures from frames and files."""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from tests.tracker.values.conftest import Place
from tracker.values.video import Video
from vcs.errors import UsageError

HAS_IMAGEIO = find_spec("imageio") is not None and find_spec("imageio_ffmpeg") is not None


def frames_of(data: bytes) -> list[np.ndarray]:
    with PIL.Image.open(io.BytesIO(data)) as gif:
        frames = []
        for number in range(getattr(gif, "n_frames", 1)):
            gif.seek(number)
            frames.append(np.asarray(gif.convert("RGB")))
        return frames


def grey_frames(count: int = 3, height: int = 4, width: int = 6) -> np.ndarray:
    return np.stack([np.full((3, height, width), 80 * i, np.uint8) for i in range(count)])


def test_frames_become_an_animated_gif(place: Place) -> None:
    """Time, channels, height, width; every frame is there."""
    record = Video(grey_frames(), fps=10, caption="a fade").to_record(place.sink)

    frames = frames_of(place.object(record))
    assert [int(frame[0, 0, 0]) for frame in frames] == [0, 80, 160]
    assert frames[0].shape == (4, 6, 3)
    assert {name: record[name] for name in ("_type", "width", "height", "format", "caption")} == {
        "_type": "video-file",
        "width": 6,
        "height": 4,
        "format": "gif",
        "caption": "a fade",
    }


def test_the_rate_is_kept_in_hundredths_of_a_second(place: Place) -> None:
    """As GIF counts time."""
    with PIL.Image.open(io.BytesIO(place.object(Video(grey_frames(), fps=10).to_record(place.sink)))) as gif:
        assert gif.info["duration"] == 100
        assert gif.info["loop"] == 0


def test_a_batch_is_laid_side_by_side(place: Place) -> None:
    """Three videos in a square of four."""
    batch = np.stack([grey_frames() for _ in range(3)])
    record = Video(batch).to_record(place.sink)
    assert (record["width"], record["height"]) == (12, 8)
    assert (
        frames_of(place.object(record))[2][:, :, 0].tolist() == [[160] * 12] * 4 + [[160] * 6 + [0] * 6] * 4
    )


def test_fractions_and_one_channel_are_taken(place: Place) -> None:
    """Scaled as images are."""
    record = Video(np.linspace(0, 1, 2).reshape(2, 1, 1, 1) * np.ones((2, 1, 3, 3))).to_record(place.sink)
    assert [int(frame[0, 0, 0]) for frame in frames_of(place.object(record))] == [0, 255]


def test_files_and_file_objects_are_kept_as_they_are(place: Place, tmp_path: Path) -> None:
    """Also when they vanish right after."""
    (tmp_path / "clip.mp4").write_bytes(b"mpeg")
    video = Video(str(tmp_path / "clip.mp4"))
    (tmp_path / "clip.mp4").unlink()
    a = video.to_record(place.sink)
    b = Video(io.BytesIO(b"mpeg"), format="mp4").to_record(place.sink)
    assert place.object(a) == b"mpeg"
    assert (a["path"], a["format"]) == (b["path"], "mp4")


@pytest.mark.skipif(HAS_IMAGEIO, reason="imageio is installed")
def test_mp4_without_imageio_names_what_to_install() -> None:
    """At once, not in the thread that writes."""
    with pytest.raises(UsageError, match=r"tracker\[video\]"):
        Video(grey_frames(), format="mp4")


@pytest.mark.skipif(not HAS_IMAGEIO, reason="imageio is not installed")
@pytest.mark.parametrize("file_format", ["mp4", "webm"])
def test_mp4_and_webm_are_written_with_imageio(place: Place, tmp_path: Path, file_format: str) -> None:
    """With the size of the frames."""
    import imageio.v2 as imageio

    record = Video(grey_frames(height=32, width=48), fps=5, format=file_format).to_record(place.sink)
    with imageio.get_reader(io.BytesIO(place.object(record)), format=f".{file_format}") as reader:
        assert reader.get_meta_data()["size"] == (48, 32)


def test_what_is_no_video_is_refused() -> None:
    """By shape, format, rate and type."""
    with pytest.raises(ValueError, match="shape"):
        Video(np.zeros((3, 4, 6)))
    with pytest.raises(ValueError, match="format"):
        Video(grey_frames(), format="exe")
    with pytest.raises(ValueError, match="can be written"):
        Video(grey_frames(), format="avi")
    with pytest.raises(ValueError, match="frames a second"):
        Video(grey_frames(), fps=0)
    with pytest.raises(TypeError, match="dict"):
        Video({})
