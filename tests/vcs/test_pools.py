"""Threads where they are to be had."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from vcs.pools import Inline, thread_pool


def test_work_is_done_by_threads_of_the_name() -> None:
    with thread_pool(2, "helper") as pool:
        name = pool.submit(lambda: threading.current_thread().name).result()
    assert name.startswith("helper")


def test_at_the_end_of_a_program_the_caller_does_the_work() -> None:
    script = (
        "import atexit, threading\nfrom vcs.pools import thread_pool\n"
        "def end():\n"
        "    with thread_pool(2, 'helper') as pool:\n"
        "        work = lambda: threading.current_thread() is threading.main_thread()\n"
        "        print(pool.submit(work).result())\n"
        "atexit.register(end)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_what_the_work_raises_comes_with_its_result() -> None:
    future = Inline().submit(int, "x")
    with pytest.raises(ValueError, match="invalid literal"):
        future.result()
