"""Reading another program's SQLite file without touching it.

SQLite writes beside a database even when it only reads one that has a write-ahead log. So
such a database is read from a private copy, and any other as one that nobody changes.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vcs.atomic import disk_error
from vcs.errors import FormatError


class Database:
    """An open database; rows are mappings, and what a newer or older version lacks is empty."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._tables = {row["name"] for row in self._ask("select name from sqlite_master where type='table'")}

    def has(self, table: str) -> bool:
        """Whether there is such a table."""
        return table in self._tables

    def columns(self, table: str) -> set[str]:
        """Return the names of the columns of a table."""
        return {row["name"] for row in self._ask(f'pragma table_info("{table}")')}

    def rows(self, table: str, rest: str = "", *values: Any) -> list[dict[str, Any]]:
        """Return the rows of a table, none if there is no such table; `rest` follows `from <table>`.

        Raises:
            FormatError: The database is damaged, or in use.
        """
        return list(self.scan(table, rest, *values))

    def scan(self, table: str, rest: str = "", *values: Any) -> Iterator[dict[str, Any]]:
        """Yield the rows of `rows` one by one."""
        if self.has(table):
            yield from self._ask(f'select * from "{table}" {rest}', *values)

    def count(self, table: str, rest: str = "", *values: Any) -> int:
        """Return how many rows `rows` would give."""
        if not self.has(table):
            return 0
        return int(next(self._ask(f'select count(*) as n from "{table}" {rest}', *values))["n"])

    def _ask(self, query: str, *values: Any) -> Iterator[dict[str, Any]]:
        try:
            cursor = self._connection.execute(query, values)
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield dict(zip(names, row, strict=True))
        except sqlite3.Error as error:
            raise FormatError(
                f"{self._path} cannot be read: {error}", hint="if a program writes to it, end it first"
            ) from error


@contextmanager
def open_database(path: Path) -> Iterator[Database]:
    """Open a database for reading; neither it nor its folder is changed.

    Raises:
        FormatError: It is no database, or damaged.
        StoreError: No room for the copy of a database with a write-ahead log.
    """
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        with tempfile.TemporaryDirectory(prefix="tracker-import-") as folder:
            try:
                for file in (path, log):
                    shutil.copyfile(file, Path(folder, file.name))
            except OSError as error:
                raise disk_error(error, f"cannot copy {path}") from error
            with _connect(Path(folder, path.name), "mode=rw") as connection:
                yield Database(connection, path)
        return
    with _connect(path, "mode=ro&immutable=1") as connection:
        yield Database(connection, path)


def is_database(path: Path) -> bool:
    """Whether a file is an SQLite database."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(16) == b"SQLite format 3\0"


@contextmanager
def _connect(path: Path, options: str) -> Iterator[sqlite3.Connection]:
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?{options}", uri=True)
    except sqlite3.Error as error:
        raise FormatError(f"{path} cannot be opened: {error}") from error
    with closing(connection):
        yield connection
