"""The interface of a bucket: bytes under keys at some address, and nothing else.

Remotes are kept in buckets. Retrying, limiting, counting and failing on purpose are
buckets around a bucket.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vcs.atomic import Stretch
from vcs.errors import StoreError


class UnreachableError(StoreError):
    """A server did not answer, or not in a way that makes sense: trying again may help."""


class UnlistableError(StoreError):
    """A server that gives values, but no listings: a plain web server over a folder."""


class DeniedError(StoreError):
    """A server wants credentials, or other ones. Trying again does not help."""


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """One key of a listing.

    Attributes:
        modified_s: When it was put, by the clock of the bucket, in seconds since 1970.
    """

    key: str
    size: int
    modified_s: float


class Bucket(ABC):
    """Keys are relative paths of plain letters, digits, `.`, `-`, `_`, `/`.

    Every method may be called from several threads. A value is there whole or not at
    all, and who puts one sees it in the next listing. Failures are StoreError:
    UnreachableError where another try may help, DeniedError where credentials are wrong.

    Attributes:
        url: The address, without credentials, for messages.
        is_near: A request costs next to nothing, `put_from` and `copy_into` take no memory: a folder.
    """

    url: str
    is_near: bool = False

    @abstractmethod
    def put(self, key: str, data: bytes | bytearray | memoryview) -> None:
        """Store a value, in place of what was there."""

    def put_from(self, key: str, stretches: Sequence[Stretch]) -> None:
        """Store what lies in stretches of open files, in place of what was there."""
        whole = bytearray(sum(length for _, _, length in stretches))
        view = memoryview(whole)
        for fd, offset, length in stretches:
            done = 0
            while done < length:
                count = os.preadv(fd, [view[done:length]], offset + done)
                if not count:
                    raise StoreError("a file was cut while it was sent", hint="run it again")
                done += count
            view = view[length:]
        self.put(key, whole)

    @abstractmethod
    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Return `length` bytes from `start`, all that follow by default; fewer only at the end.

        Raises:
            NotFoundError: There is no such key.
        """

    def read_into(self, key: str, start: int, view: memoryview) -> int:
        """Fill `view` with what lies from `start` on; return how much that is, less only at the end.

        As `get`, into memory that the caller has already; a failure leaves anything in it.
        """
        data = self.get(key, start, len(view))
        view[: len(data)] = data
        return len(data)

    def copy_into(self, key: str, start: int, length: int, target: int, at: int) -> int:
        """Have the system copy what lies from `start` on into an open file, from `at` on.

        Returns how much it copied, from the beginning on: nothing where it cannot, less than
        all where something is wrong. The rest, and what is wrong, is found by reading.
        """
        return 0

    @abstractmethod
    def list(self, prefix: str) -> Iterator[Item]:
        """Yield all keys below `prefix`, a folder with its `/` at the end; none if it is not there.

        Raises:
            UnlistableError: There are no listings here.
        """

    def leftovers(self, prefix: str) -> Iterator[Item]:
        """Yield what puts that were killed have left below `prefix`; no listing shows it.

        A put that is at work looks the same, so what is young is to be left alone. Where
        the server takes a value whole or not at all, there is nothing.
        """
        yield from ()

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> None:
        """Remove keys; absent ones are skipped."""

    def close(self) -> None:  # noqa: B027 (most have nothing to give back)
        """Give back connections; harmless to repeat. The next use connects again."""
