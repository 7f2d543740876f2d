"""YAML that is read safely and written exactly."""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from enum import IntEnum
from pathlib import Path

import pytest
import yaml

from vcs.errors import FormatError, NotFoundError, StoreError
from vcs.yaml_io import dump_flow, dump_yaml, load_yaml, read_small, read_text


def test_a_file_is_read_with_its_path_in_errors(tmp_path: Path) -> None:
    """The path and the line are always in the message."""
    path = tmp_path / "tracker.yaml"
    path.write_text("project: LeNet5\nstore: [\n")
    with pytest.raises(FormatError, match=r"settings .*tracker\.yaml: line \d"):
        load_yaml(path, "settings")


def test_an_empty_document_is_none() -> None:
    """An empty file says nothing; the caller decides what that means."""
    assert load_yaml("", "settings") is None
    assert load_yaml("# only a comment\n", "settings") is None


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    """So a caller for whom the file is optional can tell."""
    with pytest.raises(NotFoundError, match="settings"):
        load_yaml(tmp_path / "none.yaml", "settings")


def test_a_folder_in_the_place_of_a_file_is_a_store_error(tmp_path: Path) -> None:
    """No traceback of the operating system reaches the user."""
    with pytest.raises(StoreError, match="cannot read"):
        load_yaml(tmp_path, "settings")


def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    """Nobody ever writes to it."""
    os.mkfifo(tmp_path / "x.yaml")
    with pytest.raises(FormatError, match=r"x\.yaml is no file"):
        load_yaml(tmp_path / "x.yaml", "manifest")


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """The byte is named."""
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: caf\xe9\n")
    with pytest.raises(FormatError, match="not UTF-8 at byte 6"):
        read_text(path, "settings")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert load_yaml(path, "settings") == {"a": 1}


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    """64 MiB is far above anything of ours; a sparse file costs no disk."""
    path = tmp_path / "x.yaml"
    with path.open("wb") as stream:
        stream.truncate((64 << 20) + 1)
    with pytest.raises(FormatError, match="larger than 64 MiB"):
        read_small(path, "settings")


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['true']",
        "a: !!binary aGk=",
        "a: !local x",
        "!!set {a, b}",
        "- !!str 1",
    ],
)
def test_tags_are_refused(text: str) -> None:
    """Not even harmless ones: our files have none."""
    with pytest.raises(FormatError, match="tag"):
        load_yaml(text, "manifest")


def test_an_alias_bomb_is_refused() -> None:
    """A few hundred bytes would expand to gigabytes."""
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]" for i in range(9)]
    with pytest.raises(FormatError, match="anchors and aliases"):
        load_yaml("\n".join(lines), "manifest")


@pytest.mark.parametrize("text", ["a: 'R&D'", "a: 2 * 3", "a: hello!", 'a: "*b & !c"'])
def test_marks_inside_text_are_only_text(text: str) -> None:
    """What looks doubtful is looked at, not refused."""
    assert isinstance(load_yaml(text, "settings")["a"], str)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "? " * 100_000,
        "- ? " * 50_000,
        "\n".join(" " * depth + "a:" for depth in range(2_000)),
        "\n".join(" " * depth + "- - - - - - - - -" for depth in range(0, 2_000, 20)),
        "[" * 300 + "]" * 300,
    ],
)
def test_deep_nesting_is_refused_and_crashes_nothing(text: str) -> None:
    """libyaml's composer would overflow the stack and end the process."""
    with pytest.raises(FormatError, match="nested beyond 200 levels"):
        load_yaml(text, "manifest")


def test_nesting_within_the_bound_is_read() -> None:
    """200 levels are more than anybody means."""
    value = load_yaml("[" * 200 + "]" * 200, "config")
    for _ in range(199):
        (value,) = value
    assert value == []


@pytest.mark.parametrize("text", ["a: 1\na: 2", "{a: 1, a: 1}", "x:\n  a: 1\n  b: 2\n  a: 3"])
def test_a_key_twice_is_refused(text: str) -> None:
    """Two readers could otherwise take two different values."""
    with pytest.raises(FormatError, match="twice"):
        load_yaml(text, "manifest")


@pytest.mark.parametrize(
    "text", ["a: [", "a: b: c", "a: \x00", "\t- a", "a: 'x", "\ud800", "a: " + "9" * 5000, "? {a: 1}\n: 2"]
)
def test_what_is_no_yaml_is_a_format_error(text: str) -> None:
    """Whatever the library raises, the caller sees one class."""
    with pytest.raises(FormatError, match="cannot read manifest"):
        load_yaml(text, "manifest")


def test_times_and_dates_stay_text() -> None:
    """A date in a config is what the user wrote, and an impossible one breaks nothing."""
    assert load_yaml("a: 2026-11-23T07:30:00.123Z\nb: 2026-99-99", "config") == {
        "a": "2026-11-23T07:30:00.123Z",
        "b": "2026-99-99",
    }


def test_text_that_looks_like_something_else_is_quoted() -> None:
    """Other readers of YAML 1.1 must not see a date, a number or a boolean."""
    value = ["2026-01-01", "yes", "1.5", "null", "~", "0x10", "1:30", "", " x", "a: b", "#", "=", "<<"]
    text = dump_yaml(value)
    assert load_yaml(text, "x") == value
    assert yaml.safe_load(text) == value


@pytest.mark.parametrize("text", ["12e4567", "0123", "1e5", "0o17", "+1.", ".5"])
def test_numbers_of_yaml_1_2_are_quoted(text: str) -> None:
    """A commit or run id may look like one."""
    assert dump_yaml(text) == f"'{text}'\n"


def test_floats_come_back_exactly() -> None:
    """Also the ones without a decimal spelling."""
    values = [0.1, 1e-300, 1.7976931348623157e308, -0.0, 1e16, 5e-324, math.inf, -math.inf]
    read = load_yaml(dump_yaml(values), "x")
    assert [(x, math.copysign(1, x)) for x in read] == [(x, math.copysign(1, x)) for x in values]
    assert all(isinstance(x, float) for x in read)
    assert math.isnan(load_yaml(dump_yaml({"a": math.nan}), "x")["a"])


@pytest.mark.parametrize(
    "number", [10**5000, -(10**5000), 2**14_000, 2**13_999 - 1, 10**4000], ids=int.bit_length
)
def test_integers_of_any_size_come_back(number: int) -> None:
    """Python refuses to print those of more than 4300 digits; YAML has hexadecimal ones, too."""
    assert load_yaml(dump_yaml({"n": number}), "numbers") == {"n": number}
    assert load_yaml(dump_flow({"n": number}), "numbers") == {"n": number}


def test_text_of_several_lines_is_written_as_it_reads() -> None:
    """A description of two paragraphs stays readable in the file."""
    assert dump_yaml({"notes": "one\ntwo\n"}) == "notes: |\n  one\n  two\n"


def test_keys_keep_their_order_and_their_type() -> None:
    """A config with whole numbers as keys is read back as such."""
    value = {"z": 1, 3: "three", "a": None, True: 0, 1.5: "x"}
    assert list(load_yaml(dump_yaml(value), "x").items()) == list(value.items())


def test_subclasses_are_written_as_the_plain_value() -> None:
    """numpy's float64 is a float whose repr is its own; an enum is an int."""

    class Odd(float):
        def __repr__(self) -> str:
            return "Odd(1)"

    class Colour(IntEnum):
        RED = 1

    assert dump_yaml([Odd(0.5), Colour.RED, OrderedDict(a=1), (1, 2)]) == "- 0.5\n- 1\n- a: 1\n- - 1\n  - 2\n"


def test_a_value_that_is_there_twice_is_written_twice() -> None:
    """Never as an anchor, which our own reader would refuse."""
    shared = [1]
    assert dump_yaml({"a": shared, "b": shared}) == "a:\n- 1\nb:\n- 1\n"


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", {"a": object()}, {(1, 2): 3}])
def test_what_yaml_cannot_hold_is_a_type_error(value: object) -> None:
    """Nothing is written as a repr or a tag behind the user's back."""
    with pytest.raises(TypeError, match="cannot write"):
        dump_yaml(value)


def test_a_value_in_itself_is_refused() -> None:
    """Instead of running until the stack ends."""
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="in itself"):
        dump_yaml(loop)


def test_a_lone_surrogate_is_written_as_its_escape() -> None:
    """A file name that is not UTF-8 in argv must not stop a run from starting."""
    assert load_yaml(dump_yaml({"argv": ["caf\udce9"]}), "x") == {"argv": ["caf\\udce9"]}


def test_a_bare_scalar_ends_without_a_document_mark() -> None:
    """No `...` line."""
    assert dump_yaml("x") == "x\n"


def test_a_flow_is_one_line_of_json_where_json_can_say_it() -> None:
    """Other programs read our logs line by line."""
    assert dump_flow({"a": "x\ny", "b": [1, 2.5, None, True]}) == '{"a": "x\\ny", "b": [1, 2.5, null, true]}'


def test_a_flow_holds_what_json_has_not() -> None:
    """NaN, and keys that are no text."""
    line = dump_flow({"a": math.inf, 1: "\u2028\x85\x7f", "k" * 2000: {}})
    assert "\n" not in line
    assert load_yaml(line, "x") == {"a": math.inf, 1: "\u2028\x85\x7f", "k" * 2000: {}}
