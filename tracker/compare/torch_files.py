"""Checkpoints of torch, opened with `weights_only`: tensors and plain values, no code.

Files in torch's own zip are mapped, so that only what is looked at is read. What was
unpickled is still hostile: it may contain itself, or be a few bytes that unfold for ever.
"""

from __future__ import annotations

import pickle
import shutil
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tracker.compare.tensor import BLOCK, Tensor, TensorFile, UnreadableError
from vcs.digest import Digest
from vcs.stores.base import Store

# What torch's readers raise for bytes that are no checkpoint.
_LOAD_ERRORS = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    MemoryError,
    ImportError,
    pickle.PickleError,
    struct.error,
    zipfile.BadZipFile,
)
# The format before 2020 cannot be mapped.
_MOST_OLD_BYTES = 1 << 30
_MOST_NODES = 1_000_000
_MOST_DEPTH = 100


@contextmanager
def open_torch(digest: Digest, store: Store) -> Iterator[TensorFile]:
    """Open a checkpoint; see `tensor_files.open_tensors`."""
    try:
        import torch
    except ImportError as error:
        raise UnreadableError("to look into it, torch is needed: pip install 'tracker[torch]'") from error
    with _as_file(digest, store) as path:
        mapped = zipfile.is_zipfile(path)
        if not mapped and path.stat().st_size > _MOST_OLD_BYTES:
            raise UnreadableError("it is too large for its old format, which has to be read as a whole")
        try:
            with warnings.catch_warnings(action="ignore"):  # about the spelling of the pickle
                content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
        except _LOAD_ERRORS as error:
            raise UnreadableError(_why(error)) from error
        yield _Reader().read(content)


@contextmanager
def _as_file(digest: Digest, store: Store) -> Iterator[Path]:
    """A file that holds the object: its own in the store, or a copy that is removed."""
    own = store.file_of(digest)
    if own is not None:
        yield own
        return
    with tempfile.NamedTemporaryFile(prefix="tracker-", suffix=".pt") as copy:
        with store.open(digest) as source:
            shutil.copyfileobj(source, copy, 1 << 20)
        copy.flush()
        yield Path(copy.name)


def _why(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, pickle.UnpicklingError) and "Weights only load failed" in text:
        return "it holds Python objects beside tensors, which are not loaded"
    if isinstance(error, KeyError):  # A number out of the pickle says nothing.
        return "it is damaged, or no file of torch"
    return f"it is damaged: {text.splitlines()[0][:200] if text else type(error).__name__}"


class _Reader:
    """Takes what was loaded apart."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._nodes = 0

    def read(self, content: Any) -> TensorFile:
        values = self._take(content, "", 0)
        return TensorFile(self.tensors, {} if values is _TENSOR else values)

    def _take(self, node: Any, path: str, depth: int) -> Any:
        """Return a node without its tensors, which are taken by their paths."""
        import torch

        self._nodes += 1
        if depth > _MOST_DEPTH or self._nodes > _MOST_NODES:
            raise UnreadableError("it is nested without end")
        if isinstance(node, torch.Tensor):
            self.tensors[path or "tensor"] = _TorchTensor(node)
            return _TENSOR
        if isinstance(node, Mapping):
            pairs = ((str(key), key, value) for key, value in node.items())
            taken = {
                key if isinstance(key, str | int) else name: self._take(value, _join(path, name), depth + 1)
                for name, key, value in pairs
            }
            return {key: value for key, value in taken.items() if not _is_empty(value)}
        if isinstance(node, list | tuple | set | frozenset):
            items = [self._take(item, _join(path, str(i)), depth + 1) for i, item in enumerate(node)]
            return [item for item in items if not _is_empty(item)]
        if node is None or isinstance(node, bool | int | float | str):
            return node
        return f"<{type(node).__name__} {str(node)[:200]}>"


_TENSOR = object()


def _is_empty(value: Any) -> bool:
    return value is _TENSOR or value == {} or value == []


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


class _TorchTensor(Tensor):
    """A tensor as torch has it."""

    def __init__(self, tensor: Any) -> None:
        import torch

        self.dtype = str(tensor.dtype).removeprefix("torch.")
        self.shape = tuple(tensor.shape)
        self._tensor = tensor.detach()
        self._plain = tensor.layout == torch.strided and not tensor.is_quantized and not tensor.is_meta

    def blocks(self) -> Iterator[Any]:
        import torch

        if not self._plain:
            raise UnreadableError(f"a tensor of the form {self._tensor.layout} is not compared")
        try:
            flat = self._tensor.reshape(-1)
            for start in range(0, self.count, BLOCK):
                block = flat[start : start + BLOCK]
                if block.dtype.is_complex:
                    yield block.to(torch.complex128).resolve_conj().numpy()
                elif block.dtype.is_floating_point:
                    yield block.to(torch.float64).numpy()
                else:
                    yield block.numpy()
        except (RuntimeError, TypeError) as error:
            raise UnreadableError(f"it cannot be read: {str(error).splitlines()[0][:200]}") from error
