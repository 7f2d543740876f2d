"""The SFTP protocol, version 3, over the system's ssh.

ssh brings the user's configuration, agent, known hosts and jump hosts; so there are no
credentials here, and nothing is ever asked. Requests are sent ahead of their answers,
so that a long way costs its delay once and not for each block.
One connection serves one thread at a time.
"""

from __future__ import annotations

import fcntl
import math
import os
import re
import struct
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from vcs.buckets.base import DeniedError, UnreachableError
from vcs.errors import Error, NotFoundError, StoreError

_INIT, _VERSION, _OPEN, _CLOSE, _READ, _WRITE, _FSTAT = 1, 2, 3, 4, 5, 6, 8
_OPENDIR, _READDIR, _REMOVE, _MKDIR, _RENAME, _EXTENDED = 11, 12, 13, 14, 18, 200
_STATUS, _HANDLE, _DATA, _NAME, _ATTRS = 101, 102, 103, 104, 105
_OK, _EOF, _NO_SUCH_FILE, _PERMISSION_DENIED = 0, 1, 2, 3
READ_FLAG, WRITE_FLAG = 0x01, 0x02 | 0x08 | 0x20  # write, create, and only if it is not there

# What every server has to take, and what those of OpenSSH take that tell their limits (256 KiB).
_BLOCK_BYTES, _LARGE_BLOCK_BYTES = 32 << 10, 128 << 10
# Requests that may be on their way.
_AHEAD = 64
_MAX_PACKET = 1 << 20
# What of it may lie between us and ssh; 64 KiB would wake both all the time.
_PIPE_BYTES = 1 << 20
_SSH = (
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=15",
    "-o",
    "ServerAliveInterval=15",
    "-o",
    "ClearAllForwardings=yes",
)
_DENIED = re.compile(
    r"permission denied|host key verification failed|no such identity|too many authentication", re.I
)


class RefusedError(StoreError):
    """The server said no; `code` is that of the protocol."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One name of a folder."""

    name: str
    size: int
    modified_s: float
    is_folder: bool


class SftpClient:
    """One connection. After UnreachableError it is of no more use.

    Attributes:
        delay_s: The least time that an answer took.
    """

    def __init__(self, command: Sequence[str], host: str, port: int | None, user: str | None) -> None:
        """Connect. `command` is ssh with the options of the user.

        Raises:
            DeniedError: No key fits, or the host is not known.
            UnreachableError: It cannot be connected to.
            StoreError: There is no ssh, or the server has no SFTP.
        """
        self._host = host
        words = [*command, *_SSH, *(("-p", str(port)) if port else ()), *(("-l", user) if user else ())]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the connection)
        try:
            self._process = subprocess.Popen(
                [*words, "-s", "--", host, "sftp"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is ours to handle; ssh would die before its last answer.
            )
        except OSError as error:
            self._errors.close()
            raise StoreError(
                f"cannot start {words[0]}: {error.strerror}", hint="install an ssh client"
            ) from error
        self._number = 0
        self.delay_s = math.inf
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(OSError):  # A system, or a user, may allow less.
                fcntl.fcntl(stream, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        try:
            self._send_packet(_INIT, struct.pack(">I", 3))
            kind, body = self._read_packet()
            if kind != _VERSION:
                raise StoreError(f"{host} answers, but does not speak SFTP")
            self.extensions = _read_extensions(body[4:])
            large = "limits@openssh.com" in self.extensions
            self._block_bytes = _LARGE_BLOCK_BYTES if large else _BLOCK_BYTES
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the connection; harmless to repeat."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not stream.closed:
                stream.close()
        self._errors.close()

    def open(self, path: str, flags: int) -> bytes:
        """Open a file and return its handle.

        Raises:
            NotFoundError: It, or a folder above it, is not there.
            RefusedError: The server says no.
        """
        return self._handle(_OPEN, _text(path) + struct.pack(">II", flags, 0), path)

    def close_handle(self, handle: bytes) -> None:
        """Close a file; a failure to write may come to light only here."""
        self._check(*self._ask(_CLOSE, _blob(handle)))

    def size(self, handle: bytes) -> int:
        """Return the size of an open file."""
        kind, body = self._ask(_FSTAT, _blob(handle))
        if kind != _ATTRS:
            self._check(kind, body)
        return _Attributes(body, 0).size

    def read_into(self, handle: bytes, start: int, view: memoryview) -> int:
        """Fill `view` with what lies there; return how much that is, less only at the end of the file."""
        step, length = self._block_bytes, len(view)
        wanted = deque((at, min(step, length - at)) for at in range(0, length, step))
        asked: dict[int, tuple[int, int]] = {}
        done = 0
        while wanted or asked:
            while wanted and len(asked) < _AHEAD:
                at, count = wanted.popleft()
                asked[self._send(_READ, _blob(handle) + struct.pack(">QI", start + at, count))] = (at, count)
            kind, number, left = self._read_head()
            if number not in asked:
                raise self._lost("it answers what was not asked")
            at, count = asked.pop(number)
            if kind != _DATA:
                self._check(kind, self._read_exactly(left), allow_end=True)
                continue
            came = int.from_bytes(self._read_exactly(4), "big")
            if came != left - 4 or came > count:
                raise self._lost("it sends what was not asked for")
            self._fill(view[at : at + came])
            done += came
            if 0 < came < count:
                wanted.appendleft((at + came, count - came))
        return done

    def write_and_close(self, handle: bytes, data: memoryview) -> None:
        """Write a file from its beginning, make it durable where the server can, and close it.

        All of it is sent before the last answer is there. The connection stays usable if it fails.
        """
        failed: Error | None = None
        waiting = 0

        def take() -> None:
            nonlocal failed, waiting
            waiting -= 1
            try:
                self._check(*self._answer()[1:])
            except (RefusedError, DeniedError) as error:
                failed = failed or error

        for at in range(0, len(data), self._block_bytes):
            block = data[at : at + self._block_bytes]
            self._send(_WRITE, _blob(handle) + struct.pack(">QI", at, len(block)), block)
            waiting += 1
            if waiting == _AHEAD:
                take()
        if "fsync@openssh.com" in self.extensions:
            self._send(_EXTENDED, _text("fsync@openssh.com") + _blob(handle))
            waiting += 1
        self._send(_CLOSE, _blob(handle))
        waiting += 1
        while waiting:
            take()
        if failed is not None:
            raise failed

    def replace(self, old: str, new: str) -> None:
        """Rename, in place of what is there; at once, where the server can."""
        if "posix-rename@openssh.com" in self.extensions:
            self._check(*self._ask(_EXTENDED, _text("posix-rename@openssh.com") + _text(old) + _text(new)))
            return
        kind, body = self._ask(_RENAME, _text(old) + _text(new))
        if _status_of(kind, body)[0] != _OK:
            self.remove(new)
            self._check(*self._ask(_RENAME, _text(old) + _text(new)))

    def remove(self, path: str) -> bool:
        """Remove a file; False if it is not there."""
        kind, body = self._ask(_REMOVE, _text(path))
        if _status_of(kind, body)[0] == _NO_SUCH_FILE:
            return False
        self._check(kind, body)
        return True

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it; one that is there is fine."""
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            above = "/".join(parts[:count])
            if above and above != ".":
                self._ask(_MKDIR, _text(above) + struct.pack(">I", 0))

    def list_folder(self, path: str) -> Iterator[FoundFile]:
        """Yield the names in a folder; none if it is not there."""
        try:
            handle = self._handle(_OPENDIR, _text(path), path)
        except NotFoundError:
            return
        try:
            while True:
                kind, body = self._ask(_READDIR, _blob(handle))
                if kind != _NAME:
                    self._check(kind, body, allow_end=True)
                    return
                yield from _read_names(body)
        finally:
            self.close_handle(handle)

    # the wire

    def _handle(self, request: int, body: bytes, path: str) -> bytes:
        kind, answer = self._ask(request, body)
        if kind == _HANDLE:
            return _take_blob(answer, 0)[0]
        code, message = _status_of(kind, answer)
        if code == _NO_SUCH_FILE:
            raise NotFoundError(f"{self._host} has no {path}")
        raise self._refusal(code, f"{path}: {message}")

    def _check(self, kind: int, body: bytes, *, allow_end: bool = False) -> None:
        code, message = _status_of(kind, body)
        if code != _OK and not (allow_end and code == _EOF):
            raise self._refusal(code, message)

    def _refusal(self, code: int, message: str) -> Error:
        if code == _PERMISSION_DENIED:
            return DeniedError(
                f"{self._host}: permission denied ({message})", hint="check who owns the folder"
            )
        hint = "is its disk full?" if code == 4 else None
        refused = RefusedError(code, f"{self._host} refused: {message}")
        refused.hint = hint
        return refused

    def _ask(self, kind: int, body: bytes) -> tuple[int, bytes]:
        asked_s = time.monotonic()
        number = self._send(kind, body)
        answered, answer, rest = self._answer()
        self.delay_s = min(self.delay_s, time.monotonic() - asked_s)
        if answered != number:
            raise self._lost("it answers what was not asked")
        return answer, rest

    def _send(self, kind: int, body: bytes, data: memoryview | None = None) -> int:
        self._number = (self._number + 1) & 0xFFFFFFFF
        self._send_packet(kind, struct.pack(">I", self._number) + body, data)
        return self._number

    def _answer(self) -> tuple[int, int, bytes]:
        kind, body = self._read_packet()
        if len(body) < 4:
            raise self._lost("it sends what is not SFTP")
        return int.from_bytes(body[:4], "big"), kind, body[4:]

    def _send_packet(self, kind: int, body: bytes, data: memoryview | None = None) -> None:
        assert self._process.stdin is not None
        length = 1 + len(body) + (len(data) if data is not None else 0)
        left = [memoryview(struct.pack(">IB", length, kind) + body)]
        if data is not None:
            left.append(data)
        try:
            fd = self._process.stdin.fileno()
            while left:
                count = os.writev(fd, left)
                while left and count >= len(left[0]):
                    count -= len(left.pop(0))
                if left:
                    left[0] = left[0][count:]
        except (OSError, ValueError) as error:
            raise self._lost("the connection ended") from error

    def _read_packet(self) -> tuple[int, bytes]:
        length = int.from_bytes(self._read_exactly(4), "big")
        if not 1 <= length <= _MAX_PACKET:
            raise self._lost("it sends what is not SFTP (does its shell print something at login?)")
        packet = self._read_exactly(length)
        return packet[0], packet[1:]

    def _read_head(self) -> tuple[int, int, int]:
        """Return the kind of an answer, the number of what it answers, and how many bytes are to follow."""
        head = self._read_exactly(9)
        length = int.from_bytes(head[:4], "big")
        if not 5 <= length <= _MAX_PACKET:
            raise self._lost("it sends what is not SFTP")
        return head[4], int.from_bytes(head[5:], "big"), length - 5

    def _read_exactly(self, count: int) -> bytes:
        data = bytearray(count)
        self._fill(memoryview(data))
        return bytes(data)

    def _fill(self, view: memoryview) -> None:
        assert self._process.stdout is not None
        try:
            fd = self._process.stdout.fileno()
            while view:
                count = os.readv(fd, [view])
                if not count:
                    raise self._lost("the connection ended")
                view = view[count:]
        except (OSError, ValueError) as error:
            raise self._lost("the connection ended") from error

    def _lost(self, why: str) -> Error:
        """Return the error for a connection that is of no more use, in ssh's words if it said any."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        said = ""
        if not self._errors.closed:
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").strip().splitlines()
            said = next((line for line in reversed(lines) if line.strip()), "").strip()
            if any(_DENIED.search(line) for line in lines):
                told = next(line for line in reversed(lines) if _DENIED.search(line)).strip()
                hint = f"see that this works without a question: ssh {self._host} true"
                return DeniedError(f"cannot log in to {self._host}: {told}", hint=hint)
            if "subsystem request failed" in "\n".join(lines):
                return StoreError(f"{self._host} offers no SFTP")
        return UnreachableError(f"cannot talk to {self._host}: {said or why}")


class _Attributes:
    """The attributes of a file in an answer, and where they end."""

    def __init__(self, body: bytes, at: int) -> None:
        flags = int.from_bytes(body[at : at + 4], "big")
        at += 4
        self.size = self.mode = 0
        self.modified_s = 0.0
        if flags & 1:
            self.size = int.from_bytes(body[at : at + 8], "big")
            at += 8
        if flags & 2:
            at += 8
        if flags & 4:
            self.mode = int.from_bytes(body[at : at + 4], "big")
            at += 4
        if flags & 8:
            self.modified_s = float(int.from_bytes(body[at + 4 : at + 8], "big"))
            at += 8
        if flags & 0x80000000:
            count = int.from_bytes(body[at : at + 4], "big")
            at += 4
            for _ in range(2 * count):
                at = _take_blob(body, at)[1]
        self.end = at


def _read_names(body: bytes) -> Iterator[FoundFile]:
    at = 4
    for _ in range(int.from_bytes(body[:4], "big")):
        name, at = _take_blob(body, at)
        _, at = _take_blob(body, at)
        attributes = _Attributes(body, at)
        at = attributes.end
        text = os.fsdecode(name)
        if text not in (".", ".."):
            is_folder = attributes.mode & 0o170000 == 0o040000
            yield FoundFile(text, attributes.size, attributes.modified_s, is_folder)


def _read_extensions(body: bytes) -> frozenset[str]:
    names = set()
    at = 0
    while at < len(body):
        name, at = _take_blob(body, at)
        _, at = _take_blob(body, at)
        names.add(name.decode(errors="replace"))
    return frozenset(names)


def _status_of(kind: int, body: bytes) -> tuple[int, str]:
    if kind != _STATUS:
        return -1, f"an answer of kind {kind}"
    code = int.from_bytes(body[:4], "big")
    message = _take_blob(body, 4)[0].decode(errors="replace") if len(body) > 4 else ""
    return code, message or f"status {code}"


def _blob(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _text(text: str) -> bytes:
    return _blob(os.fsencode(text))


def _take_blob(body: bytes, at: int) -> tuple[bytes, int]:
    end = at + 4 + int.from_bytes(body[at : at + 4], "big")
    if end > len(body):
        raise UnreachableError("an answer of the SFTP server is cut")
    return body[at + 4 : end], end
