"""Append-only logs of small mappings."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from vcs.record_log import append_log, read_log

LINES = [
    {"time": "t0", "alias": "latest", "version": "v0"},
    {"time": "t1", "text": "line\nbreak \u2028 ü 😀 \x7f"},
    {"time": "t2", "set": {"metadata": {"nan": math.inf, 1: "x"}}},
]


def test_lines_are_read_in_the_order_in_which_they_were_appended(tmp_path: Path) -> None:
    """In one call or in several."""
    path = tmp_path / "log.yaml"
    append_log(path, LINES[:2])
    append_log(path, LINES[2:])
    assert read_log(path, "log") == LINES
    assert len(path.read_text().splitlines()) == 3 + path.read_text().count("\u2028")


def test_a_log_is_yaml(tmp_path: Path) -> None:
    """Any safe reader sees a list of mappings."""
    path = tmp_path / "log.yaml"
    append_log(path, LINES)
    assert yaml.safe_load(path.read_text()) == LINES


def test_a_missing_log_is_empty(tmp_path: Path) -> None:
    """Nothing was ever appended."""
    assert read_log(tmp_path / "none.yaml", "log") == []


def test_a_log_cut_at_any_byte_keeps_its_whole_lines(tmp_path: Path) -> None:
    """Also within a character; the next writer ends the torn line and its own counts."""
    path = tmp_path / "log.yaml"
    append_log(path, LINES)
    data = path.read_bytes()
    for end in range(len(data) + 1):
        path.write_bytes(data[:end])
        whole = data[:end].count(b"\n")
        read = read_log(path, "log")
        assert [line for line in read if line is not None] == LINES[:whole]
        append_log(path, [{"next": 1}])
        read = read_log(path, "log")
        assert read[-1] == {"next": 1}
        # A line cut exactly before its newline is whole again once that is there.
        kept = [line for line in read[:-1] if line is not None]
        assert kept in (LINES[:whole], LINES[: whole + 1])


@pytest.mark.parametrize(
    "row",
    [
        "hello",
        "- 1",
        "- [1]",
        "-",
        "- {",
        "{}",
        "- {a: *b}",
        "- {a: !!x 1}",
        "<<<<<<< HEAD",
        "",
        "- {" + "[" * 100_000,
    ],
)
def test_a_damaged_line_hides_no_other(tmp_path: Path, row: str) -> None:
    """It is None at its place, so it can be reported by number."""
    path = tmp_path / "log.yaml"
    path.write_text(f'- {{"a": 1}}\n{row}\n- {{"b": 2}}\n')
    assert read_log(path, "log") == [{"a": 1}, None, {"b": 2}]


def test_what_cannot_be_written_leaves_the_log_alone(tmp_path: Path) -> None:
    """Not even the lines before it are appended."""
    path = tmp_path / "log.yaml"
    with pytest.raises(TypeError):
        append_log(path, [{"a": 1}, {"b": object()}])
    assert not path.exists()
