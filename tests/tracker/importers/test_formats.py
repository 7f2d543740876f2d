"""The formats of other tools, read by our own small readers."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracker.importers.sources import wandb_framed
from tracker.importers.found import Notes
from tracker.importers.wandb_log import read_log
from tracker.wire.protobuf import (
    Message,
    bytes_field,
    double_field,
    float_field,
    packed_doubles,
    varint_field,
)
from tracker.wire.tfrecord import crc32c, frame, read_records
from vcs.errors import FormatError


def test_the_checksum_is_that_of_the_standard() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.binary(), st.floats(allow_nan=False))
def test_fields_come_back_as_they_were_written(number: int, data: bytes, value: float) -> None:
    message = Message(varint_field(1, number) + bytes_field(2, data) + double_field(300, value))

    assert (message.number(1), message.raw(2), message.float64(300)) == (number, data, value)
    assert message.number(9, 7) == 7


def test_repeated_numbers_are_read_packed_and_not() -> None:
    message = Message(
        varint_field(1, 5) + bytes_field(1, bytes([6, 0x80, 1])) + packed_doubles(2, [1.5, -2.0])
    )

    assert message.numbers(1) == [5, 6, 128]
    assert message.floats(2, "d") == [1.5, -2.0]
    assert math.isnan(Message(float_field(3, math.nan)).float32(3))


@given(st.binary(max_size=60))
def test_bytes_that_are_no_message_are_refused_and_never_crash(data: bytes) -> None:
    try:
        message = Message(data)
    except FormatError:
        return
    assert message.texts(99) == []


def test_a_file_cut_at_any_byte_gives_the_records_before_the_cut(tmp_path: Path) -> None:
    records = [b"one", b"", b"three" * 20]
    whole = b"".join(map(frame, records))
    path = tmp_path / "cut"
    ends = [sum(len(r) + 16 for r in records[: n + 1]) for n in range(3)]
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        assert list(read_records(path)) == records[: sum(end <= length for end in ends)]


def test_a_flipped_bit_in_a_record_is_found(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(frame(b"good") + frame(b"bad")[:-5] + b"D" + frame(b"bad")[-4:])
    records = read_records(path)

    assert next(records) == b"good"
    with pytest.raises(FormatError, match="damaged at byte 20"):
        next(records)


def test_records_of_any_length_come_back_from_blocks(tmp_path: Path) -> None:
    sizes = [0, 1, 32740, 32754, 32761, 70_000, 5]
    payloads = [bytes_field(1, b"x" * size) for size in sizes]
    path = tmp_path / "run-x.wandb"
    path.write_bytes(wandb_framed(payloads))

    assert [len(message.raw(1)) for message in read_log(path, Notes())] == sizes


def test_damage_costs_a_block_and_is_said(tmp_path: Path) -> None:
    payloads = [bytes_field(1, bytes([65 + n]) * 20_000) for n in range(6)]
    data = bytearray(wandb_framed(payloads))
    data[40_000] ^= 1
    path = tmp_path / "run-x.wandb"
    path.write_bytes(data)
    notes = Notes()

    found = [message.text(1)[0] for message in read_log(path, notes)]

    # B, C and D each have a part in the damaged block.
    assert found == ["A", "E", "F"]
    assert notes.lines() == ["run-x.wandb: a damaged block of 32 KiB is left out"]


def test_a_torn_end_is_no_damage(tmp_path: Path) -> None:
    data = wandb_framed([bytes_field(1, "first"), bytes_field(1, "second")])
    path = tmp_path / "run-x.wandb"
    for cut in range(1, 10):
        path.write_bytes(data[:-cut])
        notes = Notes()
        assert [message.text(1) for message in read_log(path, notes)] == ["first"]
        assert notes.lines() == []


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run-x.wandb"
    path.write_bytes(b"not a log")
    with pytest.raises(FormatError, match=r"no \.wandb file"):
        list(read_log(path, Notes()))
