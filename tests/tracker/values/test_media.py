"""What `log` sees in raw values."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import PIL.Image
import pytest

from tests.tracker.values.conftest import Place
from tracker.values.audio import Audio
from tracker.values.histogram import Histogram
from tracker.values.html import Html
from tracker.values.image import Image
from tracker.values.media import MediaList, value_to_media
from tracker.values.table import Table


@pytest.mark.parametrize(
    "value",
    [1, 1.5, "text", True, None, {"a": 1}, [1, 2], [], (), [[1], [2]], {1}, object, np.float32(1), b"x"],
)
def test_plain_values_are_left_alone(value: object) -> None:
    """The same object comes back."""
    assert value_to_media(value) is value


def test_pictures_and_figures_become_images() -> None:
    """Without being asked."""
    assert isinstance(value_to_media(PIL.Image.new("L", (2, 2))), Image)
    # Here, because it makes a folder in the home of whoever imports it.
    import matplotlib.figure

    figure = matplotlib.figure.Figure(figsize=(1, 1))
    assert isinstance(value_to_media(figure), Image)


def test_long_arrays_become_histograms_and_short_ones_stay_numbers() -> None:
    """wandb's rule: 32."""
    assert isinstance(value_to_media(np.zeros(33)), Histogram)
    assert isinstance(value_to_media(np.zeros((6, 6), dtype=bool)), Histogram)
    for short in (np.zeros(32), np.array(1.0), np.array(["a"] * 50), np.zeros(50, complex)):
        assert value_to_media(short) is short


@pytest.mark.torch
def test_tensors_are_arrays() -> None:
    """Also those with a gradient."""
    torch = pytest.importorskip("torch")
    assert isinstance(value_to_media(torch.zeros(33, requires_grad=True)), Histogram)
    scalar = torch.tensor(1.0)
    assert value_to_media(scalar) is scalar


def test_a_list_of_media_is_one_record(place: Place) -> None:
    """Images as wandb names them; others under their group's name."""
    images = value_to_media([Image(np.zeros((2, 2))), Image(np.ones((2, 2)))])
    pictures = value_to_media((PIL.Image.new("L", (2, 2)),))
    sounds = value_to_media([Audio(np.zeros(3), 8000)])
    assert isinstance(images, MediaList)
    assert images.to_record(place.sink)["_type"] == "images/separated"
    assert pictures.to_record(place.sink)["count"] == 1  # type: ignore[attr-defined]
    record = sounds.to_record(place.sink)  # type: ignore[attr-defined]
    assert (record["_type"], record["count"], record["items"][0]["_type"]) == ("audio", 1, "audio-file")


def test_media_of_several_kinds_keep_a_record_each() -> None:
    """There is no one record for them."""
    mixed = value_to_media([Image(np.zeros((2, 2))), Html("x")])
    assert isinstance(mixed, list)
    assert [type(item) for item in mixed] == [Image, Html]


def test_a_table_is_frozen() -> None:
    """Rows added later belong to the next log."""
    table = Table(["a"], [[1]])
    frozen = value_to_media(table)
    table.add_data(2)
    assert isinstance(frozen, Table)
    assert len(frozen) == 1
    listed = value_to_media([table])
    table.add_data(3)
    assert isinstance(listed, MediaList)
    assert len(listed.items[0]) == 2  # type: ignore[arg-type]


def test_a_data_frame_becomes_a_table() -> None:
    """As wandb does."""
    pandas = pytest.importorskip("pandas")
    table = value_to_media(pandas.DataFrame({"a": [1, 2]}))
    assert isinstance(table, Table)
    assert table.data == [[1], [2]]


def test_a_list_of_media_is_of_one_kind() -> None:
    """And not empty."""
    with pytest.raises(TypeError, match="Html and Image"):
        MediaList([Image(np.zeros((2, 2))), Html("x")])
    with pytest.raises(ValueError, match="at least one"):
        MediaList([])


def test_looking_at_plain_values_loads_nothing() -> None:
    """`log({"loss": [1.0]})` must not cost the import of numpy."""
    code = (
        "import sys; from tracker.values.media import value_to_media\n"
        "for value in (1.0, 'x', [1], [{}], {'a': 1}, object()): assert value_to_media(value) is value\n"
        "assert not {'numpy', 'torch', 'PIL', 'matplotlib', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
