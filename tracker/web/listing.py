"""The list of runs as it was a moment ago, made in the background.

Reading ten thousand records for the first time takes some seconds. Whoever asks
meanwhile is given what is there already.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tracker.artifacts.home import Home
from tracker.read.frames import Row, flatten
from tracker.read.run_view import RunView
from tracker.read.series import Stamp, stamp_of
from tracker.storage.catalog import Catalog, RunEntry
from tracker.storage.run_head import Head
from vcs.errors import Error, FormatError, StoreError
from vcs.layout import Layout

# How long a list that is being read is waited for, before what is there is given instead.
PATIENCE_S = 0.3
# The list is not made anew more often than this, nor for more than a tenth of the time.
_PAUSE_S = 0.5
_SHARE = 10
# Records that were read for the first time say nothing of how long the next list will take.
_MANY_NEW = 100
# What is there already is told so often.
_PART_S = 0.5
# Up to here the summary of a running run is made from its history, beyond it is that of the last file.
_SMALL_HISTORY = 256 << 10

Key = tuple[str, str]


class ListedView(RunView):
    """A run of the list; a config or summary that cannot be read hides no other run.

    Attributes:
        damage: What could not be read.
    """

    damage: str | None = None

    @cached_property
    def config(self) -> dict[str, Any]:
        try:
            return self._entry.mapping("config") or {}
        except (FormatError, StoreError) as error:
            self.damage = error.message
            return {}

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        try:
            return self.summary_values()
        except (FormatError, StoreError) as error:
            self.damage = error.message
            return {}


@dataclass
class Listed:
    """A run in the list, and what was read of it."""

    view: ListedView
    head: Head
    state: str
    stamp: Stamp | None
    _config: Row | None = None
    _summary: Row | None = None

    @property
    def config(self) -> Row:
        """The hyperparameters, flat."""
        if self._config is None:
            self._config = flatten(self.view.config)
        return self._config

    @property
    def summary(self) -> Row:
        """The summary, flat."""
        if self._summary is None:
            self._summary = flatten(self.view.summary)
        return self._summary


@dataclass(frozen=True)
class Reading:
    """How far the list is: so many runs of so many."""

    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class Listing:
    """The runs at a moment. Is not changed once it is made.

    Attributes:
        runs: By project and id.
        version: Another number than that of the listing before, if anything differs.
        damaged: Records that cannot be read.
        reading: Set while the first list is read; `runs` are those that are read already.
    """

    runs: dict[Key, Listed]
    version: int = 0
    damaged: tuple[Error, ...] = ()
    reading: Reading | None = None

    @cached_property
    def ordinals(self) -> dict[int, int]:
        """The number of each run, by its `id()`, in the order of creation: later runs do not change it."""
        ordered = sorted(self.runs.values(), key=lambda run: (run.head.created, run.head.id))
        return {id(run): number for number, run in enumerate(ordered)}


class Lister:
    """Keeps the list. Safe to ask from many threads."""

    def __init__(self, layout: Layout, home: Home, patience_s: float = PATIENCE_S) -> None:
        """Read nothing yet."""
        self._catalog = Catalog(layout)
        self._home = home
        self._patience_s = patience_s
        self._changed = threading.Condition()
        self._listing = Listing({}, reading=Reading())
        self._error: Error | None = None
        # Lists that were begun and ended; one is made at a time.
        self._begun = self._ended = 0
        self._listed_at, self._took_s = -1e9, 0.0

    def now(self, *, fresh: bool = False, wait: bool = True) -> Listing:
        """Return the runs as they were a moment ago, or what is read of them if that takes longer.

        With `fresh` they are what they are now; only the first list is not waited for.
        Without `wait` they are as they were last listed, if there were any, and the next
        list is begun.

        Raises:
            StoreError: The folder of the runs cannot be read.
        """
        with self._changed:
            is_first = self._listing.reading is not None
            age = time.monotonic() - self._listed_at
            runs_now = self._begun > self._ended
            if fresh or (not runs_now and age > max(_PAUSE_S, self._took_s * _SHARE)):
                wanted = self._begun + 1
            else:
                wanted = self._begun
            patience_s = 0.0 if not wait and self._listing.runs else self._patience_s
            end = None if fresh and not is_first else time.monotonic() + patience_s
            while self._ended < wanted:
                if self._begun == self._ended:
                    self._begun += 1
                    threading.Thread(target=self._list, name="list of runs", daemon=True).start()
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._changed.wait(left)
            if self._error is not None:
                raise self._error
            return self._listing

    def _list(self) -> None:
        """Make the list, tell what is there now and then, and wake who waits."""
        start = time.monotonic()
        error, new = None, 0
        try:
            new = self._read(self._listing)
        except Error as caught:
            error = caught
        finally:
            with self._changed:
                self._error = error
                self._ended = self._begun
                self._listed_at = time.monotonic()
                self._took_s = 0.0 if new > _MANY_NEW else self._listed_at - start
                self._changed.notify_all()

    def _read(self, before: Listing) -> int:
        """Make the list from the one before; return how many runs are new in it, or have changed."""
        progress = _Progress()
        runs: dict[Key, Listed] = {}
        new = 0
        told_at = time.monotonic()
        for entry in self._catalog.runs(progress=progress):
            key = (entry.project, entry.id)
            old = before.runs.get(key)
            runs[key] = listed = _listed(entry, old, self._home)
            new += listed is not old
            if before.reading is not None and time.monotonic() - told_at > _PART_S:
                # The one that was just given is not counted yet.
                self._tell(dict(runs), Reading(progress.done + 1, progress.total))
                told_at = time.monotonic()
        changed = bool(new) or len(runs) != len(before.runs) or before.reading is not None
        self._tell(runs, None, changed=changed)
        return new

    def _tell(self, runs: dict[Key, Listed], reading: Reading | None, *, changed: bool = True) -> None:
        with self._changed:
            version = self._listing.version + changed
            self._listing = Listing(runs, version, tuple(self._catalog.damaged), reading)


class _Progress:
    """Counts the runs that were looked at."""

    def __init__(self) -> None:
        self.done = self.total = 0

    def add_total(self, files: int, bytes: int) -> None:
        self.total += files

    def advance(self, files: int, bytes: int) -> None:
        self.done += files


def _listed(entry: RunEntry, old: Listed | None, home: Home) -> Listed:
    """Return what stands in the list for a run: the same as before if it has not changed."""
    head, state = entry.head, entry.state
    stamp = stamp_of(entry.layout) if state == "running" else None
    if old is not None and (old.head, old.state, old.stamp) == (head, state, stamp):
        return old
    view = ListedView(entry, home)
    if stamp is not None and sum(size for _, size, _ in stamp) >= _SMALL_HISTORY:
        with suppress(FormatError, StoreError):
            view.__dict__["summary"] = entry.mapping("summary") or {}
    return Listed(view, head, state, stamp)
