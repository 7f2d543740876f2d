"""A compacted segment is the segment: its bytes come back, and so does what readers see."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties.test_journal_roundtrip import FLOATS, NAMES, RICH_ROWS, SETS, SIMPLE, TIMES, same
from tests.tracker.storage.build import START
from tests.tracker.storage.columns import compacted
from tracker.storage.column_segment import read_columns_file, to_jsonl
from tracker.storage.journal import Header, RewindMark, SegmentEncoder, UnsetMark
from tracker.storage.segment import read_segment

# Few sets of keys, so that columns are long; values of one kind, of several, and of all.
KEYS = st.sampled_from([("loss",), ("loss", "acc"), ("n", "m", "k"), ()])
INTS = st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-3, 3), st.integers())
KIND = st.sampled_from([FLOATS, FLOATS.map(abs), INTS, SIMPLE, st.one_of(FLOATS, INTS, st.none())])


@st.composite
def training_rows(draw: st.DrawFn) -> list[Any]:
    """Rows as a training writes them: one set of keys after the other, each key of a kind."""
    rows = []
    for _ in range(draw(st.integers(1, 3))):
        keys = draw(KEYS)
        kinds = [draw(KIND) for _ in keys]
        values = st.tuples(*kinds)
        rows += [
            (step, at, keys, found)
            for step, at, found in draw(st.lists(st.tuples(INTS, TIMES, values), max_size=12))
        ]
    return rows


OTHERS = st.one_of(
    RICH_ROWS,
    SETS,
    st.builds(UnsetMark, st.lists(NAMES, max_size=2).map(tuple), TIMES),
    st.builds(RewindMark, st.integers(0, 100), TIMES),
)


@given(
    rows=training_rows(),
    others=st.lists(st.tuples(st.integers(0, 40), OTHERS), max_size=4),
    block_lines=st.sampled_from([1, 3, 1000]),
    torn=st.sampled_from([b"", b"[0,1,2", b'{"set":{"a":\xff']),
)
@settings(deadline=None, max_examples=150)
def test_lines_come_back_byte_for_byte(
    rows: list[Any], others: list[tuple[int, Any]], block_lines: int, torn: bytes
) -> None:
    """With all that stands between rows, in blocks of any size, and a torn line at the end."""
    items = list(rows)
    for place, other in others:
        items.insert(place, other)
    encoder = SegmentEncoder(Header(run="r", session=0, start=START, from_step=0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "0-0.jsonl")
        path.write_bytes(encoder.head() + encoder.encode(items) + torn)
        data, lines = path.read_bytes(), read_segment(path)
        target = compacted(path, block_lines=block_lines)
        columns = read_columns_file(target)

        assert lines is not None
        assert b"".join(to_jsonl(target)) == data
        assert same([list(row) for row in columns.rows], lines.rows)
        assert (columns.header, columns.keys, columns.count) == (lines.header, lines.keys, lines.count)
        assert repr(columns.marks) == repr(lines.marks)
        assert (columns.steps, columns.times_ms, columns.schemas) == (
            lines.steps,
            lines.times_ms,
            lines.schemas,
        )
        assert columns.last_ms == lines.last_ms
        assert columns.schema_counts == lines.schema_counts
        assert list(columns.schema_counts) == list(lines.schema_counts)
        for schema, keys in lines.keys.items():
            for place in range(len(keys)):
                assert same(columns.values(schema, place), lines.values(schema, place))
