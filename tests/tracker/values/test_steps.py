"""The step rules of wandb-compatible logging, each as one fact."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.values.steps import StepRules


class Sink:
    """Collects complete rows; the clock goes up by one for each question."""

    def __init__(self, **options: Any) -> None:
        self.rows: list[tuple[int, dict[str, Any]]] = []
        self.times: list[float] = []
        self.now = 0.0
        self.rules = StepRules(self._take, clock=self._tick, **options)

    def _take(self, step: int, row: dict[str, Any], time_s: float) -> None:
        self.rows.append((step, row))
        self.times.append(time_s)

    def _tick(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def sink() -> Sink:
    return Sink()


def test_a_call_without_a_step_is_a_row_and_the_step_goes_up(sink: Sink) -> None:
    sink.rules.add({"a": 1})
    sink.rules.add({"a": 2})
    assert sink.rows == [(0, {"a": 1}), (1, {"a": 2})]
    assert sink.rules.step == 2


def test_commit_false_merges_into_the_next_row(sink: Sink) -> None:
    sink.rules.add({"a": 1}, commit=False)
    assert sink.rows == []
    assert sink.rules.step == 0
    sink.rules.add({"b": 2})
    assert sink.rows == [(0, {"a": 1, "b": 2})]


def test_a_later_value_of_a_key_wins_in_the_pending_row(sink: Sink) -> None:
    sink.rules.add({"a": 1}, commit=False)
    sink.rules.add({"a": 2}, commit=False)
    sink.rules.add({"a": 3})
    assert sink.rows == [(0, {"a": 3})]


def test_an_empty_row_writes_nothing_but_is_a_step(sink: Sink) -> None:
    sink.rules.add({})
    sink.rules.add({"a": 1})
    assert sink.rows == [(1, {"a": 1})]


def test_calls_with_one_step_are_one_row_that_the_next_step_completes(sink: Sink) -> None:
    sink.rules.add({"a": 1}, step=3)
    sink.rules.add({"b": 2}, step=3)
    assert sink.rows == []
    sink.rules.add({"a": 5}, step=4)
    assert sink.rows == [(3, {"a": 1, "b": 2})]


def test_a_call_without_a_step_goes_into_the_pending_row_of_an_explicit_step(sink: Sink) -> None:
    sink.rules.add({"a": 1}, step=5)
    sink.rules.add({"b": 2})
    assert sink.rows == [(5, {"a": 1, "b": 2})]
    assert sink.rules.step == 6


def test_a_step_with_commit_writes_at_once_and_moves_on(sink: Sink) -> None:
    sink.rules.add({"a": 1}, step=5, commit=True)
    assert sink.rows == [(5, {"a": 1})]
    assert sink.rules.step == 6


def test_an_earlier_step_is_dropped_and_counted(sink: Sink) -> None:
    sink.rules.add({"a": 1}, step=5, commit=True)
    assert sink.rules.add({"a": 0}, step=5) is False
    assert sink.rules.add({"a": 0}, step=-1, commit=True) is False
    assert sink.rules.dropped == 2
    assert sink.rows == [(5, {"a": 1})]
    assert sink.rules.step == 6


def test_a_dropped_call_leaves_the_pending_row_alone(sink: Sink) -> None:
    sink.rules.add({"a": 1}, step=5)
    sink.rules.add({"a": 9}, step=4, commit=True)
    sink.rules.flush()
    assert sink.rows == [(5, {"a": 1})]


def test_earlier_steps_are_rows_of_their_own_where_that_is_asked_for() -> None:
    sink = Sink(keep_late=True)
    sink.rules.add({"a": 1}, step=5)
    assert sink.rules.add({"b": 0}, step=2) is True
    sink.rules.flush()
    assert sink.rows == [(2, {"b": 0}), (5, {"a": 1})]
    assert (sink.rules.dropped, sink.rules.kept_late) == (0, 1)


def test_flush_writes_the_pending_row_once(sink: Sink) -> None:
    sink.rules.add({"a": 1}, step=7)
    sink.rules.flush()
    sink.rules.flush()
    assert sink.rows == [(7, {"a": 1})]
    assert sink.rules.step == 7


def test_a_row_has_the_time_of_its_last_value_not_of_its_completion(sink: Sink) -> None:
    sink.rules.add({"a": 1}, step=1)
    sink.rules.add({"a": 2}, step=1)
    sink.rules.add({"a": 3}, step=2)
    assert sink.times == [2.0]


def test_a_resumed_run_starts_where_it_is_told() -> None:
    sink = Sink(start=12)
    sink.rules.add({"a": 1})
    assert sink.rows == [(12, {"a": 1})]


def test_moving_to_a_step_completes_the_pending_row_first(sink: Sink) -> None:
    sink.rules.add({"a": 1}, step=9)
    sink.rules.move_to(4)
    sink.rules.add({"a": 2})
    assert sink.rows == [(9, {"a": 1}), (4, {"a": 2})]


calls = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abc"), st.integers(), max_size=2),
        st.none() | st.integers(-1, 8),
        st.none() | st.booleans(),
    )
)


@given(calls)
def test_every_value_is_in_a_row_or_was_dropped_or_replaced(made: list[Any]) -> None:
    """Steps never go back, no row is empty, and of each step and key the last accepted value stays."""
    sink = Sink()
    expected: dict[tuple[int, str], int] = {}
    for data, step, commit in made:
        at = sink.rules.step if step is None else step
        if sink.rules.add(dict(data), step, commit):
            expected.update({(at, key): value for key, value in data.items()})
    sink.rules.flush()
    steps = [step for step, _ in sink.rows]
    assert steps == sorted(set(steps))
    assert all(row for _, row in sink.rows)
    assert {(step, key): value for step, row in sink.rows for key, value in row.items()} == expected
