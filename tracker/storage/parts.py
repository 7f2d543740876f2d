"""The segments of a run as readers see them: in order, with what was taken back left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from tracker.storage.journal import MS, STEP, Header, Mark
from tracker.storage.masking import Outline, Surviving, lowest_step, unmask
from tracker.storage.segment import Damage, Segment
from tracker.storage.segment_files import open_long_segments, open_segments
from vcs.layout import RunLayout

if TYPE_CHECKING:
    from tracker.storage.column_segment import ColumnSegment
    from tracker.storage.long_segment import LongSegment
    from tracker.storage.segment_files import AnySegment

Which = Literal["history", "system"]
Row = dict[str, Any]
S = TypeVar("S", bound=Outline)

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

    surviving: Surviving[AnySegment]
    before_ms: int

    @property
    def segment(self) -> AnySegment:
        return self.surviving.segment

    def split(self) -> Iterator[Part]:
        """Yield it in parts of some ten thousand rows if it is compacted; nothing stays decoded."""
        return _pieces(self.surviving, self.before_ms)

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
    folder = run.history if which == "history" else run.system
    segments = open_segments(folder, _wanted(ranks), damaged, kept=kept)
    return [Part(surviving, before_ms) for surviving, before_ms in _surviving(segments, ranks, which)]


class LongParts:
    """The same in parts of some ten thousand rows, so that memory is needed for one of them at a time.

    What there is is looked up once; the parts can be gone through several times. Long files
    of lines are read once for the first, and each time for the others.
    """

    def __init__(
        self,
        run: RunLayout,
        ranks: Sequence[str] | None = OWN,
        which: Which = "history",
        damaged: list[Damage] | None = None,
    ) -> None:
        folder = run.history if which == "history" else run.system
        segments = open_long_segments(folder, _wanted(ranks), damaged)
        self._surviving = _surviving(segments, ranks, which)

    def __iter__(self) -> Iterator[Part]:
        for surviving, before_ms in self._surviving:
            yield from _pieces(surviving, before_ms)

    def schemas(self) -> Iterator[tuple[str, ...]]:
        """Yield the keys of each schema that surviving rows have, in the order of their first appearance."""
        for surviving, before_ms in self._surviving:
            keys = surviving.segment.keys
            if surviving.whole:
                yield from (keys[schema] for schema in surviving.segment.schema_counts)
            else:
                for part in _pieces(surviving, before_ms):
                    yield from (keys[schema] for schema in part.schemas)

    @property
    def runtime_ms(self) -> int:
        """How long the run has run in all its sessions, as far as the history tells."""
        if not self._surviving:
            return 0
        surviving, before_ms = self._surviving[-1]
        return before_ms + length_ms(surviving.segment)


def _pieces(
    surviving: Surviving[AnySegment] | Surviving[Segment | LongSegment | ColumnSegment],
    before_ms: int,
) -> Iterator[Part]:
    first = 0
    for piece in surviving.segment.split():
        yield Part(surviving.within(piece, first), before_ms)
        first += piece.count


def _wanted(ranks: Sequence[str] | None) -> Callable[[Header], bool]:
    # What the run's own rank takes back is taken back for all.
    return lambda header: ranks is None or header.rank in ranks or header.rank == "0"


def _surviving(
    segments: Iterable[S], ranks: Sequence[str] | None, which: Which
) -> list[tuple[Surviving[S], int]]:
    """Return what survives of each segment, and the runtime of the sessions before it in milliseconds."""
    by_rank: dict[str, list[S]] = {}
    for segment in segments:
        by_rank.setdefault(segment.header.rank, []).append(segment)
    own = by_rank.get("0", [])
    survivors: list[tuple[Surviving[S], int]] = []
    for rank in by_rank if ranks is None else ranks:
        mine = by_rank.get(rank, [])
        if which == "system":
            found = [Surviving(s, [(0, s.count, math.inf)]) for s in mine]
        else:
            found = unmask(mine, None if rank == "0" else _floors(mine, own))
        lengths: dict[int, int] = {}
        for segment in (*own, *mine):
            session = segment.header.session
            lengths[session] = max(lengths.get(session, 0), length_ms(segment))
        for surviving in found:
            session = surviving.segment.header.session
            survivors.append((surviving, sum(ms for number, ms in lengths.items() if number < session)))
    return survivors


def _floors(segments: Sequence[Outline], own: Sequence[Outline]) -> list[float]:
    """Return for each segment the lowest step that later sessions of the run's own rank take back."""
    return [
        min((lowest_step(o) for o in own if o.header.session > s.header.session), default=math.inf)
        for s in segments
    ]


def length_ms(segment: Outline) -> int:
    start_ms = segment.header.start_ms
    marks = max((round(mark.time_s * 1000) - start_ms for _, mark in segment.marks), default=0)
    return max(0, segment.last_ms, marks)
