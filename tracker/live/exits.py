"""How the process is ending, asked while it ends.

Python does not tell its exit handlers whether the program failed, so this is found
out from three places:
- the outermost frame of the main thread, kept since the start: its last instruction
  says whether it returned or was left by an exception (so a `sys.exit` that somebody
  caught is not mistaken for the end);
- `sys.last_value`, which the interpreter sets before it prints an uncaught exception,
  whatever the script has made of `sys.excepthook`;
- `sys.exit`, `exit` and `quit`, which are wrapped to remember their argument.
What stays unknown is the code of a bare `raise SystemExit(code)`: such an end has
the exit code None, and counts as finished.
"""

from __future__ import annotations

import builtins
import dis
import operator
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, Literal, NoReturn

from vcs.secrets import mask

State = Literal["finished", "failed", "killed", "preempted"]

_RETURNS = frozenset(
    code for name, code in dis.opmap.items() if name in ("RETURN_VALUE", "RETURN_CONST", "INTERPRETER_EXIT")
)
_SIGINT_CODE = 130


@dataclass(frozen=True)
class Ending:
    """How a session ended.

    Attributes:
        state: What the record says.
        exit_code: As a shell would see it; None when Python does not tell.
        error: Type and message of the exception that ended it.
        signal: Name of the signal that ended it.
    """

    state: State
    exit_code: int | None = 0
    error: str | None = None
    signal: str | None = None


def ending_of_code(exit_code: int) -> Ending:
    """Return the ending that a plain exit code stands for."""
    return Ending("finished" if exit_code == 0 else "failed", exit_code)


def ending_of_exception(error: BaseException) -> Ending:
    """Return the ending of a program that this exception leaves."""
    if isinstance(error, SystemExit):
        return ending_of_code(exit_status(error.code))
    if isinstance(error, KeyboardInterrupt):
        return Ending("preempted", _SIGINT_CODE, signal="SIGINT")
    text = mask(" ".join(_text_of(error).split()))
    return Ending(
        "failed", 1, error=f"{type(error).__name__}: {text[:1000]}" if text else type(error).__name__
    )


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:  # noqa: BLE001 - any class may fail to print itself
        return f"(its text fails with {type(failure).__name__})"


def exit_status(code: Any) -> int:
    """Return the exit status that `sys.exit(code)` gives the process: 1 for what is no number."""
    if code is None:
        return 0
    try:
        return operator.index(code)
    except TypeError:
        return 1


class ExitWatch:
    """Watches for the end of the process from its making on."""

    def __init__(self) -> None:
        self._frame = _outermost_frame()
        self._seen = getattr(sys, "last_value", None)
        self._asked: int | None = None

    def install(self) -> None:
        """Begin to remember the argument of `sys.exit`, `exit` and `quit`."""
        original: Callable[[Any], NoReturn] = sys.exit

        def remembering_exit(status: Any = None, /) -> NoReturn:
            self._remember(status)
            original(status)

        remembering_exit.__doc__ = original.__doc__
        remembering_exit.__name__ = "exit"
        sys.exit = remembering_exit
        quitter: Any = type(getattr(builtins, "exit", None))
        if quitter.__name__ == "Quitter":  # Python's own, from `site`; IPython has others
            quit_originally = quitter.__call__

            def remembering_quit(own: Any, code: Any = None) -> None:
                self._remember(code)
                quit_originally(own, code)

            quitter.__call__ = remembering_quit

    def _remember(self, status: Any) -> None:
        self._asked = exit_status(status)
        # An exception that was printed before is not what ends the program now.
        self._seen = getattr(sys, "last_value", None)

    def ending(self) -> Ending:
        """Say how the program ended; to be asked by an exit handler."""
        if self._frame is not None and _returned(self._frame):
            return Ending("finished")
        error = getattr(sys, "last_value", None)
        # At a prompt, an exception that was printed ended a line or a cell, not the program.
        if error is not None and error is not self._seen and not hasattr(sys, "ps1"):
            return ending_of_exception(error)
        if self._asked is not None:
            return ending_of_code(self._asked)
        return Ending("finished", None if self._frame is not None else 0)


def keep_status_of_interrupt() -> None:
    """Let the process end with SIGINT, as after any uncaught KeyboardInterrupt.

    CPython notes in `run_eval_code_obj` (pythonrun.c) whether the newest code that was run
    from text ended so, and forgets it when other code is run from text, as the import of
    a dataclass does. Running such a text once more reminds it.
    """
    with suppress(KeyboardInterrupt):
        exec("raise KeyboardInterrupt")


def _outermost_frame() -> FrameType | None:
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _returned(frame: FrameType) -> bool:
    # Every instruction is two bytes, the first of which is its code.
    code = frame.f_code.co_code
    return 0 <= frame.f_lasti < len(code) and code[frame.f_lasti] in _RETURNS
