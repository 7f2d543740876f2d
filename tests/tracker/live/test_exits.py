"""How endings are told apart; whole processes are in test_lifecycle."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tracker.live.exits import Ending, ending_of_code, ending_of_exception, exit_status

WATCH = """
import atexit, sys
from tracker.live.exits import ExitWatch
watch = ExitWatch()
watch.install()
atexit.register(lambda: print(watch.ending().state, watch.ending().exit_code))
"""


def ending_of(code: str, *options: str, stdin: str | None = None) -> str:
    command = [sys.executable, *options, "-c", WATCH + code] if stdin is None else [sys.executable, *options]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True)
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("code", "status"), [(None, 0), (0, 0), (3, 3), (True, 1), (np.int64(4), 4), ("message", 1), (2.5, 1)]
)
def test_what_sys_exit_is_given_is_a_status(code: object, status: int) -> None:
    assert exit_status(code) == status


def test_exceptions_are_endings() -> None:
    assert ending_of_exception(ValueError("a\n  b")) == Ending("failed", 1, "ValueError: a b")
    assert ending_of_exception(ValueError()) == Ending("failed", 1, "ValueError")
    secret = ValueError("cannot reach postgres://ann:hunter2@host/db")
    assert ending_of_exception(secret).error == "ValueError: cannot reach postgres://host/db"
    assert ending_of_exception(SystemExit(0)) == Ending("finished", 0)
    assert ending_of_exception(SystemExit(4)) == Ending("failed", 4)
    assert ending_of_exception(KeyboardInterrupt()) == Ending("preempted", 130, signal="SIGINT")
    assert ending_of_code(0) == Ending("finished", 0)


def test_a_long_message_is_cut() -> None:
    assert len(ending_of_exception(ValueError("x" * 5000)).error or "") < 1100


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pass", "finished 0"),
        ("sys.exit(3)", "failed 3"),
        ("1 / 0", "failed 1"),
        ("def f():\n sys.exit(2)\ntry:\n f()\nexcept SystemExit:\n pass", "finished 0"),
        ("try:\n 1 / 0\nfinally:\n sys.exit(0)", "finished 0"),
        ("try:\n sys.exit(0)\nexcept SystemExit:\n raise ValueError", "failed 1"),
        ("raise SystemExit(7)", "finished None"),
    ],
)
def test_the_end_of_a_program(code: str, expected: str) -> None:
    assert ending_of(code) == expected


def test_exceptions_at_a_prompt_do_not_end_the_program() -> None:
    lines = WATCH.strip() + "\n1 / 0\nprint('on')\n"
    assert ending_of("", "-i", stdin=lines) == "finished 0"


def test_an_exception_that_has_no_text_is_an_ending() -> None:
    class Wordless(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert ending_of_exception(Wordless()) == Ending(
        "failed", 1, "Wordless: (its text fails with RuntimeError)"
    )
