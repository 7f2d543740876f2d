"""A bucket that lives in a process of its own, so that this one may fork and keep its memory to itself.

The client of object stores starts threads that a forked child does not have, and a
training process forks whenever it likes. So there, the client runs in a helper, which
is started anew in every process that needs one and ends when the process does. What it
connects with goes through a pipe: never into arguments or the environment.
"""

from __future__ import annotations

import atexit
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple
from typing import IO, Any

from vcs.buckets.base import Bucket, DeniedError, Item, UnlistableError, UnreachableError
from vcs.errors import Error, NotFoundError, StoreError, UsageError

_HEAD = struct.Struct("<QIQ")  # number of the request, bytes of what it says, bytes of data
_THREADS = 16
_ERRORS: dict[str, type[Error]] = {
    one.__name__: one
    for one in (UnreachableError, UnlistableError, DeniedError, NotFoundError, StoreError, UsageError)
}


class ApartBucket(Bucket):
    """An `ObjectStoreBucket` in a helper, which starts with the first request."""

    def __init__(
        self, url: str, options: Mapping[str, str], credentials: Mapping[str, str], *, title: str = ""
    ) -> None:
        self.url = url
        self._opening = {
            "url": url,
            "options": dict(options),
            "credentials": dict(credentials),
            "title": title,
        }
        self._lock = threading.Lock()
        self._helper: _Helper | None = None

    def put(self, key: str, data: bytes | bytearray | memoryview) -> None:
        self._ask({"do": "put", "key": key}, data)

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        return self._ask({"do": "get", "key": key, "start": start, "length": length})[1]

    def list(self, prefix: str) -> Iterator[Item]:
        for key, size, modified_s in self._ask({"do": "list", "prefix": prefix})[0]:
            yield Item(key, size, modified_s)

    def delete(self, keys: Iterable[str]) -> None:
        self._ask({"do": "delete", "keys": [*keys]})

    def close(self) -> None:
        with self._lock:
            helper, self._helper = self._helper, None
        if helper is not None:
            helper.close()

    def _ask(self, request: dict[str, Any], data: bytes | bytearray | memoryview = b"") -> tuple[Any, bytes]:
        with self._lock:
            if self._helper is None or not self._helper.is_ours:
                self._helper = _Helper(self._opening)
            helper = self._helper
        answer, content = helper.ask(request, data)
        if "error" in answer:
            kind = _ERRORS.get(answer["error"], StoreError)
            raise kind(answer["message"], hint=answer.get("hint"))
        return answer.get("value"), content


class _Helper:
    """The process, and the answers that are waited for."""

    def __init__(self, opening: Mapping[str, Any]) -> None:
        self._pid = os.getpid()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "vcs.buckets.apart"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us; it ends when we close the pipe.
        )
        self._write_lock = threading.Lock()
        self._waiting: dict[int, Future[tuple[Any, bytes]]] = {}
        self._number = 0
        self._lost = False
        threading.Thread(target=self._read, name="tracker-remote", daemon=True).start()
        atexit.register(self.close)
        self.ask(opening, b"")

    @property
    def is_ours(self) -> bool:
        """Whether it belongs to this process, and not to the one that this was forked from; and lives."""
        return self._pid == os.getpid() and not self._lost

    def ask(self, request: Mapping[str, Any], data: bytes | bytearray | memoryview) -> tuple[Any, bytes]:
        """Send a request and wait for its answer; from any number of threads."""
        future: Future[tuple[Any, bytes]] = Future()
        with self._write_lock:
            self._number += 1
            number = self._number
            self._waiting[number] = future
            try:
                if self._lost:
                    raise BrokenPipeError
                assert self._process.stdin is not None
                _send(self._process.stdin, number, request, data)
            except (OSError, ValueError) as error:
                self._waiting.pop(number, None)
                raise UnreachableError("the helper for the remote ended") from error
        return future.result()

    def close(self) -> None:
        """End it; harmless to repeat, and in a child that was forked."""
        if self._pid != os.getpid():
            return
        atexit.unregister(self.close)
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with suppress(OSError, ValueError, EOFError):
            while True:
                number, answer, data = _receive(self._process.stdout)
                future = self._waiting.pop(number, None)
                if future is not None:
                    future.set_result((answer, data))
        self._lost = True
        while self._waiting:
            with suppress(KeyError):
                self._waiting.popitem()[1].set_exception(UnreachableError("the helper for the remote ended"))


def serve(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until there are no more; the first one says which bucket."""
    from vcs.buckets.objectstore import ObjectStoreBucket

    lock = threading.Lock()

    def answer(number: int, value: Mapping[str, Any], data: bytes = b"") -> None:
        with lock:
            _send(answers, number, value, data)

    def work(bucket: Bucket, number: int, request: Mapping[str, Any], data: bytes) -> None:
        try:
            value, content = _do(bucket, request, data)
        except Error as error:
            kind = type(error).__name__ if type(error).__name__ in _ERRORS else "StoreError"
            answer(number, {"error": kind, "message": error.message, "hint": error.hint})
        else:
            answer(number, {"value": value}, content)

    with suppress(EOFError, BrokenPipeError), ThreadPoolExecutor(_THREADS) as pool:
        number, opening, _ = _receive(asked)
        try:
            bucket = ObjectStoreBucket(
                opening["url"], opening["options"], opening["credentials"], title=opening["title"]
            )
        except Error as error:
            kind = type(error).__name__ if type(error).__name__ in _ERRORS else "UsageError"
            answer(number, {"error": kind, "message": error.message, "hint": error.hint})
            return
        answer(number, {})
        while True:
            number, request, data = _receive(asked)
            pool.submit(work, bucket, number, request, data)


def _do(bucket: Bucket, request: Mapping[str, Any], data: bytes) -> tuple[Any, bytes]:
    match request["do"]:
        case "put":
            bucket.put(request["key"], data)
        case "get":
            return None, bucket.get(request["key"], request["start"], request["length"])
        case "list":
            return [astuple(item) for item in bucket.list(request["prefix"])], b""
        case "delete":
            bucket.delete(request["keys"])
    return None, b""


def _send(
    stream: IO[bytes], number: int, value: Mapping[str, Any], data: bytes | bytearray | memoryview
) -> None:
    said = json.dumps(value).encode()
    stream.write(_HEAD.pack(number, len(said), len(data)) + said)
    stream.write(data)
    stream.flush()


def _receive(stream: IO[bytes]) -> tuple[int, Any, bytes]:
    number, said_bytes, data_bytes = _HEAD.unpack(_exactly(stream, _HEAD.size))
    return number, json.loads(_exactly(stream, said_bytes)), _exactly(stream, data_bytes)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
