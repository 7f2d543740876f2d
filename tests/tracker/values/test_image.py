"""Images from everything that people log."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracker.values.conftest import Place
from tracker.values.image import Image, group_images
from vcs.errors import NotFoundError, UsageError


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(PIL.Image.open(io.BytesIO(data)))


def test_an_array_becomes_a_png(place: Place) -> None:
    """With its size and caption in the record."""
    pixels = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)

    record = Image(pixels, caption="a ramp").to_record(place.sink)

    assert {name: record[name] for name in ("_type", "width", "height", "format", "caption")} == {
        "_type": "image-file",
        "width": 6,
        "height": 5,
        "format": "png",
        "caption": "a ramp",
    }
    assert record["path"].startswith("media/images/")
    assert record["size"] == len(place.object(record))
    assert (decoded(place.object(record)) == pixels).all()
    assert place.file(record) == place.object(record)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from([None, 3, 4]), st.randoms())
def test_pixels_come_back_exactly(height: int, width: int, channels: int | None, random: object) -> None:
    """PNG loses nothing."""
    shape = (height, width) if channels is None else (height, width, channels)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert (np.asarray(Image(pixels).image) == pixels).all()


def test_an_array_may_change_after_it_was_given(place: Place) -> None:
    """What is written is what was there when the image was made."""
    pixels = np.full((4, 4), 200, np.uint8)
    image = Image(pixels)
    pixels[:] = 0
    assert (decoded(place.object(image.to_record(place.sink))) == 200).all()


def test_a_pil_image_may_change_after_it_was_given(place: Place) -> None:
    """It is copied."""
    picture = PIL.Image.new("RGB", (4, 3), "red")
    image = Image(picture)
    picture.putpixel((0, 0), (0, 0, 0))
    assert tuple(decoded(place.object(image.to_record(place.sink)))[0, 0]) == (255, 0, 0)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "F", "I;16", "LAB"]
)
def test_pil_images_of_any_mode_are_taken(place: Place, mode: str) -> None:
    """Those that PNG lacks are converted."""
    record = Image(PIL.Image.new(mode, (4, 3))).to_record(place.sink)
    assert decoded(place.object(record)).shape[:2] == (3, 4)


def test_a_file_is_kept_byte_for_byte(place: Place, tmp_path: Path) -> None:
    """Also when it is deleted right after."""
    source = tmp_path / "photo.jpg"
    PIL.Image.new("RGB", (7, 5)).save(source)
    data = source.read_bytes()

    image = Image(str(source), caption="photo")
    source.unlink()
    record = image.to_record(place.sink)

    assert place.object(record) == data
    assert (record["width"], record["height"], record["format"]) == (7, 5, "jpg")


def test_a_file_that_is_no_picture_is_kept_and_its_size_unknown(place: Place, tmp_path: Path) -> None:
    """The bytes are what was logged; nothing is made up about them."""
    source = tmp_path / "odd.png"
    source.write_bytes(b"not a picture")
    record = Image(source).to_record(place.sink)
    assert (place.object(record), record["width"]) == (b"not a picture", None)


def test_a_matplotlib_figure_is_drawn_at_once(place: Place) -> None:
    """Figures are closed and used again right after."""
    import matplotlib.figure

    figure = matplotlib.figure.Figure(figsize=(2, 1), dpi=50)
    figure.subplots().plot([0, 1])
    image = Image(figure)
    figure.clear()

    record = image.to_record(place.sink)
    assert (record["width"], record["height"]) == (100, 50)
    assert decoded(place.object(record))[:, :, :3].min() < 255


def test_pyplot_and_axes_stand_for_their_figure(place: Place) -> None:
    """As people log them."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    try:
        _, axes = plt.subplots(figsize=(2, 1), dpi=50)
        assert Image(plt).width == Image(axes).width == 100
    finally:
        plt.close("all")


def test_an_image_of_an_image_shares_its_content(place: Place) -> None:
    """With a caption of its own."""
    first = Image(np.zeros((2, 3)), caption="one")
    second = Image(first, caption="two")
    a, b = first.to_record(place.sink), second.to_record(place.sink)
    assert a["digest"] == b["digest"]
    assert (a["caption"], b["caption"], b["width"]) == ("one", "two", 3)


def test_the_type_of_file_and_the_mode_can_be_chosen(place: Place) -> None:
    """jpg is smaller, L is grey."""
    record = Image(np.zeros((8, 8, 3)), file_type="jpg", mode="L").to_record(place.sink)
    picture = PIL.Image.open(io.BytesIO(place.object(record)))
    assert (picture.format, picture.mode, record["path"][-4:]) == ("JPEG", "L", ".jpg")


def test_the_same_image_logged_often_is_stored_once(place: Place) -> None:
    """Equal pixels, equal bytes."""
    for _ in range(3):
        Image(np.eye(5)).to_record(place.sink)
    assert len(place.files) == len(list(place.store.list())) == 1


def test_images_in_a_list_make_one_record(place: Place) -> None:
    """With the keys that wandb's has."""
    images = [Image(np.full((2, 3), i, np.uint8), caption=f"no {i}") for i in range(3)]
    record = group_images(images, place.sink)
    assert record["_type"] == "images/separated"
    assert (record["count"], record["width"], record["height"], record["format"]) == (3, 3, 2, "png")
    assert record["captions"] == ["no 0", "no 1", "no 2"]
    assert record["filenames"] == [item["path"] for item in record["items"]]
    assert sorted(record["filenames"]) == place.files


@pytest.mark.torch
def test_a_tensor_with_a_gradient_is_an_image(place: Place) -> None:
    """Channels first, 0..1, as a network gives it."""
    torch = pytest.importorskip("torch")
    tensor = torch.rand(3, 4, 5, requires_grad=True)
    record = Image(tensor).to_record(place.sink)
    shown = decoded(place.object(record))
    assert shown.shape == (4, 5, 3)
    assert (shown == np.rint(tensor.detach().numpy().transpose(1, 2, 0) * 255)).all()


def test_what_no_image_can_be_made_from_is_named() -> None:
    """On the caller's line."""
    with pytest.raises(TypeError, match="dict"):
        Image({})
    with pytest.raises(TypeError, match="complex"):
        Image(np.zeros((3, 3), complex))
    with pytest.raises(ValueError, match="shape"):
        Image(np.zeros(3))
    with pytest.raises(ValueError, match="file_type"):
        Image(np.zeros((3, 3)), file_type="exe")


def test_paths_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    """Missing files and files of another type."""
    with pytest.raises(NotFoundError, match=r"gone\.png"):
        Image(tmp_path / "gone.png")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UsageError, match=r"notes\.txt"):
        Image(tmp_path / "notes.txt")
