"""What long work tells whoever shows it.

The verbs call this often (once for each small file), so an implementation adds up
numbers and draws at its own pace. It may be called from several threads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

_TICK_S = 0.5


class Progress(Protocol):
    """A sink for progress; it must not raise, but for KeyboardInterrupt."""

    def add_total(self, files: int, bytes: int) -> None:
        """Say that this much more work was found. The total may grow while work goes on."""

    def advance(self, files: int, bytes: int) -> None:
        """Say that this much of it is done."""


@contextmanager
def ticking(progress: Progress | None) -> Iterator[None]:
    """Let whoever shows progress draw now and then while the block tells nothing: while git is at work."""
    if progress is None:
        yield
        return
    ended = threading.Event()

    def tick() -> None:
        with suppress(
            KeyboardInterrupt
        ):  # Who shows it may say so; the block hears of it from its own calls.
            while not ended.wait(_TICK_S):
                progress.add_total(0, 0)

    thread = threading.Thread(target=tick, name="tracker-ticking", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
