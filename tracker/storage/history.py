"""Reads the history of a run: rows, columns, the last step, the summary.

What is given is what was recorded, whole: nothing is sampled. Rows that were taken
back are left out unless asked for (see masking). A run may be read while it is
written; what its writer has not finished writing is not there yet.

A damaged line raises FormatError with file and line. With a list as `damaged` it is
described there instead, and the rest is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from tracker.storage.bulk import bulk
from tracker.storage.journal import SetMark, UnsetMark
from tracker.storage.parts import (
    MADE,
    OWN,
    PLACES,
    LongParts,
    Part,
    Row,
    Which,
    length_ms,
    load_parts,
)
from tracker.storage.segment import Damage
from tracker.values.metrics import Metric, metric_from_record
from tracker.values.summary_state import SummaryState
from vcs.layout import RunLayout


@bulk()
def read_rows(
    run: RunLayout,
    *,
    keys: Sequence[str] | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
    all_segments: bool = False,
    ranks: Sequence[str] | None = OWN,
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


@bulk()
def read_columns(
    run: RunLayout,
    keys: Iterable[str],
    *,
    complete: bool = False,
    ranks: Sequence[str] | None = OWN,
    which: Which = "history",
    damaged: list[Damage] | None = None,
) -> dict[str, list[Any]]:
    """Return the values of some keys as lists of equal length, one place for each row.

    Rows with none of the keys are left out, with `complete` those that lack one; None
    stands where a row lacks a key. `_step`, `_runtime` and `_timestamp` may be among the
    keys; alone they select all rows. Of a compacted history nothing else is decoded:
    a million rows of one metric take a tenth of a second.

    Raises:
        FormatError, StoreError: As for `read_rows`.
    """
    columns: dict[str, list[Any]] = {key: [] for key in keys}
    for part in load_parts(run, ranks, which, damaged):
        extend_columns(columns, part, complete=complete)
    return columns


@bulk()
def keys_of(run: RunLayout, *, which: Which = "history", damaged: list[Damage] | None = None) -> list[str]:
    """Return every key that an unmasked row of the run has, in the order of their first appearance."""
    found: dict[str, None] = {}
    for keys in LongParts(run, OWN, which, damaged).schemas():
        found.update(dict.fromkeys(map(str.__str__, keys)))
    return list(found)


@bulk()
def last_step(run: RunLayout, *, damaged: list[Damage] | None = None) -> int | None:
    """Return the highest step of an unmasked row; None without rows."""
    return _last_step(load_parts(run, damaged=damaged))


@bulk()
def last_runtime_s(run: RunLayout, *, damaged: list[Damage] | None = None) -> float:
    """Return how long the run has run in all its sessions, as far as the history tells, in seconds."""
    return LongParts(run, damaged=damaged).runtime_ms / 1000


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


@bulk()
def summary_state_of(
    run: RunLayout,
    metrics: Iterable[Metric | Mapping[str, Any]] = (),
    *,
    damaged: list[Damage] | None = None,
) -> SummaryState:
    """Return the state behind `summary_of`, to which a resumed run adds its rows."""
    state = SummaryState(m if isinstance(m, Metric) else metric_from_record(dict(m)) for m in metrics)
    for part in LongParts(run, damaged=damaged):
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


@bulk()
def tail_of(run: RunLayout, metrics: Iterable[Metric | Mapping[str, Any]] = ()) -> Tail:
    """Return all three at the price of one reading.

    Raises:
        FormatError, StoreError: As for `read_rows`.
    """
    state = SummaryState(m if isinstance(m, Metric) else metric_from_record(dict(m)) for m in metrics)
    parts = load_parts(run)
    for part in parts:
        _summarise(state, part)
    runtime_s = (parts[-1].before_ms + length_ms(parts[-1].segment)) / 1000 if parts else 0.0
    return Tail(_last_step(parts), runtime_s, state)


def _rows_of(part: Part, keys: Sequence[str] | None, all_segments: bool) -> list[Row]:
    segment = part.segment
    # Exact strings: what reads on need not know of nested keys.
    names = {schema: (*PLACES, *map(str.__str__, found)) for schema, found in segment.keys.items()}
    rows = segment.rows if all_segments else part.rows
    flags = part.surviving.flags if all_segments else ()
    logged = set(keys or ()).difference(MADE)
    if logged:
        having = {schema for schema, found in names.items() if not logged.isdisjoint(found)}
        flags = [flag for flag, row in zip(flags, rows, strict=False) if row[0] in having]
        rows = [row for row in rows if row[0] in having]
    made = part.dicts(rows, names)
    if keys is not None:
        wanted = (*keys, *MADE)
        made = [{key: row[key] for key in wanted if key in row} for row in made]
    if all_segments:
        for row, kept in zip(made, flags, strict=True):
            row["_session"], row["_masked"] = segment.header.session, not kept
    return made


def _last_step(parts: Iterable[Part]) -> int | None:
    return max((max(steps) for part in parts if (steps := part.keep(part.segment.steps))), default=None)


def extend_columns(columns: dict[str, list[Any]], part: Part, *, complete: bool) -> None:
    """Add what a part has to the columns, each at once; see `read_columns`."""
    segment = part.segment
    logged = [key for key in columns if key not in MADE]
    enough = all if complete else any
    places = {
        schema: {key: place for place, key in enumerate(keys)}
        for schema, keys in segment.keys.items()
        if not logged or enough(key in keys for key in logged)
    }
    wanted = [schema for schema in segment.schema_counts if schema in places]
    if not wanted:
        return
    everywhere = len(wanted) == len(segment.schema_counts)
    chosen = None if everywhere else [schema in places for schema in segment.schemas]

    def among(values: Sequence[Any]) -> Sequence[Any]:
        return values if chosen is None else list(compress(values, chosen))

    def column(key: str) -> Sequence[Any]:
        sources = {
            schema: segment.values(schema, places[schema][key])
            if key in places[schema]
            else [None] * segment.schema_counts[schema]
            for schema in wanted
        }
        if len(wanted) == 1:
            return sources[wanted[0]]
        upcoming = {schema: iter(values) for schema, values in sources.items()}
        return [next(upcoming[schema]) for schema in among(segment.schemas)]

    flags = None if part.surviving.whole else among(part.surviving.flags)
    for key, found in columns.items():
        values = among(part.made(key)) if key in MADE else column(key)
        found += values if flags is None else compress(values, flags)


def _summarise(state: SummaryState, part: Part) -> None:
    start = 0
    for index, _, mark in part.marks():
        _summarise_rows(state, part, start, index)
        start = index
        if isinstance(mark, SetMark):
            state.set(mark.values)
        elif isinstance(mark, UnsetMark):
            state.unset(mark.keys)
    _summarise_rows(state, part, start, part.segment.count)


def _summarise_rows(state: SummaryState, part: Part, start: int, end: int) -> None:
    """Give the state those rows that matter to it.

    Of rows with the same keys and no aggregation among them only the last one does;
    the first is given too, so that keys come in the order of their first appearance.
    """
    rows, schemas = part.between(start, end), part.segment.keys
    last = {row[0]: index for index, row in enumerate(rows)}
    first = {row[0]: index for index, row in zip(range(len(rows) - 1, -1, -1), reversed(rows), strict=True)}
    every = {s for s in last if any(map(state.aggregates, (*schemas[s], *MADE)))}
    chosen = {*last.values(), *first.values()}
    if every:
        chosen.update(index for index, row in enumerate(rows) if row[0] in every)
    names = {schema: (*PLACES, *schemas[schema]) for schema in last}
    for flat in part.dicts((rows[index] for index in sorted(chosen)), names):
        state.row(flat)
