"""Which runs a command is about: those that were named, or those that pass a filter."""

from __future__ import annotations

from collections.abc import Sequence

import click

from tracker.artifacts.home import Home
from tracker.read.run_view import RunView
from tracker.read.selection import Question
from tracker.storage.catalog import Catalog
from vcs.errors import NotFoundError, UsageError
from vcs.repo import Repo

filter_option = click.option(
    "-f", "--filter", "text", help="Which runs: comparisons joined by and, or, not; see tracker runs."
)


def named_runs(repo: Repo, names: Sequence[str], project: str | None) -> list[RunView]:
    """Return the runs of these names, each once.

    Raises:
        NotFoundError, UsageError: A name means none, or several.
    """
    catalog, home = Catalog(repo.layout), home_of(repo, project)
    found = [RunView(catalog.find(name, project), home) for name in names]
    return list(dict.fromkeys(found))


def filtered_runs(repo: Repo, text: str | None, project: str | None) -> list[RunView]:
    """Return the runs that pass a filter, the newest first.

    Raises:
        NotFoundError: None does.
        UsageError: The filter cannot be understood.
    """
    found = Question(home_of(repo, project), project, text, "-created_at").answer(RunView)
    if not found:
        raise NotFoundError(
            "no run passes the filter" if text else "no runs yet", hint="list the runs: tracker runs"
        )
    return found


def chosen_runs(repo: Repo, names: Sequence[str], text: str | None, project: str | None) -> list[RunView]:
    """Return the named runs, or those that pass the filter.

    Raises:
        UsageError: Both were given, or neither.
        NotFoundError: There is no such run.
    """
    if names and text:
        raise UsageError("name runs, or give --filter, not both")
    if not names and not text:
        raise UsageError("which runs?", hint="name them, or give --filter, as for tracker runs")
    return named_runs(repo, names, project) if names else filtered_runs(repo, text, project)


def home_of(repo: Repo, project: str | None) -> Home:
    """Return the project folder as runs see it."""
    return Home(repo, project or "", "")
