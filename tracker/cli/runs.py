"""`tracker runs`: the table of runs."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import click

from tracker.artifacts.home import Home
from tracker.cli.output import age_text, duration_text, print_json, print_table
from tracker.cli.places import json_option, open_repo
from tracker.read.commits import Commit, find_commit, runs_at
from tracker.read.fields import MISSING, Field, parse_field
from tracker.read.frames import Row, flatten
from tracker.read.runs import Run
from tracker.read.selection import Runs, row_of
from tracker.read.words import WATCHED
from tracker.storage.catalog import Catalog
from vcs.names import near
from vcs.repo import Repo

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
    commit = find_commit(repo, revision) if revision is not None else None
    found = Runs(Home(repo, project or "", ""), project, text, sort)
    chosen = list(found)
    if commit is not None:
        there = {entry.layout for entry in runs_at(repo, commit, project)}
        chosen = [run for run in chosen if run.layout in there]
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


def _nothing(repo: Repo, text: str | None, commit: Commit | None, project: str | None) -> str:
    known = Catalog(repo.layout).projects()
    if project is not None and known and project not in known:
        hint = near(project, known) or f"there are {', '.join(known)}"
        return f"No project {project!r} has runs; {hint}"
    if commit is not None:
        return f"No run {'that passes the filter ' if text else ''}is on commit {commit.id[:10]}."
    return "No run passes the filter." if text else "No runs yet. Start one: tracker run train.py"


def _chosen(run: Run, fields: list[Field]) -> dict[str, Any]:
    values = {str(field): field.shown(run) for field in fields}
    return {name: None if value is MISSING else value for name, value in values.items()}


def _print_default(shown: list[Run], *, one_project: bool) -> None:
    summaries = [flatten(run.summary_values()) for run in shown]
    results = _result_keys(summaries)
    head = ["name", "id", *([] if one_project else ["project"]), "state", "created", "runtime", *results]
    rows = []
    now = datetime.now(UTC)
    for run, summary in zip(shown, summaries, strict=True):
        row: list[object] = [run.name, run.id, *([] if one_project else [run.project]), run.state]
        row += [age_text(run.created_at, now=now), duration_text(run.duration)]
        rows.append(row + [summary.get(key) for key in results])
    print_table(head, rows, right=("runtime", *results), colors=_COLORS)


def _result_keys(summaries: list[Row]) -> list[str]:
    """Return the numbers that most runs have in their summary: the ones worth comparing."""
    pairs = (pair for summary in summaries for pair in summary.items())
    having = Counter(key for key, value in pairs if isinstance(value, (int, float)))
    counts = {key: count for key, count in having.items() if not key.startswith("_")}
    watched = tuple(name for name in counts if name.startswith(WATCHED))
    return sorted(counts, key=lambda name: (name in watched, -counts[name]))[:_RESULTS]
