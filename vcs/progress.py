"""What long work tells whoever shows it.

The verbs call this often (once for each small file), so an implementation adds up
numbers and draws at its own pace. It may be called from several threads.
"""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A sink for progress; it must not raise, but for KeyboardInterrupt."""

    def add_total(self, files: int, bytes: int) -> None:
        """Say that this much more work was found. The total may grow while work goes on."""

    def advance(self, files: int, bytes: int) -> None:
        """Say that this much of it is done."""
