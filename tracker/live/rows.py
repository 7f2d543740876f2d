"""From what a script gives to `log` to a row that nothing can change any more."""

from __future__ import annotations

import operator
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, SupportsIndex

from tracker.errors import Error
from tracker.values.arrays import is_instance_of
from tracker.values.scalars import SIMPLE, Frozen, NestedKey, flatten, freeze, plain, text_of


class Once:
    """A value that is costly to make plain, which is done once for history and summary.

    What it was made from is let go afterwards: a summary holds its last value for ever,
    and should not hold an image's pixels.
    """

    __slots__ = ("_lock", "_record", "_value")

    def __init__(self, value: object) -> None:
        self._value: object | None = value
        self._record: Any = None
        self._lock = threading.Lock()

    def to_record(self, sink: Any) -> Any:
        """Return the plain value, putting media into the sink the first time."""
        value = self._value
        if value is None:
            return self._record
        # The sink before the own lock, as a writer has it that puts many values together: two
        # threads that take them in different orders would wait for each other for ever.
        with sink.group() if sink is not None and hasattr(value, "to_record") else nullcontext(), self._lock:
            if self._value is not None:
                self._record = plain(self._value, sink)
                self._value = None
            return self._record


class NestedRow(dict[str, Any]):
    """A row with keys that were nested: in the summary they can claim each other's places."""


# The next step, too, has to be one that a manifest can hold, which is below 2**62.
_MAX_STEP = 2**62 - 2


def take_row(data: Any) -> dict[str, Any]:
    """Return a new, flat row of values that later changes by the script do not reach.

    Costs well below a microsecond for a few plain numbers. Waits for no device.

    Raises:
        TypeError: `data` is no mapping, or a key is no text.
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"log takes a dictionary, not {type(data).__name__}: log({{'loss': 0.5}})")
    row = {}
    for key, value in data.items():
        if type(key) is not str or type(value) not in SIMPLE:
            return _take_any(data)
        row[key] = value
    return row


def _take_any(data: Mapping[Any, Any]) -> dict[str, Any]:
    for key in data:
        if not isinstance(key, str):
            raise TypeError(f"keys of log are text, not {type(key).__name__}: {key!r}")
    flat = flatten(data)
    row: dict[str, Any] = NestedRow() if any(type(key) is NestedKey for key in flat) else {}
    for key, value in flat.items():
        row[key] = _take(value)
    return row


def _take(value: object) -> object:
    if type(value) in SIMPLE:
        return value
    try:
        return _take_rich(value)
    except (Error, TypeError):  # a mistake of the caller, said in words
        raise
    except Exception:  # noqa: BLE001 - values run code of any kind, and none may end the training
        return text_of(value)


def _take_rich(value: object) -> object:
    if not is_instance_of(value, "numpy", "generic"):
        # Imported for the first value that may be a medium, which a script of numbers never has.
        from tracker.values.media import value_to_media

        value = value_to_media(value)
    if not hasattr(value, "to_record"):
        value = freeze(value)
    return Once(value) if isinstance(value, Frozen) or hasattr(value, "to_record") else value


def check_step(step: SupportsIndex) -> int:
    """Return a step as an int; those of numpy and torch are fine.

    Raises:
        TypeError: It is no whole number.
        ValueError: It is too large for the records of versions.
    """
    try:
        number = operator.index(step)
    except TypeError:
        raise TypeError(f"step is a whole number, not {type(step).__name__}: {step!r}") from None
    if number > _MAX_STEP:
        raise ValueError(f"step is at most {_MAX_STEP}, not {number}")
    return number
