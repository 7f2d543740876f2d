"""From arrays of any shape and scale to pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.values.arrays import TakenArray
from tracker.values.pixels import picture_shape, to_picture, to_uint8


@pytest.mark.parametrize(
    ("given_values", "shown"),
    [
        (np.array([0, 7, 255], np.uint8), [0, 7, 255]),
        (np.array([0.0, 0.5, 1.0]), [0, 128, 255]),
        (np.array([-1.0, 0.0, 1.0]), [0, 128, 255]),
        (np.array([0.0, 100.4, 300.0]), [0, 100, 255]),
        (np.array([-5.0, 0.0, 2.0]), [0, 0, 2]),
        (np.array([0.0, np.nan, 1.0, np.inf, -np.inf]), [0, 0, 255, 255, 0]),
        (np.array([False, True]), [0, 255]),
        (np.array([0, 1], np.int64), [0, 255]),
        (np.array([0, 1, 2], np.int64), [0, 1, 2]),
        (np.array([-3, 300], np.int32), [0, 255]),
        (np.array([0.0, 1.0], np.float16), [0, 255]),
    ],
    ids=str,
)
def test_values_are_brought_to_eight_bits(given_values: np.ndarray, shown: list[int]) -> None:
    """0..1 is scaled, -1..1 is moved, the rest is cut, NaN is black."""
    assert to_uint8(given_values).tolist() == shown


def test_without_normalize_fractions_are_only_cut() -> None:
    """The caller knows what the numbers mean."""
    assert to_uint8(np.array([0.0, 1.0, 200.0]), normalize=False).tolist() == [0, 1, 200]


@given(st.integers(1, 5), st.integers(5, 9), st.integers(0, 4), st.booleans())
def test_the_shape_that_is_told_is_the_shape_that_is_made(h: int, w: int, form: int, tensor: bool) -> None:
    """Width and height are known before the pixels are looked at."""
    shape = [(h, w), (h, w, 1), (h, w, 3), (3, h, w), (1, h, w, 4)][form]
    taken = TakenArray(np.zeros(shape, np.uint8))
    taken.is_tensor = tensor
    try:
        expected = picture_shape(taken.shape, channels_first=tensor)
    except ValueError:
        return
    assert to_picture(taken).shape[:2] == expected


@pytest.mark.parametrize(
    ("shape", "picture"),
    [
        ((5, 6), (5, 6)),
        ((5, 6, 1), (5, 6)),
        ((5, 6, 3), (5, 6, 3)),
        ((5, 6, 4), (5, 6, 4)),
        ((3, 5, 6), (5, 6, 3)),
        ((1, 5, 6), (5, 6)),
        ((1, 5, 6, 3), (5, 6, 3)),
        ((3, 5, 3), (3, 5, 3)),
    ],
)
def test_arrays_have_channels_last_unless_only_first_fits(
    shape: tuple[int, ...], picture: tuple[int, ...]
) -> None:
    """numpy's custom, with a guess where it is safe."""
    assert to_picture(TakenArray(np.zeros(shape, np.uint8))).shape == picture


@pytest.mark.torch
@pytest.mark.parametrize(
    ("shape", "picture"),
    [
        ((5, 6), (5, 6)),
        ((1, 5, 6), (5, 6)),
        ((3, 5, 6), (5, 6, 3)),
        ((3, 5, 3), (5, 3, 3)),
        ((5, 6, 3), (5, 6, 3)),
        ((1, 3, 5, 6), (5, 6, 3)),
        ((10, 3, 5, 6), (2 * 7 + 2, 8 * 8 + 2, 3)),
        ((2, 1, 5, 6), (9, 18)),
    ],
)
def test_tensors_have_channels_first_and_batches_become_a_grid(
    shape: tuple[int, ...], picture: tuple[int, ...]
) -> None:
    """torch's custom; two-dimensional tensors are taken too, unlike newer wandb."""
    torch = pytest.importorskip("torch")
    taken = TakenArray(torch.zeros(shape))
    assert to_picture(taken).shape == picture
    assert picture_shape(taken.shape, channels_first=True) == picture[:2]


@pytest.mark.torch
def test_a_grid_shows_each_image_of_the_batch() -> None:
    """In rows, with a gap."""
    torch = pytest.importorskip("torch")
    batch = torch.stack([torch.full((1, 2, 2), i / 9) for i in range(10)])
    grid = to_picture(TakenArray(batch))
    assert [int(grid[2, 2 + 4 * i]) for i in range(8)] == [round(i / 9 * 255) for i in range(8)]
    assert int(grid[6, 6]) == 255


@pytest.mark.parametrize("shape", [(5,), (5, 6, 2), (2, 5, 6, 3), (0, 5), (5, 0, 3), ()])
def test_other_shapes_are_refused_with_the_shape(shape: tuple[int, ...]) -> None:
    """The message says what came and what could."""
    with pytest.raises(ValueError, match=r"shape \("):
        picture_shape(shape, channels_first=False)
