"""The log of a watched model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def log() -> Iterator[Any]:
    """Rows of a run, and a watcher that is let go of at the end."""
    from tests.tracker.collect.watch.watched import Log

    log = Log()
    yield log
    log.watcher.unwatch()
