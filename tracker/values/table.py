"""Tables: columns of one type each, with media in cells where wanted."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

from tracker.values.arrays import TakenArray, import_numpy, is_array, is_instance_of
from tracker.values.content import Media, Record, file_record
from tracker.values.image import Image, picture_of
from tracker.values.json_text import json_bytes
from tracker.values.scalars import freeze, plain
from tracker.values.sink import MediaSink
from vcs.errors import NotFoundError, UsageError
from vcs.names import near

DEFAULT_COLUMNS = ("Input", "Output", "Expected")
LOG_MODES = ("IMMUTABLE", "MUTABLE", "INCREMENTAL")

Row = list[Any]

_PYTHON_TYPES: dict[Any, str] = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "list",
    tuple: "list",
    dict: "dictionary",
    datetime.datetime: "time",
    datetime.date: "time",
}


class Table(Media):
    """Rows under named columns.

    Each column has the type of its first value that is not None; a value of another
    type is refused when it is added, unless the table allows mixed types. `log` keeps
    the table as it is at that moment, whole, whatever `log_mode` says; rows added
    later belong to the next `log`. That costs a copy of the references on the
    training thread.

    Attributes:
        columns: The names of the columns.
        data: The rows, lists of values as they were given.
    """

    record_type: ClassVar[str] = "table-file"
    group_type: ClassVar[str] = "tables"
    MAX_ROWS = 10_000
    MAX_ARTIFACT_ROWS = 200_000

    def __init__(
        self,
        columns: Sequence[str | int] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: bool | Sequence[bool] = True,
        allow_mixed_types: bool = False,
        log_mode: Literal["IMMUTABLE", "MUTABLE", "INCREMENTAL"] | None = "IMMUTABLE",
    ) -> None:
        """Begin a table, with rows or without.

        Args:
            columns: Names; Input, Output, Expected if not given.
            data: Rows: lists, an array, or a data frame.
            rows: The same as `data`, under its older name.
            dataframe: A pandas data frame; its columns count, and its missing values
                become None.
            dtype: The Python type of all columns, or one for each column; for what
                is not given, the first value decides.
            optional: Whether cells may be None; for all columns, or for each.
            allow_mixed_types: Check no types.
            log_mode: Accepted as wandb does.

        Raises:
            ValueError: Names that are not unique, or a row of another length.
            TypeError: Columns that are no list, or a value of another type than its
                column's.
        """
        if log_mode not in (None, *LOG_MODES):
            raise ValueError(f"log_mode is one of {', '.join(LOG_MODES)}, not {log_mode!r}")
        self.log_mode = log_mode
        self._allow_mixed_types = allow_mixed_types
        data = data if data is not None else rows
        if dataframe is None and is_instance_of(data, "pandas", "DataFrame"):
            dataframe = data
        if dataframe is not None:
            columns = [str(name) for name in dataframe.columns] if columns is None else columns
            data = _frame_rows(dataframe)
        self.columns: list[str | int] = _check_columns(DEFAULT_COLUMNS if columns is None else columns)
        self.data: list[Row] = []
        self._types: list[str | None] = _given_types(dtype, len(self.columns))
        self._optional = [optional] * len(self.columns) if isinstance(optional, bool) else list(optional)
        if len(self._optional) != len(self.columns):
            raise ValueError(
                f"optional is one for each of {len(self.columns)} columns, not {len(self._optional)}"
            )
        for row in _rows_of(data):
            self.add_data(*row)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"Table({len(self.data)} rows of {', '.join(str(name) for name in self.columns)})"

    def __bool__(self) -> bool:
        # A table without rows is a table: `if table` asks whether there is one, as with wandb.
        return True

    def add_data(self, *data: Any) -> None:
        """Add one row.

        Raises:
            ValueError: It has another number of values than there are columns.
            TypeError: A value is of another type than its column's; the row is not added.
        """
        if len(data) != len(self.columns):
            raise ValueError(f"the table has {len(self.columns)} columns, {self.columns}, not {len(data)}")
        self._types = [self._check(index, value) for index, value in enumerate(data)]
        self.data.append(list(data))

    def add_row(self, *row: Any) -> None:
        """Add one row; the older name of `add_data`."""
        self.add_data(*row)

    def add_column(self, name: str | int, data: Any, optional: bool = False) -> None:
        """Add a column at the right.

        Raises:
            ValueError: There is one of this name, or it has not one value for each row.
            TypeError: Its values are of several types; nothing is added.
        """
        if name in self.columns:
            raise ValueError(f"the table has a column {name!r} already")
        values = list(_plain_rows(data))
        if self.columns and self.data and len(values) != len(self.data):
            raise ValueError(f"the column {name!r} has {len(values)} values for {len(self.data)} rows")
        if self.columns and not self.data and values:
            raise ValueError(f"the column {name!r} has {len(values)} values, and the table has no rows")
        kind = None
        for value in values:
            kind = self._next_kind(kind, value, name, optional=optional or value is None)
        rows = self.data or [[] for _ in values]
        for row, value in zip(rows, values, strict=True):
            row.append(value)
        self.data = rows
        self.columns.append(name)
        self._types.append(kind)
        self._optional.append(True)

    def add_computed_columns(self, fn: Callable[[int, dict[str | int, Any]], Mapping[str, Any]]) -> None:
        """Add the columns that `fn(index, row as a dictionary)` returns for each row.

        Raises:
            ValueError: It returns other names for one row than for another.
        """
        computed = [
            dict(fn(index, dict(zip(self.columns, row, strict=True)))) for index, row in self.iterrows()
        ]
        if any(set(values) != set(computed[0]) for values in computed):
            raise ValueError("the function returns other columns for one row than for another")
        for name in computed[0] if computed else ():
            self.add_column(name, [values[name] for values in computed])

    def get_column(self, name: str | int, convert_to: Literal["numpy"] | None = None) -> Any:
        """Return the values of a column, as a list or as a numpy array.

        Raises:
            NotFoundError: No such column.
        """
        if convert_to not in (None, "numpy"):
            raise ValueError(f'convert_to is None or "numpy", not {convert_to!r}')
        index = self.column_index(name)
        values = [row[index] for row in self.data]
        return import_numpy("a column as an array").array(values) if convert_to else values

    def get_index(self) -> list[int]:
        """Return the numbers of the rows."""
        return list(range(len(self.data)))

    def index_ref(self, index: int) -> int:
        """Return the number of a row."""
        return range(len(self.data))[index]

    def iterrows(self) -> Iterator[tuple[int, Row]]:
        """Yield (number, row) for each row."""
        yield from enumerate(self.data)

    def get_dataframe(self) -> Any:
        """Return the table as a pandas data frame.

        Raises:
            UsageError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise UsageError("a data frame needs pandas", hint="pip install pandas") from error
        return pandas.DataFrame.from_records(self.data, columns=self.columns)

    def cast(self, col_name: str | int, dtype: Any, optional: bool = False) -> None:
        """Set the type of a column.

        Raises:
            NotFoundError: No such column.
            TypeError: A value in it is of another type.
        """
        index = self.column_index(col_name)
        kind = _given_types([dtype], 1)[0]
        for row in self.data:
            self._next_kind(kind, row[index], col_name, optional=optional or row[index] is None)
        self._types[index], self._optional[index] = kind, optional

    def freeze(self) -> Table:
        """Return a copy that rows added later do not reach; cells are copied as `log` copies values."""
        copy = Table.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.columns = list(self.columns)
        copy.data = [[freeze(picture_of(cell)) for cell in row] for row in self.data]
        return copy

    def to_record(self, sink: MediaSink) -> Record:
        """Put the table, and the media in its cells, into the sink; see `Media.to_record`."""
        with sink.group():
            rows = [[plain(picture_of(cell), sink) for cell in row] for row in self.data]
            names = [str(name) for name in self.columns]
            data = json_bytes({"columns": names, "data": rows})
            stored = sink.put_bytes(data, folder="table", suffix=".table.json")
        return file_record(self.record_type, stored) | {"ncols": len(names), "nrows": len(rows)}

    @classmethod
    def of_checked(cls, columns: Iterable[str | int], data: Iterable[Row]) -> Self:
        """Return a table of rows that are known to fit, without looking at their types."""
        table = cls(columns=list(columns), allow_mixed_types=True)
        table.data = [list(row) for row in data]
        return table

    def _check(self, index: int, value: Any) -> str | None:
        return self._next_kind(self._types[index], value, self.columns[index], optional=self._optional[index])

    def _next_kind(self, kind: str | None, value: Any, name: str | int, *, optional: bool) -> str | None:
        """Return the type of a column that has had `kind` so far and gets `value`."""
        if self._allow_mixed_types:
            return kind
        if value is None:
            if not optional:
                raise TypeError(f"the column {name!r} takes no None")
            return kind
        found = kind_of(value)
        if kind is not None and kind not in ("any", found):
            raise TypeError(
                f"the column {name!r} holds {kind}, and {value!r:.80} is {found}; "
                "allow_mixed_types=True takes both"
            )
        return kind or found

    def column_index(self, name: str | int) -> int:
        """Return the place of a column.

        Raises:
            NotFoundError: No such column.
        """
        try:
            return self.columns.index(name)
        except ValueError:
            hint = near(str(name), [str(column) for column in self.columns])
            raise NotFoundError(f"the table has no column {name!r}", hint=hint or None) from None


def kind_of(value: Any) -> str:
    """Name the type of a cell: all numbers are one type, all lists and arrays another."""
    if isinstance(value, Media):
        return value.record_type
    if is_instance_of(value, "PIL.Image", "Image"):
        return Image.record_type
    if isinstance(value, bool) or is_instance_of(value, "numpy", "bool_"):
        return "boolean"
    if isinstance(value, (int, float, decimal.Decimal)) or is_instance_of(value, "numpy", "number"):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (list, tuple)) or is_array(value):
        return "number" if is_array(value) and not value.shape else "list"
    if isinstance(value, Mapping):
        return "dictionary"
    if isinstance(value, datetime.date) or is_instance_of(value, "numpy", "datetime64"):
        return "time"
    return type(value).__name__


def _check_columns(columns: Any) -> list[str | int]:
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise TypeError(f"columns is a list of names, not {columns!r}")
    names = list(columns)
    for name in names:
        if not isinstance(name, (str, int)):
            raise TypeError(f"the name of a column is a string or a whole number, not {name!r}")
    if len({str(name) for name in names}) != len(names):
        raise ValueError(f"two columns have the same name: {names}")
    return names


def _given_types(dtype: Any, count: int) -> list[str | None]:
    given = list(dtype) if isinstance(dtype, (list, tuple)) else [dtype] * count
    if len(given) != count:
        raise ValueError(f"dtype is one for each of {count} columns, not {len(given)}")
    return [_given_type(kind) for kind in given]


def _given_type(kind: Any) -> str | None:
    if kind is None:
        return None
    if isinstance(kind, type) and issubclass(kind, Media):
        return kind.record_type
    # What we have no name for (a class of wandb's own) is not checked.
    return _PYTHON_TYPES.get(kind, "any") if isinstance(kind, type) else "any"


def _rows_of(data: Any) -> Iterator[Sequence[Any]]:
    if data is None:
        return
    for row in _plain_rows(data):
        if isinstance(row, (str, bytes, Mapping)) or not isinstance(row, Iterable):
            raise ValueError(f"a row is a list of values, not {row!r:.80}")
        yield list(row)


def _plain_rows(data: Any) -> Iterable[Any]:
    if is_array(data):
        rows: list[Any] = TakenArray(data).numpy().tolist()
        return rows
    if isinstance(data, (str, bytes)) or not isinstance(data, Iterable):
        raise TypeError(f"rows and columns are lists, not {type(data).__name__}")
    return data


def _frame_rows(frame: Any) -> list[Row]:
    """The rows of a data frame, with None for what is missing among things that are no numbers."""
    columns = []
    for position in range(frame.shape[1]):
        column = frame.iloc[:, position]
        values = column.tolist()
        if not (hasattr(column.dtype, "kind") and column.dtype.kind == "f"):
            values = [None if gone else value for value, gone in zip(values, column.isna(), strict=True)]
        columns.append(values)
    return [list(row) for row in zip(*columns, strict=True)]
