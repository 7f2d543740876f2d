"""How much settings have to do with a result, over many runs.

Two plain measures, both of one setting alone. `correlation` is Spearman's: whether a
higher setting goes with a higher result, in whatever curve; from -1 to 1. `explained` is
the share of the result's variance that groups of the setting explain (omega squared),
from 0 to 1; it also sees a best value in the middle, and settings that are words. Neither
says that the one causes the other, and a few runs say little: `runs` says how many there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# A number with more different values is cut into as many groups, equally large.
_MOST_GROUPS = 8
_FEWEST_RUNS = 4


@dataclass(frozen=True)
class Influence:
    """What one setting has to do with the result; None for what cannot be said.

    Attributes:
        runs: How many runs have both.
    """

    key: str
    runs: int
    correlation: float | None
    explained: float | None


def influences(settings: Sequence[Mapping[str, Any]], results: Sequence[float]) -> list[Influence]:
    """Return the settings that vary, those that explain most first."""
    keys = dict.fromkeys(key for each in settings for key in each)
    found = []
    for key in keys:
        pairs = [
            (each[key], result)
            for each, result in zip(settings, results, strict=True)
            if _is_setting(each.get(key)) and math.isfinite(result)
        ]
        if len({repr(value) for value, _ in pairs}) > 1:
            found.append(_influence(key, pairs))
    return sorted(found, key=lambda each: -(each.explained or 0))


def _influence(key: str, pairs: Sequence[tuple[Any, float]]) -> Influence:
    values, results = [value for value, _ in pairs], [result for _, result in pairs]
    if len(pairs) < _FEWEST_RUNS:
        return Influence(key, len(pairs), None, None)
    numeric = all(isinstance(value, int | float) for value in values)
    correlation = _pearson(_ranks(values), _ranks(results)) if numeric else None
    return Influence(key, len(pairs), correlation, _explained(_groups(values, numeric=numeric), results))


def _is_setting(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str | bool | int)


def _ranks(values: Sequence[Any]) -> list[float]:
    """Return the place of each value in order; equal ones share the mean of their places."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or values[order[end]] != values[order[start]]:
            for place in order[start:end]:
                ranks[place] = (start + end - 1) / 2
            start = end
    return ranks


def _pearson(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    mean_x, mean_y = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    both = math.fsum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    spread = math.fsum((x - mean_x) ** 2 for x in xs) * math.fsum((y - mean_y) ** 2 for y in ys)
    return both / math.sqrt(spread) if spread else None


def _groups(values: Sequence[Any], *, numeric: bool) -> list[Any]:
    """Return which group each value is in: itself, or one of equally many of an order."""
    # Not more groups than leave some runs in each: alone, every run explains itself.
    many = max(2, min(_MOST_GROUPS, len(values) // 3))
    if not numeric or len(set(values)) <= many:
        return [repr(value) for value in values]
    return [int(rank * many / len(values)) for rank in _ranks(values)]


def _explained(groups: Sequence[Any], results: Sequence[float]) -> float | None:
    members: dict[Any, list[float]] = {}
    for group, result in zip(groups, results, strict=True):
        members.setdefault(group, []).append(result)
    rest = len(results) - len(members)
    if rest < len(members) or len(members) < 2:
        return None
    mean = math.fsum(results) / len(results)
    total = math.fsum((result - mean) ** 2 for result in results)
    means = {group: math.fsum(each) / len(each) for group, each in members.items()}
    between = math.fsum(len(each) * (means[group] - mean) ** 2 for group, each in members.items())
    noise = max(0.0, total - between) / rest
    if not total or not math.isfinite(total):
        return None
    # Groups explain something by chance alone; what they would is taken off.
    return max(0.0, min(1.0, (between - (len(members) - 1) * noise) / (total + noise)))
