"""Several runs: filtered, ordered, read when they are first looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from tracker.artifacts.home import Home
from tracker.live.term import warn
from tracker.read.fields import parse_order, sort_by
from tracker.read.filter_text import parse_filter
from tracker.read.filters import compile_filter
from tracker.read.frames import Row, flatten, thin, to_pandas, to_polars
from tracker.read.run_view import RunView
from tracker.storage.catalog import Catalog, RunEntry
from vcs.errors import Error, UsageError
from vcs.progress import Progress

if TYPE_CHECKING:
    from tracker.read.runs import Run

Filters = Mapping[str, Any] | str | None
V = TypeVar("V", bound=RunView)


class Question:
    """Which runs, in which order.

    Attributes:
        damaged: Records that the last answer left out because they cannot be read.
    """

    def __init__(self, home: Home, project: str | None, filters: Filters, order: str) -> None:
        """Check the question; nothing is read yet.

        Raises:
            UsageError: The filter or the order cannot be understood.
        """
        self._passes = compile_filter(parse_filter(filters) if isinstance(filters, str) else filters)
        self._orders = parse_order(order)
        self._home = home
        self._project = project
        self.damaged: list[Error] = []

    def answer(self, make: Callable[[RunEntry, Home], V], progress: Progress | None = None) -> list[V]:
        """Return the runs as they are now, each made by `make`; records that cannot be read are warned of."""
        catalog = Catalog(self._home.repo.layout)
        runs = (make(entry, self._home) for entry in catalog.runs(self._project, progress))
        found = sort_by([run for run in runs if self._passes(run)], self._orders)
        self.damaged = catalog.damaged
        for error in catalog.damaged:
            warn(f"a run is left out: {error.message}")
        return found


class Runs(Sequence["Run"]):
    """The runs of a project, or of all, that pass a filter, in an order.

    The records are read when they are first needed, config and summary of a run only if
    something asks for them. Records that cannot be read are warned of, and are in
    `damaged`.
    """

    def __init__(
        self, home: Home, project: str | None, filters: Filters = None, order: str = "+created_at"
    ) -> None:
        """Check the question; nothing is read yet.

        Raises:
            UsageError: The filter or the order cannot be understood.
        """
        self._question = Question(home, project, filters, order)
        self._project = project
        self._found: list[Run] | None = None
        self._next = 0
        self.damaged: list[Error] = []

    def _load(self) -> list[Run]:
        if self._found is None:
            from tracker.read.runs import Run

            self._found = self._question.answer(Run)
            self.damaged = self._question.damaged
        return self._found

    def __len__(self) -> int:
        return len(self._load())

    @property
    def length(self) -> int:
        return len(self)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> list[Run]: ...
    def __getitem__(self, index: int | slice) -> Run | list[Run]:
        return self._load()[index]

    def __iter__(self) -> Iterator[Run]:
        return iter(self._load())

    def __next__(self) -> Run:
        if self._next >= len(self):
            raise StopIteration
        self._next += 1
        return self._load()[self._next - 1]

    def next(self) -> Run:
        """Return the next run, as wandb's paginator does."""
        return next(self)

    def __repr__(self) -> str:
        return f"<Runs {self._project or 'of all projects'}>"

    def histories(
        self,
        samples: int | None = None,
        keys: Sequence[str] | None = None,
        x_axis: str = "_step",
        format: Literal["default", "pandas", "polars"] = "default",
        stream: Literal["default", "system"] = "default",
    ) -> Any:
        """Return the rows of all runs one after the other, each with its `run_id`.

        `samples` and `keys` are those of `Run.history`, for each run. A list of
        dictionaries, or a data frame.

        Raises:
            UsageError: The package for the data frame is missing.
            FormatError: A history is damaged.
        """
        if format not in ("default", "pandas", "polars"):
            raise UsageError(f'format is "default", "pandas" or "polars", not {format!r}')
        from tracker.read.rows import select_rows

        wanted = None if keys is None else list(dict.fromkeys([x_axis, *keys]))
        rows: list[Row] = []
        for run in self:
            found = select_rows(run.layout, wanted, system=stream != "default")
            found = found if samples is None else thin(found, samples)
            rows += [{**row, "run_id": run.id} for row in found]
        return _as_frame(rows, format)

    def to_rows(self) -> list[Row]:
        """Return one flat dictionary a run: id, name, state, …, `config.x`, `summary.x`."""
        return [row_of(run) for run in self]

    def to_pandas(self) -> Any:
        """Return `to_rows` as a pandas data frame.

        Raises:
            UsageError: pandas is not installed.
        """
        return to_pandas(self.to_rows())


_PLAIN = ("id", "name", "state", "project", "group", "job_type", "tags", "notes", "created_at", "duration")


def row_of(run: RunView) -> Row:
    """Return a run as one flat row; `Runs.to_rows` says with what."""
    row: Row = {name: getattr(run, name) for name in _PLAIN}
    row |= flatten(run.config, "config.")
    return row | flatten(run.summary, "summary.")


def _as_frame(rows: list[Row], format: str) -> Any:
    makers: dict[str, Callable[[list[Row]], Any]] = {"pandas": to_pandas, "polars": to_polars}
    return makers[format](rows) if format in makers else rows
