"""Two growths of an append-only log, as one.

Every line that is new in one of them is kept. The lines of one side stay in their order; between the sides
their times decide, so that the last line of an alias is the latest move. A clock that
goes wrong on one side can put its lines too early or too late, but never before a line
that it had seen.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable

_TIME = re.compile(rb'"time":\s*"(\d{4}-[^"]*)"')

Rewrite = Callable[[bytes], bytes]


def merge_logs(base: bytes, theirs: bytes, ours: bytes, rewrite: Rewrite | None = None) -> bytes:
    """Return the log that holds the lines of both; `rewrite` is applied to those that are new in ours.

    Of two lines of one time theirs comes first. A torn last line is ended.
    """
    if rewrite is None and ours == base:
        return theirs
    merged: list[bytes] = []
    remote = _lines(theirs)
    times = _times(remote)
    places: dict[bytes, deque[int]] = defaultdict(deque)
    for place, line in enumerate(remote):
        places[line].append(place)
    known = Counter(_lines(base))
    local = _lines(ours)
    done = 0
    for line, time in zip(local, _times(local), strict=True):
        is_old = known[line] > 0
        if is_old:
            known[line] -= 1
        elif rewrite is not None:
            line = rewrite(line)
        if places[line]:
            until = places[line].popleft() + 1
            merged += remote[done:until]
            done = max(done, until)
            continue
        if is_old:
            continue  # It is in theirs with another version number.
        while done < len(remote) and times[done] <= time:
            merged.append(remote[done])
            done += 1
        merged.append(line)
    merged += remote[done:]
    return b"".join(line + b"\n" for line in merged)


def insert_by_time(log: bytes, line: bytes) -> bytes:
    """Return a log with one more line, after those that are not later."""
    lines = _lines(log)
    time = _times([line])[0]
    place = sum(1 for other in _times(lines) if other <= time)
    return b"".join(one + b"\n" for one in [*lines[:place], line, *lines[place:]])


def _lines(log: bytes) -> list[bytes]:
    lines = log.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _times(lines: list[bytes]) -> list[bytes]:
    """The time of each line, and never an earlier one than that of the line before."""
    times = []
    latest = b""
    for line in lines:
        found = _TIME.search(line)
        if found:
            latest = max(latest, found[1])
        times.append(latest)
    return times
