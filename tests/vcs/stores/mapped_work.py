"""Stands in for the process that compares mapped files, in tests."""

from __future__ import annotations

import os
from typing import Any

from vcs.stores import mapped_process


def serve_and_cut(source: int, *fds: int) -> None:
    """Serve, but have the file cut between its being mapped and its being compared."""
    real = mapped_process._memcmp

    def cut_and_compare(*arguments: Any) -> int:
        os.truncate(f"/proc/self/fd/{source}", 0)
        found: int = real(*arguments)
        return found

    mapped_process._memcmp = cut_and_compare  # type: ignore[assignment]
    mapped_process.serve(source, *fds)
