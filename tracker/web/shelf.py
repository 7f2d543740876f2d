"""What the server keeps in memory: the list of runs as it is now, and the series that pages look at.

Everything can be read again from the files; memory is given back when it is more than a limit.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracker.artifacts.home import DEFAULT_PROJECT, Home
from tracker.read.api import Api, open_run
from tracker.read.runs import Run
from tracker.read.series import RunSeries
from tracker.storage import records
from tracker.storage.catalog import RunEntry
from tracker.storage.parts import Which
from tracker.web.drawn import Drawn
from tracker.web.listing import PATIENCE_S, Listed, Lister, Listing
from vcs.errors import NotFoundError
from vcs.layout import RunLayout
from vcs.repo import Repo

SERIES_LIMIT_BYTES = 192 << 20


@dataclass(frozen=True)
class Chosen:
    """The runs that pass, in order; kept because the next part of the same table is asked for at once."""

    question: str
    version: int
    runs: list[Listed]


class Shelf:
    """The records of one project folder, for many requests at once."""

    def __init__(self, repo: Repo, *, read_only: bool = False, patience_s: float = PATIENCE_S) -> None:
        """Read nothing yet. `patience_s` is how long a list that is being read is waited for."""
        self.repo = repo
        self.api = Api(root=repo.layout.root)
        self.read_only = read_only
        # Versions of the list are counted anew by each server.
        self.mark = secrets.token_hex(8)
        self.home = Home(repo, DEFAULT_PROJECT, open_run=open_run)
        self._lock = threading.Lock()
        self._lister = Lister(repo.layout, self.home, patience_s)
        # The answer to the newest question about the table; see runs_table.
        self.chosen: Chosen | None = None
        self.drawn = Drawn()
        self._series: OrderedDict[tuple[str, Which, str], RunSeries] = OrderedDict()

    # runs

    def listing(self, *, fresh: bool = False, wait: bool = True) -> Listing:
        """Return the runs, as they were a moment ago at most; see `Lister.now`."""
        return self._lister.now(fresh=fresh, wait=wait)

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

    # series

    def series(self, name: str, which: Which = "history", rank: str = "0") -> RunSeries:
        """Return the series of the run `project/id`, which may be kept from an earlier request.

        Raises:
            NotFoundError: As for `layout`.
        """
        layout = self.layout(name)
        key = (name, which, rank)
        with self._lock:
            found = self._series.get(key)
            if found is None:
                found = self._series[key] = RunSeries(layout, which, rank)
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
