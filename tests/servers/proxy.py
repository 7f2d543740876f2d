"""A proxy that misbehaves on purpose: between a client and a real HTTP server on loopback.

Each connection carries any number of requests; after each request is read, a rule says
what happens to it. Bodies and answers are passed on as they are.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["pass", "503", "drop", "cut", "corrupt"]
_BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class FaultyProxy:
    """A running proxy.

    Attributes:
        rule: What to do with the n-th request, given its first line.
        delay_s: What each answer is late by.
        requests: The first line of every request so far.
        sent_bytes: How long the answers were, without their heads.
    """

    port: int = 0
    rule: Callable[[int, str], Verdict] = lambda number, line: "pass"
    delay_s: float = 0.0
    requests: list[str] = field(default_factory=list)
    sent_bytes: int = 0

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def run_proxy(to_port: int) -> Iterator[FaultyProxy]:
    """Run one for the block, in threads of this process."""
    proxy = FaultyProxy()
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    proxy.port = listener.getsockname()[1]

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=_serve, args=(proxy, client, to_port), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield proxy
    finally:
        listener.close()


def _serve(proxy: FaultyProxy, client: socket.socket, to_port: int) -> None:
    with suppress(OSError, EOFError), client, socket.create_connection(("127.0.0.1", to_port)) as server:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ours, theirs = _Stream(client), _Stream(server)
        while True:
            head = ours.head()
            line = head.split(b"\r\n", 1)[0].decode(errors="replace")
            proxy.requests.append(line)
            verdict = proxy.rule(len(proxy.requests), line)
            if verdict == "drop":
                ours.read(min(1000, ours.length(head)))
                return
            if verdict == "503":
                ours.read(ours.length(head))
                client.sendall(_BUSY)
                return
            if b"100-continue" in head.lower():
                client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                head = head.replace(b"Expect: 100-continue\r\n", b"").replace(
                    b"expect: 100-continue\r\n", b""
                )
            server.sendall(head)
            ours.pass_on(ours.length(head), server)
            answer = theirs.head()
            if proxy.delay_s:
                time.sleep(proxy.delay_s)
            length = 0 if line.startswith("HEAD") or b" 204 " in answer[:20] else theirs.length(answer)
            proxy.sent_bytes += max(length, 0)
            if verdict == "cut" and length > 1:
                client.sendall(answer)
                theirs.pass_on(length // 2, client)
                return
            if verdict == "corrupt" and length > 0:
                body = bytearray(theirs.read(length))
                body[len(body) // 2] ^= 0xFF
                client.sendall(answer + body)
                continue
            client.sendall(answer)
            if length < 0:
                theirs.pass_on_chunks(client)
            else:
                theirs.pass_on(length, client)


class _Stream:
    """One direction of a connection, read by heads and bodies."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""

    def head(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def length(self, head: bytes) -> int:
        """The length of the body; -1 for one in chunks."""
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return int(line.partition(b":")[2])
            if line.startswith(b"transfer-encoding:") and b"chunked" in line:
                return -1
        return 0

    def read(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._fill()
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def pass_on(self, count: int, to: socket.socket) -> None:
        while count > 0:
            if not self._buffer:
                self._fill()
            part, self._buffer = self._buffer[:count], self._buffer[count:]
            to.sendall(part)
            count -= len(part)

    def pass_on_chunks(self, to: socket.socket) -> None:
        while True:
            while b"\r\n" not in self._buffer:
                self._fill()
            line, _, self._buffer = self._buffer.partition(b"\r\n")
            to.sendall(line + b"\r\n")
            size = int(line.split(b";")[0], 16)
            self.pass_on(size + 2, to)
            if not size:
                return

    def _fill(self) -> None:
        data = self._connection.recv(1 << 20)
        if not data:
            raise EOFError
        self._buffer += data
