"""Waiting for what must happen, for as long as it takes: the time limit of a test ends what never does."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any


def until(condition: Callable[[], object], process: subprocess.Popen[Any] | None = None) -> None:
    """Return when the condition holds; fail if the process that must bring it about ends before."""
    while not condition():
        ended = process is not None and process.poll() is not None
        if ended and not condition():
            raise AssertionError(f"the process ended before, with status {process.returncode}")
        time.sleep(0.01)
