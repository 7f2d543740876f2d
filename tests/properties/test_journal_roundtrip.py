"""What is written to a segment comes back equal, whatever the values are."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracker.storage.build import START
from tracker.storage.journal import Header, RichRow, SegmentEncoder, SetMark
from tracker.storage.segment import read_segment

FLOATS = st.floats(allow_nan=True, allow_infinity=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SIMPLE = st.one_of(st.none(), st.booleans(), st.integers(), FLOATS, TEXTS)
NAMES = st.one_of(TEXTS, st.sampled_from(["float", "dict", "_type", "nan"]))
VALUES = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
TIMES = st.integers(-10_000, 10_000_000).map(lambda ms: START + ms / 1000)
SIMPLE_ROWS = st.tuples(st.integers(), TIMES, st.dictionaries(NAMES, SIMPLE, max_size=4)).map(
    lambda t: (t[0], t[1], tuple(t[2]), tuple(t[2].values()))
)
RICH_ROWS = st.builds(RichRow, st.integers(), TIMES, st.dictionaries(NAMES, VALUES, max_size=4))
SETS = st.builds(SetMark, st.dictionaries(NAMES, VALUES, max_size=4), TIMES)


def same(left: Any, right: Any) -> bool:
    """Equal in value and type; NaN equals NaN, and 0.0 is not -0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return left.hex() == right.hex() or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


@given(batches=st.lists(st.lists(st.one_of(SIMPLE_ROWS, RICH_ROWS, SETS), max_size=5), max_size=3))
@settings(deadline=None)
def test_segments_keep_every_value_exactly(batches: list[list[Any]]) -> None:
    """Rows of any shape, in any batches, between explicit sets."""
    encoder = SegmentEncoder(Header(run="r", session=0, start=START, from_step=0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.jsonl")
        path.write_bytes(encoder.head() + b"".join(map(encoder.encode, batches)))
        segment = read_segment(path)
    assert segment is not None
    items = [item for batch in batches for item in batch]
    rows = [
        i if isinstance(i, RichRow) else RichRow(i[0], i[1], dict(zip(i[2], i[3], strict=True)))
        for i in items
        if not isinstance(i, SetMark)
    ]

    found = [dict(zip(segment.keys[r[0]], r[3:], strict=True)) for r in segment.rows]
    assert same(found, [r.values for r in rows])
    assert [r[1] for r in segment.rows] == [r.step for r in rows]
    assert [r[2] for r in segment.rows] == [round(r.time_s * 1000) - round(START * 1000) for r in rows]
    sets = [mark for _, mark in segment.marks]
    assert same(
        [s.values for s in sets if isinstance(s, SetMark)],
        [s.values for s in items if isinstance(s, SetMark)],
    )
