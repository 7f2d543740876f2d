"""Whether an agent on another host is still at work, which nobody here can see.

While its run runs, an agent touches the file with the run's values. If that has not
happened for long, its host is taken for dead, and the values are tried again; an agent
that comes back after all only has made a run too many.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

BEAT_S = 15.0
LEASE_S = 300.0


class Beat:
    """Touches a file, not more often than is needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last_s = time.monotonic()

    def __call__(self) -> None:
        """Say that this agent is at work, if it is time."""
        now_s = time.monotonic()
        if now_s - self._last_s >= BEAT_S:
            self._last_s = now_s
            # A file system that fails now and then must not end the agent.
            with suppress(OSError):
                os.utime(self._path)


def is_over(path: Path) -> bool:
    """Whether the agent that holds the file has not touched it for long; False if there is none."""
    clock = path.with_name("clock")
    try:
        last_s = path.stat().st_mtime
        # By the clock of the file system: those of the hosts may differ.
        clock.touch()
        return clock.stat().st_mtime - last_s > LEASE_S
    except OSError:
        return False
