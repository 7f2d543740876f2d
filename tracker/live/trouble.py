"""Trouble with disks and the like after a run has begun: said once, counted, never raised.

Training goes on when its record cannot be written; the person is told at once and
again at the end. With `strict` the trouble is raised instead: where it happens, or,
if that is in a thread of ours, by the next call of `log`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tracker.errors import Error
from tracker.live.term import warn


class Trouble:
    """What went wrong for one run so far.

    Attributes:
        counts: How often each kind of work failed.
        raised: In strict mode, the first trouble that a thread of ours met.
    """

    def __init__(self, *, strict: bool = False) -> None:
        """`on_strict`, to be set, is called when `raised` is."""
        self.strict = strict
        self.counts: Counter[str] = Counter()
        self.raised: Exception | None = None
        self.on_strict: Callable[[], None] = lambda: None
        self._owner = threading.get_ident()

    @contextmanager
    def guarded(self, doing: str) -> Iterator[None]:
        """Keep failures in the block from the training: of the disk, of git, of values of any kind.

        `doing` completes "could not …".
        """
        try:
            yield
        except Exception as error:
            # Of any kind: values run code of others, and a mistake of ours may cost neither the training
            # nor the end of the run. It is said and counted with the rest.
            self.note(doing, error)
            if self.strict and threading.get_ident() == self._owner:
                raise

    def note(self, doing: str, error: Exception) -> None:
        """Count a failure, and say it if it is the first of its kind."""
        self.counts[doing] += 1
        if self.counts[doing] == 1:
            known = isinstance(error, Error | OSError)
            text = str(error) if known else f"{type(error).__name__}: {error}"
            warn(f"could not {doing}: {text}; training goes on")
        if self.strict and self.raised is None:
            self.raised = error
            self.on_strict()

    def raise_it(self) -> None:
        """Raise the trouble that was met in strict mode, each time it is called."""
        if self.raised is not None:
            raise self.raised

    def lines(self) -> list[str]:
        """Return a line for each kind of trouble, for the end of the run."""
        return [f"{count} time{'s' * (count > 1)}: could not {doing}" for doing, count in self.counts.items()]
