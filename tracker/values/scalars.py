"""What may stand in a row: taken on the training thread, made plain by the writer.

`freeze` is the fast half. It makes sure that what the caller does next cannot change
what was logged, and never waits for a device. `plain` is the slow half: it turns
whatever was kept into what JSON can say, with media put into the store. Numbers are
exact: a float32 becomes the Python float of the same value, an integer of any size
stays what it is, NaN and the infinities stay floats, a bool stays a bool.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import pathlib
import sys
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from tracker.values.arrays import TakenArray, import_numpy, is_array, is_instance_of, is_tensor

# The types that need nothing at all: they cannot change, and JSON has them (NaN apart).
SIMPLE = frozenset({float, int, bool, str, type(None)})

# wandb's rule: an array of up to this many numbers stays a list, a larger one is seen as a histogram.
LONGEST_LIST = 32
HISTOGRAM_BINS = 32

# Deeper than any reader wants; below, a line of text stands for the rest.
MAX_DEPTH = 64

# Text of an unknown object is cut here: a repr can be a whole data set.
MAX_TEXT = 10_000


class NestedKey(str):
    """A key that came out of a nested dict: `a.b` of `{"a": {"b": 1}}`.

    Equal to the text `a.b`, so columns are asked for by that; but the summary nests it,
    and does not nest a key that merely has a dot in it (`mAP_0.5`).
    """

    __slots__ = ("parts",)

    parts: tuple[str, ...]

    def __new__(cls, parts: Sequence[str]) -> NestedKey:
        self = super().__new__(cls, ".".join(parts))
        self.parts = tuple(parts)
        return self

    def __reduce__(self) -> tuple[type[NestedKey], tuple[tuple[str, ...]]]:
        return NestedKey, (self.parts,)


def key_parts(key: str) -> tuple[str, ...]:
    """Return the path of a key in the summary."""
    return key.parts if isinstance(key, NestedKey) else (key,)


class Frozen:
    """A value taken by `freeze`; `fetch` gives it as a Python value and may wait for a device."""

    __slots__ = ("fetch",)

    def __init__(self, fetch: Callable[[], object]) -> None:
        self.fetch = fetch


def freeze(value: object) -> object:
    """Return what stands for `value` as it is now, whatever the caller does with it later.

    Costs nothing for plain numbers and text, a copy for arrays and containers. A tensor
    on a CUDA device is copied to pinned memory behind the work that makes it; nothing
    waits. Freezing twice is harmless. An object of unknown type is kept as its text.
    """
    return value if type(value) in SIMPLE else _freeze(value, ())


def freeze_row(data: Mapping[str, object]) -> dict[str, object]:
    """Return a new dict of the frozen values; keys and nesting stay."""
    return {key: value if type(value) in SIMPLE else _freeze(value, ()) for key, value in data.items()}


def flatten(data: Mapping[Any, object]) -> dict[str, object]:
    """Return one level: `{"a": {"b": 1}}` becomes `{"a.b": 1}` with a `NestedKey`.

    A dict with `_type` is a value (media), an empty dict vanishes. Values are not
    converted. Where two paths make one key, the later wins.
    """
    flat: dict[str, object] = {}
    for key, value in data.items():
        if type(value) in SIMPLE or not isinstance(value, Mapping) or "_type" in value:
            flat[key if isinstance(key, str) else str(key)] = value
        else:
            _flatten_into(flat, (str(key),), value)
    return flat


def plain(value: object, sink: Any = None) -> object:
    """Return `value` as None, bool, int, float, str, list or dict of such.

    NaN and the infinities stay floats. Arrays of one element become a number, of up to
    32 a nested list, larger ones the record of a histogram. `sink` receives the bytes of
    media. May wait for a device, and may raise what the value's own methods raise.
    """
    return value if type(value) in SIMPLE else _plain(value, sink, 0)


def _freeze(value: object, within: tuple[int, ...]) -> object:
    """Freeze; `within` are the ids of the containers around the value."""
    if type(value) in SIMPLE or isinstance(value, Frozen):
        return value
    if is_tensor(value):
        return _freeze_tensor(value)
    if isinstance(value, (enum.Enum, float, int, str)) or is_instance_of(value, "numpy", "generic"):
        return _plain_scalar(value)
    if hasattr(value, "to_record"):
        take = getattr(value, "freeze", None)
        return take() if callable(take) else value
    if is_array(value):
        return _freeze_array(value)
    if id(value) in within or len(within) >= MAX_DEPTH:
        return "<holds itself>" if id(value) in within else f"<nested beyond {MAX_DEPTH} levels>"
    inside = (*within, id(value))
    if isinstance(value, Mapping):
        return {key: _freeze(item, inside) for key, item in value.items()}
    if isinstance(value, (list, tuple, AbstractSet, range)):
        return [_freeze(item, inside) for item in _in_order(value)]
    return _freeze_other(value)


def _freeze_other(value: object) -> object:
    if isinstance(value, (decimal.Decimal, fractions.Fraction, datetime.date, datetime.time)):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, (bytes, complex, datetime.timedelta, pathlib.PurePath)):
        return value
    return text_of(value)


def _freeze_tensor(value: Any) -> object:
    try:
        return _take_tensor(value)
    except RuntimeError:
        # It has no values: a meta tensor, or one that a transformation of functions traces.
        return text_of(value)


def _take_tensor(value: Any) -> object:
    if value.numel() != 1 or value.is_quantized or value.layout != sys.modules["torch"].strided:
        taken = TakenArray(value)
        return Frozen(lambda: _plain_array(taken.numpy()))
    scalar = value.detach().reshape(())
    if scalar.device.type != "cuda":
        return scalar.item()
    import torch

    # Queued behind the work that makes the value, so the training thread does not wait. Asking the
    # tensor later, from the writer thread, would wait for all work that was queued in between.
    host = torch.empty((), dtype=scalar.dtype, pin_memory=True)
    host.copy_(scalar, non_blocking=True)
    done = torch.cuda.Event()
    done.record(torch.cuda.current_stream(scalar.device))

    def fetch() -> object:
        done.synchronize()
        return host.item()

    return Frozen(fetch)


def _freeze_array(value: Any) -> object:
    if is_instance_of(value, "numpy.ma", "MaskedArray"):
        # What is masked is no number, whatever lies below the mask.
        return _freeze(value.tolist(), ())
    array = import_numpy("an array").asarray(value)
    if array.dtype.kind not in "biufc":
        # Objects, texts, dates, records: few, and each may be of another type.
        return _freeze(array.astype(str).tolist() if array.dtype.kind in "mM" else array.tolist(), ())
    taken = TakenArray(array)
    return Frozen(lambda: _plain_array(taken.numpy()))


def _flatten_into(flat: dict[str, object], path: tuple[str, ...], value: Mapping[Any, object]) -> None:
    for name, item in value.items():
        parts = (*path, str(name))
        if isinstance(item, Mapping) and "_type" not in item and len(parts) < MAX_DEPTH:
            _flatten_into(flat, parts, item)
        else:
            flat[NestedKey(parts)] = item


def _plain(value: object, sink: Any, depth: int) -> object:
    if isinstance(value, Frozen):
        value = value.fetch()
    if type(value) in SIMPLE:
        return value
    if depth > MAX_DEPTH:
        return f"<nested beyond {MAX_DEPTH} levels>"
    if isinstance(value, (enum.Enum, float, int, str)) or is_instance_of(value, "numpy", "generic"):
        return _plain_scalar(value)
    to_record = getattr(value, "to_record", None)
    if callable(to_record):
        return _plain(to_record(sink), sink, depth + 1)
    if isinstance(value, Mapping):
        return {_plain_key(key): _plain(item, sink, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, AbstractSet, range)):
        return [_plain(item, sink, depth + 1) for item in _in_order(value)]
    frozen = _freeze(value, ())
    return _plain_other(frozen) if frozen is value else _plain(frozen, sink, depth)


def _plain_scalar(value: Any) -> object:
    """A number or text of a class of its own (numpy's, an enumeration's, a subclass)."""
    # The base class's own methods: a subclass may print and convert itself as it likes.
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, enum.Enum):
        return value.name
    if value.dtype.kind in "mM":
        return str(value)
    item = value.item()
    if type(item) in SIMPLE:
        return item
    if isinstance(item, bytes):
        return item.decode("utf-8", "backslashreplace")
    # long double has no Python number of its own
    return float(value) if value.dtype.kind == "f" else str(value)


def _plain_other(value: object) -> object:
    if isinstance(value, (decimal.Decimal, fractions.Fraction)):
        try:
            return float(value)
        except (OverflowError, ValueError):
            return str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


def _plain_array(array: Any) -> object:
    if array.size == 1:
        return _plain_scalar(array.reshape(())[()])
    if array.size <= LONGEST_LIST:
        return _plain(array.tolist(), None, 0)
    from tracker.values.histogram import Histogram

    return Histogram(array, num_bins=HISTOGRAM_BINS)


def _plain_key(key: object) -> str:
    return str.__str__(key) if isinstance(key, str) else str(key)


def _in_order(value: Any) -> Any:
    """Members of a set have no order of their own; sorting makes equal sets equal records."""
    return sorted(value, key=repr) if isinstance(value, AbstractSet) else value


def text_of(value: object) -> str:
    """Return the text of an object of any class, cut to `MAX_TEXT`; never fails."""
    name = getattr(value, "__qualname__", None) if callable(value) else None
    try:
        text = name if isinstance(name, str) else str(value)
    except Exception:  # noqa: BLE001 - any class may fail to print itself; training goes on
        text = f"<{type(value).__name__}>"
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
