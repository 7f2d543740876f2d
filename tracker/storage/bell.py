"""Waking a thread, from anywhere: also from the middle of ringing the same bell.

`threading.Event` and `Condition` hold a lock of their own for a moment. A signal handler
that interrupts just then, and waits for another thread that needs the same event, waits
for ever. A bell is one bare lock, and each of its steps is one call into C.
"""

from __future__ import annotations

import threading
from contextlib import suppress


class Bell:
    """Rung by any thread, any number of times; heard by one, once."""

    def __init__(self) -> None:
        self._silent = threading.Lock()
        self._silent.acquire()

    def ring(self) -> None:
        """Wake who waits, or the next to wait; without effect if it was rung and not yet heard."""
        with suppress(RuntimeError):  # It is released already.
            self._silent.release()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it was rung since the last time; return whether it was."""
        return self._silent.acquire(timeout=-1 if timeout_s is None else timeout_s)
