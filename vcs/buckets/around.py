"""Buckets around a bucket: trying again, keeping to a rate, counting."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from vcs.atomic import Stretch
from vcs.buckets.base import Bucket, Item, UnreachableError

T = TypeVar("T")

TRIES = 7
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 10.0


class Around(Bucket):
    """Passes everything on; what it is made for overrides what it changes.

    `put_from` and `read_into` are the exception: they go by `put` and `get`, so that who
    changes these changes those too; and `copy_into`, which then copies nothing.
    """

    def __init__(self, inner: Bucket) -> None:
        self.inner = inner
        self.url = inner.url

    def put(self, key: str, data: bytes | bytearray | memoryview) -> None:
        self.inner.put(key, data)

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        return self.inner.get(key, start, length)

    def list(self, prefix: str) -> Iterator[Item]:
        return self.inner.list(prefix)

    def leftovers(self, prefix: str) -> Iterator[Item]:
        return self.inner.leftovers(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        self.inner.delete(keys)

    def close(self) -> None:
        self.inner.close()


class Retrying(Around):
    """Tries again when the server did not answer, a little later each time.

    All operations of a bucket can be repeated without harm, so what happened to the
    request that failed does not matter.
    """

    def __init__(
        self, inner: Bucket, *, tries: int = TRIES, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Give up after `tries`: about half a minute with the default."""
        super().__init__(inner)
        self.is_near = inner.is_near
        self._tries = tries
        self._sleep = sleep

    def put(self, key: str, data: bytes | bytearray | memoryview) -> None:
        self._retry(lambda: self.inner.put(key, data))

    def put_from(self, key: str, stretches: Sequence[Stretch]) -> None:
        self._retry(lambda: self.inner.put_from(key, stretches))

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        return self._retry(lambda: self.inner.get(key, start, length))

    def read_into(self, key: str, start: int, view: memoryview) -> int:
        return self._retry(lambda: self.inner.read_into(key, start, view))

    def copy_into(self, key: str, start: int, length: int, target: int, at: int) -> int:
        return self.inner.copy_into(key, start, length, target, at)

    def list(self, prefix: str) -> Iterator[Item]:
        yield from self._retry(lambda: [*self.inner.list(prefix)])

    def leftovers(self, prefix: str) -> Iterator[Item]:
        yield from self._retry(lambda: [*self.inner.leftovers(prefix)])

    def delete(self, keys: Iterable[str]) -> None:
        gone = [*keys]
        self._retry(lambda: self.inner.delete(gone))

    def _retry(self, do: Callable[[], T]) -> T:
        wait_s = _FIRST_WAIT_S
        for _ in range(self._tries - 1):
            try:
                return do()
            except UnreachableError:
                # Not all at the same moment: the server may be down because there were too many.
                self._sleep(wait_s * random.uniform(0.5, 1.0))
                wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
        return do()


class Limited(Around):
    """Keeps to a number of bytes a second, both ways together.

    It waits before a request for as long as the ones before should have taken, so what
    is sent or asked for at once should be small beside the rate.
    """

    def __init__(
        self,
        inner: Bucket,
        bytes_per_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(inner)
        self.is_near = inner.is_near
        self._rate = bytes_per_s
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock()
        self._lock = threading.Lock()

    def put(self, key: str, data: bytes | bytearray | memoryview) -> None:
        self._take(len(data))
        self.inner.put(key, data)

    def put_from(self, key: str, stretches: Sequence[Stretch]) -> None:
        self._take(sum(length for _, _, length in stretches))
        self.inner.put_from(key, stretches)

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        self._take(length or 0)
        data = self.inner.get(key, start, length)
        if length is None:
            self._take(len(data))
        return data

    def read_into(self, key: str, start: int, view: memoryview) -> int:
        self._take(len(view))
        return self.inner.read_into(key, start, view)

    def copy_into(self, key: str, start: int, length: int, target: int, at: int) -> int:
        self._take(length)
        return self.inner.copy_into(key, start, length, target, at)

    def _take(self, count: int) -> None:
        with self._lock:
            now = self._clock()
            begins_at = max(now, self._free_at)
            self._free_at = begins_at + count / self._rate
        if begins_at > now:
            self._sleep(begins_at - now)


class Counted(Around):
    """Counts requests by kind, and bytes; for benchmarks, tests and `--json`."""

    def __init__(self, inner: Bucket) -> None:
        super().__init__(inner)
        self.is_near = inner.is_near
        self.requests: Counter[str] = Counter()
        self.sent_bytes = 0
        self.received_bytes = 0
        self._lock = threading.Lock()

    @property
    def total(self) -> int:
        """All requests so far."""
        return sum(self.requests.values())

    def put(self, key: str, data: bytes | bytearray | memoryview) -> None:
        self._count("put", sent=len(data))
        self.inner.put(key, data)

    def put_from(self, key: str, stretches: Sequence[Stretch]) -> None:
        self._count("put", sent=sum(length for _, _, length in stretches))
        self.inner.put_from(key, stretches)

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        self._count("get")
        data = self.inner.get(key, start, length)
        with self._lock:
            self.received_bytes += len(data)
        return data

    def read_into(self, key: str, start: int, view: memoryview) -> int:
        self._count("get")
        count = self.inner.read_into(key, start, view)
        with self._lock:
            self.received_bytes += count
        return count

    def copy_into(self, key: str, start: int, length: int, target: int, at: int) -> int:
        self._count("get")
        count = self.inner.copy_into(key, start, length, target, at)
        with self._lock:
            self.received_bytes += count
        return count

    def list(self, prefix: str) -> Iterator[Item]:
        self._count("list")
        return self.inner.list(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        self._count("delete")
        self.inner.delete(keys)

    def _count(self, kind: str, sent: int = 0) -> None:
        with self._lock:
            self.requests[kind] += 1
            self.sent_bytes += sent
