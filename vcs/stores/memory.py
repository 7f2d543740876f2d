"""A store in memory: for tests, and for objects that nobody keeps."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from vcs.atomic import disk_error
from vcs.digest import Digest, digest_bytes
from vcs.errors import ConflictError, NotFoundError, UsageError
from vcs.stores.base import Batch, Store


class MemoryStore(Store):
    """Objects of this process. Nothing survives it."""

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.objects: dict[Digest, bytes] = {}
        self._lock = threading.Lock()

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        batch = _MemoryBatch(self)
        yield batch
        with self._lock:
            self.objects.update(batch.staged)

    def contains(self, digest: Digest) -> bool:
        return digest in self.objects

    def size(self, digest: Digest) -> int:
        return len(self._get(digest))

    def open(self, digest: Digest) -> BinaryIO:
        return io.BytesIO(self._get(digest))

    def list(self) -> Iterator[Digest]:
        with self._lock:
            return iter(tuple(self.objects))

    def delete(self, digests: Iterable[Digest]) -> int:
        with self._lock:
            return sum(self.objects.pop(digest, None) is not None for digest in digests)

    def _get(self, digest: Digest) -> bytes:
        try:
            return self.objects[digest]
        except KeyError:
            raise NotFoundError(f"object {digest[:12]} is not in {self.name}") from None


class _MemoryBatch(Batch):
    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.staged: dict[Digest, bytes] = {}

    def put_bytes(self, data: bytes, *, like: Digest | None = None) -> Digest:
        digest = digest_bytes(data)
        self.staged[digest] = bytes(data)
        return digest

    def contains(self, digest: Digest) -> bool:
        return digest in self.staged or self._store.contains(digest)

    def put_file(
        self, path: Path, *, advance: Callable[[int], None] | None = None, like: Digest | None = None
    ) -> tuple[Digest, int]:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise UsageError(f"{path} is not a regular file")
        for _ in range(2):
            try:
                before = path.stat()
                data = path.read_bytes()
                after = path.stat()
            except FileNotFoundError:
                raise NotFoundError(f"no such file: {path}") from None
            except OSError as error:
                raise disk_error(error, f"cannot read {path}") from error
            if (
                (before.st_size, before.st_mtime_ns)
                == (after.st_size, after.st_mtime_ns)
                == (
                    len(data),
                    after.st_mtime_ns,
                )
            ):
                if advance is not None:
                    advance(len(data))
                return self.put_bytes(data), len(data)
        raise ConflictError(f"{path} changed while it was read")
