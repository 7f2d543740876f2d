"""The interface of a bucket: bytes under keys at some address, and nothing else.

Remotes are kept in buckets. Retrying, limiting, counting and failing on purpose are
buckets around a bucket.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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
    """

    url: str

    @abstractmethod
    def put(self, key: str, data: bytes | bytearray | memoryview) -> None:
        """Store a value, in place of what was there."""

    @abstractmethod
    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Return `length` bytes from `start`, all that follow by default; fewer only at the end.

        Raises:
            NotFoundError: There is no such key.
        """

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
