"""One column: every kind of value, exactly, in few bytes."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from tests.properties.test_journal_roundtrip import same
from tracker.storage import column
from vcs.errors import FormatError

SPELLED_NAN = {"float": "nan"}


def streams_of(values: list[Any]) -> tuple[list[column.Stream], list[bytes]]:
    """Encode a column."""
    packed = column.encode(values)
    return [stream for stream, _ in packed], [body for _, body in packed]


def kinds_of(values: list[Any]) -> list[str]:
    """The kinds of streams of a column."""
    return [stream.kind for stream in streams_of(values)[0]]


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ([1, 2, 3], ["ints"]),
        ([0.5, -0.0, 5e-324], ["doubles"]),
        (["a", "b\nc", ""], ["json"]),
        ([[1], [{"a": None}]], ["json"]),
        ([{"_type": "histogram"}], ["kinds", "json"]),
        ([None, True, False], ["kinds"]),
        ([None, None], ["kinds"]),
        ([], ["kinds"]),
        ([1, 1.0, True, None, "1"], ["kinds", "ints", "doubles", "json"]),
        ([1 << 63, -(1 << 63), 1 << 70], ["kinds", "ints", "json"]),
        ([(1 << 63) - 1, -(1 << 63)], ["ints"]),
    ],
)
def test_values_come_back_as_they_were(values: list[Any], kinds: list[str]) -> None:
    """In value and in type: 1, 1.0 and True are three things."""
    streams, bodies = streams_of(values)

    assert [stream.kind for stream in streams] == kinds
    assert same(column.decode(streams, bodies), values)
    assert same(column.decode(streams, bodies, as_written=True), values)


def test_special_numbers_are_numbers_of_the_column() -> None:
    """A loss that became NaN costs no second stream, and has both of its forms."""
    values = [0.5, SPELLED_NAN, {"float": "-inf"}, {"float": "inf"}]
    streams, bodies = streams_of(values)

    assert [stream.kind for stream in streams] == ["doubles"]
    assert same(column.decode(streams, bodies), [0.5, math.nan, -math.inf, math.inf])
    assert same(column.decode(streams, bodies, as_written=True), values)


def test_a_dictionary_that_only_looks_like_a_special_number_stays_one() -> None:
    """As `journal` spells it."""
    values = [{"dict": {"float": "nan"}}, {"float": "x"}, {"float": "nan", "b": 1}]
    streams, bodies = streams_of(values)

    assert same(column.decode(streams, bodies, as_written=True), values)
    assert column.decode(streams, bodies)[0] == SPELLED_NAN


def test_counters_and_clocks_take_next_to_nothing() -> None:
    """Their steps are alike."""
    draw = random.Random(0).randrange
    clock = [i * 12 + draw(4) for i in range(10_000)]

    assert sum(map(len, streams_of(list(range(10_000)))[1])) < 100
    assert sum(map(len, streams_of(clock)[1])) < 0.6 * 10_000


def test_numbers_without_order_are_kept_themselves() -> None:
    """Their steps would be larger."""
    draw = random.Random(0).randrange
    (stream,), _ = streams_of([draw(200) - 100 for _ in range(1000)])

    assert (stream.first, stream.width) == (None, 1)


def test_steps_beyond_64_bits_are_not_taken() -> None:
    """The numbers themselves fit."""
    values = [-(1 << 63), (1 << 63) - 1, -(1 << 63)]

    assert column.decode(*streams_of(values)) == values


def test_damage_is_told_by_the_checksum() -> None:
    """Any flipped bit, and any cut."""
    (stream,), (body,) = streams_of([0.1 * i for i in range(50)])
    assert column.check(stream, body) == body
    for place in range(len(body)):
        for bit in range(8):
            flipped = bytearray(body)
            flipped[place] ^= 1 << bit
            with pytest.raises(FormatError, match="damaged"):
                column.check(stream, bytes(flipped))
    with pytest.raises(FormatError, match="damaged"):
        column.check(stream, body[:-1])


def test_a_stream_that_says_something_impossible_is_refused() -> None:
    """More values than any of ours, an unknown kind, a width that no number has."""
    body = b"\0" * 100
    for stream in (
        column.Stream("doubles", 1 << 50, 100, 0),
        column.Stream("doubles", -1, 100, 0),
        column.Stream("complex", 1, 100, 0),
        column.Stream("ints", 1, 100, 0, width=3),
    ):
        with pytest.raises(FormatError):
            column.decode([stream], [body])


def test_streams_that_do_not_fit_together_are_refused() -> None:
    """Fewer values than kinds; two streams and nothing that orders them."""
    streams, bodies = streams_of([1, 0.5, None])
    with pytest.raises(FormatError):
        column.decode(streams[:-1], bodies[:-1])
    with pytest.raises(FormatError):
        column.decode(streams[1:], bodies[1:])
