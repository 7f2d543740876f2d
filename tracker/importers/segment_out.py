"""Writing the history of a found run: whole segments at once, not row by row.

A segment appears complete and durable. Rows are encoded in batches while they are read,
so memory holds one batch. The same pass makes the summary, which tells what of the
source's own summary has to be said explicitly.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tracker.importers.found import FoundItem, FoundRow
from tracker.storage.journal import Header, Mark, RewindMark, RichRow, SegmentEncoder, SimpleRow, parse_header
from tracker.values.metrics import Metric
from tracker.values.scalars import SIMPLE
from tracker.values.sink import NAME_LENGTH, Stored
from tracker.values.summary_state import SummaryState
from vcs.atomic import disk_error, fsync_directory, make_folder, remove_quietly, temporary_name, write_atomic
from vcs.digest import digest_bytes
from vcs.errors import ConflictError
from vcs.layout import RunLayout

_BATCH = 4000


@dataclass
class Tally:
    """What was written, or would be.

    Attributes:
        last_s: The time of the newest row; 0 without rows.
        summary: The state after the rows, to which the next session adds.
    """

    summary: SummaryState
    rows: int = 0
    last_s: float = 0.0
    last_step: int = -1

    @classmethod
    def begin(cls, metrics: Sequence[Metric]) -> Tally:
        """Return the tally of no rows."""
        return cls(SummaryState(metrics))

    def explicit(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Return those values of a summary that the rows do not yield."""
        have = self.summary.value()
        return {
            key: value
            for key, value in wanted.items()
            if not key.startswith("_") and not (key in have and _same(have[key], value))
        }

    def take(self, item: FoundItem) -> SimpleRow | RichRow | Mark:
        """Count an item and return it as the encoder wants it."""
        if isinstance(item, RewindMark):
            return item
        row = item.flat()
        self.rows += 1
        self.last_s = max(self.last_s, item.time_s)
        self.last_step = max(self.last_step, item.step)
        self.summary.row(row)
        if all(type(value) in SIMPLE for value in row.values()):
            return item.step, item.time_s, tuple(row), tuple(row.values())
        return RichRow(item.step, item.time_s, row)


def write_segment(
    path: Path,
    header: Header,
    items: Iterable[FoundItem],
    tally: Tally,
    last: Callable[[Tally], Sequence[Mark]] = lambda tally: (),
    *,
    at_least: int = 0,
) -> None:
    """Write a segment of rows, whole and durable; a file that is there is replaced.

    `last` says what follows the rows, when they are known.

    Raises:
        ConflictError: There are less than `at_least` rows; what was there is there.
        StoreError: The disk refused; what was there is there.
        Whatever reading the items raises.
    """
    make_folder(path.parent)
    temporary = path.parent / temporary_name(path.name)
    encoder = SegmentEncoder(header)
    before = tally.rows
    try:
        with open(temporary, "xb") as stream:
            stream.write(encoder.head())
            for batch in _batches(items):
                stream.write(encoder.encode([tally.take(item) for item in batch]))
            stream.write(encoder.encode(last(tally)))
            stream.flush()
            os.fsync(stream.fileno())
        if tally.rows - before < at_least:
            raise ConflictError(
                f"the source has {tally.rows - before} rows, but {at_least} were imported and stay"
            )
        os.replace(temporary, path)
    except OSError as error:
        raise disk_error(error, f"cannot write {path}") from error
    finally:
        remove_quietly(temporary)
    fsync_directory(path.parent)


def raise_edits(run: RunLayout, sessions: Iterable[int], above: int) -> None:
    """Let edits of the summary that were made before a history grew hide none of its new rows.

    Raises:
        StoreError: The disk refused; run it again.
        FormatError: An edit is damaged.
    """
    for session in sessions:
        for path in sorted(run.history.glob(f"{session}-0-edit-*.jsonl")):
            head, _, rest = path.read_bytes().partition(b"\n")
            header = parse_header(path, head)
            if header.from_step < above:
                header.from_step = above
                write_atomic(path, SegmentEncoder(header).head() + rest)


class NullSink:
    """Takes media without keeping them: for an import that only says what it would do."""

    def put_bytes(self, data: bytes, *, folder: str, suffix: str) -> Stored:
        """See `MediaSink.put_bytes`."""
        digest = digest_bytes(data)
        return Stored(digest, len(data), f"media/{folder}/{digest[:NAME_LENGTH]}{suffix}")

    def put_file(self, path: Path, *, folder: str, suffix: str) -> Stored:
        """See `MediaSink.put_file`."""
        return self.put_bytes(path.read_bytes(), folder=folder, suffix=suffix)

    def group(self) -> AbstractContextManager[None]:
        """See `MediaSink.group`."""
        return nullcontext()


def first_time(items: Iterator[FoundItem]) -> tuple[float | None, Iterator[FoundItem]]:
    """Return the time of the first row, and all items."""
    head = list(islice(items, 1))
    time_s = next((item.time_s for item in head if isinstance(item, FoundRow)), None)

    def again() -> Iterator[FoundItem]:
        yield from head
        yield from items

    return time_s, again()


def _batches(items: Iterable[FoundItem]) -> Iterator[list[FoundItem]]:
    upcoming = iter(items)
    while batch := list(islice(upcoming, _BATCH)):
        yield batch


def _same(one: Any, other: Any) -> bool:
    """Whether two plain values are equal; NaN equals NaN."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other) or (one != one and other != other)
