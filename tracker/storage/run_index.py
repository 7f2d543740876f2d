"""Run records, configs and summaries as they were last read, so that a list of runs parses none of them.

A cache beside the files: it may be deleted at any time, a damaged one is dropped, and a
full disk only means that it is not written. What it has of a file counts while size,
times and inode are those of the file that was parsed. A file that changed in the last two
seconds is not kept, because a clock may not tell its next change apart. Of ten thousand
runs whose files have not changed, two files are looked at (stat) and none is opened.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
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

FORMAT = 2
# Fewer new runs than this are parsed again sooner than the file is rewritten.
WORTH_WRITING = 16
_YOUNG_NS = 2_000_000_000

_MAGIC = b"TRUN0002"
_DIGEST = 32

# Size, mtime, ctime, inode; all 0 of a file that is not there.
_Mark = tuple[int, int, int, int]
_ABSENT: _Mark = (0, 0, 0, 0)
_NOTHING = msgspec.Raw(b"\xc0")

Name = Literal["config", "summary"]

_encoder = msgspec.msgpack.Encoder()
_record_decoder = msgspec.msgpack.Decoder(RunRecord)
_mapping_decoder = msgspec.msgpack.Decoder(dict[str, Any])


class _Kept(msgspec.Struct, array_like=True, gc=False):
    """What is known of a run. Decoded are only the heads; None stands for what is not known."""

    mark: _Mark
    head: Head
    record: msgspec.Raw
    config_mark: _Mark | None = None
    config: msgspec.Raw = _NOTHING
    summary_mark: _Mark | None = None
    summary: msgspec.Raw = _NOTHING


_content_decoder = msgspec.msgpack.Decoder(dict[str, _Kept])


@dataclass
class IndexedRun:
    """A run that was listed; the rest of it is read when it is asked for."""

    folder: str
    head: Head
    _kept: _Kept | None
    _record: RunRecord | None = None

    @property
    def layout(self) -> RunLayout:
        return RunLayout(Path(self.folder))

    def record(self) -> RunRecord:
        """Return the record, as it was when the run was listed.

        Raises:
            NotFoundError, FormatError, StoreError: As for `records.load`.
        """
        if self._record is None:
            if self._kept is not None:
                with suppress(msgspec.MsgspecError):
                    self._record = _record_decoder.decode(self._kept.record)
            if self._record is None:
                self._record = records.load(self.layout)
        return self._record

    def mapping(self, name: Name) -> dict[str, Any] | None:
        """Return what config.yaml or summary.yaml says now; None if there is no such mapping.

        Raises:
            FormatError: The file is damaged.
            StoreError: It cannot be read.
        """
        path = f"{self.folder}/{name}.yaml"
        kept = self._kept
        if kept is not None:
            known, raw = (
                (kept.config_mark, kept.config) if name == "config" else (kept.summary_mark, kept.summary)
            )
            if known is not None and known == _mark_of(path):
                if known == _ABSENT:
                    return None
                with suppress(msgspec.MsgspecError):
                    return _mapping_decoder.decode(raw)
        return read_mapping(Path(path), name)


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
        self._new = 0

    def runs(self, keys: Iterable[tuple[str, str]], damaged: list[Error]) -> Iterator[IndexedRun]:
        """Yield the runs of these projects and ids, if there are any; what is no run is left out.

        Those whose record cannot be read are left out and told in `damaged`.

        Raises:
            StoreError: The folder of the runs cannot be read.
        """
        entries = self._read()
        with _opened(self._root) as root:
            for project, run_id in keys:
                key = f"{project}/{run_id}"
                mark = _mark_of(f"{key}/run.yaml", root)
                if mark == _ABSENT:
                    continue
                kept = entries.get(key)
                if kept is not None and kept.mark == mark:
                    if kept.config_mark is None or kept.summary_mark is None:
                        self._complete(key, kept)
                    yield IndexedRun(f"{self._root}/{key}", kept.head, kept)
                    continue
                try:
                    yield self._parse(key, mark)
                except NotFoundError:
                    continue  # removed just now
                except Error as error:
                    damaged.append(error)

    def save(self) -> None:
        """Write the index if it has grown, without the runs that are gone."""
        if self._entries is None or self._new < WORTH_WRITING:
            return
        there = {key: kept for key, kept in self._entries.items() if (self._root / key).is_dir()}
        body = _encoder.encode(there)
        with suppress(StoreError):
            write_atomic(self._path, _MAGIC + blake3(body).digest() + body, durable=False)
        self._new = 0

    def _parse(self, key: str, mark: _Mark | None) -> IndexedRun:
        run = RunLayout(self._root / key)
        record = records.load(run)
        found = IndexedRun(str(run.folder), Head.of(record), None, record)
        if mark is not None and _is_settled(mark) and mark == _mark_of(str(run.record)):
            # YAML can hold what has no form here, such as integers of any size.
            with suppress(TypeError, OverflowError, ValueError):
                kept = _Kept(mark, found.head, msgspec.Raw(_encoder.encode(record)))
                assert self._entries is not None
                self._entries[key] = found._kept = kept
                self._new += 1
                self._complete(key, kept)
        return found

    def _complete(self, key: str, kept: _Kept) -> None:
        """Take in config and summary, as far as they are settled and can be read."""
        for name in ("config", "summary"):
            if getattr(kept, f"{name}_mark") is not None:
                continue
            path = self._root / key / f"{name}.yaml"
            mark = _mark_of(str(path))
            if mark is None or not _is_settled(mark):
                continue
            with suppress(Error, TypeError, OverflowError, ValueError):
                content = read_mapping(path, name)
                raw = msgspec.Raw(_encoder.encode(content))
                # None of a file that is there is for its readers to look into.
                if (content is None) == (mark == _ABSENT) and mark == _mark_of(str(path)):
                    setattr(kept, name, raw)
                    setattr(kept, f"{name}_mark", mark)
                    self._new += 1

    def _read(self) -> dict[str, _Kept]:
        if self._entries is None:
            self._entries = {}
            with suppress(OSError, msgspec.MsgspecError):
                data = self._path.read_bytes()
                start = len(_MAGIC) + _DIGEST
                body = memoryview(data)[start:]
                if data.startswith(_MAGIC) and blake3(body).digest() == data[len(_MAGIC) : start]:
                    self._entries = _content_decoder.decode(body)
        return self._entries


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """Open a folder: paths that begin there are found in half the time."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise disk_error(error, f"cannot read {folder}") from error
    try:
        yield fd
    finally:
        os.close(fd)


def _mark_of(path: str, folder: int | None = None) -> _Mark | None:
    """Return the mark of a file; None if it cannot be looked at, which reading it will explain."""
    try:
        found = os.stat(path, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        return _ABSENT
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _is_settled(mark: _Mark) -> bool:
    """Whether the next change of the file will bear another time."""
    return mark[1] < time.time_ns() - _YOUNG_NS
