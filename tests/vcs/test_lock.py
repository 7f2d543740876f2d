"""Locks between processes, and what happens when a holder dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from vcs.errors import LockedError
from vcs.lock import file_lock, holder_of

HOLD = """
import sys, time
from pathlib import Path
from vcs.lock import file_lock
with file_lock(Path(sys.argv[1]), timeout_s=5, what="it"):
    print("held", flush=True)
    time.sleep(100)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A lock in a folder that does not exist yet."""
    return tmp_path / "locks" / "ledger"


def hold_in_child(path: Path) -> subprocess.Popen[bytes]:
    """Return a process that holds the lock."""
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    child.stdout.close()
    return child


def test_a_lock_held_elsewhere_names_the_holder(path: Path) -> None:
    """After the timeout, with the process id."""
    child = hold_in_child(path)
    try:
        with (
            pytest.raises(LockedError, match=f"the ledger is in use by process {child.pid}"),
            file_lock(path, timeout_s=0.05, what="the ledger"),
        ):
            pass
        assert holder_of(path) == child.pid
    finally:
        child.kill()
        child.wait()


def test_a_killed_holder_gives_the_lock_back(path: Path) -> None:
    """Nobody has to clean up."""
    child = hold_in_child(path)
    child.send_signal(signal.SIGKILL)
    child.wait()
    with file_lock(path, timeout_s=0, what="the ledger"):
        assert holder_of(path) == os.getpid()


def test_a_waiter_gets_the_lock_when_it_is_free(path: Path) -> None:
    """It waits, rather than fail at once."""
    order: list[str] = []

    def wait() -> None:
        with file_lock(path, timeout_s=600, what="it"):
            order.append("second")

    with file_lock(path, timeout_s=0, what="it"):
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_it_excludes_threads_too(path: Path) -> None:
    """A counter that is read and written under it is never wrong."""
    total = [0]

    def add() -> None:
        for _ in range(20):
            with file_lock(path, timeout_s=600, what="it"):
                value = total[0]
                time.sleep(0.0001)
                total[0] = value + 1

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total == [80]


def test_an_exception_gives_the_lock_back(path: Path) -> None:
    """It passes through unchanged."""
    with pytest.raises(ZeroDivisionError), file_lock(path, timeout_s=0, what="it"):
        raise ZeroDivisionError
    with file_lock(path, timeout_s=0, what="it"):
        pass


def test_a_child_forked_meanwhile_does_not_keep_it(path: Path) -> None:
    """A data loader's worker lives longer than the block."""
    with file_lock(path, timeout_s=0, what="it"):
        child = os.fork()
        if child == 0:
            time.sleep(100)
            os._exit(0)
    try:
        with file_lock(path, timeout_s=0, what="it"):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
