"""Arrays of any library, taken at once and looked at later.

numpy, torch and the rest are looked for in `sys.modules`: a value can be theirs only
if they are loaded, and asking must not load them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from vcs.errors import Error, UsageError

# A numpy array. Its type cannot be named where numpy may be missing, and its operators answer Any.
Array = Any


def is_instance_of(value: object, module: str, name: str) -> bool:
    """Whether `value` is an instance of a class of a module that may not be loaded."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)


def is_tensor(value: object) -> bool:
    """Whether the value is a torch tensor."""
    return is_instance_of(value, "torch", "Tensor")


def is_array(value: object) -> bool:
    """Whether the value is an array: numpy, torch, or one that offers the array interface.

    Scalars of numpy are not; arrays without dimensions are.
    """
    if is_instance_of(value, "numpy", "ndarray") or is_tensor(value):
        return True
    has_interface = hasattr(value, "__array__") or hasattr(value, "__array_interface__")
    return (
        has_interface
        and hasattr(value, "shape")
        and hasattr(value, "dtype")
        and not is_instance_of(value, "numpy", "generic")
        and not is_instance_of(value, "pandas", "DataFrame")
        and not is_instance_of(value, "PIL.Image", "Image")
    )


def import_numpy(what: str) -> Any:
    """Return numpy.

    Raises:
        UsageError: It is not installed; `what` needs it.
    """
    try:
        import numpy
    except ImportError as error:
        raise UsageError(f"{what} needs numpy", hint='pip install "tracker[media]"') from error
    return numpy


class TakenArray:
    """A copy of an array, out of reach of what the caller does next.

    Taking costs one copy of the memory. A tensor on a CUDA device is copied without
    waiting for the device; whoever calls `numpy` first waits.

    Attributes:
        shape: Of the array.
        dtype: The name of its type, as its library spells it.
    """

    def __init__(self, value: object) -> None:
        """Take `value`: an array of any library, or nested sequences of numbers."""
        self.is_tensor = is_tensor(value)
        self._array: Array | None = None
        self._fetch: Callable[[], Array] | None = None
        source: Any = value
        if self.is_tensor:
            self._fetch = _take_tensor(value)
        else:
            source = self._array = _take_array(value)
        self.shape: tuple[int, ...] = tuple(int(length) for length in source.shape)
        self.dtype = str(source.dtype)

    def numpy(self) -> Array:
        """Return the copy as a numpy array; bfloat16 and other types unknown to it as float32."""
        if self._array is None:
            if self._fetch is None:
                raise Error("an array without content")
            self._array = self._fetch()
            self._fetch = None
        return self._array


def _take_array(value: object) -> Array:
    numpy = import_numpy("an array")
    try:
        array: Array = numpy.array(value)
    except ValueError as error:
        # Sequences of unequal lengths.
        raise TypeError(f"not an array of numbers: {error}") from error
    if array.dtype.kind not in "biufc":
        raise TypeError(f"not an array of numbers: {type(value).__name__} of {array.dtype}")
    return array


def _take_tensor(value: Any) -> Callable[[], Array]:
    import torch

    import_numpy("a tensor")
    tensor = value.detach()
    if tensor.layout != torch.strided or tensor.is_quantized:
        tensor = tensor.dequantize() if tensor.is_quantized else tensor.to_dense()
    if tensor.is_conj() or tensor.is_neg():
        tensor = tensor.resolve_conj().resolve_neg()
    if tensor.device.type == "cpu":
        return _as_numpy(tensor.clone())
    if tensor.device.type != "cuda":
        return _as_numpy(tensor.cpu())
    # The copy is queued behind the work that makes the values; the event says when it is done.
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    host.copy_(tensor, non_blocking=True)
    event = torch.cuda.Event()
    event.record(torch.cuda.current_stream(tensor.device))

    def fetch() -> Array:
        event.synchronize()
        # Pinned memory is scarce: the copy that is kept is ordinary memory.
        return _as_numpy(host.clone())()

    return fetch


def _as_numpy(tensor: Any) -> Callable[[], Array]:
    def fetch() -> Array:
        try:
            array: Array = tensor.numpy()
        except TypeError:
            array = (tensor.cfloat() if tensor.is_complex() else tensor.float()).numpy()
        except RuntimeError as error:
            raise Error(f"cannot read a tensor: {error}") from error
        return array

    return fetch
