"""Failures and deaths at every step of work on the disk.

The steps are the calls that change something. `fail_at_every_step` lets each one fail
in turn; `kill_at_every_step` ends a real child process by SIGKILL just before each.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

STEPS = (
    "open", "write", "writev", "pwritev", "fsync", "rename", "replace", "link", "unlink", "mkdir",
    "rmdir", "symlink", "fchmod", "utime", "ftruncate",
)  # fmt: skip


@contextmanager
def before_step(number: int, action: Callable[[str], None]) -> Iterator[list[int]]:
    """Run `action` before the step of this number; yields a list whose only item is the count."""
    real: dict[str, Any] = {name: getattr(os, name) for name in STEPS}
    count = [0]

    def counting(name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if name == "open" and not arguments[1] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
                return real[name](*arguments, **options)
            count[0] += 1
            if count[0] == number:
                action(name)
            if name == "fsync":
                return None  # Nobody pulls the plug here, and the disk has better things to do.
            return real[name](*arguments, **options)

        return call

    try:
        for name in STEPS:
            setattr(os, name, counting(name))
        yield count
    finally:
        for name in STEPS:
            setattr(os, name, real[name])


def fail_at_every_step(
    work: Callable[[], object], check: Callable[[BaseException | None, str], None], code: int = errno.ENOSPC
) -> int:
    """Run `work` with the first step failing, then the second, and so on; return how many there are.

    After each run `check` gets what was raised, and the call that failed. `work` must
    start from scratch each time.
    """
    failed = ""

    def fail(name: str) -> None:
        nonlocal failed
        failed = name
        raise OSError(code, os.strerror(code))

    number = 0
    while True:
        number += 1
        raised: BaseException | None = None
        with before_step(number, fail) as count:
            try:
                work()
            except Exception as error:  # noqa: BLE001
                raised = error
        check(raised, failed)
        if count[0] < number:
            return number - 1


def kill_at_every_step(work: Callable[[], object], check: Callable[[bool], None]) -> int:
    """Run `work` in a child that is killed before its first step, then its second, and so on.

    After each `check` is told whether the work was finished. Returns the number of steps.
    """
    number = 0
    while True:
        number += 1
        finished = not _killed(work, number)
        check(finished)
        if finished:
            return number - 1


def _killed(work: Callable[[], object], number: int) -> bool:
    child = os.fork()
    if child == 0:
        try:
            with before_step(number, lambda name: os.kill(os.getpid(), signal.SIGKILL)):
                work()
            os._exit(0)
        except BaseException:  # noqa: BLE001
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0, "the work itself failed"
    return os.WIFSIGNALED(status)
