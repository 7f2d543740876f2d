"""The summary as a dictionary with attributes and nested views."""

from __future__ import annotations

from typing import Any

import pytest

from tracker.values.summary import Summary


class Store:
    """Top-level values, as a run keeps them."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"loss": 0.5, "best": {"acc": 0.9, "deep": {"x": 1}}}

    def unset(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            del self.values[key]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def summary(store: Store) -> Summary:
    return Summary(lambda: store.values, store.values.update, store.unset)


def test_values_are_read_by_item_attribute_and_get(summary: Summary) -> None:
    assert summary["loss"] == summary.loss == summary.get("loss") == 0.5
    assert summary.get("missing") is None
    assert "loss" in summary
    assert "missing" not in summary


def test_nested_values_have_items_and_attributes(summary: Summary) -> None:
    assert summary["best"]["acc"] == summary.best.acc == 0.9
    assert summary.best.deep.x == 1


def test_what_is_missing_raises_as_in_a_dictionary(summary: Summary) -> None:
    with pytest.raises(KeyError):
        summary["missing"]
    with pytest.raises(AttributeError):
        summary.missing
    with pytest.raises(KeyError):
        del summary["missing"]


def test_it_is_a_mapping(summary: Summary, store: Store) -> None:
    assert set(dict(summary)) == {"loss", "best"}
    assert summary == store.values
    assert len(summary) == 2
    assert list(summary.keys()) == ["loss", "best"]
    assert summary._as_dict() == store.values


def test_values_can_be_set_and_removed(summary: Summary, store: Store) -> None:
    summary["a"] = 1
    summary.b = 2
    summary.update({"c": 3}, d=4)
    del summary["a"]
    del summary.b
    assert {key: store.values.get(key) for key in "abcd"} == {"a": None, "b": None, "c": 3, "d": 4}


def test_a_nested_value_that_is_set_reaches_the_run(summary: Summary, store: Store) -> None:
    summary["best"]["epoch"] = 3
    summary.best.deep.y = 2
    del summary["best"]["acc"]
    assert store.values["best"] == {"epoch": 3, "deep": {"x": 1, "y": 2}}


def test_a_dictionary_with_a_type_is_one_value(summary: Summary, store: Store) -> None:
    store.values["image"] = {"_type": "image-file", "path": "a.png"}
    assert summary["image"] == {"_type": "image-file", "path": "a.png"}
    assert type(summary["image"]) is dict


def test_the_copy_is_deep(summary: Summary, store: Store) -> None:
    summary._as_dict()["best"]["deep"]["x"] = 9
    assert store.values["best"]["deep"]["x"] == 1
