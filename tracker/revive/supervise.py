"""Running a program: in our place, or as a child whose signals and exit status are ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

from tracker.errors import StoreError, UsageError

# What a scheduler or a person may send to the job; the child is to hear it.
_PASSED_ON = ("SIGTERM", "SIGHUP", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGCONT", "SIGWINCH")


def become(words: Sequence[str], folder: Path, variables: Mapping[str, str]) -> NoReturn:
    """Replace this process by a program, so that signals and the exit status are its own.

    Raises:
        UsageError: It cannot be started.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":  # exec on Windows starts a second process and returns at once
        sys.exit(run(words, folder, variables))
    try:
        os.chdir(folder)
        os.execve(words[0], list(words), dict(variables))
    except OSError as error:
        raise _cannot_start(words, error) from error


def run(
    words: Sequence[str], folder: Path, variables: Mapping[str, str], *, stdout: IO[bytes] | int | None = None
) -> int:
    """Run a program to its end and return its exit status; negative is the signal that ended it.

    Signals that this process receives meanwhile go to the program; it decides. In another
    thread than the main one, none are passed on.

    Raises:
        UsageError: It cannot be started.
    """
    try:
        child = subprocess.Popen(list(words), cwd=folder, env=dict(variables), stdout=stdout)
    except OSError as error:
        raise _cannot_start(words, error) from error
    with _passing_on(child):
        return child.wait()


def _cannot_start(words: Sequence[str], error: OSError) -> Exception:
    text = f"{words[0]} cannot be started: {error.strerror or error}"
    if isinstance(error, FileNotFoundError | PermissionError):
        return UsageError(text, hint="give the command: tracker resume RUN -- python train.py")
    return StoreError(text)


@contextmanager
def _passing_on(child: subprocess.Popen[bytes]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def pass_on(number: int, _: object) -> None:
        # Ctrl-C at a terminal has reached the child already; a second one would kill it in its clean-up.
        if number == getattr(signal, "SIGINT", None) and _at_a_terminal():
            return
        child.send_signal(number)

    before = {}
    for name in _PASSED_ON:
        number = getattr(signal, name, None)
        if number is not None:
            before[number] = signal.signal(number, pass_on)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _at_a_terminal() -> bool:
    try:
        return os.tcgetpgrp(sys.__stdin__.fileno()) == os.getpgrp() if sys.__stdin__ is not None else False
    except (OSError, ValueError):
        return False
