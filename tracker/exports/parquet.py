"""Parquet, by whichever package is there: pyarrow or polars."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, BinaryIO

from vcs.errors import UsageError


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
    """A file to be written; the package is looked for before anything else is done."""

    def __init__(self, stream: BinaryIO) -> None:
        """Find the package.

        Raises:
            UsageError: See `import_writer`.
        """
        self._package = import_writer()
        self._stream = stream

    def write(self, table: Mapping[str, list[Any]]) -> None:
        """Write columns of equal length; each holds values of one type, and None."""
        if self._package.__name__ == "polars":
            self._package.DataFrame(dict(table), strict=False).write_parquet(self._stream)
            return
        arrow = import_module("pyarrow")
        self._package.write_table(arrow.table(dict(table)), self._stream)
