"""What was changed after a version was made."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from vcs.artifacts.edits import Details, append_deletion, append_edit, read_edit_log, same_value


def test_the_last_value_of_a_field_wins(tmp_path: Path) -> None:
    """Fields that an edit does not name stay."""
    path = tmp_path / "edits.yaml"
    append_edit(path, "v0", {"description": "one", "tags": ["a"]}, "t0")
    append_edit(path, "v0", {"description": "two"}, "t1")
    append_edit(path, "v1", {"metadata": {"acc": math.inf}, "ttl_s": 60}, "t2")
    log = read_edit_log(path)
    assert log.apply(0, Details("zero", {"x": 1})) == Details("two", {"x": 1}, ("a",), None, "t1")
    assert log.apply(1, Details()) == Details("", {"acc": math.inf}, (), 60, "t2")
    assert log.apply(2, Details("as logged")) == Details("as logged")


def test_a_line_without_a_version_speaks_of_the_collection(tmp_path: Path) -> None:
    """And of no version."""
    path = tmp_path / "edits.yaml"
    append_edit(path, None, {"description": "all of them"}, "t0")
    log = read_edit_log(path)
    assert log.apply(None, Details()).description == "all of them"
    assert log.apply(0, Details()).description == ""


def test_a_deletion_keeps_the_number_and_the_type(tmp_path: Path) -> None:
    """The number is never used again, the type holds for life."""
    path = tmp_path / "edits.yaml"
    append_edit(path, "v2", {"tags": []}, "t0")
    append_deletion(path, "v3", "model", "t1")
    log = read_edit_log(path)
    assert log.highest == 3
    assert (log.deleted[3].type, log.deleted[3].time) == ("model", "t1")


@pytest.mark.parametrize(
    "line",
    [
        '- {"version": "v0"}',
        '- {"version": 0, "set": {"description": "x"}}',
        '- {"version": "../v0", "deleted": true}',
        '- {"version": "v0", "set": {"description": 3}}',
        '- {"version": "v0", "set": {"metadata": []}}',
        '- {"version": "v0", "set": {"tags": "abc"}}',
        '- {"version": "v0", "set": {"tags": [1]}}',
        '- {"version": "v0", "set": {"ttl_s": "long"}}',
        '- {"version": "v0", "set": {"ttl_s": true}}',
        '- {"deleted": true}',
        "- torn {",
    ],
)
def test_lines_that_we_never_write_count_for_nothing(tmp_path: Path, line: str) -> None:
    """They are numbered, and the others stay."""
    path = tmp_path / "edits.yaml"
    append_edit(path, "v0", {"description": "good"}, "t0")
    with path.open("a") as stream:
        stream.write(f"{line}\n")
    log = read_edit_log(path)
    assert log.apply(0, Details()).description == "good"
    assert (log.damaged, log.deleted) == ((2,), {})


def test_unknown_fields_are_ignored(tmp_path: Path) -> None:
    """A later release may set more."""
    path = tmp_path / "edits.yaml"
    append_edit(path, "v0", {"colour": "red", "description": "x"}, "t0")
    assert read_edit_log(path).apply(0, Details()) == Details("x", updated="t0")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": [1, (2,)]}, {"a": [1, [2]]}, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        (math.nan, math.nan, True),
        ({"x": math.nan}, {"x": 1.0}, False),
        (1, 1.0, False),
        (1, True, False),
        (True, True, True),
        ("1", 1, False),
        (None, None, True),
        (None, 0, False),
        ([1], [1, 2], False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([], {}, False),
    ],
)
def test_values_are_the_same_if_they_are_written_alike(one: object, other: object, same: bool) -> None:
    """The question is whether a record would change."""
    assert same_value(one, other) is same
    assert same_value(other, one) is same
