"""What can be given as configuration, and what becomes of it."""

from __future__ import annotations

import argparse
import datetime
import enum
import math
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.errors import FormatError, NotFoundError, UsageError
from tracker.values.config import Config
from tracker.values.config_input import as_mapping, plain_value, read_defaults, same, select


@dataclass
class Optimiser:
    lr: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)


@dataclass
class Options:
    epochs: int = 3
    optimiser: Optimiser = field(default_factory=Optimiser)


class Colour(enum.Enum):
    RED = 1


class Level(enum.StrEnum):
    HIGH = "high"


class Plain:
    def __init__(self) -> None:
        self.lr = 0.1
        self._hidden = 1


class Pydantic:
    def model_dump(self) -> dict[str, Any]:
        return {"lr": 0.1}


def plain(value: Any) -> Any:
    return plain_value(value, name="key")


@pytest.mark.parametrize(
    "given",
    [
        {"lr": 0.1},
        argparse.Namespace(lr=0.1),
        SimpleNamespace(lr=0.1),
        Plain(),
        Pydantic(),
        Config({"lr": 0.1}),
    ],
)
def test_mappings_namespaces_objects_and_models_are_accepted(given: Any) -> None:
    assert dict(as_mapping(given)) == {"lr": 0.1}


def test_nothing_is_an_empty_configuration() -> None:
    assert as_mapping(None) == {}


def test_a_dataclass_is_its_fields_and_inner_ones_become_dictionaries() -> None:
    config = Config()
    config.update(Options())
    assert config == {"epochs": 3, "optimiser": {"lr": 0.1, "betas": [0.9, 0.99]}}


@pytest.mark.parametrize("given", [3, 1.5, [1, 2], Options, object()])
def test_what_has_no_keys_is_refused_with_what_can_be_given(given: Any) -> None:
    with pytest.raises(UsageError, match="config cannot be"):
        as_mapping(given)


def test_a_yaml_file_is_read_plain(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("lr: 0.1\nmodel:\n  layers: 3\n")
    assert as_mapping(str(path)) == as_mapping(path) == {"lr": 0.1, "model": {"layers": 3}}


def test_a_yaml_file_is_read_in_the_form_of_wandb(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "wandb_version: 1\n_wandb: {a: 1}\nlr:\n  desc: rate\n  value: 0.1\nn:\n  value: {x: 1}\n"
    )
    assert as_mapping(path) == {"lr": 0.1, "n": {"x": 1}}


def test_a_missing_file_is_named() -> None:
    with pytest.raises(NotFoundError, match=r"nowhere\.yaml"):
        as_mapping("nowhere.yaml")


@pytest.mark.parametrize("text", ["a: [1", "a: &x 1\nb: *x", "!!python/object:os.system {}"])
def test_a_damaged_or_hostile_file_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(FormatError, match=r"bad\.yaml"):
        as_mapping(path)


def test_a_file_that_is_a_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("- 1\n")
    with pytest.raises(UsageError, match="not a mapping"):
        as_mapping(path)


def test_an_empty_file_is_an_empty_configuration(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("")
    assert as_mapping(path) == {}


def test_defaults_come_from_a_file_in_the_folder(tmp_path: Path) -> None:
    assert read_defaults(tmp_path) == {}
    (tmp_path / "config-defaults.yaml").write_text("lr: {desc: null, value: 0.5}\n")
    assert read_defaults(tmp_path) == {"lr": 0.5}


def test_keys_can_be_chosen_or_left_out() -> None:
    values = {"a": 1, "b": 2, "c": 3}
    assert select(values, include=["a", "c"]) == {"a": 1, "c": 3}
    assert select(values, exclude=["a"]) == {"b": 2, "c": 3}
    assert select(values) == values
    with pytest.raises(UsageError, match="exclude each other"):
        select(values, include=["a"], exclude=["b"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([1, 2]), [1, 2]),
        (np.array(7), 7),
        ((1, (2, 3)), [1, [2, 3]]),
        ({3, 1, 2}, [1, 2, 3]),
        (Path("a/b"), "a/b"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (Colour.RED, "RED"),
        (Level.HIGH, "high"),
        (int, "int"),
        (len, "len"),
        ({1: {"a": (1,)}}, {"1": {"a": [1]}}),
        (None, None),
        ("text", "text"),
        (range(3), [0, 1, 2]),
    ],
)
def test_values_become_plain(value: Any, expected: Any) -> None:
    made = plain(value)
    assert made == expected
    assert type(made) is type(expected)


def test_tensors_become_numbers_and_lists() -> None:
    torch = pytest.importorskip("torch")
    assert plain(torch.tensor(2.0)) == 2.0
    assert plain(torch.tensor([1, 2])) == [1, 2]
    assert plain(torch.float16) == "torch.float16"


def test_any_other_object_becomes_its_text() -> None:
    assert plain(complex(1, 2)) == "(1+2j)"


def test_media_is_no_setting() -> None:
    class Medium:
        def to_record(self, sink: Any) -> dict[str, Any]:
            return {}

    with pytest.raises(UsageError, match="log it"):
        plain(Medium())


def test_a_structure_that_contains_itself_is_refused() -> None:
    knot: list[Any] = []
    knot.append(knot)
    with pytest.raises(UsageError, match="contains itself"):
        plain(knot)


def test_equality_of_values_is_exact() -> None:
    assert same(math.nan, math.nan)
    assert same([{"a": math.nan}], [{"a": math.nan}])
    assert not same(1, True)
    assert not same({"a": 1}, {"a": 1, "b": 2})
    assert same(1, 1.0)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_plain_values_stay_equal(value: Any) -> None:
    assert same(plain(value), value)


def test_an_object_that_fails_when_asked_for_its_text_is_named() -> None:
    """A programming mistake, raised at once, by the name of the setting."""

    class Bad:
        def __repr__(self) -> str:
            raise RuntimeError("no text")

    with pytest.raises(UsageError, match="config 'model' cannot be recorded: Bad fails with RuntimeError"):
        plain_value({"inner": [Bad()]}, name="model")


def test_an_object_that_becomes_a_list_of_itself_is_refused() -> None:
    class Endless:
        def tolist(self) -> object:
            return [self]

    with pytest.raises(UsageError, match="config 'x' contains itself"):
        plain_value(Endless(), name="x")
