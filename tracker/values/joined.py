"""Tables that are put together when they are looked at: joined by a key, or from many parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

from tracker.values.content import Media, Record
from tracker.values.sink import MediaSink
from tracker.values.table import Table

_ENDING = ".table.json"


class JoinedTable(Media):
    """Two tables and the column that says which rows belong together.

    Attributes:
        table1, table2: Tables, or the path of a table in the same artifact.
        join_key: The column of both, or a list of one column of each.
    """

    record_type: ClassVar[str] = "joined-table"
    group_type: ClassVar[str] = "joined-tables"

    def __init__(self, table1: Any, table2: Any, join_key: str | Sequence[str]) -> None:
        """Take two tables: as they are, by path, or as the entry of an artifact (whose table is read).

        Raises:
            ValueError: Something that is no table, or a key that is neither one nor two names.
            NotFoundError: A table lacks its key.
        """
        self.join_key = join_key if isinstance(join_key, str) else [str(name) for name in join_key]
        if not isinstance(join_key, str) and len(join_key) != 2:
            raise ValueError("join_key is the name of a column, or a list of two names")
        self.table1, self.table2 = _table(table1, "table1"), _table(table2, "table2")
        for table, key in zip((self.table1, self.table2), self._keys, strict=True):
            if isinstance(table, Table):
                table.column_index(key)

    @property
    def _keys(self) -> tuple[str, str]:
        key = self.join_key
        return (key, key) if isinstance(key, str) else (key[0], key[1])

    def freeze(self) -> JoinedTable:
        """Return the join of the tables as they are now."""
        first, second = (
            table.freeze() if isinstance(table, Table) else table for table in (self.table1, self.table2)
        )
        return JoinedTable(first, second, self.join_key)

    def join(self) -> Table:
        """Return the rows of both tables that have the same key, in the order of the first.

        A key that occurs several times gives every pair. Columns that both have get
        `_1` and `_2` behind their names.

        Raises:
            ValueError: A table is only known by path.
        """
        first, second = self.table1, self.table2
        if not isinstance(first, Table) or not isinstance(second, Table):
            raise ValueError("the tables of this join are paths; get the join from its artifact")
        key1, key2 = map(str, self._keys)
        at1, at2 = first.column_index(key1), second.column_index(key2)
        matching: dict[Any, list[list[Any]]] = {}
        for row in second.data:
            matching.setdefault(row[at2], []).append(row)
        rest = [i for i in range(len(second.columns)) if i != at2]
        both = {str(name) for name in first.columns} & {str(second.columns[i]) for i in rest}
        columns = [f"{name}_1" if str(name) in both else str(name) for name in first.columns]
        columns += [f"{second.columns[i]}{'_2' if str(second.columns[i]) in both else ''}" for i in rest]
        rows = [
            [*row, *(other[i] for i in rest)] for row in first.data for other in matching.get(row[at1], [])
        ]
        return Table.of_checked(columns, rows)

    def to_record(self, sink: MediaSink) -> Record:
        """Put both tables into the sink; see `Media.to_record`."""
        with sink.group():
            tables = [
                table.to_record(sink) if isinstance(table, Table) else table
                for table in (self.table1, self.table2)
            ]
        return {
            "_type": self.record_type,
            "table1": tables[0],
            "table2": tables[1],
            "join_key": self.join_key,
        }


class PartitionedTable(Media):
    """The tables below a folder of the artifact, taken together.

    Attributes:
        parts_path: The folder.
    """

    record_type: ClassVar[str] = "partitioned-table"
    group_type: ClassVar[str] = "partitioned-tables"

    def __init__(self, parts_path: str, *, parts: Callable[[], Iterable[Table]] | None = None) -> None:
        """Name the folder; nothing is read. `parts` gives its tables, in an artifact that was logged."""
        self.parts_path = str(parts_path)
        self._parts = parts

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield (number, row) for each row of each part; one part is held at a time.

        Raises:
            ValueError: The parts are not known, or have different columns.
        """
        if self._parts is None:
            raise ValueError("the parts of this table are not known; get it from its artifact")
        columns: list[str | int] | None = None
        number = 0
        for part in self._parts():
            columns = part.columns if columns is None else columns
            if part.columns != columns:
                raise ValueError(f"the tables below {self.parts_path} have different columns")
            for _, row in part.iterrows():
                yield number, row
                number += 1

    def to_record(self, sink: MediaSink) -> Record:
        """Return the name of the folder; nothing is put into the sink."""
        return {"_type": self.record_type, "parts_path": self.parts_path}


def _table(given: Any, what: str) -> Table | str:
    if isinstance(given, Table) or (isinstance(given, str) and given.endswith(_ENDING)):
        return given
    # The entry of an artifact; which one, only the artifact's own package could tell.
    found = given.parent_artifact().get(given.path) if hasattr(given, "parent_artifact") else None
    if not isinstance(found, Table):
        raise ValueError(f"{what} is a Table or the path of one (…{_ENDING}), not {type(given).__name__}")
    return found
