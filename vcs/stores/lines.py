"""One text of lines against another, such as the listing of a version against that before it.

Every byte that is said to be the same was compared, so nothing here has to be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from vcs.stores.matching import Pieces

_FIRST_STEP_BYTES = 1 << 10
_MAX_STEP_BYTES = 256 << 10
# How far ahead a line is looked for, and for how many lines in vain (3 microseconds each), or
# one in so many bytes: where more are new, or moved, a table of all lines is cheaper.
_WINDOW_BYTES = 16 << 10
_PATIENCE_LINES = 20_000
_PATIENCE_BYTES = 500


def match_lines(new: bytes, base: bytes | bytearray, write_new: Callable[[memoryview], object]) -> Pieces:
    """Compare texts of lines, such as listings: a line that the base has somewhere is not new.

    New bytes go to `write_new`, in order. Where the texts are mostly the same and in the same
    order, this costs little more than comparing them; where not, each line is looked up.
    """
    pieces, view = Pieces(), memoryview(new)
    at = place = since = 0
    patience = max(_PATIENCE_LINES, len(new) // _PATIENCE_BYTES)

    def add_new(until: int) -> None:
        if until > since:
            pieces.add_new(until - since)
            write_new(view[since:until])

    while at < len(new):
        same = _common_lines(new, at, base, place)
        if same:
            add_new(at)
            pieces.add_known(place, same)
            at, place = at + same, place + same
            since = at
        else:
            skipped, place = _next_common(new, at, base, place, patience)
            patience -= skipped.lines + 1
            at = skipped.end
            if patience <= 0:
                break
    for start, line_place, length in _looked_up(new, at, base) if at < len(new) else ():
        add_new(start)
        pieces.add_known(line_place, length)
        since = start + length
    add_new(len(new))
    return pieces


class _Skipped(NamedTuple):
    """Lines that are new, and where they end."""

    lines: int
    end: int


def _common_lines(new: bytes, at: int, base: bytes | bytearray, place: int) -> int:
    """Return how many bytes two texts have in common from there on, in whole lines."""
    length, step, grows = 0, _FIRST_STEP_BYTES, True
    while step:
        some = new[at + length : at + length + step]
        if some and some == base[place + length : place + length + step]:
            length += len(some)
        else:
            grows = False
        step = min(2 * step, _MAX_STEP_BYTES) if grows else step // 2
    if at + length == len(new):
        return length
    return max(0, new.rfind(b"\n", at, at + length) + 1 - at)


def _next_common(new: bytes, at: int, base: bytes | bytearray, place: int, most: int) -> tuple[_Skipped, int]:
    """Skip lines until one comes that the base has soon after `place`; return these, and where it has that.

    Gives up after some, at the end, or at a line without end.
    """
    for count in range(most):
        end = new.find(b"\n", at) + 1 or len(new)
        line = new[at:end]
        if not place and base.startswith(line):
            return _Skipped(count, at), 0
        found = base.find(b"\n" + line, max(0, place - 1), place + _WINDOW_BYTES)
        if found >= 0:
            return _Skipped(count, at), found + 1
        at = end
        if at == len(new):
            return _Skipped(count, at), place
    return _Skipped(most, at), place


def _looked_up(new: bytes, at: int, base: bytes | bytearray) -> Iterator[tuple[int, int, int]]:
    """Yield lines from `at` on that the base has anywhere: where they are, and there, and how long."""
    places: dict[bytes, int] = {}
    place = 0
    for line in bytes(base).splitlines(keepends=True):
        places[line] = place
        place += len(line)
    for line in new[at:].splitlines(keepends=True):
        known = places.get(line)
        if known is not None:
            yield at, known, len(line)
        at += len(line)
