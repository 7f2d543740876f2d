"""Consoles for tests.

pytest puts its own streams in the place of sys.stdout when a test begins, after the
fixtures were made. So the streams of a test are put there by the call itself.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracker.collect.console import ConsoleCapture


class Terminal(io.TextIOWrapper):
    """A stream of the kind that sys.stdout is, over memory, which says that it is a terminal."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="latin-1", write_through=True)

    def isatty(self) -> bool:
        return True

    @property
    def shown(self) -> str:
        """What a person would have seen."""
        return self.buffer.getvalue().decode("latin-1")  # type: ignore[attr-defined, no-any-return]


@pytest.fixture
def streams() -> tuple[Terminal, Terminal]:
    """What sys.stdout and sys.stderr are while the test runs."""
    return Terminal(), Terminal()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the console is kept."""
    return tmp_path / "output.log"


@pytest.fixture
def capture(log: Path, streams: tuple[Terminal, Terminal]) -> Iterator[ConsoleCapture]:
    """A capture that has been started when the test runs."""
    capture = ConsoleCapture(log)
    yield capture
    capture.stop()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Run a test that asks for `streams` with them in place, and with its `capture` started."""
    before = sys.stdout, sys.stderr
    if "streams" in pyfuncitem.funcargs:
        sys.stdout, sys.stderr = pyfuncitem.funcargs["streams"]
    if "capture" in pyfuncitem.funcargs:
        pyfuncitem.funcargs["capture"].start()
    try:
        return (yield)  # type: ignore[return-value]
    finally:
        sys.stdout, sys.stderr = before
