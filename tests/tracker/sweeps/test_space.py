"""The parameters of a sweep: what can be drawn, what a grid has, what is refused."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.sweeps.plan import Hyperband, command_of, read_config, read_plan
from tracker.sweeps.space import Space
from vcs.errors import UsageError

ONE = {"parameters": {"a": {"value": 1}}}


class Dice:
    """Draws by chance."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        if log:
            return math.exp(self._random.uniform(math.log(low), math.log(high)))
        return self._random.uniform(low, high)

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._random.choice(list(choices))


@pytest.mark.parametrize(
    ("about", "fits"),
    [
        ({"value": [1, 2]}, lambda v: v == [1, 2]),
        ({"values": ["a", [1], None]}, lambda v: v in ("a", [1], None)),
        ({"values": ["a", "b"], "probabilities": [0.0, 1.0]}, lambda v: v == "b"),
        ({"min": 1, "max": 3}, lambda v: isinstance(v, int) and 1 <= v <= 3),
        ({"min": 0.5, "max": 3}, lambda v: isinstance(v, float) and 0.5 <= v <= 3),
        ({"distribution": "q_uniform", "min": 0, "max": 10, "q": 2}, lambda v: v in (0, 2, 4, 6, 8, 10)),
        ({"distribution": "log_uniform_values", "min": 1e-4, "max": 1}, lambda v: 1e-4 <= v <= 1),
        ({"distribution": "log_uniform", "min": -2, "max": 0}, lambda v: math.exp(-2) <= v <= 1),
        ({"distribution": "normal", "mu": 5, "sigma": 1e-9}, lambda v: abs(v - 5) < 1e-6),
        ({"distribution": "q_log_normal", "mu": 0, "sigma": 1, "q": 1}, lambda v: isinstance(v, int)),
    ],
)
def test_a_distribution_gives_what_it_says(about: dict[str, Any], fits: Any) -> None:
    space = Space({"x": about})
    assert all(fits(space.draw(Dice(seed))["x"]) for seed in range(50))


def test_nested_parameters_give_nested_values() -> None:
    space = Space({"opt": {"parameters": {"lr": {"value": 1}, "deep": {"parameters": {"m": {"value": 2}}}}}})
    assert space.draw(Dice(0)) == {"opt": {"lr": 1, "deep": {"m": 2}}}


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_a_grid_has_every_combination_once(sizes: list[int]) -> None:
    space = Space({f"p{n}": {"values": list(range(size))} for n, size in enumerate(sizes)})
    found = [tuple(space.combination(index).values()) for index in range(space.grid_size)]
    assert len(set(found)) == math.prod(sizes)
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"method": "gird", "parameters": {"a": {"value": 1}}}, "no sweep method"),
        ({"parameters": {}}, "needs parameters"),
        ({"parameters": {"a": 3}}, "is no mapping"),
        ({"parameters": {"a": {"min": 1}}}, "neither value"),
        ({"parameters": {"a": {"min": 3, "max": 1}}}, "above max"),
        ({"parameters": {"a": {"distribution": "uniform", "min": 1}}}, "needs max"),
        ({"parameters": {"a": {"distribution": "unifrom", "min": 1, "max": 2}}}, "no distribution"),
        ({"parameters": {"a": {"values": []}}}, "has no values"),
        ({"parameters": {"a": {"values": [1, 2], "probabilities": [0.5]}}}, "a probability for each"),
        ({"method": "grid", "parameters": {"a": {"min": 0.0, "max": 1.0}}}, "a grid needs the values"),
        ({"method": "bayes", "parameters": {"a": {"value": 1}}}, "needs a metric"),
        ({"parameters": {"a": {"value": 1}}, "metric": {"name": "x", "goal": "up"}}, "minimize or maximize"),
        ({"parameters": {"a": {"value": 1}}, "run_cap": 0}, "run_cap"),
        (
            {"parameters": {"a": {"value": 1}}, "metric": {"name": "x"}, "early_terminate": {"type": "x"}},
            "hyperband",
        ),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(config: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_plan(config)


@pytest.mark.parametrize(
    ("about", "first"),
    [({"min_iter": 3}, 3), ({"max_iter": 27, "s": 2}, 3), ({"max_iter": 2, "s": 5}, 1)],
)
def test_hyperband_begins_where_wandb_says(about: dict[str, int], first: int) -> None:
    plan = read_plan(
        {
            "metric": {"name": "x"},
            "parameters": {"a": {"value": 1}},
            "early_terminate": {"type": "hyperband", **about},
        }
    )
    assert plan.hyperband == Hyperband(first, 3)


def test_macros_of_a_command_are_put_in(tmp_path: Path) -> None:
    params = {"lr": 0.1, "flag": True, "off": False}
    base = {"program": "train.py", "parameters": {"lr": {"value": 1}}}
    file = tmp_path / "p.yaml"

    def words(**more: Any) -> list[str]:
        return command_of(read_plan({**base, **more}), params, interpreter="python", params_file=file)

    assert words() == ["python", "train.py", "--lr=0.1", "--flag=True", "--off=False"]
    assert words(command=["${program}", "${args_no_boolean_flags}"]) == ["train.py", "--lr=0.1", "--flag"]
    assert words(command="make ${args_no_hyphens}") == ["make", "lr=0.1", "flag=True", "off=False"]
    with pytest.raises(UsageError, match="no macro"):
        words(command=["${nonsense}"])


def test_a_configuration_is_read_from_yaml(tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text("method: grid\nparameters:\n  lr: {values: [1, 2]}\n")
    assert read_plan(read_config(file)).space.grid_size == 2
