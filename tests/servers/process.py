"""What all test servers need: free ports, waiting until they answer, and an end."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

START_S = 300.0

_PORTS = (10_000, 32_000)
# Held until the process ends.
_MARKS: list[socket.socket] = []


def free_ports(count: int) -> list[int]:
    """Return ports for servers of this process; no other test is given them while it lasts.

    They lie below those that the system gives to clients. From among those, a client may be given
    the port of a server that is still starting, even one that asks whether it answers: it is
    then connected with itself.
    """
    return [_own_port() for _ in range(count)]


def _own_port() -> int:
    """Find a free port, and mark it by holding the port of the same number for datagrams."""
    choose = secrets.SystemRandom()  # The other one gives the same numbers in all processes of pytest.
    for _ in range(1000):
        port = choose.randrange(*_PORTS)
        mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with suppress(OSError), socket.socket() as server:
            mark.bind(("127.0.0.1", port))
            server.bind(("", port))
            _MARKS.append(mark)
            return port
        mark.close()
    raise AssertionError("there is no free port")


def need_programs(*names: str) -> None:
    """Skip the test if a program is not installed."""
    missing = [name for name in names if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def program(name: str) -> str:
    """Return the path of a program, also of one for administrators."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert found is not None
    return found


def wait_until(answers: Callable[[], bool], what: str, *, log: Path | None = None) -> None:
    """Wait until a server answers; fail with its log if it never does."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if answers():
            return
        time.sleep(0.05)
    said = log.read_text(errors="replace")[-2000:] if log is not None and log.exists() else ""
    raise AssertionError(f"{what} did not start: {said}")


def port_is_open(port: int) -> bool:
    """Whether somebody listens."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def start(command: Sequence[str | Path], log: Path) -> subprocess.Popen[bytes]:
    """Start a server in a group of its own, with its words in a file."""
    with log.open("ab") as stream:
        return subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server and what it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
