"""JSON that keeps every number."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.values.json_text import from_json, json_bytes

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_what_is_written_comes_back(value: object) -> None:
    """NaN, infinities, lone surrogates, any nesting; and any JSON reader can read it."""

    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is not JSON")

    data = json_bytes(value)
    json.loads(data, parse_constant=refuse)
    assert repr(from_json(data)) == repr(value)


def test_a_dictionary_that_looks_like_a_number_is_left_alone() -> None:
    """Only the three spellings are numbers."""
    assert from_json(b'{"float":"x"}') == {"float": "x"}
    assert from_json(b'{"float":"nan","b":1}') == {"float": "nan", "b": 1}


def test_a_cut_text_is_refused() -> None:
    """Not half read."""
    with pytest.raises(ValueError):
        from_json(b'{"a":')
