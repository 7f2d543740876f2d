"""The lines of a history segment, there and back."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.tracker.storage.build import START, layout, rewind, row, set_, unset, write
from tracker.storage.journal import (
    MAX_SCHEMAS,
    Header,
    RewindMark,
    RichRow,
    SegmentEncoder,
    SetMark,
    UnsetMark,
)
from tracker.storage.segment import read_header, read_segment
from tracker.values.scalars import NestedKey, key_parts
from vcs.errors import FormatError, StoreError


@pytest.fixture
def encoder() -> SegmentEncoder:
    """An encoder of session 0."""
    return SegmentEncoder(Header(run="r", session=0, start=START, from_step=0))


def test_the_header_is_the_first_line(tmp_path: Path) -> None:
    """Run, session, rank, start and from_step, as documented."""
    path = write(layout(tmp_path), 2, [], from_step=7, rank="1")

    assert json.loads(path.read_text()) == {
        "format": 1,
        "run": "run1",
        "session": 2,
        "rank": "1",
        "start": START,
        "from_step": 7,
    }
    header = read_header(path)
    assert header is not None
    assert header.from_step == 7


def test_a_schema_comes_once_before_its_rows(encoder: SegmentEncoder) -> None:
    """Rows are positional: schema, step, milliseconds, values."""
    data = encoder.encode(
        [(0, START + 0.012, ("acc", "loss"), (0.5, 1)), (1, START + 0.5, ("acc", "loss"), (1, 2))]
    )
    data += encoder.encode([(2, START + 1, ("loss",), (3,)), (3, START + 1, ("acc", "loss"), (1, 2))])

    assert [json.loads(line) for line in data.splitlines()] == [
        {"schema": 0, "keys": ["acc", "loss"]},
        [0, 0, 12, 0.5, 1],
        [0, 1, 500, 1, 2],
        {"schema": 1, "keys": ["loss"]},
        [1, 2, 1000, 3],
        [0, 3, 1000, 1, 2],
    ]


def test_special_floats_are_spelled_out_and_neighbours_are_not_touched(encoder: SegmentEncoder) -> None:
    """JSON has no NaN; None stays null, and the text "null" a text."""
    values = (math.nan, math.inf, -math.inf, None, "null", True, 1, -0.0)
    data = encoder.encode([(0, START, tuple("abcdefgh"), values)])

    assert json.loads(data.splitlines()[1])[3:] == [
        {"float": "nan"},
        {"float": "inf"},
        {"float": "-inf"},
        None,
        "null",
        True,
        1,
        -0.0,
    ]


def test_values_come_back_equal(tmp_path: Path) -> None:
    """Of every kind that a row may hold."""
    values = {
        "big": 2**70,
        "text": "line\nbreak \u2028 ü 🎉",
        "list": [1, [math.inf, None], {"float": "nan"}, {"dict": {"float": 1}}, {"a": True}],
        "media": {"_type": "image-file", "size": 3, "nested": {"dict": 1}},
        "float": -5e-324,
    }
    segment = read_segment(write(layout(tmp_path), 0, [RichRow(4, START, values)]))

    assert segment is not None
    assert dict(zip(segment.keys[0], segment.rows[0][3:], strict=True)) == values


def test_nested_keys_come_back_nested(tmp_path: Path) -> None:
    """A schema names them by their path."""
    path = write(layout(tmp_path), 0, [row(0, a={"b": 1}, **{"c.d": 2})])
    segment = read_segment(path)

    assert json.loads(path.read_text().splitlines()[1])["keys"] == [["a", "b"], "c.d"]
    assert segment is not None
    assert [key_parts(key) for key in segment.keys[0]] == [("a", "b"), ("c.d",)]


def test_marks_come_back_in_their_places(tmp_path: Path) -> None:
    """Set, unset and rewind, each after the rows that stood before it."""
    items = [set_(1, best=math.nan), row(0, x=1), rewind(0), row(0, x=2), unset("best", "other")]
    segment = read_segment(write(layout(tmp_path), 0, items))

    assert segment is not None
    (first, mark), second, third = segment.marks
    assert isinstance(mark, SetMark)
    assert (first, math.isnan(mark.values["best"]), mark.time_s) == (0, True, START + 1)
    assert second == (1, RewindMark(0, START))
    assert third == (2, UnsetMark(("best", "other"), START))


def test_text_that_utf8_does_not_have_is_escaped(tmp_path: Path) -> None:
    """File names from the system may hold lone surrogates, in values and in keys."""
    segment = read_segment(write(layout(tmp_path), 0, [(0, START, ("a\udcff",), ("x\udcff",)), row(1, ok=1)]))

    assert segment is not None
    assert segment.keys[0] == ("a\\udcff",)
    assert segment.rows[0][3] == "x\\udcff"
    assert len(segment.rows) == 2


def test_an_integer_of_thousands_of_digits_costs_no_other_row(tmp_path: Path) -> None:
    """Python refuses to print it; it is kept as hexadecimal text."""
    segment = read_segment(write(layout(tmp_path), 0, [row(0, n=1), row(1, n=1 << 20_000), row(2, n=3)]))

    assert segment is not None
    assert [found[3] for found in segment.rows] == [1, hex(1 << 20_000), 3]


def test_keys_made_of_counters_cost_no_memory(encoder: SegmentEncoder) -> None:
    """The table of schemas begins anew; the numbers go on, so readers are not confused."""
    data = b"".join(encoder.encode([(i, START, (f"k{i}",), (i,))]) for i in range(MAX_SCHEMAS + 10))
    numbers = [json.loads(line)["schema"] for line in data.splitlines() if line.startswith(b"{")]

    assert numbers == list(range(MAX_SCHEMAS + 10))
    assert len(encoder._schemas) < MAX_SCHEMAS


def test_a_file_without_a_whole_header_holds_nothing(tmp_path: Path) -> None:
    """A process was killed while it created the file."""
    path = tmp_path / "0-0.jsonl"
    for content in (b"", b'{"format":1,"ru'):
        path.write_bytes(content)
        assert read_segment(path) is None
        assert read_header(path) is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[0,1,2", "truncated"),
        (b"[0,1,2]", "0 values for 1 keys"),
        (b"[0,1,2,3,4]", "2 values for 1 keys"),
        (b"[7,1,2,3]", "schema 7"),
        (b'[0,"1",2,3]', "three whole numbers"),
        (b"[0,1.5,2,3]", "three whole numbers"),
        (b"[true,1,2,3]", "three whole numbers"),
        (b"[]", "not a row"),
        (b"[[0],1,2,3]", "three whole numbers"),
        (b"[0,1,2,1e999]", "out of range"),
        (b"hello", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b'{"what":1}', "unknown kind"),
        (b'{"set":[1]}', "object"),
        (b'{"rewind":"x"}', "int"),
        (b'{"schema":1,"keys":[1]}', "array"),
        (b"[" * 5000, "recursion"),
        (b"\x00" * 100, "malformed"),
    ],
)
def test_a_damaged_line_is_named_and_the_rest_can_be_read(tmp_path: Path, line: bytes, reason: str) -> None:
    """File and line are in the message; strict=False skips the line and says so."""
    path = write(layout(tmp_path), 0, [row(0, x=1), row(1, x=2)])
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:3], line, *lines[3:]]) + b"\n")

    with pytest.raises(FormatError) as caught:
        read_segment(path)
    assert f"{path}, line 4" in caught.value.message
    assert reason in caught.value.message.lower()

    segment = read_segment(path, strict=False)
    assert segment is not None
    assert [found[3] for found in segment.rows] == [1, 2]
    assert [damage.line for damage in segment.damaged] == [4]


def test_a_lost_schema_line_costs_its_rows_only(tmp_path: Path) -> None:
    """Rows whose keys are unknown cannot be read; others can."""
    path = write(layout(tmp_path), 0, [row(0, x=1), row(1, y=2), row(2, x=3)])
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"y"' not in line))
    segment = read_segment(path, strict=False)

    assert segment is not None
    assert [found[1] for found in segment.rows] == [0, 2]
    assert len(segment.damaged) == 1


def test_a_newer_format_is_refused_with_advice(tmp_path: Path) -> None:
    """An older reader does not guess."""
    path = tmp_path / "x.jsonl"
    path.write_text('{"format":2,"runs":["a"]}\n[0]\n')

    with pytest.raises(FormatError, match="newer version"):
        read_segment(path)
    with pytest.raises(FormatError, match="newer version"):
        read_header(path)


@pytest.mark.parametrize(
    "head", ["[1,2]", "{}", '{"format":"x"}', '{"format":1}', "text", '{"format":1,"run":3}']
)
def test_a_file_with_another_first_line_is_refused(tmp_path: Path, head: str) -> None:
    """Whatever it is, it is no segment."""
    path = tmp_path / "x.jsonl"
    path.write_text(f"{head}\n")

    with pytest.raises(FormatError, match="line 1"):
        read_segment(path)


def test_a_missing_file_is_an_error_of_the_disk(tmp_path: Path) -> None:
    """Named, not a traceback of the system's."""
    with pytest.raises(StoreError, match=r"absent\.jsonl"):
        read_segment(tmp_path / "absent.jsonl")
    with pytest.raises(StoreError, match=r"absent\.jsonl"):
        read_header(tmp_path / "absent.jsonl")


def test_a_file_larger_than_a_chunk_is_read_whole(tmp_path: Path) -> None:
    """Rows are decoded in chunks of some megabytes; none is lost at their borders."""
    text = "x" * 700
    items = [(i, START, ("n", "t"), (i, text)) for i in range(20_000)]
    segment = read_segment(write(layout(tmp_path), 0, items))

    assert segment is not None
    assert [found[3] for found in segment.rows] == list(range(20_000))


def test_a_value_longer_than_a_chunk_is_read(tmp_path: Path) -> None:
    """One line of ten megabytes is still one line."""
    segment = read_segment(write(layout(tmp_path), 0, [row(0, t="y" * 10_000_000), row(1, t="z")]))

    assert segment is not None
    assert [len(found[3]) for found in segment.rows] == [10_000_000, 1]


def test_nested_key_equals_its_text() -> None:
    """So columns are asked for by `a.b`."""
    assert NestedKey(("a", "b")) == "a.b"
    assert {"a.b": 1}[NestedKey(("a", "b"))] == 1
