"""Parquet, by whichever package is there: pyarrow or polars."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import TracebackType
from typing import Any, BinaryIO, Literal

from vcs.errors import UsageError

Kind = Literal["whole numbers", "numbers", "truth values", "text", "nothing"]

_ARROW: dict[Kind, str] = {
    "whole numbers": "int64",
    "numbers": "float64",
    "truth values": "bool_",
    "text": "string",
    "nothing": "null",
}
# As many rows are read from a file at once.
_GROUP_ROWS = 16_384


def import_writer() -> Any:
    """Return pyarrow.parquet, or polars.

    Raises:
        UsageError: Neither is installed; the hint names the extra.
    """
    for name in ("pyarrow.parquet", "polars"):
        try:
            return import_module(name)
        except ImportError:
            continue
    raise UsageError("Parquet needs pyarrow or polars", hint="pip install 'tracker[parquet]'")


class ParquetFile:
    """A file to be written, column by column for some rows at a time; complete when it is closed.

    pyarrow needs memory for one group of rows. polars, which cannot add to a file, needs
    it for all.
    """

    def __init__(self, stream: BinaryIO, kinds: Mapping[str, Kind], package: Any) -> None:
        """Begin a file with these columns; `package` is what `import_writer` gave."""
        self._stream = stream
        self._package = package
        self._columns: dict[str, list[Any]] = {name: [] for name in kinds}
        self._waiting = 0
        self._writer: Any = None
        if package.__name__ != "polars":
            arrow = import_module("pyarrow")
            self._schema = arrow.schema(
                [(name, getattr(arrow, _ARROW[kind])()) for name, kind in kinds.items()]
            )
            self._table = arrow.Table.from_pydict
            # Numbers repeat too seldom for a dictionary of them to be worth its memory.
            texts = [name for name, kind in kinds.items() if kind == "text"]
            self._writer = package.ParquetWriter(stream, self._schema, use_dictionary=texts)

    def write(self, columns: Mapping[str, list[Any]], count: int) -> None:
        """Add `count` rows; each column holds values of its kind, and None."""
        for name, values in columns.items():
            self._columns[name] += values
        self._waiting += count
        if self._writer is not None and self._waiting >= _GROUP_ROWS:
            self._drain()

    def __enter__(self) -> ParquetFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is left, unless something went wrong: then the file is not complete."""
        if kind is None and self._writer is None:
            self._package.DataFrame(self._columns, strict=False).write_parquet(self._stream)
        elif kind is None:
            self._drain()
        if self._writer is not None:
            self._writer.close()

    def _drain(self) -> None:
        self._writer.write_table(self._table(self._columns, schema=self._schema))
        self._columns = {name: [] for name in self._columns}
        self._waiting = 0
