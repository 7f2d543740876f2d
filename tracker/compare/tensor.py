"""One tensor, and a file of them, whatever its format is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

# Elements of a block: eight megabytes as the double precision in which sums are made.
BLOCK = 1 << 20


class UnreadableError(ValueError):
    """A file, or one tensor in it, that cannot be read, or not safely; the message says why."""


class Tensor(ABC):
    """One tensor of a file.

    Attributes:
        dtype: As its format spells it: `F32`, `float32`.
        shape: As its header says.
        numeric: Whether `blocks` are numbers; else they are the bytes as stored.
    """

    dtype: str
    shape: tuple[int, ...]
    numeric: bool = True

    @property
    def count(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @abstractmethod
    def blocks(self) -> Iterator[Any]:
        """Yield the elements in the order of rows as flat numpy arrays, all but the last of `BLOCK`.

        Raises:
            UnreadableError: They are not all there, or of a form that is not understood.
        """


@dataclass
class TensorFile:
    """An open file.

    Attributes:
        tensors: By name; nested names are joined with dots.
        values: What else is in it, nested: epoch, learning rate, …
    """

    tensors: Mapping[str, Tensor]
    values: Any = field(default_factory=dict)
