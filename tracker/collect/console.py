"""A copy of what the program prints, in a file, while the terminal gets it as before.

The stream objects stay what they are: only their `write` is wrapped. So `isatty`,
`fileno`, `encoding`, `buffer` and subprocesses are untouched, logging handlers made
before are heard, and a library that replaces `sys.stdout` by something that writes to
the old one is heard too. What bypasses the object is not: bytes written to `buffer` or
to the file descriptor, and streams that do not reach the terminal, such as StringIO.

The program's own write comes first and behaves as always. Then the text goes into a
queue; a thread brings it to the file four times a second. So at most the last quarter
of a second is lost with `kill -9`, a slow or full disk never delays `print`, and it never
raises for us. In a child process (fork) lines are written directly when they end.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tracker.collect.cells import in_each_cell
from tracker.collect.line_screen import LineScreen

POLL_S = 0.25
# Text that waits for a disk that does not answer. More than this is dropped and counted.
MOST_WAITING = 64 << 20

_changing_taps = threading.Lock()


class ConsoleCapture:
    """Writes what goes to `sys.stdout` and `sys.stderr` to a file, with progress bars in their last state."""

    def __init__(
        self, path: Path, *, session: int = 0, on_error: Callable[[str], None] = lambda text: None
    ) -> None:
        """Open nothing yet.

        Args:
            path: Where lines are added; created when needed, its folder must be there.
            session: From 1 on, a line `--- session N ---` comes first.
            on_error: Hears one sentence, once, when the file cannot be written or a
                stream cannot be listened to. May print.
        """
        self._path = path
        self._session = session
        self._on_error = on_error
        self._taps: list[_Tap] = []
        self._end_of_cells: Callable[[], None] = lambda: None
        self._queue: deque[tuple[int, str]] = deque()
        self._inside = threading.local()
        self._thread: threading.Thread | None = None
        self._has_failed = False
        self._dropped = 0
        self._waiting = 0
        self._prepare()

    def _prepare(self) -> None:
        """Make what belongs to one process: locks and half-read lines."""
        self._pid = os.getpid()
        self._stop = threading.Event()
        self._lock = threading.RLock()
        self._screens = (LineScreen(), LineScreen())
        self._unwritten = b""

    def start(self) -> None:
        """Begin to listen; a second call does nothing. After `stop` it goes on in the same file."""
        if self._thread is not None:
            return
        if self._session:
            self._unwritten += f"--- session {self._session} ---\n".encode()
            self._session = 0
        self._stop.clear()
        _all_captures.add(self)
        self._thread = threading.Thread(target=self._run, name="tracker-console", daemon=True)
        self._thread.start()
        self._listen_to_both()
        self._end_of_cells = in_each_cell(self._listen_to_both)

    def _listen_to_both(self) -> None:
        with _changing_taps:
            self._leave_taps()
            for number, name in enumerate(("stdout", "stderr")):
                stream = getattr(sys, name)
                if stream is not None and not any(tap.stream is stream for tap in self._taps):
                    self._listen(number, name, stream)

    def _leave_taps(self) -> None:
        for tap in self._taps:
            tap.leave(self)
        self._taps.clear()

    def _listen(self, number: int, name: str, stream: Any) -> None:
        try:
            tap = _tap_of(stream)
        except (AttributeError, TypeError):
            self._fail(
                f"what goes to {name} cannot be recorded: a {type(stream).__name__} cannot be listened to"
            )
            return
        tap.listeners = (*tap.listeners, (number, self))
        self._taps.append(tap)

    def stop(self) -> None:
        """Put the streams back as they were and write what is left, also a line without end.

        Streams that somebody else has wrapped in the meantime stay wrapped, by them. A
        second call does nothing. In a forked child only the streams are put back.
        """
        self._end_of_cells()
        with _changing_taps:
            self._leave_taps()
        thread, self._thread = self._thread, None
        _all_captures.discard(self)
        if thread is None or self._pid != os.getpid():
            return
        self._stop.set()
        thread.join()
        self._drain(is_last=True)

    def flush(self) -> None:
        """Write all finished lines now, in the caller's thread."""
        self._drain()

    # Called by taps, in the threads that print

    def enter(self) -> bool:
        """Whether a write begins that is not part of another one (a stream that writes to a stream)."""
        if getattr(self._inside, "is_inside", False):
            return False
        self._inside.is_inside = True
        return True

    def leave(self) -> None:
        """The write that `enter` began is over."""
        self._inside.is_inside = False

    def take(self, number: int, text: str) -> None:
        """Keep what was written. Takes no lock, so a signal handler may print at any moment."""
        if self._waiting + len(text) > MOST_WAITING:
            self._dropped += len(text)
            return
        self._waiting += len(text)
        self._queue.append((number, text))
        if self._pid != os.getpid() or self._thread is None:
            self._drain()

    # The file

    def _run(self) -> None:
        while not self._stop.wait(POLL_S):
            self._drain()

    def _drain(self, *, is_last: bool = False) -> None:
        with self._lock:
            lines: list[str] = []
            while True:
                try:
                    number, text = self._queue.popleft()
                except IndexError:
                    # Threads that print do not take turns in counting; here the count is known.
                    self._waiting = 0
                    break
                self._waiting -= len(text)
                lines += self._screens[number].feed(text)
            if is_last:
                lines += [line for screen in self._screens for line in screen.finish()]
            if self._dropped and len(self._unwritten) < MOST_WAITING:
                lines.append(f"[{self._dropped} characters of output could not be kept]")
                self._dropped = 0
            self._write("".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace"))

    def _write(self, data: bytes) -> None:
        """Add to the file what was left over and `data`; what does not go is left over again."""
        if self._unwritten and len(self._unwritten) + len(data) > MOST_WAITING:
            self._dropped += len(data)
        else:
            self._unwritten += data
        if not self._unwritten:
            return
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                while self._unwritten:
                    self._unwritten = self._unwritten[os.write(descriptor, self._unwritten) :]
            finally:
                os.close(descriptor)
        except OSError as error:
            self._fail(f"output cannot be written to {self._path}: {error.strerror or error}")

    def _fail(self, text: str) -> None:
        if not self._has_failed:
            self._has_failed = True
            self._on_error(text)

    def after_fork(self) -> None:
        """Leave to the parent what is the parent's: its queue, its thread, its half lines."""
        self._queue.clear()
        pid = self._pid
        self._prepare()
        # So that `take` still sees that this is not the process with the thread.
        self._pid = pid
        self._waiting = 0
        self._inside = threading.local()


_all_captures: weakref.WeakSet[ConsoleCapture] = weakref.WeakSet()


def _after_fork() -> None:
    global _changing_taps
    _changing_taps = threading.Lock()
    for capture in list(_all_captures):
        capture.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class _Tap:
    """The wrapped `write` of one stream and who listens to it."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.listeners: tuple[tuple[int, ConsoleCapture], ...] = ()
        self._had_own = "write" in vars(stream)
        self._inner: Callable[[str], Any] = stream.write
        self._wrapper = self._make_wrapper()
        stream.write = self._wrapper

    def _make_wrapper(self) -> Callable[[str], Any]:
        inner = self._inner

        def write(text: str, /) -> Any:
            heard = [(number, capture) for number, capture in self.listeners if capture.enter()]
            try:
                written = inner(text)
            finally:
                for _, capture in heard:
                    capture.leave()
            if isinstance(text, str):
                for number, capture in heard:
                    capture.take(number, text)
            return written

        write.tap = self  # type: ignore[attr-defined]
        return write

    def leave(self, capture: ConsoleCapture) -> None:
        """Remove a listener, and with the last one the wrapper, unless somebody has wrapped it."""
        self.listeners = tuple(pair for pair in self.listeners if pair[1] is not capture)
        if self.listeners or vars(self.stream).get("write") is not self._wrapper:
            return
        if self._had_own:
            self.stream.write = self._inner
        else:
            with suppress(AttributeError):
                del self.stream.write


def _tap_of(stream: Any) -> _Tap:
    """Return the tap of a stream, a new one if its `write` is not ours.

    Raises:
        AttributeError, TypeError: The stream's `write` cannot be replaced.
    """
    found = getattr(vars(stream).get("write"), "tap", None)
    return found if isinstance(found, _Tap) else _Tap(stream)
