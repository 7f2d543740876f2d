"""Two nested values of a file compared, by the path of each: `model.layers[0].size`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tracker.compare.values import ABSENT, Change, compare_values

# Short lists of plain values are one value: `betas: [0.9, 0.999]`.
_SHORT_LIST = 20


def compare_plain(old: Any, new: Any) -> dict[str, Change]:
    """Return what differs between two nested values, by path; what is only on one side is there whole.

    Raises:
        RecursionError: They are nested too deeply.
    """
    return dict(_walk(old, new, ""))


def _walk(old: Any, new: Any, path: str) -> Iterator[tuple[str, Change]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in {**old, **new}:
            below = _member(path, key)
            yield from _walk(old.get(key, ABSENT), new.get(key, ABSENT), below)
    elif isinstance(old, list) and isinstance(new, list) and (_is_long(old) or _is_long(new)):
        for index in range(max(len(old), len(new))):
            a, b = (side[index] if index < len(side) else ABSENT for side in (old, new))
            yield from _walk(a, b, f"{path}[{index}]")
    elif _differ(old, new):
        yield path or "(all)", Change(old, new)


def _member(path: str, key: Any) -> str:
    text = str(key)
    if not isinstance(key, str) or not text or any(mark in text for mark in '.[]"'):
        return f"{path}[{json.dumps(text, ensure_ascii=False) if isinstance(key, str) else text}]"
    return f"{path}.{text}" if path else text


def _is_long(value: list[Any]) -> bool:
    """Whether a list is compared item by item."""
    return len(value) > _SHORT_LIST or any(isinstance(item, list | Mapping) for item in value)


def _differ(old: Any, new: Any) -> bool:
    if ABSENT in (old, new):
        return True
    # In a file, unlike in a metric, true is not 1.
    return isinstance(old, bool) != isinstance(new, bool) or compare_values(old, new) is not None
