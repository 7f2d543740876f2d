"""The segments in a folder of history: each a file of lines, a compacted file, or for a moment both.

Compaction writes the compacted file whole before it removes the lines. Where both are
there it was interrupted, or the lines came back from a copy; then the one that stands
for more is the segment. Nothing is read twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from tracker.storage.journal import Header
from tracker.storage.segment import Damage, Segment, read_header, read_on, read_segment
from tracker.storage.segment_names import COLUMNS, LINES, columns_beside, session_of
from vcs.errors import FormatError, StoreError

# Compacted files are for those who look back. A run that starts need not load their reader.
if TYPE_CHECKING:
    from tracker.storage.column_segment import ColumnSegment
    from tracker.storage.long_segment import LongSegment

    AnySegment = Segment | ColumnSegment


T = TypeVar("T")
Lines = TypeVar("Lines", bound="Segment | LongSegment")
LinesOut = TypeVar("LinesOut", covariant=True)
Opened = TypeVar("Opened", bound="Segment | LongSegment | ColumnSegment")


def find_segments(folder: Path) -> list[Path]:
    """Return the file of each segment, sorted by name; none if the folder is missing.

    Raises:
        StoreError: The folder cannot be read.
    """
    try:
        names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"cannot read {folder}: {error.strerror}") from error
    found = []
    for name in sorted(names):
        if name.endswith(LINES):
            lines = folder / name
            columns = columns_beside(lines)
            found.append(columns if columns.name in names and is_compacted(lines) else lines)
        elif name.endswith(COLUMNS) and name.removesuffix(COLUMNS) + LINES not in names:
            found.append(folder / name)
    return found


def is_compacted(lines: Path) -> bool:
    """Whether the compacted file beside a file of lines is sound, every byte, and stands for all of it."""
    from tracker.storage.column_segment import read_columns_file

    try:
        segment = read_columns_file(columns_beside(lines), strict=False)
        return not segment.damaged and lines.stat().st_size <= segment.index.source_size
    except (FormatError, StoreError):
        return False
    except FileNotFoundError:  # removed just now, because it is compacted
        return True


def open_segments(
    folder: Path,
    wanted: Callable[[Header], bool],
    damaged: list[Damage] | None = None,
    *,
    kept: dict[Path, Segment] | None = None,
) -> list[AnySegment]:
    """Open the segments whose header is wanted, by session, the run's own rank first.

    With a list as `damaged`, what cannot be read is described there, and left out. Files
    of lines that are in `kept` are read on from where they ended; others are put there.

    Raises:
        FormatError: A segment is damaged; the file is named.
        StoreError: One cannot be read.
    """

    def opened(path: Path) -> AnySegment | None:
        known = kept.get(path) if kept is not None else None
        if known is not None:
            read_on(known)
            return known
        found = _open(path, wanted, damaged, read_segment)
        if kept is not None and isinstance(found, Segment):
            kept[path] = found
        return found

    return _in_order(map(opened, find_segments(folder)), damaged)


def open_long_segments(
    folder: Path, wanted: Callable[[Header], bool], damaged: list[Damage] | None = None
) -> list[Segment | LongSegment | ColumnSegment]:
    """Open the same segments for who wants them in pieces; see `long_segment`."""
    from tracker.storage.long_segment import open_lines

    found = (_open(path, wanted, damaged, open_lines) for path in find_segments(folder))
    return _in_order(found, damaged)


class _ReadLines(Protocol[LinesOut]):
    def __call__(self, path: Path, *, strict: bool) -> LinesOut | None: ...


def _in_order(segments: Iterable[Opened | None], damaged: list[Damage] | None) -> list[Opened]:
    found = [segment for segment in segments if segment is not None]
    if damaged is not None:
        for segment in found:
            damaged += segment.damaged
    return sorted(found, key=lambda s: (s.header.session, s.header.rank != "0", s.header.start))


def _open(
    path: Path, wanted: Callable[[Header], bool], damaged: list[Damage] | None, read_lines: _ReadLines[Lines]
) -> Lines | ColumnSegment | None:
    strict = damaged is None
    if path.name.endswith(LINES):
        try:
            header = _sound(lambda: read_header(path), path, 1, damaged)
            if header is None or not wanted(header):
                return None
            lines = read_lines(path, strict=strict)
            return lines if lines is None else _numbered(lines, path)
        except StoreError:
            # Compacted since the folder was listed?
            if path.exists() or not columns_beside(path).exists():
                raise
            path = columns_beside(path)
    from tracker.storage.column_segment import read_columns_file

    segment = _sound(lambda: read_columns_file(path, strict=strict), path, 0, damaged)
    return _numbered(segment, path) if segment is not None and wanted(segment.header) else None


def _numbered(segment: Opened, path: Path) -> Opened:
    segment.header.session = session_of(path, segment.header.session)
    return segment


def _sound(read: Callable[[], T], path: Path, line: int, damaged: list[Damage] | None) -> T | None:
    """Return what `read` does, or None after a description if it cannot."""
    try:
        return read()
    except FormatError as error:
        if damaged is None:
            raise
        damaged.append(Damage(path, line, error.message.removeprefix(f"{path}: ")))
        return None
