"""The rows of a run some ten thousand at a time, for histories that are longer than memory is wide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tracker.storage.history import extend_columns
from tracker.storage.parts import MADE, OWN, PLACES, LongParts, Part, Row, Which
from tracker.storage.segment import Damage
from vcs.layout import RunLayout

# A dictionary takes five times the memory of the row that it is made of.
_DICTS = 4096


class RowStream:
    """The rows of a run at a moment, which can be gone through several times.

    What is logged later is not among them. Short files of lines are in memory while it is kept.
    """

    def __init__(self, run: RunLayout, which: Which = "history", damaged: list[Damage] | None = None) -> None:
        """Look what there is.

        Raises:
            FormatError: The history is damaged, unless `damaged` is given.
            StoreError: A file cannot be read.
        """
        self._parts = LongParts(run, OWN, which, damaged)

    def keys(self) -> list[str]:
        """Return every key of an unmasked row, in the order of their first appearance."""
        return list(dict.fromkeys(str(key) for keys in self._parts.schemas() for key in keys))

    def rows(
        self, keys: Sequence[str] | None = None, check: Callable[[], None] = lambda: None
    ) -> Iterator[list[Row]]:
        """Yield the rows in the order in which they were logged; with `keys` those that have all of them.

        `check` is called before each piece, and may raise to end it.

        Raises:
            FormatError, StoreError: A part of a compacted file is damaged, or cannot be read.
        """
        for part in self._parts:
            check()
            if keys is None:
                yield from _rows(part)
            elif chosen := _chosen(part, keys):
                yield chosen

    def steps(self, check: Callable[[], None] = lambda: None) -> Iterator[Sequence[int]]:
        """Yield the steps of the same rows."""
        for part in self._parts:
            check()
            yield part.keep(part.segment.steps)


def _rows(part: Part) -> Iterator[list[Row]]:
    # Exact strings: what reads on need not know of nested keys.
    names = {schema: (*PLACES, *map(str.__str__, found)) for schema, found in part.segment.keys.items()}
    rows = part.rows
    for start in range(0, len(rows), _DICTS):
        yield part.dicts(rows[start : start + _DICTS], names)


def _chosen(part: Part, keys: Sequence[str]) -> list[Row]:
    # Without any key that was logged, the made ones alone select all rows.
    columns: dict[str, list[object]] = {key: [] for key in dict.fromkeys((*keys, MADE[0]))}
    extend_columns(columns, part, complete=True)
    return [
        dict(zip(keys, values, strict=True)) for values in zip(*map(columns.__getitem__, keys), strict=True)
    ]
