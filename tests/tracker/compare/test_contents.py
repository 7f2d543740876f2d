"""What differs inside files: values by path, tables, text, and files that are not what they say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tracker.compare import contents
from tracker.compare.contents import Content, NotCompared, ValueChanges, compare_contents
from tracker.compare.plain import compare_plain
from tracker.compare.tables import TableChanges
from tracker.compare.text import TextChanges
from tracker.compare.values import ABSENT
from vcs.digest import digest_bytes
from vcs.stores.memory import MemoryStore


def compare(path: str, old: str | bytes, new: str | bytes) -> Content:
    """Compare two contents as what the path says."""
    store = MemoryStore()
    digests = [store.put_bytes(side if isinstance(side, bytes) else side.encode()) for side in (old, new)]
    return compare_contents(path, *digests, store)


def values(path: str, old: str, new: str) -> dict[str, tuple[Any, Any]]:
    """What differs between two structured files."""
    found = compare(path, old, new)
    assert isinstance(found, ValueChanges), found
    return {key: (change.old, change.new) for key, change in found.values.items()}


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("c.yaml", "model: {size: 1, drop: 0.5}\nseed: 3\n", "seed: 3\nmodel:\n  drop: 0.5\n  size: 2\n"),
        ("c.yml", "model: {size: 1}\n", "model: {size: 2}\n"),
        ("a/C.JSON", '{"model": {"size": 1}}', '{"model":\n {"size": 2}}'),
        ("c.toml", "[model]\nsize = 1\n", "model.size = 2\n"),
    ],
)
def test_structured_files_are_compared_by_the_paths_of_their_values(path: str, old: str, new: str) -> None:
    """Order and layout do not count."""
    assert values(path, old, new) == {"model.size": (1, 2)}


def test_values_of_one_side_are_there_whole() -> None:
    """A new section is one change."""
    assert values("c.json", '{"a": {"b": 1}}', '{"c": [1]}') == {"a": ({"b": 1}, ABSENT), "c": (ABSENT, [1])}


def test_lists_of_mappings_are_compared_item_by_item_and_short_ones_whole() -> None:
    """As people think of them."""
    old, new = (
        {"layers": [{"n": 1}, {"n": 2}], "betas": [0.9, 0.99]},
        {
            "layers": [{"n": 1}, {"n": 3}, {"n": 4}],
            "betas": [0.9, 0.95],
        },
    )
    assert values("c.json", json.dumps(old), json.dumps(new)) == {
        "layers[1].n": (2, 3),
        "layers[2]": (ABSENT, {"n": 4}),
        "betas": ([0.9, 0.99], [0.9, 0.95]),
    }


def test_long_lists_are_compared_item_by_item() -> None:
    """Or one change would be a wall of numbers."""
    old = list(range(100))
    assert list(compare_plain(old, [*old[:50], -1, *old[51:]])) == ["[50]"]


def test_true_is_not_one_and_one_is_one_point_zero() -> None:
    """The first is another setting, the second another spelling."""
    assert values("c.json", '{"a": true, "b": 1, "n": NaN}', '{"a": 1, "b": 1.0, "n": NaN}') == {
        "a": (True, 1)
    }


def test_odd_keys_are_quoted() -> None:
    """So that a path says one thing."""
    assert list(compare_plain({"a.b": {"": 1, 3: 1}}, {"a.b": {"": 2, 3: 2}})) == [
        '["a.b"][""]',
        '["a.b"][3]',
    ]


def test_the_same_values_written_in_another_way_are_said_to_be() -> None:
    """The bytes differ, nothing else."""
    assert values("c.yaml", "a: 1 # once\n", "a: 1\n") == {}


def test_other_types_at_the_top() -> None:
    """A list, a number, nothing."""
    assert values("c.json", "1", "[1]") == {"(all)": (1, [1])}
    assert values("c.yaml", "", "a: 1") == {"(all)": (None, {"a": 1})}


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("c.yaml", "a: &x 1\nb: *x\n", "a: &x 1\n"),
        ("c.yaml", "a: !!python/object:os.system 1\n", "a: 1\n"),
        ("c.json", '{"a": 1', "{}"),
        ("c.json", "[" * 100_000, "{}"),
        ("c.toml", "a", "a = 1"),
        ("notes", "one\ntwo\n", "one\n2\n"),
        ("c.csv", 'a\n"' + "x" * 200_000, "a\n"),
    ],
)
def test_what_cannot_be_read_as_what_it_is_called_is_compared_as_text(path: str, old: str, new: str) -> None:
    """Anchors, tags, damage, and other files."""
    assert isinstance(compare(path, old, new), TextChanges)


def test_tables_are_compared_as_tables() -> None:
    """By their suffix."""
    assert isinstance(compare("data.csv", "x\n1\n", "x\n2\n"), TableChanges)
    assert isinstance(compare("data.TSV", "x\n1\n", "x\n2\n"), TableChanges)


@pytest.mark.parametrize("data", [b"\x00\x01", b"caf\xe9 au lait", "é".encode()[:1]])
def test_binary_files_are_not_looked_into(data: bytes) -> None:
    """Not even a cut character at the end of a short file is text."""
    assert compare("x", data, b"text\n") == NotCompared("binary")


def test_text_whose_head_ends_within_a_character_is_text() -> None:
    """The head is cut anywhere."""
    assert isinstance(compare("x", "é" * 5000 + "x", "ée" * 5000), TextChanges)


def test_large_text_is_not_compared_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """And large YAML falls back to text before."""
    monkeypatch.setattr(contents, "MOST_VALUES_BYTES", 4)
    assert isinstance(compare("c.yaml", "a: 1\n", "a: 2\n"), TextChanges)
    monkeypatch.setattr(contents, "MOST_TEXT_BYTES", 4)
    assert compare("c.yaml", "a: 1\n", "a: 2\n") == NotCompared("too large to be compared line by line")


def test_objects_that_are_not_there_or_damaged_are_a_sentence() -> None:
    """A diff shows the rest."""
    store = MemoryStore()
    there = store.put_bytes(b"a: 1\n")
    found = compare_contents("c.yaml", there, digest_bytes(b"gone"), store)
    assert isinstance(found, NotCompared)
    assert "is not in" in found.reason
