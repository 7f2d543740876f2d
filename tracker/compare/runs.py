"""Two runs compared: configuration, every metric row, outputs, inputs, code, environment.

Only what is recorded is compared, and only read. What it means is `verdict`'s to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from tracker.compare.environment import EnvironmentComparison, compare_environments, read_packages
from tracker.compare.metrics import MetricComparison, compare_rows
from tracker.compare.outputs import RUN, OutputComparison, compare_inputs, compare_outputs
from tracker.compare.stepped import RunRows
from tracker.compare.values import ABSENT, EXACT, Change, Tolerance, changes, compare_values
from tracker.storage import history
from tracker.storage.catalog import RunEntry
from tracker.storage.records import RunRecord, Session
from vcs.errors import FormatError, NotFoundError
from vcs.files.listing import Listing
from vcs.repo import Repo
from vcs.yaml_io import load_yaml, read_text


class ComparedRun:
    """What comparisons read of a run; each part once, when it is first asked for.

    Raises:
        FormatError, StoreError: A file of the run is damaged, or cannot be read.
    """

    def __init__(self, entry: RunEntry, check: Callable[[], None] = lambda: None) -> None:
        """Read nothing yet. `check` is called now and then in long reading, and may raise to end it."""
        self.entry = entry
        self._check = check

    @property
    def record(self) -> RunRecord:
        return self.entry.record

    @property
    def session(self) -> Session:
        """The newest session; an empty one for a run that has none."""
        return self.record.last_session or Session(number=0, started=self.record.created)

    @property
    def title(self) -> str:
        """`name (project/id)`, for people."""
        path = f"{self.record.project}/{self.record.id}"
        return f"{self.record.name} ({path})" if self.record.name else path

    @cached_property
    def state(self) -> str:
        return self.entry.state

    @property
    def is_whole(self) -> bool:
        """Whether the run came to its end; else it may lack rows that another has."""
        return self.state == "finished"

    @cached_property
    def config(self) -> dict[str, Any]:
        try:
            content = load_yaml(self.entry.layout.config, "config")
        except NotFoundError:
            return {}
        if content is not None and not isinstance(content, dict):
            raise FormatError(f"{self.entry.layout.config} is no mapping of keys to values")
        return {str(key): value for key, value in (content or {}).items()}

    @cached_property
    def summary(self) -> dict[str, Any]:
        return history.summary_of(self.entry.layout, self.record.metrics)

    @cached_property
    def rows(self) -> RunRows:
        return RunRows(self.entry.layout, self._check)

    @property
    def last_step(self) -> int | None:
        return self.rows.last_step

    @cached_property
    def packages(self) -> dict[str, str]:
        """What was installed at the newest session; empty where that is not known."""
        try:
            return read_packages(read_text(self.entry.layout.requirements, "requirements"))
        except NotFoundError:
            return {}


@dataclass(frozen=True)
class RunComparison:
    """What comparing two runs came to; see the parts. The older run is the measure.

    Attributes:
        state: How they ended, if not alike.
        config, summary: What differs by dotted key; the summary only where it was set by
            hand, because the rest follows from the rows.
        summary_outside: The keys of it that are not within the tolerance.
        inputs: Versions by `project/name`.
        code: The code commits, if the code differs.
        command: The command lines, if they differ by more than places and ids.
    """

    old: ComparedRun
    new: ComparedRun
    tolerance: Tolerance
    state: Change | None
    config: dict[str, Change]
    summary: dict[str, Change]
    summary_outside: frozenset[str]
    metrics: MetricComparison
    outputs: list[OutputComparison]
    inputs: dict[str, Change]
    code: Change | None
    command: Change | None
    environment: EnvironmentComparison
    ignored: tuple[str, ...] = field(default=())


def compare_runs(
    repo: Repo,
    old: RunEntry,
    new: RunEntry,
    *,
    tolerance: Tolerance = EXACT,
    ignore: Sequence[str] = (),
    check: Callable[[], None] = lambda: None,
) -> RunComparison:
    """Compare two runs of one project folder; `ignore` are patterns of metric and summary keys.

    Reads both histories whole, some rows at a time. What the older run has not reached,
    because it ended early or still goes on, is not compared. `check` is called now and
    then, and may raise to end it.

    Raises:
        FormatError, StoreError: A record or history is damaged, or cannot be read.
    """
    a, b = ComparedRun(old, check), ComparedRun(new, check)
    metrics = compare_rows(a.rows, b.rows, tolerance=tolerance, ignore=ignore, old_is_whole=a.is_whole)
    summary = _set_by_hand(a, b, ignore) if a.is_whole else {}
    outside = [key for key, change in summary.items() if not _within(change, tolerance)]
    return RunComparison(
        old=a,
        new=b,
        tolerance=tolerance,
        state=_state(a, b),
        config=changes(a.config, b.config),
        summary=summary,
        summary_outside=frozenset(outside),
        metrics=metrics,
        outputs=compare_outputs(
            a.record,
            b.record,
            lambda version: _type_and_listing(repo, version),
            last_step=None if a.is_whole else (-1 if a.last_step is None else a.last_step),
        ),
        inputs=compare_inputs(a.record, b.record),
        code=_code(repo, a.session, b.session),
        command=_command(a, b),
        environment=compare_environments(a.session, b.session, a.packages, b.packages),
        ignored=tuple(ignore),
    )


def _state(old: ComparedRun, new: ComparedRun) -> Change | None:
    """Return how they ended, if that differs; the end of one that was interrupted says nothing."""
    if old.state not in ("finished", "failed") or _end(old) == _end(new):
        return None
    return Change(_end(old), _end(new))


def _end(run: ComparedRun) -> str:
    error = run.session.error
    return f"{run.state} ({error})" if error else run.state


def _set_by_hand(old: ComparedRun, new: ComparedRun, ignore: Sequence[str]) -> dict[str, Change]:
    logged = {key for run in (old, new) for key in run.rows.logged()}
    found = {}
    for key, change in changes(old.summary, new.summary).items():
        top = key.partition(".")[0]
        if key in logged or top.startswith("_") or any(fnmatchcase(key, each) for each in ignore):
            continue
        # An aggregate of a metric (`acc.max`) follows from its rows.
        if key.rpartition(".")[0] not in logged:
            found[key] = change
    return found


def _within(change: Change, tolerance: Tolerance) -> bool:
    if ABSENT in (change.old, change.new):
        return False
    apart = compare_values(change.old, change.new, tolerance)
    return apart is None or apart.within


def _type_and_listing(repo: Repo, version: str) -> tuple[str, Listing]:
    manifest = repo.collections.resolve(version, project="")
    return manifest.type, repo.collections.listing(manifest)


def _code(repo: Repo, old: Session, new: Session) -> Change | None:
    a, b = old.code_commit or old.commit, new.code_commit or new.commit
    if a == b:
        return None
    trees = [_tree(repo, commit) for commit in (a, b)]
    return None if trees[0] is not None and trees[0] == trees[1] else Change(a or ABSENT, b or ABSENT)


def _tree(repo: Repo, commit: str | None) -> str | None:
    if commit is None or repo.git is None:
        return None
    return repo.git.text("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}", check=False) or None


def _command(old: ComparedRun, new: ComparedRun) -> Change | None:
    a, b = _words(old), _words(new)
    return None if a == b else Change(" ".join(a), " ".join(b))


def _words(run: ComparedRun) -> list[str]:
    """Return the command line without what differs between two equal commands: interpreter, id, folder."""
    words = [word.replace(run.record.id, RUN) for word in run.session.argv[1:]]
    return [word.rpartition("/")[2] if word.startswith("/") else word for word in words]
