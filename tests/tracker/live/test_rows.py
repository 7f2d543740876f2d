"""What is taken from the script when it logs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from tracker.live.rows import NestedRow, Once, check_step, take_row
from tracker.values.scalars import plain


def test_a_row_is_a_copy() -> None:
    data = {"a": 1}
    row = take_row(data)
    data["a"] = 2
    assert row == {"a": 1}
    assert type(row) is dict


def test_any_mapping_will_do() -> None:
    assert take_row(MappingProxyType({"a": 1})) == {"a": 1}


def test_nested_keys_are_flattened_and_told() -> None:
    row = take_row({"a": {"b": {"c": 1}}, "d": 2})
    assert row == {"a.b.c": 1, "d": 2}
    assert type(row) is NestedRow


def test_a_dictionary_with_a_type_is_a_value() -> None:
    row = take_row({"a": {"_type": "x", "b": 1}})
    assert type(row) is dict
    assert list(row) == ["a"]


def test_keys_of_a_subclass_of_text_are_fine() -> None:
    class Name(str):
        __slots__ = ()

    assert take_row({Name("a"): 1}) == {"a": 1}


def test_a_large_array_is_a_histogram_and_a_small_one_a_list() -> None:
    row = take_row({"small": np.arange(3), "large": np.arange(100.0)})
    assert plain(row["small"]) == [0, 1, 2]
    record: Any = plain(row["large"])
    assert record["_type"] == "histogram"


def test_numbers_of_numpy_stay_numbers() -> None:
    row = take_row({"a": np.float64(0.5), "b": np.int32(3)})
    assert (plain(row["a"]), plain(row["b"])) == (0.5, 3)


def test_a_tensor_with_a_gradient_becomes_a_number() -> None:
    torch = pytest.importorskip("torch")
    loss = torch.tensor(2.0, requires_grad=True) * 3
    assert plain(take_row({"loss": loss})["loss"]) == 6.0


def test_a_tensor_that_changes_afterwards_was_taken_as_it_was() -> None:
    torch = pytest.importorskip("torch")
    value = torch.zeros(3)
    row = take_row({"v": value})
    value += 1
    assert plain(row["v"]) == [0.0, 0.0, 0.0]


def test_once_lets_go_of_what_it_was_made_from() -> None:
    import gc
    import weakref

    class Medium:
        def to_record(self, sink: Any) -> dict[str, Any]:
            return {"_type": "thing"}

    medium = Medium()
    gone = weakref.ref(medium)
    once = Once(medium)
    del medium
    assert once.to_record(None) == once.to_record(None) == {"_type": "thing"}
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("step", [0, 7, np.int64(7), True])
def test_whole_numbers_are_steps(step: Any) -> None:
    assert check_step(step) == int(step)


@pytest.mark.parametrize("step", ["3", 1.0, None, [1]])
def test_others_are_not(step: Any) -> None:
    with pytest.raises(TypeError, match="whole number"):
        check_step(step)


def test_a_step_that_no_version_can_hold_is_refused_before_it_is_recorded() -> None:
    """Versions and checkpoints that are logged at such a step could not be read back."""
    assert check_step(2**62 - 2) == 2**62 - 2
    with pytest.raises(ValueError, match="at most"):
        check_step(2**62 - 1)


def test_a_value_that_fails_when_it_is_looked_at_becomes_text() -> None:
    """Whatever a class does: the training goes on, and the other values are recorded."""

    class Odd:
        dtype = "float32"

        def __array__(self) -> None:
            """Makes it look like an array."""

        @property
        def shape(self) -> None:
            raise RuntimeError("no shape here")

    assert take_row({"odd": Odd(), "loss": 1.0})["loss"] == 1.0
    assert "Odd object" in take_row({"odd": Odd()})["odd"]


def test_what_is_masked_in_an_array_is_not_recorded() -> None:
    """Neither as a number nor in a histogram."""
    ma = np.ma
    assert plain(take_row({"x": ma.masked})["x"]) is None
    assert plain(take_row({"x": ma.array([1, 2], mask=[0, 1])})["x"]) == [1, None]
    large = ma.array(range(100), mask=[number >= 50 for number in range(100)])
    recorded: Any = plain(take_row({"x": large})["x"])
    assert sum(recorded["values"]) == 50


class _Turns:
    """A sink in which threads take turns, and which says that one has come."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._lock = threading.RLock()

    @contextmanager
    def group(self) -> Iterator[None]:
        self.asked.set()
        with self._lock:
            yield


class _Medium:
    def to_record(self, sink: _Turns) -> dict[str, str]:
        with sink.group():
            return {"_type": "medium"}


def test_the_writer_and_the_summary_never_wait_for_each_other_over_one_medium() -> None:
    """The writer has the sink for a whole batch when it comes to a value that the summary is at."""
    sink, once = _Turns(), Once(_Medium())
    summary = threading.Thread(target=once.to_record, args=(sink,), daemon=True)
    done: list[Any] = []

    def write() -> None:
        with sink.group():
            sink.asked.clear()
            summary.start()
            assert sink.asked.wait(600)
            done.append(once.to_record(sink))

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    writer.join(600)
    summary.join(600)

    assert done == [{"_type": "medium"}]
    assert not summary.is_alive()
