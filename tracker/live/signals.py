"""Signals that end a process, noticed so that its run can say which one it was.

SIGTERM and SIGHUP kill a Python process without a word. While a run is live they go
to us first, if nobody else handles them; the run is closed, within a bound, and then
the signal does what it would have done, so the exit status is the same as without
us. Ctrl-C is an exception in Python and needs nothing here.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

# A scheduler that sends SIGTERM gives 30 s or so before it sends SIGKILL.
CLOSE_TIMEOUT_S = 20.0

_WATCHED = ("SIGTERM", "SIGHUP")


def _numbers() -> list[signal.Signals]:
    return [getattr(signal, name) for name in _WATCHED if hasattr(signal, name)]


class SignalWatch:
    """Calls `on_end(name, number)` when a signal is about to end the process."""

    def __init__(
        self,
        on_end: Callable[[str, int], None],
        *,
        is_ending: Callable[[], bool],
        leave_locks: Callable[[], None],
    ) -> None:
        """`is_ending` says whether a run is just being ended, on whatever thread.

        `leave_locks` is called on the interrupted thread, which will not go on.
        """
        self._leave_locks = leave_locks
        self._on_end = on_end
        self._is_ending = is_ending
        self._deferred = False
        self._pid = os.getpid()
        self._received = 0
        self._masked = threading.local()

    def install(self) -> None:
        """Take over those signals that still have Python's default; a no-op outside the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _numbers():
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, self._handle)

    def release(self) -> None:
        """Give the signals back; used in forked children and in tests."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _numbers():
            # == and not `is`: each access makes a new bound method.
            if signal.getsignal(number) == self._handle:
                signal.signal(number, signal.SIG_DFL)

    def before_fork(self) -> None:
        """Hold the signals back for the thread that forks; `after_fork` lets them through again.

        One that is sent to a child at once would otherwise meet the parent's handler half
        way, and be lost.
        """
        self._masked.before = signal.pthread_sigmask(signal.SIG_BLOCK, _numbers())

    def after_fork(self, *, in_child: bool) -> None:
        """Undo `before_fork`; in the child, after the signals are nobody's again."""
        if in_child:
            self.release()
        before = self._masked.__dict__.pop("before", None)
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def deliver(self) -> None:
        """Let a signal that came while a run was being ended do what it does, now that it has ended."""
        if self._deferred:
            self.release()
            os.kill(os.getpid(), self._received)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() == self._pid and not self._deferred and self._is_ending():
            # The interrupted code is in the middle of the end, and nobody else can finish it.
            # A second signal does not wait.
            self._deferred, self._received = True, number
            return
        if os.getpid() == self._pid and not self._deferred:
            self._close_within_bound(signal.Signals(number))
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _close_within_bound(self, received: signal.Signals) -> None:
        # The interrupted code may hold other locks, that of the ledger for example, and goes on only
        # after this handler. So the closing happens in a thread, and is left behind if it hangs.
        self._leave_locks()
        closing = threading.Thread(
            target=self._on_end, args=(received.name, int(received)), name="tracker-end", daemon=True
        )
        closing.start()
        closing.join(CLOSE_TIMEOUT_S)
