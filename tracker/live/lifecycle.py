"""What keeps a live run honest about its process: exit, signals, forks.

Installed when the first run of a process begins, and never twice. Runs end in the
order opposite to that of their beginning.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable

from tracker.live.exits import Ending, ExitWatch, State, keep_status_of_interrupt
from tracker.live.signals import SignalWatch
from tracker.values.copies import remove_at_exit


class Guarded:
    """A live run as the end of the process sees it."""

    def __init__(
        self,
        end: Callable[[Ending], None],
        *,
        after_fork: Callable[[], None],
        is_ending: Callable[[], bool],
        leave_locks: Callable[[], None],
    ) -> None:
        """`leave_locks` is called on a thread that a signal interrupted and that will not go on."""
        self.leave_locks = leave_locks
        self.end = end
        self.after_fork = after_fork
        self.is_ending = is_ending


class Lifecycle:
    """Ends the live runs of a process when it ends, however that is."""

    def __init__(self) -> None:
        self._pid = 0
        self._live: list[Guarded] = []
        self._exits: ExitWatch | None = None
        self._signals: SignalWatch | None = None

    def add(self, guarded: Guarded) -> None:
        """Guard a run; the first one installs the hooks."""
        if self._exits is None:
            self._exits = ExitWatch()
            self._exits.install()
            # First registered, last called: the copies stay until the runs have ended.
            remove_at_exit()
            atexit.register(self._at_exit)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(
                    before=self._before_fork,
                    after_in_parent=self._after_fork_in_parent,
                    after_in_child=self._after_fork,
                )
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._signals = SignalWatch(
                self._on_signal, is_ending=self._is_ending, leave_locks=self._leave_locks
            )
        if self._signals is not None and not self._live:
            self._signals.install()
        self._live.append(guarded)

    def remove(self, guarded: Guarded) -> None:
        """Let go of a run that has ended; after the last one, signals are nobody's again."""
        if guarded in self._live:
            self._live.remove(guarded)
        if not self._live and self._signals is not None:
            self._signals.deliver()
            self._signals.release()

    def _leave_locks(self) -> None:
        for guarded in self._live:
            guarded.leave_locks()

    def _is_ending(self) -> bool:
        return any(guarded.is_ending() for guarded in self._live)

    def _at_exit(self) -> None:
        if self._exits is not None and self._live:
            ending = self._exits.ending()
            self._end_all(ending)
            if ending.signal == "SIGINT":
                keep_status_of_interrupt()

    def _on_signal(self, name: str, number: int) -> None:
        # Schedulers ask with SIGTERM, and start the job again. A lost terminal asks for nothing.
        state: State = "preempted" if name == "SIGTERM" else "killed"
        # 128 + number is what a shell shows for a process that a signal ended.
        self._end_all(Ending(state, 128 + number, signal=name))

    def _end_all(self, ending: Ending) -> None:
        for guarded in reversed(list(self._live)):
            guarded.end(ending)

    def _before_fork(self) -> None:
        if self._signals is not None and self._live:
            self._signals.before_fork()

    def _after_fork_in_parent(self) -> None:
        if self._signals is not None:
            self._signals.after_fork(in_child=False)

    def _after_fork(self) -> None:
        """In a forked child: the runs are the parent's, and its signals do what they always did."""
        if self._signals is not None:
            self._signals.after_fork(in_child=True)
            self._signals = None
        for guarded in self._live:
            guarded.after_fork()
