"""Which rows and marks of a run still count, after all that was taken back.

Taking back masks and never deletes. Two things take back, both to a step: a session
whose header has a `from_step` (a resumed, rewound or forked run), all that earlier
sessions logged from that step on; a `rewind` mark, the same and also what stands
before it in its own file. So what survives can be told going backwards: each row
against the lowest step that anything after it names.

A mark of the summary belongs to the step of the last row before it, and is masked
with that step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from tracker.storage.journal import Header, Mark, RewindMark


class Outline(Protocol):
    """What of a segment says which of its rows and marks survive."""

    @property
    def header(self) -> Header: ...
    @property
    def marks(self) -> list[tuple[int, Mark]]: ...
    @property
    def count(self) -> int: ...
    @property
    def steps(self) -> list[int]: ...
    @property
    def last_ms(self) -> int: ...


S = TypeVar("S", bound=Outline)
T = TypeVar("T", bound=Outline)


@dataclass
class Surviving(Generic[S]):
    """What still counts of one segment.

    Attributes:
        spans: Ranges of rows, in order, each with the limit below which a step survives.
        marks: Rewinds, and those marks of the summary that survive; each with the number
            of rows before it, as written, and the step to which it belongs.
    """

    segment: S
    spans: list[tuple[int, int, float]] = field(default_factory=list)
    marks: list[tuple[int, int, Mark]] = field(default_factory=list)

    @property
    def flags(self) -> list[bool]:
        """For each row of the segment, whether it survives."""
        steps = self.segment.steps
        return [step < limit for start, end, limit in self.spans for step in steps[start:end]]

    @property
    def whole(self) -> bool:
        """Whether every row survives, as far as can be told without looking at them."""
        return all(limit == math.inf for _, _, limit in self.spans)

    def within(self, part: T, first: int) -> Surviving[T]:
        """Return the same of a part of the segment, whose rows begin with the row `first`.

        A mark between two parts goes with the rows after it.
        """
        after = first + part.count
        is_last = after == self.segment.count
        spans = [
            (max(start, first) - first, min(end, after) - first, limit)
            for start, end, limit in self.spans
            if start < after and end > first
        ]
        marks = [
            (place - first, step, mark)
            for place, step, mark in self.marks
            if first <= place < after or (is_last and place >= after)
        ]
        return Surviving(part, spans, marks)


def unmask(segments: Sequence[S], floors: Sequence[float] | None = None) -> list[Surviving[S]]:
    """Return what survives of the segments of one rank, which are in the order of their sessions.

    `floors` gives for each segment the lowest step that other files of later sessions
    take back, where there are such (other ranks of the run).
    """
    limit = math.inf
    found = []
    for index in range(len(segments) - 1, -1, -1):
        segment = segments[index]
        if floors is not None:
            limit = min(limit, floors[index])
        surviving, limit = _backwards(segment, limit)
        found.append(surviving)
    return found[::-1]


def lowest_step(segment: Outline) -> int:
    """Return the lowest step that this segment takes back in earlier sessions."""
    rewinds = [mark.step for _, mark in segment.marks if isinstance(mark, RewindMark)]
    return min([segment.header.from_step, *rewinds])


def _backwards(segment: S, limit: float) -> tuple[Surviving[S], float]:
    surviving = Surviving(segment)
    end = segment.count
    positions = _positions(segment)
    for (index, mark), position in zip(reversed(segment.marks), reversed(positions), strict=True):
        if isinstance(mark, RewindMark):
            surviving.spans.append((index, end, limit))
            end, limit = index, min(limit, mark.step)
            surviving.marks.append((index, position, mark))
        elif position < limit:
            surviving.marks.append((index, position, mark))
    surviving.spans.append((0, end, limit))
    surviving.spans.reverse()
    surviving.marks.reverse()
    return surviving, min(limit, segment.header.from_step)


def _positions(segment: Outline) -> list[int]:
    """Return for each mark the step at which the run was when it was made."""
    positions = []
    step, seen = segment.header.from_step - 1, 0
    for index, mark in segment.marks:
        if index > seen:
            step, seen = segment.steps[index - 1], index
        positions.append(step)
        if isinstance(mark, RewindMark):
            step = min(step, mark.step - 1)
    return positions
