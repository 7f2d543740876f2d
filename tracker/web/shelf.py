"""What the server keeps in memory: the list of runs as it is now, and the series that pages look at.

Everything can be read again from the files; memory is given back when it is more than a limit.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tracker.artifacts.home import DEFAULT_PROJECT, Home
from tracker.read.api import Api, open_run
from tracker.read.frames import Row, flatten
from tracker.read.run_view import RunView
from tracker.read.runs import Run
from tracker.read.series import RunSeries, Stamp, stamp_of
from tracker.storage import records
from tracker.storage.catalog import Catalog, RunEntry
from tracker.storage.parts import Which
from tracker.storage.run_head import Head
from vcs.errors import Error, FormatError, NotFoundError, StoreError
from vcs.layout import RunLayout
from vcs.repo import Repo

# The listing is not made anew more often than this, nor for more than a tenth of the time.
_LISTING_S = 0.5
_SHARE = 10
SERIES_LIMIT_BYTES = 512 << 20
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


class Listing:
    """The runs at a moment. Is not changed once it is made.

    Attributes:
        runs: By project and id.
        version: Another number than that of the listing before, if anything differs.
        damaged: Records that cannot be read.
    """

    def __init__(self, runs: dict[Key, Listed], version: int, damaged: list[Error]) -> None:
        self.runs = runs
        self.version = version
        self.damaged = damaged


@dataclass(frozen=True)
class Chosen:
    """The runs that pass, in order; kept because the next part of the same table is asked for at once."""

    question: str
    version: int
    runs: list[Listed]


class Shelf:
    """The records of one project folder, for many requests at once."""

    def __init__(self, repo: Repo, *, read_only: bool = False) -> None:
        """Read nothing yet."""
        self.repo = repo
        self.api = Api(root=repo.layout.root)
        self.read_only = read_only
        self.home = Home(repo, DEFAULT_PROJECT, open_run=open_run)
        self._catalog = Catalog(repo.layout)
        self._lock = threading.Lock()
        self._listing = Listing({}, 0, [])
        self._listed_at, self._took_s = -1e9, 0.0
        # The answer to the newest question about the table; see runs_table.
        self.chosen: Chosen | None = None
        self._series: OrderedDict[tuple[str, Which], RunSeries] = OrderedDict()

    # runs

    def listing(self, *, fresh: bool = False) -> Listing:
        """Return the runs, as they were a moment ago at most; with `fresh` as they are now."""
        with self._lock:
            age = time.monotonic() - self._listed_at
            if fresh or age > max(_LISTING_S, self._took_s * _SHARE):
                start = time.monotonic()
                self._listing = self._list(self._listing)
                self._listed_at = time.monotonic()
                self._took_s = self._listed_at - start
            return self._listing

    def layout(self, name: str) -> RunLayout:
        """Return where the files of the run `project/id` lie.

        Raises:
            NotFoundError: There is none; also for a name that leads elsewhere.
        """
        project, _, run_id = name.partition("/")
        for part in (project, run_id):
            if not part or part[0] == "." or "/" in part or "\0" in part:
                raise NotFoundError(f"no run {name!r}")
        layout = self.repo.layout.run(project, run_id)
        if not layout.record.is_file():
            raise NotFoundError(f"no run {name!r}", hint="it may have been deleted: reload the list")
        return layout

    def run(self, name: str) -> Run:
        """Return the run `project/id`, read now.

        Raises:
            NotFoundError, FormatError: There is none, or its record is damaged.
        """
        layout = self.layout(name)
        return Run(RunEntry(layout, records.load(layout)), self.home)

    def _list(self, before: Listing) -> Listing:
        runs: dict[Key, Listed] = {}
        changed = False
        for entry in self._catalog.runs():
            key = (entry.project, entry.id)
            old = before.runs.get(key)
            head, state = entry.head, entry.state
            stamp = stamp_of(entry.layout) if state == "running" else None
            if old is not None and (old.head, old.state, old.stamp) == (head, state, stamp):
                runs[key] = old
                continue
            changed = True
            small = stamp is not None and sum(size for _, size, _ in stamp) < _SMALL_HISTORY
            view = ListedView(entry, self.home)
            if stamp is not None and not small:
                with suppress(FormatError, StoreError):
                    view.__dict__["summary"] = entry.mapping("summary") or {}
            runs[key] = Listed(view, head, state, stamp)
        changed = changed or len(runs) != len(before.runs)
        return Listing(runs, before.version + changed, self._catalog.damaged)

    # series

    def series(self, name: str, which: Which = "history") -> RunSeries:
        """Return the series of the run `project/id`, which may be kept from an earlier request.

        Raises:
            NotFoundError: As for `layout`.
        """
        layout = self.layout(name)
        key = (name, which)
        with self._lock:
            found = self._series.get(key)
            if found is None:
                found = self._series[key] = RunSeries(layout, which)
            self._series.move_to_end(key)
            return found

    def trim(self) -> None:
        """Give back the series that were not asked for lately, if all take too much memory."""
        with self._lock:
            series = list(self._series.items())
        sizes = {key: one.size_bytes for key, one in series}
        total = sum(sizes.values())
        for key, one in series[:-1]:
            if total <= SERIES_LIMIT_BYTES:
                return
            one.forget()
            total -= sizes[key]
            with self._lock:
                self._series.pop(key, None)


def plain(value: Any) -> Any:
    """Return a value as JSON of a browser can hold it: NaN, infinities and huge integers as text."""
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 53 else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value)
