"""Byte planes: small where numbers are alike, and never something else than what went in."""

from __future__ import annotations

import random
from array import array

import pytest

from tracker.storage import planes
from vcs.errors import FormatError

NOISE = random.Random(0).randbytes


def test_equal_bytes_take_one_byte_a_plane() -> None:
    """A thousand times the same number of eight bytes."""
    data = array("q", [7] * 1000).tobytes()

    packed = planes.pack(data, 8)

    assert len(packed) < 60
    assert planes.unpack(packed, 1000, 8) == data


def test_noise_is_not_made_longer() -> None:
    """But for the few bytes that say that it is as it was."""
    data = NOISE(80_000)

    packed = planes.pack(data, 8)

    assert len(packed) == 80_000 + 8 * 5
    assert planes.unpack(packed, 10_000, 8) == data


def test_doubles_that_were_single_take_less_than_half() -> None:
    """Their lower planes are zero."""
    draw = random.Random(0).random
    data = array("d", array("f", [draw() for _ in range(10_000)])).tobytes()

    assert len(planes.pack(data, 8)) < 3.6 * 10_000


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_any_number_of_any_width(count: int, width: int) -> None:
    """Down to none."""
    data = NOISE(count * width)

    assert planes.unpack(planes.pack(data, width), count, width) == data


def test_cut_planes_are_refused_at_every_length() -> None:
    """And so is what is too long."""
    packed = planes.pack(bytes(range(100)) * 4 + NOISE(400), 8)
    for end in range(len(packed)):
        with pytest.raises(FormatError):
            planes.unpack(packed[:end], 100, 8)
    with pytest.raises(FormatError):
        planes.unpack(packed + b"x", 100, 8)


def test_a_bomb_makes_no_more_than_was_asked_for() -> None:
    """A few bytes that inflate to many are of another length."""
    with pytest.raises(FormatError, match="another length"):
        planes.inflate(planes.deflate(bytes(10_000_000)), 10)


def test_other_bytes_are_no_compressed_ones() -> None:
    """They are refused, not read."""
    with pytest.raises(FormatError, match="damaged"):
        planes.inflate(b"hello", 5)
