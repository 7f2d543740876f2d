"""Which rows of a history are meant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import compress

from tracker.live.term import warn
from tracker.read.frames import Row
from tracker.storage.bulk import bulk
from tracker.storage.history import keys_of, read_columns, read_rows
from tracker.storage.parts import OWN, Which
from vcs.layout import RunLayout
from vcs.names import near

_MADE = ("_step", "_runtime", "_timestamp")


def select_rows(
    run: RunLayout,
    keys: Sequence[str] | None = None,
    *,
    min_step: int | None = None,
    max_step: int | None = None,
    system: bool = False,
    all_segments: bool = False,
    ranks: Sequence[str] | None = OWN,
) -> list[Row]:
    """Return the rows of a run; with `keys` those that have all of them, and only these values.

    `ranks` are those of a distributed run, None for all; with several, rows say `_rank`.
    A key that no row has and that looks like one that some have is said in a warning.

    Raises:
        FormatError: The history is damaged; file and line are named.
        StoreError: A file cannot be read.
    """
    which: Which = "system" if system else "history"
    if keys is not None and not all_segments and ranks == OWN:
        rows = _from_columns(run, keys, min_step, max_step, which)
    else:
        rows = read_rows(
            run,
            keys=keys,
            min_step=min_step,
            max_step=max_step,
            all_segments=all_segments,
            ranks=ranks,
            which=which,
        )
        if keys is None:
            return rows
        shown = (*keys, "_session", "_masked", "_rank")
        rows = [
            {key: row[key] for key in shown if key in row} for row in rows if all(key in row for key in keys)
        ]
    if not rows:
        say_unknown(run, keys, system=system)
    return rows


@bulk()
def _from_columns(
    run: RunLayout, keys: Sequence[str], min_step: int | None, max_step: int | None, which: Which
) -> list[Row]:
    """Return rows that have all keys; of a compacted history nothing else is read."""
    columns = read_columns(run, dict.fromkeys((*keys, "_step")), complete=True, which=which)
    steps = columns["_step"]
    chosen = [columns[key] for key in keys]
    if min_step is not None or max_step is not None:
        low = -math.inf if min_step is None else min_step
        high = math.inf if max_step is None else max_step
        flags = [low <= step <= high for step in steps]
        chosen = [list(compress(values, flags)) for values in chosen]
    # One or two metrics are what most ask for, of maybe millions of rows.
    if len(keys) == 1:
        return [{keys[0]: value} for value in chosen[0]]
    if len(keys) == 2:
        first, second = keys
        return [{first: x, second: y} for x, y in zip(*chosen, strict=True)]
    return [dict(zip(keys, values, strict=True)) for values in zip(*chosen, strict=True)]


def say_unknown(run: RunLayout, keys: Sequence[str], *, system: bool) -> None:
    """An empty answer to a misspelt question looks like an empty run."""
    known = [*keys_of(run, which="system" if system else "history", damaged=[]), *_MADE]
    for key in keys:
        if key not in known and (hint := near(key, known)):
            warn(f"run {run.folder.name} has no metric {key!r}: {hint}")
