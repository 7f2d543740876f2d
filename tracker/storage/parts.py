"""The segments of a run as readers see them: in order, with what was taken back left out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tracker.storage.journal import MS, STEP, Header, Mark
from tracker.storage.masking import Surviving, lowest_step, unmask
from tracker.storage.segment import Damage, Segment
from tracker.storage.segment_files import open_segments
from vcs.layout import RunLayout

if TYPE_CHECKING:
    from tracker.storage.segment_files import AnySegment

Which = Literal["history", "system"]
Row = dict[str, Any]

OWN = ("0",)
# Filled in here; they are not among a segment's keys.
MADE = ("_step", "_runtime", "_timestamp")
# The same in the order of the first places of a row, which they take over one by one.
PLACES = ("_timestamp", "_step", "_runtime")


@dataclass
class Part:
    """One segment as readers see it.

    Attributes:
        before_ms: Runtime of the sessions before it, in milliseconds.
    """

    surviving: Surviving
    before_ms: int

    @property
    def segment(self) -> AnySegment:
        return self.surviving.segment

    @property
    def end_s(self) -> float:
        """When the last thing in the segment happened, in seconds since 1970."""
        return (self.segment.header.start_ms + length_ms(self.segment)) / 1000

    @cached_property
    def rows(self) -> Sequence[Sequence[Any]]:
        """The rows that survive."""
        return self.between(0, self.segment.count)

    def between(self, start: int, end: int) -> Sequence[Sequence[Any]]:
        """Return those of the rows from `start` to `end`, counted as written, that survive."""
        rows = self.segment.rows[start:end]
        if self.surviving.whole:
            return rows
        return list(compress(rows, self._flags[start:end]))

    @cached_property
    def _flags(self) -> list[bool]:
        return self.surviving.flags

    def marks(self) -> list[tuple[int, int, Mark]]:
        """Return the marks that survive: rows before them as written, their step, themselves."""
        return self.surviving.marks

    @cached_property
    def schemas(self) -> list[int]:
        """The schemas that surviving rows have, in the order of their first appearance."""
        counts = self.segment.schema_counts
        if self.surviving.whole and len(counts) == 1:
            return list(counts)
        return list(dict.fromkeys(self.keep(self.segment.schemas)))

    def keep(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return those of one value a row that belong to surviving rows."""
        return values if self.surviving.whole else list(compress(values, self._flags))

    def dicts(self, rows: Iterable[Sequence[Any]], names: Mapping[int, tuple[str, ...]]) -> list[Row]:
        """Return rows as dicts; `names` are the keys of each schema, `PLACES` before them."""
        before_ms, start_ms = self.before_ms, self.segment.header.start_ms
        made = []
        for row in rows:
            flat: Row = dict(zip(names[row[0]], row, strict=True))
            ms = row[MS]
            flat["_step"] = row[STEP]
            flat["_runtime"] = (before_ms + ms) / 1000
            flat["_timestamp"] = (start_ms + ms) / 1000
            made.append(flat)
        return made

    def made(self, key: str) -> list[Any]:
        """Return one of the columns that are not in the file, one value a row."""
        if key == "_step":
            return self.segment.steps
        since_ms = self.before_ms if key == "_runtime" else self.segment.header.start_ms
        return [(since_ms + ms) / 1000 for ms in self.segment.times_ms]


def load_parts(
    run: RunLayout,
    ranks: Sequence[str] | None = OWN,
    which: Which = "history",
    damaged: list[Damage] | None = None,
    *,
    kept: dict[Path, Segment] | None = None,
) -> list[Part]:
    """Read the segments of some ranks, rank by rank, in the order of their sessions.

    With `kept` files that grew are only read on; see `open_segments`.
    """

    # What the run's own rank takes back is taken back for all.
    def wanted(header: Header) -> bool:
        return ranks is None or header.rank in ranks or header.rank == "0"

    by_rank: dict[str, list[AnySegment]] = {}
    folder = run.history if which == "history" else run.system
    for segment in open_segments(folder, wanted, damaged, kept=kept):
        by_rank.setdefault(segment.header.rank, []).append(segment)
    own = by_rank.get("0", [])
    parts: list[Part] = []
    for rank in by_rank if ranks is None else ranks:
        segments = by_rank.get(rank, [])
        if which == "system":
            found = [Surviving(s, [(0, s.count, math.inf)]) for s in segments]
        else:
            found = unmask(segments, None if rank == "0" else _floors(segments, own))
        lengths: dict[int, int] = {}
        for segment in (*own, *segments):
            session = segment.header.session
            lengths[session] = max(lengths.get(session, 0), length_ms(segment))
        for surviving in found:
            session = surviving.segment.header.session
            parts.append(Part(surviving, sum(ms for number, ms in lengths.items() if number < session)))
    return parts


def _floors(segments: list[AnySegment], own: list[AnySegment]) -> list[float]:
    """Return for each segment the lowest step that later sessions of the run's own rank take back."""
    return [
        min((lowest_step(o) for o in own if o.header.session > s.header.session), default=math.inf)
        for s in segments
    ]


def length_ms(segment: AnySegment) -> int:
    start_ms = segment.header.start_ms
    marks = max((round(mark.time_s * 1000) - start_ms for _, mark in segment.marks), default=0)
    return max(0, segment.last_ms, marks)
