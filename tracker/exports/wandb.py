"""Runs as wandb's offline run folders, which `wandb sync` takes to its server.

Config, rows, summary, system metrics, console output, files and media. Versions are left
out: wandb's server gives them numbers of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tracker.exports.media import bytes_of
from tracker.exports.places import LeftOut
from tracker.read.fields import to_time
from tracker.read.run_view import RunView
from tracker.storage.history import read_rows
from tracker.wire.protobuf import bytes_field, varint_field
from vcs.atomic import disk_error, make_folder
from vcs.paths import check_entry_path
from vcs.stores.base import Store

_HEAD = b":W&B\xe1\xbe\x00"
_BLOCK = 32 << 10
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
# The version of the protocol that these records are of.
_PRODUCER = "0.31.0"
_MEDIUM = 2
_OUR_FIELDS = frozenset({"digest", "items"})


def write_wandb(runs: Iterable[RunView], target: Path, store: Store, left_out: LeftOut) -> list[Path]:
    """Write each run into a folder of its own below `target`; return the folders.

    A folder appears whole; that of an earlier export of the run is replaced.

    Raises:
        FormatError, StoreError: A history cannot be read, or the disk refused.
    """
    return [_write_run(run, target, store, left_out) for run in runs]


def _write_run(run: RunView, target: Path, store: Store, left_out: LeftOut) -> Path:
    moment = to_time(run.created_at)
    stamp = f"{moment:%Y%m%d_%H%M%S}" if moment is not None else "19700101_000000"
    final = target / f"offline-run-{stamp}-{run.id}"
    building = target / f".{final.name}.{os.getpid()}"
    make_folder(building / "files")
    try:
        if run.layout.files.is_dir():
            shutil.copytree(run.layout.files, building / "files", dirs_exist_ok=True)
        for source in (run.layout.output, run.layout.requirements):
            if source.is_file():
                shutil.copyfile(source, building / "files" / source.name)
        with open(building / f"run-{run.id}.wandb", "wb") as stream:
            log = _Log(stream)
            for record in _records(run, building / "files", store, left_out):
                log.add(record)
        if final.exists():
            shutil.rmtree(final)
        os.rename(building, final)
    except OSError as error:
        raise disk_error(error, f"cannot write {final}") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    for line in run.record.logged:
        left_out.add(f"{line.artifact}:{line.version}: versions are given by wandb's server")
    return final


class _Log:
    """Frames records; each has a number."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._place = stream.write(_HEAD)
        self._number = 0

    def add(self, record: bytes) -> None:
        """Write one record, in pieces where it meets the end of a block."""
        self._number += 1
        rest, is_first = varint_field(1, self._number) + record, True
        while rest or is_first:
            room = _BLOCK - self._place % _BLOCK
            if room < 7:
                self._place += self._stream.write(bytes(room))
                room = _BLOCK
            part, rest = rest[: room - 7], rest[room - 7 :]
            kind = (_FULL if is_first else _LAST) if not rest else (_FIRST if is_first else _MIDDLE)
            head = struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind)
            self._place += self._stream.write(head + part)
            is_first = False


def _records(run: RunView, files: Path, store: Store, left_out: LeftOut) -> Iterator[bytes]:
    media = _Media(files, store, left_out)
    yield bytes_field(21, bytes_field(1, bytes_field(1, _PRODUCER) + bytes_field(2, "0.70.0")))
    yield bytes_field(17, _run(run))
    for row in read_rows(run.layout, which="system"):
        values = {key: value for key, value in row.items() if key[0] != "_"}
        stats = bytes_field(2, _timestamp(row["_timestamp"])) + _items(values, 3, plain=True)
        yield bytes_field(7, varint_field(1, 0) + stats)
    for row in read_rows(run.layout):
        yield bytes_field(2, _items(media.carry(row), 1) + bytes_field(2, varint_field(1, row["_step"])))
    yield bytes_field(3, _items(media.carry(dict(run.summary_values())), 1))
    # Only files that a record names are sent.
    names = sorted(path.relative_to(files).as_posix() for path in files.rglob("*") if path.is_file())
    yield bytes_field(6, b"".join(bytes_field(1, _file(name)) for name in names))
    session = run.record.last_session
    if session is not None and run.state != "running":
        code = session.exit_code if session.exit_code is not None else 0 if run.state == "finished" else 1
        yield bytes_field(18, varint_field(1, code) + varint_field(2, int(run.duration)))


def _run(run: RunView) -> bytes:
    session = run.record.last_session
    host = session.host if session is not None else ""
    proto = bytes_field(1, run.id) + bytes_field(3, run.project)
    proto += bytes_field(4, _items(run.config, 1, plain=True))
    texts = {2: run.entity, 6: run.group, 7: run.job_type, 8: run.name, 9: run.notes, 13: host}
    proto += b"".join(bytes_field(number, text) for number, text in texts.items() if text)
    proto += b"".join(bytes_field(10, tag) for tag in run.tags)
    moment = to_time(run.created_at)
    proto += bytes_field(17, _timestamp(moment.timestamp() if moment is not None else 0.0))
    if session is not None and session.commit:
        proto += bytes_field(21, bytes_field(1, session.remote or "") + bytes_field(2, session.commit))
    return proto


def _file(name: str) -> bytes:
    return bytes_field(1, name) + (varint_field(3, _MEDIUM) if name.startswith("media/") else b"")


def _timestamp(seconds: float) -> bytes:
    whole = int(seconds)
    return varint_field(1, whole) + varint_field(2, round((seconds - whole) * 1e9))


def _items(values: dict[str, Any], field: int, *, plain: bool = False) -> bytes:
    """Return items with a key, or with the path of one, and JSON; nested values are taken apart."""
    made = b""
    for key, value in values.items():
        number = 1 if plain else 2
        made += bytes_field(field, bytes_field(number, key) + bytes_field(16, json.dumps(value)))
    return made


class _Media:
    """Puts the files of media where wandb's records look for them."""

    def __init__(self, files: Path, store: Store, left_out: LeftOut) -> None:
        self._files = files
        self._store = store
        self._left_out = left_out

    def carry(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return values as wandb has them; the files of their media are written."""
        return {key: self._value(value) for key, value in values.items()}

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if not isinstance(value, dict):
            return value
        for item in value.get("items") or ():
            self._value(item)
        if "_type" in value and isinstance(value.get("path"), str):
            self._write(value)
        kept = _OUR_FIELDS if "_type" in value else frozenset()
        return {key: self._value(item) for key, item in value.items() if key not in kept}

    def _write(self, record: dict[str, Any]) -> None:
        target = self._files / check_entry_path(record["path"])
        if target.exists():
            return
        data = bytes_of(record, self._store)
        if data is None:
            self._left_out.add(f"the bytes of {record['path']} are not here")
            return
        make_folder(target.parent)
        target.write_bytes(data)
