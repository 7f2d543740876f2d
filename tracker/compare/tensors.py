"""Two files of tensors compared tensor by tensor, block by block."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tracker.compare.plain import compare_plain
from tracker.compare.tensor import Tensor, TensorFile, UnreadableError
from tracker.compare.tensor_files import open_tensors
from tracker.compare.values import Change
from vcs.digest import Digest
from vcs.stores.base import Store

TENSOR_SUFFIXES = frozenset({".pt", ".pth", ".ckpt", ".safetensors", ".npz", ".npy"})


@dataclass(frozen=True)
class Distance:
    """How far two tensors of one shape are apart.

    Attributes:
        norm: The Euclidean norm of the change, over the elements that are finite on both sides.
        relative: Divided by the norm of the older tensor; infinite if that is zero.
        largest: The largest change of one element.
        elements: How many elements differ; NaN equals NaN.
        not_finite: How many elements are NaN or infinite: older, newer.
    """

    norm: float
    relative: float
    largest: float
    elements: int
    not_finite: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class TensorChange:
    """One tensor that is not the same; `old` and `new` are type and shape, None where it is not there.

    Attributes:
        distance: None if the shapes differ, or the values are no numbers.
        note: Why there is no distance.
    """

    name: str
    old: tuple[str, tuple[int, ...]] | None
    new: tuple[str, tuple[int, ...]] | None
    distance: Distance | None = None
    note: str = ""

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        plain: dict[str, Any] = {"name": self.name}
        for side, about in (("old", self.old), ("new", self.new)):
            if about is not None:
                plain[side] = {"dtype": about[0], "shape": list(about[1])}
        if self.distance is not None:
            plain |= {**vars(self.distance), "not_finite": list(self.distance.not_finite)}
        return {**plain, "note": self.note} if self.note else plain


@dataclass(frozen=True)
class TensorChanges:
    """What differs between two files of tensors.

    Attributes:
        same: How many tensors are equal.
        values: What differs in what is no tensor: epoch, learning rate, …
    """

    tensors: tuple[TensorChange, ...]
    same: int
    values: dict[str, Change] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "form": "tensors",
            "same": self.same,
            "tensors": [tensor.to_plain() for tensor in self.tensors],
            "values": {key: change.to_plain() for key, change in self.values.items()},
        }


def compare_tensors(suffix: str, old: Digest, new: Digest, store: Store) -> TensorChanges | str:
    """Compare two objects as files of tensors; a sentence where they cannot be read.

    Reads both once. Holds some blocks of a million elements in memory at a time.

    Raises:
        NotFoundError, StoreError: An object is not there, or cannot be read.
    """
    try:
        with open_tensors(suffix, old, store) as a, open_tensors(suffix, new, store) as b:
            return _compare_files(a, b)
    except UnreadableError as error:
        return str(error)


def _compare_files(old: TensorFile, new: TensorFile) -> TensorChanges:
    found = []
    names = sorted(old.tensors.keys() | new.tensors.keys(), key=_natural)
    for name in names:
        change = _compare(name, old.tensors.get(name), new.tensors.get(name))
        if change is not None:
            found.append(change)
    return TensorChanges(tuple(found), len(names) - len(found), compare_plain(old.values, new.values))


def _compare(name: str, old: Tensor | None, new: Tensor | None) -> TensorChange | None:
    a = None if old is None else (old.dtype, old.shape)
    b = None if new is None else (new.dtype, new.shape)
    if old is None or new is None:
        return TensorChange(name, a, b)
    if old.shape != new.shape:
        return TensorChange(name, a, b, note="another shape")
    try:
        if not (old.numeric and new.numeric):
            return None if a == b and _equal_bytes(old, new) else TensorChange(name, a, b, note="no numbers")
        distance = _distance(old, new)
    except UnreadableError as error:
        return TensorChange(name, a, b, note=str(error))
    return None if a == b and not distance.elements else TensorChange(name, a, b, distance)


def _equal_bytes(old: Tensor, new: Tensor) -> bool:
    return all((x == y).all() if len(x) == len(y) else False for x, y in _pairs(old, new))


def _distance(old: Tensor, new: Tensor) -> Distance:
    total = _Sums()
    for x, y in _pairs(old, new):
        total.add(x, y)
    norm, base = math.sqrt(total.change), math.sqrt(total.base)
    relative = norm / base if base else (math.inf if norm else 0.0)
    return Distance(norm, relative, total.largest, total.elements, (total.odd_old, total.odd_new))


class _Sums:
    """What is added up over the blocks."""

    def __init__(self) -> None:
        self.change = self.base = self.largest = 0.0
        self.elements = self.odd_old = self.odd_new = 0

    def add(self, x: Any, y: Any) -> None:
        import numpy as np

        unequal = (x != y) & ~((x != x) & (y != y))
        self.elements += int(np.count_nonzero(unequal))
        wide = np.complex128 if x.dtype.kind == "c" or y.dtype.kind == "c" else np.float64
        with np.errstate(over="ignore", invalid="ignore"):
            a, b = x.astype(wide), y.astype(wide)
            fine_a, fine_b = np.isfinite(a), np.isfinite(b)
            self.odd_old += len(a) - int(np.count_nonzero(fine_a))
            self.odd_new += len(b) - int(np.count_nonzero(fine_b))
            fine = fine_a & fine_b
            self.base += float(np.sum(np.abs(a[fine]) ** 2))
            if unequal.any():
                apart = np.abs(b[fine] - a[fine])
                self.change += float(np.sum(apart**2))
                self.largest = max(self.largest, float(apart.max(initial=0.0)))


def _pairs(old: Tensor, new: Tensor) -> Iterator[tuple[Any, Any]]:
    """Yield the blocks of both; a tensor that ends before the other is damaged."""
    try:
        yield from zip(old.blocks(), new.blocks(), strict=True)
    except ValueError as error:
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError("the two are not of the same length") from error


def _natural(name: str) -> list[tuple[int, int, str]]:
    """The order in which people count: layer2 before layer10."""
    parts = re.split(r"([0-9]+)", name)
    return [(0, len(p.lstrip("0")), p.lstrip("0")) if p.isdecimal() else (1, 0, p) for p in parts]
