"""Laws of YAML: what was written is read back equal, and hostile text only raises our errors."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from vcs import yaml_engine
from vcs.artifacts.edits import same_value
from vcs.errors import FormatError
from vcs.record_log import append_log, read_log
from vcs.yaml_io import dump_flow, dump_yaml, load_yaml

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
KEYS = TEXT | st.integers(-5, 5)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda each: st.lists(each, max_size=4) | st.dictionaries(KEYS, each, max_size=4), max_leaves=15
)
MAPPINGS = st.dictionaries(KEYS, VALUES, max_size=5)


@given(VALUES)
def test_a_value_is_read_back_equal(value: Any) -> None:
    """As a block and as a flow; NaN equals NaN, 1 is not 1.0."""
    assert same_value(load_yaml(dump_yaml(value), "x"), value)
    assert same_value(load_yaml(dump_flow([value]), "x"), [value])


@given(VALUES)
def test_a_flow_is_one_line(value: Any) -> None:
    """Whatever breaks lines in YAML or in Python is escaped."""
    assert len(dump_flow([value]).splitlines()) == 1


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No other exception, no crash."""
    with suppress(FormatError):
        load_yaml(text, "x")


# Words of YAML, so that many of the texts made of them mean something.
YAML_WORDS = st.one_of(
    st.sampled_from(["a", "b", "<<", "=", "~", "null", "yes", "1", "0x1f", "1:30", "-.5", ".nan", "1e3"]),
    st.sampled_from(["2001-01-01", ": ", ":", "- ", "? ", "[", "]", "{", "}", ", ", "'", '"', "#", "|", ">"]),
    st.sampled_from(["\n", "\n  ", "\n- ", "\na: "]),
)


class Reference(yaml.CSafeLoader):
    """PyYAML as it is, but for what we do not want of it: times, and keys that are there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            raise yaml.YAMLError("a key is there twice")
        return mapping


Reference.yaml_implicit_resolvers = yaml_engine._Loader.yaml_implicit_resolvers


@given(st.lists(YAML_WORDS, max_size=14).map("".join))
@settings(max_examples=500)
def test_our_construction_is_that_of_pyyaml(text: str) -> None:
    """Values, and refusals too; ours is only faster."""
    try:
        expected = yaml.load(text, Reference)
    except (yaml.YAMLError, ValueError):
        with pytest.raises(FormatError):
            load_yaml(text, "x")
    else:
        assert same_value(load_yaml(text, "x"), expected)


@pytest.mark.slow
@given(st.lists(MAPPINGS, max_size=4), st.data())
def test_a_cut_log_keeps_its_whole_lines(lines: list[dict[Any, Any]], data: st.DataObject) -> None:
    """At whatever byte it was cut."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log.yaml"
        append_log(path, lines)
        written = path.read_bytes() if path.exists() else b""
        cut = written[: data.draw(st.integers(0, len(written)))]
        path.write_bytes(cut)
        read = [line for line in read_log(path, "log") if line is not None]
        assert same_value(read, lines[: cut.count(b"\n")])
