"""What a run says to the person: short lines on stderr, prefixed with `tracker: `.

`silent` says nothing at all, `quiet` only warnings. A terminal that is gone (closed,
replaced by None, interrupted in the middle of a write) never disturbs the program.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from typing import Literal

Loudness = Literal["normal", "quiet", "silent"]

PREFIX = "tracker: "

_loudness: Loudness = "normal"
_said: set[str] = set()
_lock = threading.Lock()


def set_loudness(loudness: Loudness) -> None:
    """Choose how much is said from here on, in the whole process."""
    global _loudness
    _loudness = loudness


def loudness() -> Loudness:
    """Return how much is said now."""
    return _loudness


def say(text: str) -> None:
    """Tell something that is good to know; each line gets the prefix."""
    if _loudness == "normal":
        _write(text)


def warn(text: str) -> None:
    """Tell something that the person should act on."""
    if _loudness != "silent":
        _write(f"warning: {text}")


def warn_once(text: str, *, key: str | None = None) -> None:
    """Warn, unless this text (or another one with this key) was given in this process."""
    with _lock:
        if (key or text) in _said:
            return
        _said.add(key or text)
    warn(text)


def termlog(string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print a line as wandb.termlog does; `repeat=False` prints a text once a process."""
    _term(string, newline=newline, repeat=repeat, prefix=prefix)


def termwarn(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print a warning as wandb.termwarn does."""
    _term(f"warning: {string}", newline=newline, repeat=repeat, prefix=prefix)


def termerror(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print an error as wandb.termerror does."""
    _term(f"error: {string}", newline=newline, repeat=repeat, prefix=prefix)


def _term(text: str, *, newline: bool, repeat: bool, prefix: bool) -> None:
    if _loudness == "silent":
        return
    if not repeat:
        with _lock:
            if text in _said:
                return
            _said.add(text)
    _write(text, end="\n" if newline else "", prefix=PREFIX if prefix else "")


def _write(text: str, *, end: str = "\n", prefix: str = PREFIX) -> None:
    stream = sys.stderr
    if stream is None:
        return
    body = "\n".join(prefix + line for line in text.split("\n")) + end
    # RuntimeError: a signal handler speaks while the main thread is inside this same stream.
    with suppress(OSError, ValueError, RuntimeError):
        stream.write(body)
        stream.flush()
