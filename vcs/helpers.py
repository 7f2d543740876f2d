"""Processes that help with many small pieces of work.

Python runs one thread at a time, so for work that is mostly short system calls a second
core is had by a second process only. A helper is a Python of its own, started by exec (a
fork of a process with threads may hang), that calls a few functions over and over. Both
sides share a buffer; requests and replies go through a socket. A helper holds nothing
that matters: if it dies, or none can be started, the work is done here.
"""

from __future__ import annotations

import marshal
import mmap
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from vcs.helper_process import MAX_MESSAGE, SLOTS

if TYPE_CHECKING:
    from socket import socket

# A function of a module, called with a buffer and plain values.
Work: TypeAlias = Callable[..., Any]


class Request(NamedTuple):
    """A call of a function, by whoever has time.

    Attributes:
        which: The number of the function.
        arguments: What it gets besides the buffer.
        done: Gets what the function returned, and the buffer as it left it. May return a
            request for more work on the same buffer, which then goes to the same process.
        lost: Called instead of `done` if a helper died that may have done some of it. Of a
            request that `done` returned, it does the work here; the buffer is still as it was.
    """

    which: int
    arguments: tuple[Any, ...]
    done: Callable[[Any, memoryview], Request | None]
    lost: Callable[[], None]


# What is left to this process alone takes as long as what three others do.
_MOST_HELPERS = 3
_NOT_NOW = 0x40  # MSG_DONTWAIT; the module of sockets takes 10 ms.


class Helpers:
    """Calls of a few functions, here and in other processes. For one thread, as a context.

    `done` is called in this thread, in no order, before `finish` returns.
    """

    def __init__(
        self, works: Sequence[Work], buffer_bytes: int, *, begin_after: int, here_bytes: int | None = None
    ) -> None:
        """Call each as `work(buffer, *arguments)`; the first `begin_after` pieces stay here.

        The functions are of one module that a bare Python imports quickly. They have no
        effect, or one that is not repeated: see `Request.lost`. With `here_bytes`, the buffer
        is smaller here: who does less at a time looks after the helpers more often.
        """
        self._works = works
        self._buffer_bytes = buffer_bytes
        self._buffer = memoryview(bytearray(here_bytes or buffer_bytes))
        self._begin_after = begin_after
        self._count = 0
        self._begun = self._collecting = False
        self._helpers: list[_Helper] = []

    def __enter__(self) -> Helpers:
        return self

    def __exit__(self, *_: object) -> None:
        for helper in self._helpers:
            helper.end()
        self._helpers = []

    def call(self, request: Request, pieces: int) -> None:
        """Do the work now or soon, wherever there is time; `pieces` is how much it is.

        `done` may call for more when it needs its buffer no longer.
        """
        self._count += pieces
        if not self._begun and self._count > self._begin_after:
            self._begun = True
            self._helpers = _start(self._works, self._buffer_bytes)
        if not self._collecting:
            self._collect()
        if any(helper.take(request) for helper in self._helpers):
            return
        reply = self._works[request.which](self._buffer, *request.arguments)
        more = request.done(reply, self._buffer)
        if more is not None:
            more.lost()

    def finish(self) -> None:
        """Wait until all is done."""
        while any(helper.waiting for helper in self._helpers):
            self._collect(wait=True)

    def _collect(self, *, wait: bool = False) -> None:
        self._collecting = True
        try:
            for helper in list(self._helpers):
                helper.collect(wait=wait)
                if helper.gone:
                    self._helpers.remove(helper)
                    helper.end()
                    for request in helper.waiting.values():
                        request.lost()
        finally:
            self._collecting = False


class _Helper:
    """One process, seen from here."""

    def __init__(
        self, process: subprocess.Popen[bytes], connection: socket, buffers: list[memoryview]
    ) -> None:
        self._process = process
        self._connection = connection
        self._buffers = buffers
        self._free = list(range(len(buffers)))
        self.waiting: dict[int, Request] = {}
        self.gone = False

    def take(self, request: Request) -> bool:
        """Send a request; False if the helper is busy or cannot take it."""
        if not self._free or self.gone or not self._send(self._free[-1], request):
            return False
        self._free.pop()
        return True

    def collect(self, *, wait: bool) -> None:
        """Pass on the replies that are there, after waiting for one with `wait`."""
        while self.waiting:
            try:
                message = self._connection.recv(MAX_MESSAGE, 0 if wait else _NOT_NOW)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self.gone = True
                return
            slot, reply = marshal.loads(message)
            more = self.waiting.pop(slot).done(reply, self._buffers[slot])
            if more is None or not self._send(slot, more):
                if more is not None:
                    more.lost()
                self._free.append(slot)
            wait = False

    def _send(self, slot: int, request: Request) -> bool:
        message = marshal.dumps((slot, request.which, request.arguments))
        if len(message) > MAX_MESSAGE:
            return False
        try:
            self._connection.send(message)
        except OSError:  # It died; `collect` notices.
            return False
        self.waiting[slot] = request
        return True

    def end(self) -> None:
        """End it at once: it has nothing to lose."""
        self._connection.close()
        self._process.kill()
        self._process.wait()


def _start(works: Sequence[Work], buffer_bytes: int) -> list[_Helper]:
    """Start a helper for each core that is left, if the system can."""
    from socket import AF_UNIX, SOCK_SEQPACKET, socketpair

    helpers: list[_Helper] = []
    for _ in range(min(_MOST_HELPERS, cores() - 1)):
        try:
            memory_fd = os.memfd_create("tracker-helper")
            try:
                os.ftruncate(memory_fd, SLOTS * buffer_bytes)
                memory = memoryview(mmap.mmap(memory_fd, SLOTS * buffer_bytes))
                ours, theirs = socketpair(AF_UNIX, SOCK_SEQPACKET)
                with theirs:
                    fds = (theirs.fileno(), memory_fd)
                    names = ",".join(work.__name__ for work in works)
                    arguments = (works[0].__module__, names, *fds, buffer_bytes)
                    process = start_python("vcs.helper_process", "serve", arguments, fds)
            finally:
                os.close(memory_fd)
        except (OSError, AttributeError):  # No such socket or memory on this system.
            break
        if process is None:
            ours.close()
            break
        buffers = [memory[slot * buffer_bytes : (slot + 1) * buffer_bytes] for slot in range(SLOTS)]
        helpers.append(_Helper(process, ours, buffers))
    return helpers


def start_python(
    module: str, function: str, arguments: Sequence[str | int], fds: Sequence[int], *, pipes: bool = False
) -> subprocess.Popen[bytes] | None:
    """Start a bare Python that calls a function, with these descriptors open; None if none can be started.

    It has its modules from where this process has them, and no `site`. With `pipes`, its
    standard input and output are pipes. Ctrl-C is for this process alone.
    """
    # Not a program that merely holds a Python: it would start itself again.
    if not os.path.basename(sys.executable or "").startswith("python"):
        return None
    here = str(Path(__file__).parents[1])
    path = [here, *(place for place in sys.path if place and place != here)]
    code = f"import sys; sys.path[:] = {path!r}\nfrom {module} import {function}\n{function}(*{arguments!r})"
    stream = subprocess.PIPE if pipes else subprocess.DEVNULL
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", code],
            pass_fds=fds,
            process_group=0,
            stdin=stream,
            stdout=stream,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, ValueError):  # No program to start, no process left.
        return None


def cores() -> int:
    """Return on how many cores this process may run."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Not on macOS.
        return os.cpu_count() or 1
