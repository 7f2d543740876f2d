"""`tracker import`: runs and versions of other tools become ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click

from tracker.cli.groups import CommandGroup
from tracker.cli.output import print_json, print_table
from tracker.cli.places import default_project, json_option
from tracker.importers.driver import FoundVersion, import_runs, import_versions
from tracker.importers.found import FoundRun, artifact_name, safe_name
from tracker.importers.report import Report
from tracker.live.progress_bar import ProgressBar
from tracker.settings import load_settings
from vcs.discover import find_layout
from vcs.errors import NotFoundError
from vcs.git import Git
from vcs.names import check_project
from vcs.repo import Repo

# Remarks that many runs share are said once, with so many of the runs.
_SHOWN = 3


@click.group(
    name="import",
    cls=CommandGroup,
    epilog="""\b
Examples:
  tracker import tensorboard runs/
  tracker import wandb wandb/ --dry-run
  tracker import mlflow mlruns/ --json""",
)
def import_group() -> None:
    """Take over runs and versions of other tools

    Nothing of the source is changed. Running it again adds only what is new. What could not
    be carried over is said at the end.
    """


@dataclass(frozen=True)
class _Asked:
    """What every import can be asked for."""

    project: str | None
    dry_run: bool
    as_json: bool


def _asked(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of every import, as its `asked`."""

    @wraps(command)
    def call(project: str | None, dry_run: bool, as_json: bool, **rest: Any) -> None:
        command(**rest, asked=_Asked(project, dry_run, as_json))

    for option in (
        json_option,
        click.option("-n", "--dry-run", is_flag=True, help="Read everything, write nothing."),
        click.option("-p", "--project", help="Put the runs into this project."),
    ):
        call = option(call)
    return call


def _source(text: str) -> Path:
    path = Path(text)
    if not path.exists():
        raise NotFoundError(f"no such file or folder: {text}")
    return path.resolve()


def _project(repo: Repo, given: str | None, place: Path) -> str:
    """Return the project of runs whose source names none."""
    found = given or load_settings({}).project or repo.settings.project
    return check_project(found or safe_name(place.stem or place.name))


def _run(
    source: str,
    place: Path,
    find: Callable[[Repo, Report], Iterable[FoundRun]],
    asked: _Asked,
) -> None:
    repo = Repo.open(create=not asked.dry_run)
    with ProgressBar(f"Importing from {source}", unit="runs") as progress:
        report = import_runs(
            repo, source, place, partial(find, repo), dry_run=asked.dry_run, progress=progress
        )
    print_json(report.as_json()) if asked.as_json else _print(report)


@import_group.command(
    epilog="""\b
Examples:
  tracker import tensorboard runs/
  tracker import tensorboard runs/ -p digits --dry-run"""
)
@click.argument("folder")
@_asked
def tensorboard(folder: str, asked: _Asked) -> None:
    """Take over event files: each folder below FOLDER that has some is a run"""
    from tracker.importers.tensorboard import SOURCE, find_runs

    place = _source(folder)
    _run(SOURCE, place, lambda repo, report: find_runs(place, _project(repo, asked.project, place)), asked)


@import_group.command(
    epilog="\b\nExamples:\n  tracker import mlflow mlruns/\n  tracker import mlflow mlflow.db --dry-run"
)
@click.argument("place", metavar="FOLDER_OR_FILE")
@_asked
def mlflow(place: str, asked: _Asked) -> None:
    """Take over a store of MLflow: the folder mlruns, or the file mlflow.db

    Each experiment becomes a project, unless --project names one for all.
    """
    from tracker.importers.mlflow import find_runs
    from tracker.importers.mlflow_runs import SOURCE

    where = _source(place)
    _run(SOURCE, where, lambda repo, report: find_runs(where, asked.project, report), asked)


@import_group.command(
    epilog="\b\nExamples:\n  tracker import wandb wandb/\n  tracker import wandb wandb/ -p digits"
)
@click.argument("folder")
@_asked
def wandb(folder: str, asked: _Asked) -> None:
    """Take over wandb's run folders: offline ones, and what online runs left

    Runs keep their projects, unless --project names one for all.
    """
    from tracker.importers.wandb import SOURCE, find_runs

    where = _source(folder)
    _run(SOURCE, where, lambda repo, report: find_runs(where, asked.project, report), asked)


@import_group.command(epilog="\b\nExamples:\n  tracker import trackio ~/.cache/huggingface/trackio")
@click.argument("place", metavar="FOLDER_OR_FILE")
@_asked
def trackio(place: str, asked: _Asked) -> None:
    """Take over trackio's databases, which are one a project"""
    from tracker.importers.trackio import SOURCE, find_runs

    where = _source(place)
    _run(SOURCE, where, lambda repo, report: find_runs(where, asked.project, report), asked)


@import_group.command(
    epilog="""\b
Examples:
  tracker import aim ~/project
  tracker import aim ~/project --python ~/env/bin/python"""
)
@click.argument("folder")
@click.option("--python", metavar="PATH", help="The Python that has aim, if this one has not.")
@_asked
def aim(folder: str, python: str | None, asked: _Asked) -> None:
    """Take over a store of aim: the folder that holds .aim

    Only aim reads its database, so it has to be installed, beside tracker or for the
    Python that --python names. A copy is read. Each experiment becomes a project, unless
    --project names one for all.
    """
    from tracker.importers.aim import SOURCE, find_runs, read_by_aim

    where = _source(folder)
    with read_by_aim(where, python) as read:
        _run(SOURCE, where, lambda repo, report: find_runs(read, where, asked.project, report), asked)


@import_group.command(
    "csv",
    epilog="\b\nExamples:\n  tracker import csv results/\n  tracker import jsonl metrics.jsonl --step epoch",
)
@click.argument("place", metavar="FOLDER_OR_FILE")
@click.option("--step", help="The column that says the step; else the usual names are tried.")
@click.option("--time", help="The column that says the time: seconds since 1970, or ISO 8601.")
@_asked
def table(place: str, step: str | None, time: str | None, asked: _Asked) -> None:
    """Take over histories in CSV, TSV or JSON lines: one file is one run"""
    from tracker.importers.tables import SOURCE, find_runs

    where = _source(place)
    _run(
        SOURCE,
        where,
        lambda repo, report: find_runs(
            where, _project(repo, asked.project, where), report, step=step, time=time
        ),
        asked,
    )


import_group.add_command(table, "jsonl")


@import_group.command(epilog="\b\nExamples:\n  tracker import dvc\n  tracker import dvc data --no-history")
@click.argument("folder", default=".")
@click.option("--type", "type_name", default="dataset", show_default=True, help="Type of the artifacts.")
@click.option("--history/--no-history", default=True, help="Also what earlier commits tracked.")
@_asked
def dvc(folder: str, type_name: str, history: bool, asked: _Asked) -> None:
    """Take over what DVC tracks: .dvc files and dvc.lock, with contents from its cache

    Each tracked path becomes an artifact, each commit that changed it a version. Contents are
    linked, not copied, where the file system allows it.
    """
    from tracker.importers.dvc import SOURCE, find_versions

    where = _source(folder)
    git, _ = _git_at(where)
    _import_versions(SOURCE, where, lambda: find_versions(where, git, type_name, history=history), asked)


@import_group.command(
    epilog="""\b
Examples:
  tracker import lfs models
  tracker import lfs models --name weights --type model"""
)
@click.argument("folder", default=".")
@click.option("--name", help="Name of the artifact; else that of the folder.")
@click.option("--type", "type_name", default="dataset", show_default=True, help="Type of the artifact.")
@_asked
def lfs(folder: str, name: str | None, type_name: str, asked: _Asked) -> None:
    """Take over the files below FOLDER that Git LFS keeps, as one version

    Contents are linked, not copied, where the file system allows it.
    """
    from tracker.importers.lfs import SOURCE, find_version

    where = _source(folder)
    git, inside = _git_at(where)
    title = artifact_name(name or where.name)
    _import_versions(SOURCE, where, lambda: [find_version(git, title, type_name, inside)], asked)


def _git_at(where: Path) -> tuple[Git | None, str]:
    """Return the repository that a folder is in, if it is in one, and the folder's path there."""
    layout = find_layout(where)
    inside = where.relative_to(layout.worktree.resolve()).as_posix()
    return Git(layout.worktree) if layout.git_dir is not None else None, "" if inside == "." else inside


def _import_versions(
    source: str,
    place: Path,
    find: Callable[[], Iterable[FoundVersion]],
    asked: _Asked,
) -> None:
    repo = Repo.open(create=not asked.dry_run)
    home = default_project(repo, asked.project)
    with ProgressBar(f"Importing from {source}", unit="versions") as progress:
        report = import_versions(repo, source, place, home, find(), dry_run=asked.dry_run, progress=progress)
    print_json(report.as_json()) if asked.as_json else _print(report, "Versions")


def _print(report: Report, noun: str = "Runs") -> None:
    shown = [outcome for outcome in report.outcomes if outcome.what != "unchanged"]
    if shown:
        colors = {"new": "green", "grown": "green", "refused": "red"}
        columns: tuple[str, ...] = ("path", "version", "", "files")
        rows: list[tuple[object, ...]] = [
            (o.place, "".join(o.versions) or o.name, o.what, o.files) for o in shown
        ]
        if noun == "Runs":
            columns = ("run", "name", "project", "", "rows", "versions", "files")
            rows = [(o.id, o.name, o.project, o.what, o.rows, len(o.versions), o.files) for o in shown]
        print_table(columns, rows, right=("rows", "versions", "files"), colors=colors)
    would = "would be " if report.dry_run else ""
    counts = [
        f"{report.count('new')} new",
        f"{report.count('grown')} grown",
        f"{report.count('unchanged')} unchanged",
        *([f"{report.count('refused')} refused"] if report.count("refused") else []),
    ]
    click.echo(f"{noun}: {', '.join(counts)}{f' ({would}written)' if would else ''}.", err=True)
    for sentence, where in _remarks(report).items():
        names = ", ".join(where[:_SHOWN]) + (
            f" and {len(where) - _SHOWN} more" if len(where) > _SHOWN else ""
        )
        click.echo(f"Not carried over: {sentence}{f' [{names}]' if names else ''}", err=True)


def _remarks(report: Report) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {sentence: [] for sentence in report.remarks}
    for outcome in report.outcomes:
        for sentence in outcome.left_out:
            found.setdefault(sentence, []).append(outcome.name)
    return found
