"""`tracker diff`: why two runs differ, or what differs between two versions."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from tracker._version import __version__
from tracker.cli.output import print_json, print_table, printable
from tracker.cli.places import find_version, json_option, open_repo, project_option
from tracker.compare.changes import VersionComparison, compare_versions
from tracker.compare.html import to_html
from tracker.compare.render import (
    EVERYTHING,
    Block,
    Limits,
    Patch,
    Report,
    Sentences,
    Table,
    report_of_runs,
    report_of_versions,
)
from tracker.compare.run_changes import RunChanges, diff_runs
from tracker.live.progress_bar import ProgressBar
from tracker.storage.catalog import Catalog, RunEntry
from vcs.artifacts.manifest import Manifest
from vcs.atomic import write_atomic
from vcs.clock import iso_now
from vcs.errors import NotFoundError, UsageError
from vcs.repo import Repo

_COLORS = {"+": "green", "-": "red", "@": "cyan"}

html_option = click.option(
    "--html", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write one HTML file."
)
paths_option = click.option("--paths", "only_paths", is_flag=True, help="Of versions: open no file.")
all_option = click.option("--all", "everything", is_flag=True, help="Leave out nothing that is long.")


@click.command(
    epilog="""\b
Examples:
  tracker diff calm-otter-12 brave-fox-13
  tracker diff calm-otter-12 brave-fox-13 --html why.html
  tracker diff lenet5:v3 lenet5:best"""
)
@click.argument("old")
@click.argument("new")
@html_option
@paths_option
@all_option
@project_option
@json_option
def diff(
    old: str,
    new: str,
    page: Path | None,
    only_paths: bool,
    everything: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Say why two runs differ, or what differs between two versions

    Of runs: code, config, environment, inputs path by path, metrics with deltas. Of
    versions: paths, and inside them values, rows, lines and tensors. The exit status is
    1 when something differs.
    """
    repo = open_repo()
    sides = [find_either(repo, text, project) for text in (old, new)]
    before, after = sides
    if isinstance(before, RunEntry) and isinstance(after, RunEntry):
        show_difference(diff_runs(repo, before, after), page, everything, as_json)
    elif isinstance(before, Manifest) and isinstance(after, Manifest):
        diff_versions(repo, before, after, page, only_paths, everything, as_json)
    else:
        words = [f"{text} is a {_word(side)}" for text, side in zip((old, new), sides, strict=True)]
        raise UsageError(f"{', and '.join(words)}", hint="give two runs, or two versions of an artifact")


def diff_versions(
    repo: Repo,
    old: Manifest,
    new: Manifest,
    page: Path | None,
    only_paths: bool,
    everything: bool,
    as_json: bool,
) -> None:
    """Compare and show two versions; ends with status 1 when they differ."""
    with ProgressBar("comparing") as bar:
        found = compare_versions(repo, old, new, contents=not only_paths, progress=bar)
    show_difference(found, page, everything, as_json)


def find_either(repo: Repo, text: str, project: str | None) -> RunEntry | Manifest:
    """Return the run or the version that a user named; a run wins over a version.

    Raises:
        NotFoundError, UsageError: Nothing, or several things, have the name.
    """
    if ":" in text or "@" in text:
        return find_version(repo, text, project)
    try:
        return Catalog(repo.layout).find(text, project)
    except NotFoundError as no_run:
        try:
            return find_version(repo, text, project)
        except NotFoundError:
            raise NotFoundError(f"no run and no artifact {text!r}", hint=no_run.hint) from None


def show_difference(
    found: RunChanges | VersionComparison, page: Path | None, everything: bool, as_json: bool
) -> None:
    """Show what differs in the form that was asked for; ends with status 1 when something does."""
    if page is not None:
        made = f"Made by tracker {__version__}, {iso_now()}."
        write_atomic(page, to_html(_report(found, EVERYTHING), made=made), durable=False)
        click.echo(f"Wrote {page}.", err=True)
    if as_json:
        print_json(found.to_plain())
    elif page is None:
        print_report(_report(found, EVERYTHING if everything else Limits()))
    if not found.same:
        raise click.exceptions.Exit(1)


def print_report(report: Report) -> None:
    """Print a report, no wider than the terminal."""
    click.echo(printable(f"{report.old} -> {report.new}"))
    for section in report.sections:
        title = click.style(printable(section.title), bold=True)
        click.echo(f"\n{title}: {printable(section.summary)}")
        for block in section.blocks:
            _print_block(block)
    if report.same:
        click.echo("\nNothing differs.")


def _print_block(block: Block) -> None:
    match block:
        case Table(head, rows, right, left_out):
            print_table(head, rows, right=right, colors=_COLORS)
            _print_more(left_out, "tracker diff … --all")
        case Patch(lines, left_out, rest):
            width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
            for line in lines:
                shown = printable(line.expandtabs(4))[:width]
                click.echo(click.style(shown, fg=_COLORS.get(line[:1])))
            _print_more(left_out, rest or "tracker diff … --all")
        case Sentences(lines):
            for line in lines:
                click.echo(printable(line))


def _print_more(left_out: int, rest: str) -> None:
    if left_out:
        click.echo(f"… {left_out} more: {rest}")


def _report(found: RunChanges | VersionComparison, limits: Limits) -> Report:
    if isinstance(found, RunChanges):
        return report_of_runs(found, limits)
    return report_of_versions(found, limits)


def _word(side: RunEntry | Manifest) -> str:
    return "run" if isinstance(side, RunEntry) else "version of an artifact"
