"""`tracker runs`: the table of runs."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from tracker.artifacts.home import Home
from tracker.cli.output import age_text, duration_text, print_json, print_table
from tracker.cli.places import json_option, open_repo
from tracker.live.progress_bar import ProgressBar
from tracker.read.fields import MISSING, Field, parse_field
from tracker.read.frames import Row, flatten
from tracker.read.run_view import RunView
from tracker.read.selection import Question, row_of
from tracker.read.words import WATCHED
from tracker.storage.bulk import bulk
from tracker.storage.catalog import Catalog
from vcs.names import near
from vcs.repo import Repo

if TYPE_CHECKING:
    from tracker.read.commits import Commit

_COLORS = {
    "finished": "green",
    "failed": "red",
    "crashed": "red",
    "killed": "yellow",
    "preempted": "yellow",
    "running": "cyan",
}
# Columns of results are added until the table has this many.
_RESULTS = 4


@click.command(
    epilog="""\b
Examples:
  tracker runs
  tracker runs --filter 'config.lr > 0.01 and state = finished' --sort -summary.acc
  tracker runs --columns name,config.lr,summary.acc
  tracker runs --commit HEAD~3
  tracker runs -p LeNet5 --json"""
)
@click.option("-p", "--project", help="Only the runs of this project.")
@click.option("-f", "--filter", "text", help="Which runs: comparisons joined by and, or, not.")
@click.option("--commit", "revision", metavar="REV", help="Only runs on this commit, as git names it.")
@click.option("--sort", default="-created_at", show_default=True, help="A field, with - for descending.")
@click.option("--columns", help="Comma-separated fields: id, name, state, config.KEY, summary.KEY, …")
@click.option("-n", "--limit", type=click.IntRange(min=1), help="At most this many.")
@click.option("-q", "--quiet", is_flag=True, help="Print ids only.")
@json_option
@bulk()
def runs(
    project: str | None,
    text: str | None,
    revision: str | None,
    sort: str,
    columns: str | None,
    limit: int | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """List runs

    The newest are first. A filter compares fields with values by = != < <= > >= ~ (a
    regular expression) and in: state, name, id, tags, group, config.KEY, summary.KEY, …
    """
    fields = [parse_field(name.strip()) for name in columns.split(",")] if columns else None
    repo = open_repo()
    question = Question(Home(repo, project or "", ""), project, text, sort)
    commit = None
    if revision is not None:
        from tracker.read.commits import find_commit, runs_at

        commit = find_commit(repo, revision)
        there = {(entry.project, entry.id) for entry in runs_at(repo, commit, project)}
        chosen = [run for run in _answer(question) if (run.project, run.id) in there]
    else:
        chosen = _answer(question)
    shown = chosen[:limit]
    if quiet:
        for run in shown:
            click.echo(run.id)
    elif as_json:
        print_json(
            [_chosen(run, fields) if fields else {**row_of(run), "path": "/".join(run.path)} for run in shown]
        )
    elif not shown:
        click.echo(_nothing(repo, text, commit, project), err=True)
    elif fields:
        print_table([str(field) for field in fields], [list(_chosen(run, fields).values()) for run in shown])
    else:
        _print_default(shown, one_project=project is not None)


def _answer(question: Question) -> list[RunView]:
    """Return the runs; many that are read for the first time take some seconds."""
    with ProgressBar("Reading runs", unit="runs") as progress:
        return question.answer(RunView, progress)


def _nothing(repo: Repo, text: str | None, commit: Commit | None, project: str | None) -> str:
    known = Catalog(repo.layout).projects()
    if project is not None and known and project not in known:
        hint = near(project, known) or f"there are {', '.join(known)}"
        return f"No project {project!r} has runs; {hint}"
    if commit is not None:
        return f"No run {'that passes the filter ' if text else ''}is on commit {commit.id[:10]}."
    return "No run passes the filter." if text else "No runs yet. Start one: tracker run train.py"


def _chosen(run: RunView, fields: list[Field]) -> dict[str, Any]:
    values = {str(field): field.shown(run) for field in fields}
    return {name: None if value is MISSING else value for name, value in values.items()}


def _print_default(shown: list[RunView], *, one_project: bool) -> None:
    summaries = [flatten(run.summary_values()) for run in shown]
    results = _result_keys(summaries)
    head = ["name", "id", *([] if one_project else ["project"]), "state", "created", "runtime", *results]
    rows = []
    now = datetime.now(UTC)
    for run, summary in zip(shown, summaries, strict=True):
        row: list[object] = [run.name, run.id, *([] if one_project else [run.project]), run.state]
        row += [age_text(run.created_at, now=now), duration_text(run.duration)]
        rows.append(row + [summary.get(key) for key in results])
    # The first to go for want of room is the last result.
    optional = [name for name in ("created", "runtime", *results) if head.count(name) == 1]
    print_table(head, rows, right=("runtime", *results), colors=_COLORS, optional=optional)


def _result_keys(summaries: list[Row]) -> list[str]:
    """Return the numbers that most runs have in their summary: the ones worth comparing."""
    # Runs of one script have the same keys, and kinds of values.
    shapes = Counter((tuple(summary), tuple(map(type, summary.values()))) for summary in summaries)
    counts: dict[str, int] = {}
    for (keys, kinds), count in shapes.items():
        for key, kind in zip(keys, kinds, strict=True):
            if issubclass(kind, (int, float)) and not key.startswith("_"):
                counts[key] = counts.get(key, 0) + count
    watched = tuple(name for name in counts if name.startswith(WATCHED))
    return sorted(counts, key=lambda name: (name in watched, -counts[name]))[:_RESULTS]
