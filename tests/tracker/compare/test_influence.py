"""What settings have to do with a result: seen where it is, not seen where it is not."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.compare.influence import influences


def trials(count: int = 60) -> tuple[list[dict[str, Any]], list[float]]:
    """Runs whose result is best at a middle learning rate, and worse with sgd."""
    source = random.Random(3)
    settings, results = [], []
    for _ in range(count):
        power, optimizer = source.uniform(-4, -1), source.choice(["sgd", "adam"])
        batch = source.choice([16, 32, 64])
        settings.append({"lr": 10**power, "optimizer": optimizer, "batch": batch, "same": 1})
        results.append((power + 2.5) ** 2 + (optimizer == "sgd") * 0.8 + source.gauss(0, 0.05))
    return settings, results


def test_a_best_value_in_the_middle_is_seen_without_a_correlation() -> None:
    lr, optimizer, batch = influences(*trials())
    assert (lr.key, optimizer.key, batch.key) == ("lr", "optimizer", "batch")
    assert lr.explained == pytest.approx(0.7, abs=0.2)
    assert abs(lr.correlation or 0) < 0.4
    assert 0.05 < (optimizer.explained or 0) < 0.5
    assert optimizer.correlation is None
    assert (batch.explained or 0) < 0.05


def test_a_rising_result_has_a_correlation_of_one_in_whatever_curve() -> None:
    values = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0]
    (found,) = influences([{"lr": value} for value in values], [math.log(value) for value in values])
    assert found.correlation == pytest.approx(1)
    (found,) = influences([{"lr": value} for value in values], [-(value**3) for value in values])
    assert found.correlation == pytest.approx(-1)


def test_few_runs_say_nothing() -> None:
    (found,) = influences([{"lr": 1}, {"lr": 2}], [1.0, 2.0])
    assert (found.runs, found.correlation, found.explained) == (2, None, None)


def test_noise_is_not_taken_for_an_influence() -> None:
    """Many groups would explain much by chance; that much is taken off."""
    source = random.Random(5)
    settings = [{"x": source.random(), "word": source.choice("abcdef")} for _ in range(60)]
    for found in influences(settings, [source.random() for _ in range(60)]):
        assert (found.explained or 0) < 0.25, found


value = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just([1]))


@given(st.lists(st.tuples(st.fixed_dictionaries({"a": value, "b": value}), st.floats()), max_size=30))
def test_measures_stay_within_their_bounds(runs: list[tuple[dict[str, Any], float]]) -> None:
    """Whatever settings and results are."""
    small = [(each, result if abs(result) < 1e100 else math.nan) for each, result in runs]
    for found in influences([each for each, _ in small], [result for _, result in small]):
        assert found.correlation is None or -1 - 1e-9 <= found.correlation <= 1 + 1e-9
        assert found.explained is None or 0 <= found.explained <= 1
