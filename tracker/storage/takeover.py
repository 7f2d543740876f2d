"""The history that a fork shares with its source, copied into the fork.

A copy, not a pointer: what happens to the source later (it is taken back further,
or removed) does not change the fork, and its folder can be read and sent alone.
Copied are the rows that are not masked, up to the last shared step, and the changes
of the summary that belong to them. Each session of the source becomes a segment of a
session with a negative number, which stands before the fork's own session 0.
"""

from __future__ import annotations

from tracker.storage.journal import (
    MS,
    STEP,
    VALUES,
    Header,
    Mark,
    RewindMark,
    RichRow,
    SegmentEncoder,
    SimpleRow,
)
from tracker.storage.parts import Part, load_parts
from vcs.atomic import write_atomic
from vcs.layout import RunLayout


def take_over(source: RunLayout, target: RunLayout, *, last_step: int) -> int:
    """Copy what the source logged up to `last_step`, included; return the number of rows.

    Each file appears whole and durable. A second call writes the same files again.

    Raises:
        FormatError: The history of the source is damaged.
        StoreError: The disk failed.
    """
    parts = load_parts(source)
    shared = [_shared(part, last_step) for part in parts]
    while shared and not _counts(shared[-1]):
        shared.pop()
    for number, (part, items) in enumerate(zip(parts, shared, strict=False)):
        if number < len(shared) - 1:
            # Taken back or not, the session took its time: the runtime of what follows counts it.
            items.append(RewindMark(last_step + 1, part.end_s))
        header = part.segment.header
        copy = Header(
            run=header.run,
            session=number - len(parts),
            start=header.start,
            from_step=header.from_step,
        )
        encoder = SegmentEncoder(copy)
        path = target.history / f"from-{source.folder.name}-{number}.jsonl"
        write_atomic(path, encoder.head() + encoder.encode(items))
    return sum(_is_row(item) for items in shared for item in items)


def _is_row(item: SimpleRow | RichRow | Mark) -> bool:
    return isinstance(item, tuple | RichRow)


def _counts(items: list[SimpleRow | RichRow | Mark]) -> bool:
    """Whether anything but rewinds is among them."""
    return not all(isinstance(item, RewindMark) for item in items)


def _shared(part: Part, last_step: int) -> list[SimpleRow | RichRow | Mark]:
    """Return the surviving rows and marks up to a step, in the order in which they were made."""
    items: list[SimpleRow | RichRow | Mark] = []
    start = 0
    for index, step, mark in part.marks():
        items += _rows(part, start, index, last_step)
        start = index
        # A rewind masks nothing that is copied; it tells to which step the next marks belong.
        if step <= last_step or isinstance(mark, RewindMark):
            items.append(mark)
    items += _rows(part, start, part.segment.count, last_step)
    return items


def _rows(part: Part, start: int, end: int, last_step: int) -> list[SimpleRow | RichRow]:
    start_ms, keys = part.segment.header.start_ms, part.segment.keys
    rows: list[SimpleRow | RichRow] = []
    for row in part.between(start, end):
        if row[STEP] <= last_step:
            names, values = keys[row[0]], tuple(row[VALUES:])
            time_s = (start_ms + row[MS]) / 1000
            if dict in map(type, values) or list in map(type, values):
                rows.append(RichRow(row[STEP], time_s, dict(zip(names, values, strict=True))))
            else:
                rows.append((row[STEP], time_s, names, values))
    return rows
