"""Which digest a file had when it was last read, so that it need not be read again.

A file is known by size, mtime, ctime and inode. No program can set a ctime, so a
change shows in it, unless it falls into the same tick of the file system's clock as
the one before: a file that young is never taken in. A lost or damaged cache costs
time and nothing else, so all trouble with its file is silent.

One row for each folder that was walked, one for each file that was added alone, and one
for the listing of each folder that was added, each with a checksum of its own: sqlite's
pages may be mixed up by a power cut, and no digest may come out of such a mixture.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from blake3 import blake3

from vcs.digest import Digest
from vcs.files.folder_record import DIGEST_BYTES, NO_DIGEST, FolderRecord, Known, Row, record_of, split

# Above the tick of every kernel's clock (10 ms at most).
_TICK_NS = 50_000_000
# On file systems that count whole seconds, or two; a file older than that is old everywhere.
SURELY_SETTLED_NS = 2_500_000_000
_SECOND_NS = 1_000_000_000

_FORMAT = 3
_CHECK_BYTES = 16
_BUSY_S = 2.0
# Locked, full, read-only, …: the file is fine, and the cache stays as it was.
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
    }
)
_MAX_RECENT = 4

_encode = msgspec.msgpack.Encoder().encode
_decode_folder = msgspec.msgpack.Decoder(FolderRecord).decode
_decode_file = msgspec.msgpack.Decoder(Known | None).decode
_TABLES = """
CREATE TABLE IF NOT EXISTS folder (path BLOB PRIMARY KEY, known BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS file (path BLOB, name BLOB, known BLOB, PRIMARY KEY (path, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tree (path BLOB PRIMARY KEY, known BLOB NOT NULL);
"""
_NAMES = ("folder", "file", "tree")


@dataclass(slots=True)
class Recalled:
    """What is known of one folder.

    Attributes:
        record: From the walk before.
        files: Of files that were added alone since; None for one that was forgotten.
    """

    record: FolderRecord | None = None
    files: dict[str, Known | None] = field(default_factory=dict)
    _rows: list[Row] | None = None

    def __bool__(self) -> bool:
        return self.record is not None or bool(self.files)

    @property
    def rows(self) -> list[Row]:
        """The rows of the record, in its order."""
        if self._rows is None:
            self._rows = self.record.rows()[0] if self.record is not None else []
        return self._rows

    def known(self, names: Set[str] | None = None) -> dict[str, Known]:
        """Return what is known of the files, by name; of some only, if they are given."""
        raws = self.record.raws if self.record is not None else b""
        found = {
            row[0]: (row[1], row[2], row[3], row[4], raws[at : at + DIGEST_BYTES])
            for row, at in zip(self.rows, range(0, len(raws), DIGEST_BYTES), strict=True)
            if names is None or row[0] in names
        }
        return _merged({name: one for name, one in found.items() if one[4] != NO_DIGEST}, self.files)

    def raws_of(self, rows: Sequence[Row]) -> tuple[list[bytes], list[int]]:
        """Return the digests of rows that are as they were, and which of them are not.

        Those have `NO_DIGEST`, and so has what is no file or was added alone since.
        """
        record, before = self.record, self.rows
        if record is None and not self.files:
            return [NO_DIGEST] * len(rows), list(range(len(rows)))
        if record is not None and record.plain and not self.files and len(before) == len(rows):
            # As a rule the files are in the order of last time, and a table of them is not needed.
            unlike = [at for at, (now, then) in enumerate(zip(rows, before, strict=True)) if now != then]
            if 4 * len(unlike) <= len(rows):
                raws = split(record.raws)
                for at in unlike:
                    raws[at] = NO_DIGEST
                return raws, unlike
        known = dict(zip(before, split(record.raws), strict=True)) if record is not None else {}
        raws = [NO_DIGEST if row[0] in self.files else known.get(row, NO_DIGEST) for row in rows]
        return raws, [at for at, raw in enumerate(raws) if raw == NO_DIGEST]


class TreeRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The listing that a folder had with all below it.

    Attributes:
        stamp: Of what it was made: the marks of all folders.
    """

    stamp: bytes
    digest: str
    count: int
    file_count: int
    size_bytes: int


_decode_tree = msgspec.msgpack.Decoder(TreeRecord).decode


class StatCache:
    """Digests of files by folder. Safe from threads and processes; changes are kept by `save`."""

    def __init__(self, path: Path) -> None:
        """Use the file at `path`, which is made by the first `save`."""
        self.path = path
        self._lock = threading.RLock()
        # Not yet saved. Folders lie here sealed: that takes a quarter of the memory.
        self._folders: dict[str, bytes] = {}
        self._files: dict[str, dict[str, Known | None]] = {}
        self._trees: dict[str, bytes] = {}
        self._recent: OrderedDict[str, dict[str, Known]] = OrderedDict()
        self._database: sqlite3.Connection | None = None
        self._opened_by = 0

    def recall(self, folder: str) -> Recalled:
        """Return what is known of an absolute folder."""
        with self._lock:
            sealed = self._folders.get(folder)
            recalled = Recalled(_opened(sealed, _decode_folder)) if sealed is not None else self._load(folder)
            recalled.files.update(self._files.get(folder, {}))
            return recalled

    def set_record(self, folder: str, record: FolderRecord) -> None:
        """Replace all that is known of a folder. The caller trusts nothing in it that `is_racy`."""
        with self._lock:
            self._folders[folder] = _seal(record)
            self._files.pop(folder, None)
            self._recent.pop(folder, None)

    def folder(self, folder: str) -> dict[str, Known]:
        """Return what is known of the files of an absolute folder, by name; the caller's own copy."""
        return self.recall(folder).known()

    def set_folder(self, folder: str, known: dict[str, Known]) -> None:
        """Replace all that is known of a folder. The caller has left out what `is_racy`."""
        self.set_record(folder, record_of(known))

    def tree(self, root: str) -> TreeRecord | None:
        """Return what is known of an absolute folder with all below it."""
        with self._lock:
            sealed = self._trees.get(root)
            if sealed is None:
                rows = self._rows("SELECT known FROM tree WHERE path=?", root)
                sealed = rows[0][0] if rows else None
            found = _opened(sealed, _decode_tree)
            return found if isinstance(found, TreeRecord) else None

    def set_tree(self, root: str, record: TreeRecord) -> None:
        """Replace what is known of a folder with all below it."""
        with self._lock:
            self._trees[root] = _seal(record)

    def get(self, path: Path, stat: os.stat_result) -> Digest | None:
        """Return the digest of the file, if it is the one that was read then."""
        known = self._known(path)
        if known is None or known[:4] != (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino):
            return None
        return Digest(known[4].hex())

    def last(self, path: Path) -> Digest | None:
        """Return the digest that the path had when it was read last, whatever it holds now."""
        known = self._known(path)
        return Digest(known[4].hex()) if known is not None else None

    def _known(self, path: Path) -> Known | None:
        folder = os.path.dirname(os.path.abspath(path))
        with self._lock:
            folder_known = self._recent.get(folder)
            if folder_known is None:
                folder_known = self._recent[folder] = self.folder(folder)
                if len(self._recent) > _MAX_RECENT:
                    self._recent.popitem(last=False)
            return folder_known.get(path.name)

    def put(self, path: Path, stat: os.stat_result, digest: Digest, *, at_ns: int) -> None:
        """Remember the digest of bytes that were read after `stat` was taken, at `at_ns` or later.

        A file too young to be trusted is forgotten instead; one whose name is no text is
        never remembered.
        """
        if not _is_text(path.name):
            return
        known = None if is_racy(stat, at_ns) else known_from(stat, bytes.fromhex(digest))
        folder = os.path.dirname(os.path.abspath(path))
        with self._lock:
            self._files.setdefault(folder, {})[path.name] = known
            if folder in self._recent:
                _merged(self._recent[folder], {path.name: known})

    def save(self) -> None:
        """Write what changed. What another process saved of the same folder meanwhile may be lost."""
        with self._lock:
            folders, self._folders = self._folders, {}
            files, self._files = self._files, {}
            trees, self._trees = self._trees, {}
            if not (folders or files or trees):
                return
            self._close()
            try:
                self._write(folders, files, trees)
            except OSError:
                return
            # A ValueError comes of a damaged file too: its schema is then no text.
            except (sqlite3.Error, ValueError) as error:
                if getattr(error, "sqlite_errorcode", None) not in _PASSING:
                    with suppress(OSError):
                        self.path.unlink()

    def _write(
        self, folders: dict[str, bytes], files: dict[str, dict[str, Known | None]], trees: dict[str, bytes]
    ) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
        try:
            # What a power cut breaks, the checksums find.
            database.execute("PRAGMA synchronous=OFF")
            database.execute("BEGIN IMMEDIATE")
            if database.execute("PRAGMA user_version").fetchone()[0] != _FORMAT:
                for name in _NAMES:
                    database.execute(f"DROP TABLE IF EXISTS {name}")
                database.execute(f"PRAGMA user_version={_FORMAT}")
                for statement in _TABLES.strip().splitlines():
                    database.execute(statement)
            keys = [(os.fsencode(folder),) for folder in folders]
            rows = [(os.fsencode(folder), sealed) for folder, sealed in folders.items()]
            database.executemany("DELETE FROM file WHERE path=?", keys)
            database.executemany("REPLACE INTO folder VALUES (?, ?)", rows)
            singles = [
                (os.fsencode(folder), os.fsencode(name), _seal(known))
                for folder, known_files in files.items()
                for name, known in known_files.items()
            ]
            database.executemany("REPLACE INTO file VALUES (?, ?, ?)", singles)
            of_trees = [(os.fsencode(root), sealed) for root, sealed in trees.items()]
            database.executemany("REPLACE INTO tree VALUES (?, ?)", of_trees)
            database.execute("COMMIT")
        finally:
            database.close()

    def _load(self, folder: str) -> Recalled:
        rows = self._rows("SELECT known FROM folder WHERE path=?", folder)
        recalled = Recalled(_opened(rows[0][0], _decode_folder)) if rows else Recalled()
        for name, sealed in self._rows("SELECT name, known FROM file WHERE path=?", folder):
            # A file that was forgotten, and one whose row is damaged, hide what the folder's row says.
            recalled.files[os.fsdecode(name)] = _opened(sealed, _decode_file)
        return recalled

    def _rows(self, question: str, path: str) -> list[Any]:
        try:
            database = self._connect()
            return database.execute(question, (os.fsencode(path),)).fetchall() if database is not None else []
        except (sqlite3.Error, ValueError):
            return []

    def _connect(self) -> sqlite3.Connection | None:
        """Return a connection for reading; None if there is nothing to read."""
        if self._database is not None and self._opened_by == os.getpid():
            return self._database
        if not self.path.exists():
            return None
        where = f"{self.path.absolute().as_uri()}?mode=ro"
        database = sqlite3.connect(where, uri=True, timeout=_BUSY_S, check_same_thread=False)
        if database.execute("PRAGMA user_version").fetchone()[0] != _FORMAT:
            database.close()
            return None
        self._database, self._opened_by = database, os.getpid()
        return database

    def _close(self) -> None:
        # A connection that a fork brought along belongs to the parent.
        if self._database is not None and self._opened_by == os.getpid():
            self._database.close()
        self._database = None


def is_racy(stat: os.stat_result, at_ns: int) -> bool:
    """Whether a change after `at_ns`, when `stat` was taken, could leave these times as they are."""
    return is_racy_time(stat.st_ctime_ns, stat.st_mtime_ns, at_ns)


def is_racy_time(ctime_ns: int, mtime_ns: int, at_ns: int) -> bool:
    """The same, for the two times alone."""
    coarse = ctime_ns % _SECOND_NS == 0 and mtime_ns % _SECOND_NS == 0
    return at_ns - ctime_ns < (SURELY_SETTLED_NS if coarse else _TICK_NS)


def known_from(stat: os.stat_result, raw: bytes) -> Known:
    """Return what identifies a file, with its digest."""
    return (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, raw)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _merged(known: dict[str, Known], files: dict[str, Known | None]) -> dict[str, Known]:
    for name, value in files.items():
        if value is None:
            known.pop(name, None)
        else:
            known[name] = value
    return known


def _seal(value: FolderRecord | TreeRecord | Known | None) -> bytes:
    data = _encode(value)
    return blake3(data).digest(_CHECK_BYTES) + data


def _opened(sealed: object, decode: Callable[[bytes], Any]) -> Any:
    """Return what was sealed; None if it is damaged."""
    if not isinstance(sealed, bytes):
        return None
    data = sealed[_CHECK_BYTES:]
    if blake3(data).digest(_CHECK_BYTES) != sealed[:_CHECK_BYTES]:
        return None
    try:
        return decode(data)
    except msgspec.MsgspecError:
        return None
