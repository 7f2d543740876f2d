"""What values the parameters of a sweep can have, in wandb's spelling, and how one is drawn.

A distribution is drawn through an Optuna trial. What Optuna has no distribution for is
drawn from the unit interval and mapped by the inverse of its cumulative distribution, so
that every sampler can learn from it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Protocol

from vcs.errors import UsageError
from vcs.names import near

# Never the ends: the inverse of a normal distribution is infinite there.
_EDGE = 1e-9


class Draw(Protocol):
    """The part of an Optuna trial that draws."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...

    def suggest_int(self, name: str, low: int, high: int) -> int: ...

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...


@dataclass(frozen=True)
class Parameter:
    """One leaf of the parameters.

    Attributes:
        path: The keys down to it.
        draw: Draws a value under the name of the path.
        values: All values, for a grid; None where there are infinitely many.
    """

    path: tuple[str, ...]
    draw: Callable[[str, Draw], Any]
    values: tuple[Any, ...] | None

    @property
    def name(self) -> str:
        return ".".join(self.path)


class Space:
    """All parameters of a sweep."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        """Read the `parameters` of a sweep's configuration.

        Raises:
            UsageError: A parameter says nothing, or what cannot be.
        """
        if not isinstance(parameters, Mapping) or not parameters:
            raise UsageError("a sweep needs parameters", hint='parameters: {"lr": {"values": [0.1, 0.01]}}')
        self.parameters = list(_leaves((), parameters))

    def draw(self, trial: Draw) -> dict[str, Any]:
        """Return one set of values, nested as the parameters are."""
        return _nested((p.path, p.draw(p.name, trial)) for p in self.parameters)

    @property
    def grid_size(self) -> int:
        """How many combinations a grid has.

        Raises:
            UsageError: A parameter has infinitely many values.
        """
        for parameter in self.parameters:
            if parameter.values is None:
                raise UsageError(
                    f"a grid needs the values of {parameter.name}", hint="values: […], or q: with min and max"
                )
        return math.prod(len(parameter.values or ()) for parameter in self.parameters)

    def combination(self, index: int) -> dict[str, Any]:
        """Return the combination of a grid at an index; the last parameter changes fastest."""
        chosen: list[tuple[tuple[str, ...], Any]] = []
        for parameter in reversed(self.parameters):
            values = parameter.values or ()
            index, place = divmod(index, len(values))
            chosen.append((parameter.path, values[place]))
        return _nested(reversed(chosen))


def _leaves(path: tuple[str, ...], parameters: Mapping[str, Any]) -> Iterator[Parameter]:
    for key, about in parameters.items():
        here = (*path, str(key))
        if not isinstance(about, Mapping):
            raise UsageError(
                f"parameter {'.'.join(here)} is no mapping", hint="value: 3, or values: [1, 2, 3]"
            )
        if isinstance(about.get("parameters"), Mapping):
            yield from _leaves(here, about["parameters"])
        else:
            yield _parameter(here, about)


def _nested(values: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for path, value in values:
        place = made
        for key in path[:-1]:
            place = place.setdefault(key, {})
        place[path[-1]] = value
    return made


def _parameter(path: tuple[str, ...], about: Mapping[str, Any]) -> Parameter:
    if "value" in about:
        value = about["value"]
        return Parameter(path, lambda name, trial: value, (value,))
    if "values" in about:
        return _choice(path, about)
    kind = str(about.get("distribution") or _inferred(path, about))
    try:
        return _DISTRIBUTIONS[kind](path, about)
    except KeyError as error:
        if kind not in _DISTRIBUTIONS:
            raise UsageError(
                f"parameter {'.'.join(path)}: no distribution {kind!r}",
                hint=near(kind, list(_DISTRIBUTIONS)) or f"one of {', '.join(_DISTRIBUTIONS)}",
            ) from None
        raise UsageError(f"parameter {'.'.join(path)}: {kind} needs {error.args[0]}") from None
    except (TypeError, ValueError) as error:
        raise UsageError(f"parameter {'.'.join(path)}: {error}") from None


def _inferred(path: tuple[str, ...], about: Mapping[str, Any]) -> str:
    low, high = about.get("min"), about.get("max")
    if low is None or high is None:
        raise UsageError(f"parameter {'.'.join(path)} has neither value, values, nor min and max")
    return "int_uniform" if isinstance(low, int) and isinstance(high, int) else "uniform"


def _choice(path: tuple[str, ...], about: Mapping[str, Any]) -> Parameter:
    values = tuple(about["values"])
    weights = about.get("probabilities")
    if not values:
        raise UsageError(f"parameter {'.'.join(path)} has no values")
    if weights is None:
        # By index: Optuna takes no lists and dictionaries as choices.
        indices = list(range(len(values)))
        return Parameter(path, lambda name, trial: values[trial.suggest_categorical(name, indices)], values)
    edges = list(itertools.accumulate(weights))
    if len(weights) != len(values) or not math.isclose(edges[-1], 1.0, abs_tol=1e-6):
        raise UsageError(f"parameter {'.'.join(path)}: a probability for each value, one in all")

    def draw(name: str, trial: Draw) -> Any:
        share = trial.suggest_float(name, 0.0, 1.0)
        return values[next((i for i, edge in enumerate(edges) if share < edge), len(values) - 1)]

    return Parameter(path, draw, values)


def _constant(path: tuple[str, ...], about: Mapping[str, Any]) -> Parameter:
    return _parameter(path, {"value": about["value"]})


def _categorical(path: tuple[str, ...], about: Mapping[str, Any]) -> Parameter:
    return _choice(path, about)


def _int_uniform(path: tuple[str, ...], about: Mapping[str, Any]) -> Parameter:
    low, high = int(about["min"]), int(about["max"])
    _check_range(low, high)
    values = tuple(range(low, high + 1)) if high - low < 100_000 else None
    return Parameter(path, lambda name, trial: trial.suggest_int(name, low, high), values)


def _uniform(*, log: bool = False, powers: bool = False) -> Callable[..., Parameter]:
    """Return the maker of a distribution between two bounds, which may be given as powers of e."""

    def make(path: tuple[str, ...], about: Mapping[str, Any]) -> Parameter:
        low, high = float(about["min"]), float(about["max"])
        if powers:
            low, high = math.exp(low), math.exp(high)
        _check_range(low, high)
        if log and low <= 0:
            raise ValueError("the bounds of a logarithmic distribution are above 0")
        step = float(about["q"]) if "q" in about else None

        def draw(name: str, trial: Draw) -> Any:
            return _rounded(trial.suggest_float(name, low, high, log=log), step)

        return Parameter(path, draw, None if step is None or log else _steps(low, high, step))

    return make


def _inverse(to_value: Callable[[float, Mapping[str, Any]], float]) -> Callable[..., Parameter]:
    """Return the maker of a distribution that is drawn from the unit interval."""

    def make(path: tuple[str, ...], about: Mapping[str, Any]) -> Parameter:
        to_value(0.5, about)
        step = float(about["q"]) if "q" in about else None

        def draw(name: str, trial: Draw) -> Any:
            return _rounded(to_value(trial.suggest_float(name, _EDGE, 1 - _EDGE), about), step)

        return Parameter(path, draw, None)

    return make


def _normal(share: float, about: Mapping[str, Any]) -> float:
    return NormalDist(float(about.get("mu", 0.0)), float(about.get("sigma", 1.0))).inv_cdf(share)


def _log_normal(share: float, about: Mapping[str, Any]) -> float:
    return math.exp(_normal(share, about))


def _check_range(low: float, high: float) -> None:
    if not low <= high:
        raise ValueError(f"min {low} is above max {high}")


def _rounded(value: float, step: float | None) -> int | float:
    if step is None:
        return value
    rounded = round(value / step) * step
    return int(rounded) if step.is_integer() else rounded


def _steps(low: float, high: float, step: float) -> tuple[int | float, ...]:
    count = math.floor((high - low) / step + 1e-9)
    return tuple(dict.fromkeys(_rounded(low + n * step, step) for n in range(count + 1)))


_DISTRIBUTIONS: dict[str, Callable[[tuple[str, ...], Mapping[str, Any]], Parameter]] = {
    "constant": _constant,
    "categorical": _categorical,
    "int_uniform": _int_uniform,
    "uniform": _uniform(),
    "q_uniform": _uniform(),
    "log_uniform": _uniform(log=True, powers=True),
    "q_log_uniform": _uniform(log=True, powers=True),
    "log_uniform_values": _uniform(log=True),
    "q_log_uniform_values": _uniform(log=True),
    "inv_log_uniform": _uniform(log=True, powers=True),
    "inv_log_uniform_values": _uniform(log=True),
    "normal": _inverse(_normal),
    "q_normal": _inverse(_normal),
    "log_normal": _inverse(_log_normal),
    "q_log_normal": _inverse(_log_normal),
}
