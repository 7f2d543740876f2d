"""A history segment of lines that is too long for memory: looked through once, then given in pieces.

The file is held open, so what was looked through is what the pieces come from, also when
the run goes on writing, or the lines are compacted and removed meanwhile.
"""

from __future__ import annotations

import math
import os
import weakref
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from tracker.storage.journal import Header, Mark, parse_header
from tracker.storage.segment import Damage, Segment, SegmentReader, read_segment
from vcs.errors import StoreError

# Shorter files are read in one go: their rows take some tens of megabytes.
LONG_BYTES = 4 << 20
_PIECE_BYTES = 1 << 20


class LongSegment:
    """What a segment holds, as written; it has what `masking` asks of a segment.

    Attributes:
        keys: The keys of each schema.
        marks: Each with the number of rows that stand before it.
        damaged: Lines that were skipped; empty unless asked for.
        count: How many rows there are.
        last_ms: The highest milliseconds of a row; 0 if none is higher.
    """

    def __init__(self, path: Path, *, strict: bool) -> None:
        """Look through the whole file.

        Raises:
            FormatError: As for `read_segment`.
            StoreError: The file cannot be read.
        """
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from error
        weakref.finalize(self, os.close, self._fd)
        self._strict = strict
        self._end = math.inf
        self.header = Header(run="", session=0, start=0.0, from_step=0)
        self.keys: dict[int, tuple[str, ...]] = {}
        self.marks: list[tuple[int, Mark]] = []
        self.damaged: list[Damage] = []
        self.count = self.last_ms = 0
        counts: Counter[int] = Counter()
        end = 0
        for piece in self._pieces():
            self.header, self.keys, end = piece.header, piece.keys, piece.end
            self.marks += [(self.count + place, mark) for place, mark in piece.marks]
            self.damaged += piece.damaged
            counts.update(piece.schema_counts)
            self.count += piece.count
            self.last_ms = max(self.last_ms, piece.last_ms)
        self.schema_counts = dict(counts)
        self._end = end

    @cached_property
    def steps(self) -> list[int]:
        """The step of each row; read once more for those who ask."""
        return [step for piece in self.split() for step in piece.steps]

    def split(self) -> Iterator[Segment]:
        """Yield the rows as segments of some ten thousand, in order, without their marks."""
        for piece in self._pieces():
            piece.header = self.header
            piece.marks.clear()
            if piece.count:
                yield piece
        if not self.count:
            yield Segment(self.path, self.header, self.keys)

    def _pieces(self) -> Iterator[Segment]:
        """Yield what the lines hold, some at a time; `end` of each says where in the file it ends."""
        rest, place, lines = b"", 0, 0
        header, keys = self.header, dict[int, tuple[str, ...]]()
        while place + len(rest) < self._end:
            try:
                data = os.pread(self._fd, _PIECE_BYTES, place + len(rest))
            except OSError as error:
                raise StoreError(f"cannot read {self.path}: {error.strerror}") from error
            if not data:
                return  # a torn last line
            rest += data
            end = min(rest.rfind(b"\n") + 1, self._end - place)
            if not end:
                continue
            end, start = int(end), 0
            if not place:
                start = rest.index(b"\n") + 1
                header = parse_header(self.path, rest[:start])
            piece = Segment(self.path, header, keys, end=place + end)
            SegmentReader(piece, rest, self._strict, lines_before=lines).read(start, end)
            yield piece
            lines += rest.count(b"\n", 0, end)
            rest, place = rest[end:], place + end


def open_lines(path: Path, *, strict: bool = True) -> Segment | LongSegment | None:
    """Read a segment in one go if it is short; None if not even its header is whole.

    Raises:
        FormatError, StoreError: As for `read_segment`.
    """
    try:
        is_long = path.stat().st_size > LONG_BYTES
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    return LongSegment(path, strict=strict) if is_long else read_segment(path, strict=strict)
