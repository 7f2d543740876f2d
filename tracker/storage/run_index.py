"""Run records, configs and summaries as they were last read, so that a list of runs parses none of them.

A cache beside the files: it may be deleted at any time, a damaged one is dropped, and a
full disk only means that it is not written. What it has of a file counts while size,
times and inode are those of the file that was parsed. A file that changed in the last two
seconds is not kept, because a clock may not tell its next change apart. Of ten thousand
runs whose files have not changed, two files are looked at (stat) and none is opened.
"""

from __future__ import annotations

import os
import struct
import time
import weakref
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import msgspec
from blake3 import blake3

from tracker.storage import records
from tracker.storage.records import RunRecord
from tracker.storage.run_head import Head
from vcs.atomic import disk_error, write_atomic
from vcs.errors import Error, NotFoundError, StoreError
from vcs.layout import RunLayout
from vcs.yaml_io import load_yaml

# Fewer new runs than this are parsed again sooner than the file is rewritten.
WORTH_WRITING = 16
_YOUNG_NS = 2_000_000_000

_MAGIC, _END = b"TRUN0003", b"TRUNEND1"
# Behind the entries: their length, their BLAKE3.
_FOOTER = struct.Struct("<Q32s8s")

# Size, mtime, ctime, inode; all 0 of a file that is not there.
_Mark = tuple[int, int, int, int]
_ABSENT: _Mark = (0, 0, 0, 0)

Name = Literal["config", "summary"]
_NAMES: tuple[Name, ...] = ("config", "summary")


class _Mappings(msgspec.Struct, array_like=True, gc=False):
    """Config and summary as they were parsed; a mark of None stands for what is not known."""

    config_mark: _Mark | None = None
    config: msgspec.Raw = msgspec.Raw(b"\xc0")
    summary_mark: _Mark | None = None
    summary: msgspec.Raw = msgspec.Raw(b"\xc0")


class _Kept(msgspec.Struct, array_like=True, gc=False):
    """What is known of a run. Only heads are decoded with the index: the rest is bytes in it.

    Attributes:
        mappings: A _Mappings.
        complete: Whether both mappings are known.
        place: Where the record is in the file, how long it is, and its checksum.
    """

    mark: _Mark
    head: Head
    mappings: memoryview
    complete: bool
    place: tuple[int, int, int] = (0, 0, 0)


_encoder = msgspec.msgpack.Encoder()
_content_decoder = msgspec.msgpack.Decoder(dict[str, _Kept])
_record_decoder = msgspec.msgpack.Decoder(RunRecord)
_mappings_decoder = msgspec.msgpack.Decoder(_Mappings)
_mapping_decoder = msgspec.msgpack.Decoder(dict[str, Any])


class _Folder:
    """The folder of all runs, held open: paths that begin there are found in half the time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise disk_error(error, f"cannot read {path}") from error
        weakref.finalize(self, os.close, self.fd)

    def mark_of(self, path: str) -> _Mark | None:
        """Return the mark of a file; None if it cannot be looked at, which reading it will explain."""
        try:
            found = os.stat(path, dir_fd=self.fd)
        except (FileNotFoundError, NotADirectoryError):
            return _ABSENT
        except OSError:
            return None
        return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


class _Records:
    """The records in an index file, held open, and those that are not in it yet."""

    def __init__(self) -> None:
        self._fd: int | None = None
        self.new: dict[str, bytes] = {}

    def open(self, fd: int) -> None:
        """Read from this file from now on; closes it in the end."""
        self._fd = fd
        weakref.finalize(self, os.close, fd)

    def read(self, key: str, kept: _Kept) -> bytes | None:
        """Return the bytes of a record; None if they are not there, or damaged."""
        if key in self.new:
            return self.new[key]
        start, size, crc = kept.place
        with suppress(OSError):
            data = os.pread(self._fd, size, start) if self._fd is not None else b""
            if len(data) == size and zlib.crc32(data) == crc:
                return data
        return None


class IndexedRun:
    """A run that was listed; the rest of it is read when it is asked for."""

    __slots__ = ("_folder", "_kept", "_key", "_mappings", "_record", "_records", "head")

    def __init__(
        self,
        head: Head,
        folder: _Folder,
        key: str,
        kept: _Kept | None,
        records: _Records,
        record: RunRecord | None = None,
    ) -> None:
        self.head = head
        self._folder = folder
        self._records = records
        self._key = key
        self._kept = kept
        self._mappings: _Mappings | None = None
        self._record = record

    @property
    def layout(self) -> RunLayout:
        return RunLayout(self._folder.path / self._key)

    def record(self) -> RunRecord:
        """Return the record, as it was when the run was listed.

        Raises:
            NotFoundError, FormatError, StoreError: As for `records.load`.
        """
        if self._record is None:
            with suppress(msgspec.MsgspecError):
                data = self._records.read(self._key, self._kept) if self._kept is not None else None
                self._record = _record_decoder.decode(data) if data is not None else None
            if self._record is None:
                self._record = records.load(self.layout)
        return self._record

    def mapping(self, name: Name) -> dict[str, Any] | None:
        """Return what config.yaml or summary.yaml says now; None if there is no such mapping.

        Raises:
            FormatError: The file is damaged.
            StoreError: It cannot be read.
        """
        if self._kept is not None:
            try:
                kept = self._mappings
                if kept is None:
                    kept = self._mappings = _mappings_decoder.decode(self._kept.mappings)
                mark, raw = (
                    (kept.config_mark, kept.config) if name == "config" else (kept.summary_mark, kept.summary)
                )
                if mark is not None and mark == self._folder.mark_of(f"{self._key}/{name}.yaml"):
                    return None if mark == _ABSENT else _mapping_decoder.decode(raw)
            except msgspec.MsgspecError:
                pass  # as if it was not in the index
        return read_mapping(self._folder.path / self._key / f"{name}.yaml", name)


def read_mapping(path: Path, what: str) -> dict[str, Any] | None:
    """Return the mapping in a YAML file, its keys as text; None without a file, or of something else.

    Raises:
        FormatError, StoreError: As for `load_yaml`.
    """
    try:
        content = load_yaml(path, what)
    except NotFoundError:
        return None
    return {str(key): value for key, value in content.items()} if isinstance(content, dict) else None


class RunIndex:
    """The runs of one project folder. Safe to use from several processes: the last that writes wins."""

    def __init__(self, path: Path, runs_root: Path) -> None:
        """Read nothing yet; the index lies at `path`, the runs below `runs_root`."""
        self._path = path
        self._root = runs_root
        self._entries: dict[str, _Kept] | None = None
        self._records = _Records()
        self._new = 0

    def runs(self, keys: Iterable[tuple[str, str]], damaged: list[Error]) -> Iterator[IndexedRun]:
        """Yield the runs of these projects and ids, if there are any; what is no run is left out.

        Those whose record cannot be read are left out and told in `damaged`.

        Raises:
            StoreError: The folder of the runs cannot be read.
        """
        entries = self._read()
        folder = _Folder(self._root)
        for project, run_id in keys:
            key = f"{project}/{run_id}"
            mark = folder.mark_of(f"{key}/run.yaml")
            if mark == _ABSENT:
                continue
            kept = entries.get(key)
            if kept is not None and kept.mark == mark:
                if not kept.complete:
                    self._complete(folder, key, kept)
                yield IndexedRun(kept.head, folder, key, kept, self._records)
                continue
            try:
                yield self._parse(folder, key, mark)
            except NotFoundError:
                continue  # removed just now
            except Error as error:
                damaged.append(error)

    def save(self) -> None:
        """Write the index if it has grown, without the runs that are gone."""
        if self._entries is None or self._new < WORTH_WRITING:
            return
        there: dict[str, _Kept] = {}
        parts, place = [_MAGIC], len(_MAGIC)
        for key, kept in self._entries.items():
            record = self._records.read(key, kept)
            if record is not None and (self._root / key).is_dir():
                there[key] = msgspec.structs.replace(kept, place=(place, len(record), zlib.crc32(record)))
                parts.append(record)
                place += len(record)
        entries = _encoder.encode(there)
        parts += [entries, _FOOTER.pack(len(entries), blake3(entries).digest(), _END)]
        with suppress(StoreError):
            write_atomic(self._path, b"".join(parts), durable=False)
        self._new = 0

    def _parse(self, folder: _Folder, key: str, mark: _Mark | None) -> IndexedRun:
        record = records.load(RunLayout(self._root / key))
        head, kept = Head.of(record), None
        if mark is not None and _is_settled(mark) and mark == folder.mark_of(f"{key}/run.yaml"):
            # YAML can hold what has no form here, such as integers of any size.
            with suppress(TypeError, OverflowError, ValueError):
                data = _encoder.encode(record)
                kept = _Kept(mark, head, memoryview(_encoder.encode(_Mappings())), complete=False)
                self._complete(folder, key, kept)
                self._read()[key] = kept
                self._records.new[key] = data
                self._new += 1
        return IndexedRun(head, folder, key, kept, self._records, record)

    def _complete(self, folder: _Folder, key: str, kept: _Kept) -> None:
        """Take in config and summary, as far as they are settled and can be read."""
        mappings = _mappings_decoder.decode(kept.mappings)
        for name in _NAMES:
            path = f"{key}/{name}.yaml"
            mark = folder.mark_of(path)
            if getattr(mappings, f"{name}_mark") is not None or mark is None or not _is_settled(mark):
                continue
            with suppress(Error, TypeError, OverflowError, ValueError):
                content = read_mapping(self._root / path, name)
                raw = msgspec.Raw(_encoder.encode(content))
                # What is there and no mapping is for its readers to look into.
                if (content is None) == (mark == _ABSENT) and mark == folder.mark_of(path):
                    setattr(mappings, name, raw)
                    setattr(mappings, f"{name}_mark", mark)
                    self._new += 1
        kept.mappings = memoryview(_encoder.encode(mappings))
        kept.complete = mappings.config_mark is not None and mappings.summary_mark is not None

    def _read(self) -> dict[str, _Kept]:
        if self._entries is None:
            self._entries = {}
            with suppress(OSError, msgspec.MsgspecError, struct.error):
                fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
                self._records.open(fd)
                end = os.fstat(fd).st_size - _FOOTER.size
                size, digest, magic = _FOOTER.unpack(os.pread(fd, _FOOTER.size, max(end, 0)))
                entries = os.pread(fd, size, end - size) if magic == _END and size <= end else b""
                if entries and blake3(entries).digest() == digest:
                    self._entries = _content_decoder.decode(entries)
        return self._entries


def _is_settled(mark: _Mark) -> bool:
    """Whether the next change of the file will bear another time."""
    return mark[1] < time.time_ns() - _YOUNG_NS
