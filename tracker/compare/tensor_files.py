"""Files of tensors, opened without running anything in them: `.safetensors`, `.npz`, `.npy`, `.pt`.

Values come in blocks, so a file larger than the memory can be read. Headers are hostile:
what they promise is held against what is there before a byte is reserved for it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import IO, Any, BinaryIO

from tracker.compare.tensor import BLOCK, Tensor, TensorFile, UnreadableError
from tracker.compare.torch_files import open_torch
from vcs.digest import Digest
from vcs.stores.base import Store

# The format's own limit is 100 MB; a model of ten thousand tensors needs one.
_MOST_HEADER_BYTES = 100_000_000
_MOST_TENSORS = 1_000_000
_MOST_DIMENSIONS = 64
# Of an array that is stored column by column, which has to be turned as a whole.
_MOST_TURNED_BYTES = 512 << 20


@contextmanager
def open_tensors(suffix: str, digest: Digest, store: Store) -> Iterator[TensorFile]:
    """Open an object as a file of tensors; it must stay open while blocks are read.

    Raises:
        UnreadableError: It is damaged, hostile, or a package that reads it is not installed.
        NotFoundError, StoreError: The object is not there, or cannot be read.
    """
    try:
        import numpy  # noqa: F401
    except ImportError as error:
        raise UnreadableError("to look into it, numpy is needed: pip install 'tracker[media]'") from error
    if suffix in (".pt", ".pth", ".ckpt", ".bin"):
        with open_torch(digest, store) as file:
            yield file
        return
    readers = {".safetensors": _safetensors, ".npz": _npz, ".npy": _npy}
    with store.open(digest) as stream:
        yield readers[suffix](stream)


# safetensors: u64 length, a header of JSON, the bytes of all tensors


class _Raw(Tensor):
    """A tensor whose bytes lie at a place in a file."""

    def __init__(self, stream: BinaryIO, start: int, size: int, dtype: str, shape: tuple[int, ...]) -> None:
        self.dtype, self.shape = dtype, shape
        self.numeric = dtype in _SAFE_TYPES
        self._stream, self._start, self._size = stream, start, size

    def blocks(self) -> Iterator[Any]:
        import numpy as np

        stored = np.dtype(_SAFE_TYPES.get(self.dtype, "u1"))
        step = BLOCK * stored.itemsize
        for offset in range(0, self._size, step):
            self._stream.seek(self._start + offset)
            data = self._stream.read(min(step, self._size - offset))
            if len(data) % stored.itemsize or len(data) < min(step, self._size - offset):
                raise UnreadableError("the file is cut")
            yield _as_numbers(self.dtype, np.frombuffer(data, stored))


_SAFE_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "F8_E5M2": "<u1",
    "F8_E4M3": "<u1",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "<u1",
    "BOOL": "?",
    "C64": "<c8",
}


def _as_numbers(dtype: str, stored: Any) -> Any:
    """Return numbers that numpy has no type for in one that holds them all."""
    import numpy as np

    if dtype == "BF16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    if dtype == "F8_E5M2":
        return (stored.astype(np.uint16) << 8).view(np.float16)
    if dtype == "F8_E4M3":
        return _e4m3(np)[stored]
    return stored


def _e4m3(np: Any) -> Any:
    """The 256 values of float8_e4m3fn: a sign, four bits of exponent, three of fraction, no infinity."""
    values = []
    for code in range(256):
        sign, exponent, fraction = -1.0 if code & 128 else 1.0, (code >> 3) & 15, code & 7
        if exponent == 15 and fraction == 7:
            values.append(float("nan"))
        elif exponent == 0:
            values.append(sign * fraction * 2.0**-9)
        else:
            values.append(sign * (8 + fraction) * 2.0 ** (exponent - 10))
    return np.array(values, np.float32)


def _safetensors(stream: BinaryIO) -> TensorFile:
    size = stream.seek(0, 2)
    stream.seek(0)
    length = int.from_bytes(stream.read(8), "little")
    if size < 8 or not 2 <= length <= min(_MOST_HEADER_BYTES, size - 8):
        raise UnreadableError("it has no header of safetensors")
    try:
        header = json.loads(stream.read(length))
    except (ValueError, RecursionError) as error:
        raise UnreadableError("its header is damaged") from error
    if not isinstance(header, dict) or len(header) > _MOST_TENSORS:
        raise UnreadableError("its header is damaged")
    values = header.pop("__metadata__", {})
    tensors: dict[str, Tensor] = {}
    for name, about in header.items():
        tensors[name] = _safe_tensor(stream, name, about, 8 + length, size)
    return TensorFile(tensors, {"__metadata__": values} if values else {})


def _safe_tensor(stream: BinaryIO, name: str, about: Any, base: int, size: int) -> Tensor:
    import numpy as np

    shown = name[:80]
    try:
        dtype, shape = str(about["dtype"]), tuple(about["shape"])
        start, end = about["data_offsets"]
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableError(f"its header is damaged at {shown!r}") from error
    numbers = (*shape, start, end)
    if not all(type(n) is int and 0 <= n < 1 << 62 for n in numbers) or len(shape) > _MOST_DIMENSIONS:
        raise UnreadableError(f"its header is damaged at {shown!r}")
    if not start <= end <= size - base:
        raise UnreadableError(f"{shown!r} lies outside of the file")
    if dtype in _SAFE_TYPES and prod(shape) * np.dtype(_SAFE_TYPES[dtype]).itemsize != end - start:
        raise UnreadableError(f"{shown!r} has not the size that its shape needs")
    return _Raw(stream, base + start, end - start, dtype, shape)


# npy: magic, version, a header in Python's spelling, the bytes; npz: a zip of those


class _Array(Tensor):
    """An array of numpy's own format; `reopen` gives a stream at its beginning."""

    def __init__(self, archive: zipfile.ZipFile | None, source: Any, stream: IO[bytes]) -> None:
        self._archive, self._source = archive, source
        self._dtype, self.shape, self._fortran = _read_header(stream)
        self.dtype = str(self._dtype)
        self.numeric = self._dtype.kind in "biufc"

    def blocks(self) -> Iterator[Any]:
        if self._dtype.hasobject:
            raise UnreadableError("it holds Python objects, which are not loaded")
        if self._archive is None:
            self._source.seek(0)
            yield from self._blocks(self._source)
            return
        try:
            with self._archive.open(self._source) as stream:
                yield from self._blocks(stream)
        except _ZIP_ERRORS as error:
            raise UnreadableError(f"it is damaged: {error}") from error

    def _blocks(self, stream: IO[bytes]) -> Iterator[Any]:
        import numpy as np

        _read_header(stream)
        if self._fortran and len(self.shape) > 1:
            flat = self._turned(stream)
            for start in range(0, len(flat), BLOCK):
                yield flat[start : start + BLOCK]
            return
        left = self.count
        while left:
            data = _read_exactly(stream, min(BLOCK, left) * self._dtype.itemsize)
            yield np.frombuffer(data, self._dtype if self.numeric else np.uint8)
            left -= min(BLOCK, left)

    def _turned(self, stream: IO[bytes]) -> Any:
        import numpy as np

        size = self.count * self._dtype.itemsize
        if size > _MOST_TURNED_BYTES:
            raise UnreadableError("it is stored column by column, and too large to be turned")
        columns = np.frombuffer(_read_exactly(stream, size), self._dtype).reshape(self.shape[::-1])
        flat = np.ascontiguousarray(columns.T).reshape(-1)
        return flat if self.numeric else flat.view(np.uint8)


_ZIP_ERRORS = (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError)


def _read_header(stream: IO[bytes]) -> tuple[Any, tuple[int, ...], bool]:
    """Return type, shape and whether it is stored column by column."""
    import numpy as np

    form: Any = np.lib.format
    try:
        version = form.read_magic(stream)
        read = {(1, 0): form.read_array_header_1_0, (2, 0): form.read_array_header_2_0}[version]
        shape, fortran, dtype = read(stream)
    except (ValueError, KeyError, TypeError, SyntaxError, EOFError, RecursionError, MemoryError) as error:
        raise UnreadableError("its header is damaged") from error
    if not all(0 <= n < 1 << 62 for n in shape) or (not dtype.hasobject and prod(shape) >= 1 << 62):
        raise UnreadableError("its header is damaged")
    return dtype, tuple(shape), fortran


def _read_exactly(stream: IO[bytes], size: int) -> bytes:
    """Read so many bytes, in parts: a header must not make us reserve what is not there."""
    parts: list[bytes] = []
    while size > 0:
        part = stream.read(min(size, 16 << 20))
        if not part:
            raise UnreadableError("the file is cut")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _npy(stream: BinaryIO) -> TensorFile:
    return TensorFile({"array": _Array(None, stream, stream)})


def _npz(stream: BinaryIO) -> TensorFile:
    try:
        archive = zipfile.ZipFile(stream)
        tensors: dict[str, Tensor] = {}
        for member in archive.infolist():
            if member.filename.endswith(".npy"):
                with archive.open(member) as inner:
                    tensors[member.filename.removesuffix(".npy")] = _Array(archive, member, inner)
    except UnreadableError:
        raise
    except _ZIP_ERRORS as error:
        raise UnreadableError(f"it is damaged: {error}") from error
    return TensorFile(tensors)
