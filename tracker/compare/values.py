"""Two recorded values: equal, close enough, or different.

Values are what history, config and summary hold: numbers, text, lists, dictionaries,
media. NaN equals NaN, and 1 equals 1.0, because both are what a training gave. Of media
the content counts, not where a copy of it lies.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from tracker.values.scalars import flatten


@dataclass(frozen=True)
class Tolerance:
    """How far two numbers may be apart: |b - a| <= atol + rtol * |a|, where a is the older one.

    Without any, only equal numbers are the same.
    """

    rtol: float = 0.0
    atol: float = 0.0

    @property
    def given(self) -> bool:
        """Whether anything but equality is allowed."""
        return self.rtol > 0 or self.atol > 0

    def allows(self, a: int | float, b: int | float) -> bool:
        """Whether two numbers count as the same."""
        if _equal(a, b):
            return True
        # An infinite or missing number is near to no other.
        if not (_is_finite(a) and _is_finite(b)):
            return False
        if isinstance(a, float) and isinstance(b, float):
            return abs(b - a) <= self.atol + self.rtol * abs(a)
        # Integers may be larger than what a float holds exactly, or holds at all.
        return abs(Fraction(b) - Fraction(a)) <= Fraction(self.atol) + Fraction(self.rtol) * abs(Fraction(a))


EXACT: Final = Tolerance()


@dataclass(frozen=True)
class Apart:
    """How two values differ.

    Attributes:
        within: Whether the tolerance allows it.
        absolute, relative: The largest distance of two numbers in them; None where
            something else than numbers differs.
    """

    within: bool
    absolute: float | None = None
    relative: float | None = None


class Absent:
    """Stands where one side has no value at all; None is a value."""

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = Absent()


@dataclass(frozen=True)
class Change:
    """A value on both sides; `ABSENT` where a side has none."""

    old: Any
    new: Any

    def to_plain(self) -> dict[str, Any]:
        """Return `{old, new}` without what is absent, as run.yaml has it under `config_changes`."""
        sides = {"old": self.old, "new": self.new}
        return {side: value for side, value in sides.items() if value is not ABSENT}


def compare_values(a: Any, b: Any, tolerance: Tolerance = EXACT) -> Apart | None:
    """Return how far two values are apart; None if they are equal."""
    if is_number(a) and is_number(b):
        return _compare_numbers(a, b, tolerance)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return _compare_mappings(a, b, tolerance)
    if _is_list(a) and _is_list(b) and len(a) == len(b):
        return _worst(compare_values(one, other, tolerance) for one, other in zip(a, b, strict=True))
    if type(a) is type(b) and a == b:
        return None
    return Apart(within=False)


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Change]:
    """Return what differs between two nested mappings, by dotted keys, in the order of the keys."""
    before, after = flatten(old), flatten(new)
    found = {}
    for key in {**before, **after}:
        change = Change(before.get(key, ABSENT), after.get(key, ABSENT))
        if ABSENT in (change.old, change.new) or compare_values(change.old, change.new) is not None:
            found[str(key)] = change
    return dict(sorted(found.items()))


def exact_text(value: Any, *, most: int = 60) -> str:
    """Return a value with all its digits, because two may differ in the last; long ones are cut."""
    if value is ABSENT:
        return "none"
    if isinstance(value, Mapping) and "_type" in value:
        return f"<{value['_type']}>"
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def is_number(value: object) -> bool:
    """Whether a value is compared as a number."""
    return isinstance(value, int | float)


def _compare_numbers(a: float, b: float, tolerance: Tolerance) -> Apart | None:
    if _equal(a, b):
        return None
    if not (_is_finite(a) and _is_finite(b)):
        return Apart(within=False)
    try:
        absolute = float(abs(b - a))
        relative = absolute / float(abs(a)) if a else math.inf
    except OverflowError:
        absolute = relative = math.inf
    return Apart(tolerance.allows(a, b), absolute, relative)


def _equal(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)


def _compare_mappings(a: Mapping[Any, Any], b: Mapping[Any, Any], tolerance: Tolerance) -> Apart | None:
    if "_type" in a and "_type" in b:
        a, b = _content(a), _content(b)
    if a.keys() != b.keys():
        return Apart(within=False)
    return _worst(compare_values(a[key], b[key], tolerance) for key in a)


def _content(media: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key: value for key, value in media.items() if key != "path"}


def _worst(parts: Iterable[Apart | None]) -> Apart | None:
    """Return the largest of several distances."""
    found = [part for part in parts if part is not None]
    if not found:
        return None
    if any(part.absolute is None for part in found):
        return Apart(within=False)
    return Apart(
        all(part.within for part in found),
        max(part.absolute or 0.0 for part in found),
        max(part.relative or 0.0 for part in found),
    )


def _is_finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
