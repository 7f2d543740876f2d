"""Parquet, by whichever package is there: pyarrow or polars."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from itertools import accumulate
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
            arrow = self._arrow = import_module("pyarrow")
            self._kinds = kinds
            self._schema = arrow.schema(
                [(name, getattr(arrow, _ARROW[kind])()) for name, kind in kinds.items()]
            )
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
        columns = [_array(self._arrow, self._kinds[name], values) for name, values in self._columns.items()]
        self._writer.write_table(self._arrow.Table.from_arrays(columns, schema=self._schema))
        self._columns = {name: [] for name in self._columns}
        self._waiting = 0


def _array(arrow: Any, kind: Kind, values: Sequence[Any]) -> Any:
    """Return values as a column of pyarrow, made of their bytes.

    Its own functions, given a list, load pandas where it is installed: 60 MB and half a second.
    """
    count = len(values)
    if kind == "nothing":
        return arrow.nulls(count)
    buffer = arrow.py_buffer
    validity = buffer(_bits(value is not None for value in values)) if None in values else None
    type_ = getattr(arrow, _ARROW[kind])()
    if kind == "truth values":
        return arrow.Array.from_buffers(type_, count, [validity, buffer(_bits(map(bool, values)))])
    if kind != "text":
        numbers = array(
            "d" if kind == "numbers" else "q", (0 if value is None else value for value in values)
        )
        return arrow.Array.from_buffers(type_, count, [validity, buffer(numbers)])
    texts = [b"" if value is None else value.encode() for value in values]
    ends = list(accumulate(map(len, texts), initial=0))
    if ends[-1] >= 1 << 31:
        return arrow.array(values, type_)
    return arrow.Array.from_buffers(
        type_, count, [validity, buffer(array("i", ends)), buffer(b"".join(texts))]
    )


def _bits(flags: Iterable[bool]) -> bytes:
    """Return one bit for each, the first the lowest."""
    digits = "".join("1" if flag else "0" for flag in flags)[::-1]
    return int(digits or "0", 2).to_bytes(-(-len(digits) // 8), "little")
