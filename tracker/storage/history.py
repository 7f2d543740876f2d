"""Reads the history of a run: rows, columns, the last step, the summary.

What is given is what was recorded, whole: nothing is sampled. Rows that were taken
back are left out unless asked for (see masking). A run may be read while it is
written; what its writer has not finished writing is not there yet.

A damaged line raises FormatError with file and line. With a list as `damaged` it is
described there instead, and the rest is read.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from tracker.storage.journal import (
    MS,
    STEP,
    VALUES,
    Header,
    Mark,
    SetMark,
    UnsetMark,
)
from tracker.storage.masking import Surviving, lowest_step, unmask
from tracker.storage.segment import Damage, Segment, read_header, read_segment
from tracker.values.metrics import Metric, metric_from_record
from tracker.values.summary_state import SummaryState
from vcs.errors import FormatError, StoreError
from vcs.layout import RunLayout

Which = Literal["history", "system"]
Row = dict[str, Any]

_OWN = ("0",)
# Filled in here; they are not among a segment's keys.
_MADE = ("_step", "_runtime", "_timestamp")
# The same in the order of the first places of a row, which they take over one by one.
_PLACES = ("_timestamp", "_step", "_runtime")


def read_rows(
    run: RunLayout,
    *,
    keys: Sequence[str] | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
    all_segments: bool = False,
    ranks: Sequence[str] | None = _OWN,
    which: Which = "history",
    damaged: list[Damage] | None = None,
) -> list[Row]:
    """Return the rows in the order in which they were logged, as flat dicts.

    Each has `_step`, `_runtime` (seconds that the run has run, earlier sessions
    included) and `_timestamp` (seconds since 1970).

    Args:
        run: The files of the run.
        keys: Only these; rows that have none of them are left out.
        min_step: The first step that is wanted.
        max_step: The last step that is wanted, included.
        all_segments: Also give the masked rows. Every row then says `_session` and
            `_masked`.
        ranks: Which processes of the run; None for all. Each row says `_rank` unless
            one rank is asked for.
        which: Metric rows, or those of system metrics.
        damaged: See the module.

    Raises:
        FormatError: A damaged line, unless `damaged` is given; or a newer format.
        StoreError: A file cannot be read.
    """
    low = -math.inf if min_step is None else min_step
    high = math.inf if max_step is None else max_step
    with _bulk():
        rows: list[Row] = []
        for part in load_parts(run, ranks, which, damaged):
            made = _rows_of(part, keys, all_segments)
            if ranks is None or len(ranks) != 1:
                for row in made:
                    row["_rank"] = part.segment.header.rank
            rows += made
    if min_step is None and max_step is None:
        return rows
    return [row for row in rows if low <= row["_step"] <= high]


def read_columns(
    run: RunLayout,
    keys: Sequence[str],
    *,
    ranks: Sequence[str] | None = _OWN,
    which: Which = "history",
    damaged: list[Damage] | None = None,
) -> dict[str, list[Any]]:
    """Return the values of some keys as lists of equal length, one place for each row.

    Rows with none of the keys are left out; None stands where a row lacks a key.
    `_step`, `_runtime` and `_timestamp` may be among the keys; alone they select all
    rows. Half the cost of `read_rows`.

    Raises:
        FormatError, StoreError: As for `read_rows`.
    """
    columns: dict[str, list[Any]] = {key: [] for key in keys}
    with _bulk():
        for part in load_parts(run, ranks, which, damaged):
            for schema_keys, rows in part.blocks():
                _extend(columns, schema_keys, rows, part)
    return columns


def keys_of(run: RunLayout, *, which: Which = "history", damaged: list[Damage] | None = None) -> list[str]:
    """Return every key that an unmasked row of the run has, in the order of their first appearance."""
    found: dict[str, None] = {}
    with _bulk():
        for part in load_parts(run, _OWN, which, damaged):
            for keys, _ in part.blocks():
                found.update(dict.fromkeys(map(str.__str__, keys)))
    return list(found)


def last_step(run: RunLayout, *, damaged: list[Damage] | None = None) -> int | None:
    """Return the highest step of an unmasked row; None without rows."""
    with _bulk():
        steps = [
            max(row[STEP] for row in part.rows) for part in load_parts(run, damaged=damaged) if part.rows
        ]
    return max(steps, default=None)


def last_runtime_s(run: RunLayout, *, damaged: list[Damage] | None = None) -> float:
    """Return how long the run has run in all its sessions, as far as the history tells, in seconds."""
    with _bulk():
        parts = load_parts(run, damaged=damaged)
        return (parts[-1].before_ms + _length_ms(parts[-1].segment)) / 1000 if parts else 0.0


def summary_of(
    run: RunLayout,
    metrics: Iterable[Metric | Mapping[str, Any]] = (),
    *,
    damaged: list[Damage] | None = None,
) -> dict[str, Any]:
    """Return the summary, nested: see SummaryState. This is the truth that a live summary equals.

    `metrics` are the definitions, also in the form of run.yaml.

    Raises:
        FormatError, StoreError: As for `read_rows`.
    """
    return summary_state_of(run, metrics, damaged=damaged).value()


def summary_state_of(
    run: RunLayout,
    metrics: Iterable[Metric | Mapping[str, Any]] = (),
    *,
    damaged: list[Damage] | None = None,
) -> SummaryState:
    """Return the state behind `summary_of`, to which a resumed run adds its rows."""
    state = SummaryState(m if isinstance(m, Metric) else metric_from_record(dict(m)) for m in metrics)
    with _bulk():
        for part in load_parts(run, damaged=damaged):
            _summarise(state, part)
    return state


@dataclass(frozen=True)
class Tail:
    """What a session that goes on with a run needs to know of the sessions before it.

    Attributes:
        last_step: See `last_step`.
        runtime_s: See `last_runtime_s`.
        summary: See `summary_state_of`.
    """

    last_step: int | None
    runtime_s: float
    summary: SummaryState


def tail_of(run: RunLayout, metrics: Iterable[Metric | Mapping[str, Any]] = ()) -> Tail:
    """Return all three at the price of one reading.

    Raises:
        FormatError, StoreError: As for `read_rows`.
    """
    state = SummaryState(m if isinstance(m, Metric) else metric_from_record(dict(m)) for m in metrics)
    with _bulk():
        parts = load_parts(run)
        for part in parts:
            _summarise(state, part)
        steps = [max(row[STEP] for row in part.rows) for part in parts if part.rows]
        runtime_s = (parts[-1].before_ms + _length_ms(parts[-1].segment)) / 1000 if parts else 0.0
    return Tail(max(steps, default=None), runtime_s, state)


@dataclass
class Part:
    """One segment as readers see it.

    Attributes:
        before_ms: Runtime of the sessions before it, in milliseconds.
    """

    surviving: Surviving
    before_ms: int

    @property
    def segment(self) -> Segment:
        return self.surviving.segment

    @property
    def end_s(self) -> float:
        """When the last thing in the segment happened, in seconds since 1970."""
        return (self.segment.header.start_ms + _length_ms(self.segment)) / 1000

    @cached_property
    def rows(self) -> list[list[Any]]:
        """The rows that survive."""
        return self.between(0, len(self.segment.rows))

    def between(self, start: int, end: int) -> list[list[Any]]:
        """Return those of the rows from `start` to `end`, counted as written, that survive."""
        rows = self.segment.rows[start:end]
        if all(limit == math.inf for _, _, limit in self.surviving.spans):
            return rows
        return list(compress(rows, self._flags[start:end]))

    @cached_property
    def _flags(self) -> list[bool]:
        return self.surviving.flags

    def marks(self) -> list[tuple[int, int, Mark]]:
        """Return the marks that survive: rows before them as written, their step, themselves."""
        return self.surviving.marks

    def blocks(self) -> Iterator[tuple[tuple[str, ...], list[list[Any]]]]:
        """Yield runs of consecutive surviving rows that have the same keys."""
        for schema, rows in groupby(self.rows, itemgetter(0)):
            yield self.segment.keys[schema], list(rows)

    def dicts(self, rows: Iterable[list[Any]], names: Mapping[int, tuple[str, ...]]) -> list[Row]:
        """Return rows as dicts; `names` are the keys of each schema, `_PLACES` before them."""
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

    def made(self, key: str, rows: list[list[Any]]) -> list[Any]:
        """Return one of the columns that are not in the file."""
        if key == "_step":
            return [row[STEP] for row in rows]
        since_ms = self.before_ms if key == "_runtime" else self.segment.header.start_ms
        return [(since_ms + row[MS]) / 1000 for row in rows]


def load_parts(
    run: RunLayout,
    ranks: Sequence[str] | None = _OWN,
    which: Which = "history",
    damaged: list[Damage] | None = None,
) -> list[Part]:
    """Read the segments of some ranks, rank by rank, in the order of their sessions."""
    by_rank: dict[str, list[Segment]] = {}
    for header, path in _headers(run.history if which == "history" else run.system, damaged):
        # What the run's own rank takes back is taken back for all.
        if ranks is None or header.rank in ranks or header.rank == "0":
            segment = read_segment(path, strict=damaged is None)
            if segment is not None:
                by_rank.setdefault(header.rank, []).append(segment)
                if damaged is not None:
                    damaged += segment.damaged
    own = by_rank.get("0", [])
    parts: list[Part] = []
    for rank in by_rank if ranks is None else ranks:
        segments = by_rank.get(rank, [])
        if which == "system":
            found = [Surviving(s, [(0, len(s.rows), math.inf)]) for s in segments]
        else:
            found = unmask(segments, None if rank == "0" else _floors(segments, own))
        lengths: dict[int, int] = {}
        for segment in (*own, *segments):
            session = segment.header.session
            lengths[session] = max(lengths.get(session, 0), _length_ms(segment))
        for surviving in found:
            session = surviving.segment.header.session
            parts.append(Part(surviving, sum(ms for number, ms in lengths.items() if number < session)))
    return parts


def _headers(folder: Path, damaged: list[Damage] | None) -> list[tuple[Header, Path]]:
    """Return the headers of all segments in the order of their sessions, the run's own rank first."""
    found = []
    try:
        paths = sorted(folder.glob("*.jsonl"))
    except OSError as error:
        raise StoreError(f"cannot read {folder}: {error.strerror}") from error
    for path in paths:
        try:
            header = read_header(path)
        except FormatError as error:
            if damaged is None:
                raise
            damaged.append(Damage(path, 1, error.message))
            continue
        if header is not None:
            found.append((header, path))
    return sorted(found, key=lambda pair: (pair[0].session, pair[0].rank != "0", pair[0].start))


def _floors(segments: list[Segment], own: list[Segment]) -> list[float]:
    """Return for each segment the lowest step that later sessions of the run's own rank take back."""
    return [
        min((lowest_step(o) for o in own if o.header.session > s.header.session), default=math.inf)
        for s in segments
    ]


def _length_ms(segment: Segment) -> int:
    start_ms = segment.header.start_ms
    rows = max(map(itemgetter(MS), segment.rows), default=0)
    marks = max((round(mark.time_s * 1000) - start_ms for _, mark in segment.marks), default=0)
    return max(0, rows, marks)


def _rows_of(part: Part, keys: Sequence[str] | None, all_segments: bool) -> list[Row]:
    segment = part.segment
    # Exact strings: what reads on need not know of nested keys.
    names = {schema: (*_PLACES, *map(str.__str__, found)) for schema, found in segment.keys.items()}
    rows = segment.rows if all_segments else part.rows
    flags = part.surviving.flags if all_segments else ()
    logged = set(keys or ()).difference(_MADE)
    if logged:
        having = {schema for schema, found in names.items() if not logged.isdisjoint(found)}
        flags = [flag for flag, row in zip(flags, rows, strict=False) if row[0] in having]
        rows = [row for row in rows if row[0] in having]
    made = part.dicts(rows, names)
    if keys is not None:
        wanted = (*keys, *_MADE)
        made = [{key: row[key] for key in wanted if key in row} for row in made]
    if all_segments:
        for row, kept in zip(made, flags, strict=True):
            row["_session"], row["_masked"] = segment.header.session, not kept
    return made


def _extend(columns: dict[str, list[Any]], keys: tuple[str, ...], rows: list[list[Any]], part: Part) -> None:
    logged = [key for key in columns if key not in _MADE]
    if logged and not any(key in keys for key in logged):
        return
    for key, column in columns.items():
        if key in _MADE:
            column += part.made(key, rows)
        elif key in keys:
            place = VALUES + keys.index(key)
            column += [row[place] for row in rows]
        else:
            column += [None] * len(rows)


def _summarise(state: SummaryState, part: Part) -> None:
    segment = part.segment
    start = 0
    for index, _, mark in part.marks():
        _summarise_rows(state, part, start, index)
        start = index
        if isinstance(mark, SetMark):
            state.set(mark.values)
        elif isinstance(mark, UnsetMark):
            state.unset(mark.keys)
    _summarise_rows(state, part, start, len(segment.rows))


def _summarise_rows(state: SummaryState, part: Part, start: int, end: int) -> None:
    """Give the state those rows that matter to it.

    Of rows with the same keys and no aggregation among them only the last one does;
    the first is given too, so that keys come in the order of their first appearance.
    """
    rows, schemas = part.between(start, end), part.segment.keys
    last = {row[0]: index for index, row in enumerate(rows)}
    first = {row[0]: index for index, row in zip(range(len(rows) - 1, -1, -1), reversed(rows), strict=True)}
    every = {s for s in last if any(map(state.aggregates, (*schemas[s], *_MADE)))}
    chosen = {*last.values(), *first.values()}
    if every:
        chosen.update(index for index, row in enumerate(rows) if row[0] in every)
    names = {schema: (*_PLACES, *schemas[schema]) for schema in last}
    for flat in part.dicts((rows[index] for index in sorted(chosen)), names):
        state.row(flat)


@contextmanager
def _bulk() -> Iterator[None]:
    """Suspend the cyclic collector: it would look at millions of new lists, none of them garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
