"""A bucket in a folder of another machine, over ssh."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from vcs.atomic import is_temporary
from vcs.buckets.base import Bucket, Item, UnreachableError
from vcs.buckets.sftp_client import READ_FLAG, WRITE_FLAG, SftpClient
from vcs.errors import NotFoundError, UsageError

# A server that answers so soon, and how many connections it gets.
_NEAR_S = 0.01
_NEAR_CONNECTIONS = 3

SCHEMES = frozenset({"ssh", "sftp"})


class SftpBucket(Bucket):
    """Keys are files below a folder, which appears with the first of them.

    A thread that is at work has a connection of its own; they are kept for the next. With
    a server that is near, few have one and the others wait: a connection costs as much
    as some 50 MB sent, and more of them do not send more. After a fork the child makes
    its own.
    """

    def __init__(self, url: str, command: Sequence[str] = ("ssh",)) -> None:
        """`ssh://[user@]host[:port]/path`; a path that begins with `/~/` lies in the home folder.

        Raises:
            UsageError: The address has no host or no path, or one that ssh would take for an option.
        """
        self.url = url
        parts = urlsplit(url)
        path = unquote(parts.path)
        if not parts.hostname or not path.strip("/") or parts.hostname.startswith("-") or parts.password:
            raise UsageError(f"cannot use {url}", hint="it has the form ssh://user@host/folder")
        self._where = (tuple(command), parts.hostname, parts.port, parts.username)
        self._folder = path.removeprefix("/~/").rstrip("/")
        self._idle: list[SftpClient] = []
        self._lent = 0
        self._delay_s = math.inf
        self._changed = threading.Condition()
        self._pid = os.getpid()

    def put(self, key: str, data: bytes | bytearray | memoryview) -> None:
        target = f"{self._folder}/{key}"
        folder, _, name = target.rpartition("/")
        temporary = f"{folder}/.{name[:100]}.{os.urandom(8).hex()}.tmp"
        with self._client() as client:
            try:
                handle = client.open(temporary, WRITE_FLAG)
            except NotFoundError:
                client.make_folder(folder)
                handle = client.open(temporary, WRITE_FLAG)
            try:
                client.write_and_close(handle, memoryview(data))
                client.replace(temporary, target)
            except UnreachableError:
                raise
            except BaseException:
                client.remove(temporary)
                raise

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        with self._client() as client:
            handle = client.open(f"{self._folder}/{key}", READ_FLAG)
            if length is None:
                length = max(0, client.size(handle) - start)
            data = bytearray(length)
            count = client.read_into(handle, start, memoryview(data))
            client.close_handle(handle)
            return bytes(memoryview(data)[:count])

    def read_into(self, key: str, start: int, view: memoryview) -> int:
        with self._client() as client:
            handle = client.open(f"{self._folder}/{key}", READ_FLAG)
            count = client.read_into(handle, start, view)
            client.close_handle(handle)
            return count

    def list(self, prefix: str) -> Iterator[Item]:
        return self._find(prefix, lambda name: not name.startswith("."))

    def leftovers(self, prefix: str) -> Iterator[Item]:
        return self._find(prefix, is_temporary)

    def _find(self, prefix: str, takes: Callable[[str], bool]) -> Iterator[Item]:
        found: list[Item] = []
        with self._client() as client:
            folders = [prefix]
            while folders:
                below = folders.pop()
                for one in client.list_folder(f"{self._folder}/{below}".rstrip("/")):
                    if one.is_folder:
                        folders.append(f"{below}{one.name}/")
                    elif takes(one.name):
                        found.append(Item(f"{below}{one.name}", one.size, one.modified_s))
        yield from found

    def delete(self, keys: Iterable[str]) -> None:
        with self._client() as client:
            for key in keys:
                client.remove(f"{self._folder}/{key}")

    def close(self) -> None:
        with self._changed:
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()

    @contextmanager
    def _client(self) -> Iterator[SftpClient]:
        """Lend a connection; one that failed in the middle of something is not used again."""
        with self._changed:
            if os.getpid() != self._pid:
                self._pid, self._idle, self._lent = os.getpid(), [], 0
            while self._delay_s < _NEAR_S and self._lent >= _NEAR_CONNECTIONS:
                self._changed.wait()
            self._lent += 1
            client = self._idle.pop() if self._idle else None
        is_usable = False
        try:
            if client is None:
                client = SftpClient(*self._where)
            yield client
            is_usable = True
        except NotFoundError:
            is_usable = True
            raise
        finally:
            self._give_back(client, is_usable=is_usable)

    def _give_back(self, client: SftpClient | None, *, is_usable: bool) -> None:
        with self._changed:
            self._lent -= 1
            if client is not None:
                self._delay_s = min(self._delay_s, client.delay_s)
            if client is not None and is_usable:
                self._idle.append(client)
            self._changed.notify()
        if client is not None and not is_usable:
            client.close()
