"""Functions that helpers call in tests."""

from __future__ import annotations

import os
import signal


def who(buffer: memoryview, number: int, padding: bytes = b"") -> tuple[int, int]:
    """Leave the number in the buffer; return it and the process that did."""
    buffer[:4] = number.to_bytes(4, "little")
    return number, os.getpid()


def die_unless(buffer: memoryview, number: int, survivor: int) -> int:
    """Kill every process but one."""
    if os.getpid() != survivor:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def fail(buffer: memoryview, number: int) -> None:
    """A mistake in the work."""
    raise ValueError(f"number {number}")
