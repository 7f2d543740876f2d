"""`tracker show`: one run, one version, or what is recorded of one commit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from tracker.cli.choose import home_of
from tracker.cli.commits import print_commit
from tracker.cli.output import age_text, duration_text, number_text, print_json, printable, warn
from tracker.cli.pictures import screen_of
from tracker.cli.places import find_version, json_option, open_repo, project_option
from tracker.cli.version_text import print_version
from tracker.draw.curves import metrics_of, panels_of
from tracker.draw.terminal import draw_panels
from tracker.read.commits import Commit, find_commit, records_of
from tracker.read.run_view import RunView
from tracker.read.words import WATCHED, count_text
from tracker.storage.catalog import Catalog, RunEntry
from tracker.storage.history import keys_of, summary_of
from tracker.storage.records import Session
from tracker.storage.segment import Damage
from vcs.artifacts.manifest import Manifest
from vcs.errors import FormatError, GitError, NotFoundError, UsageError
from vcs.layout import RunLayout
from vcs.names import parse_artifact_ref
from vcs.repo import Repo
from vcs.yaml_io import load_yaml

# What run.yaml says of a session, in the order in which people ask for it.
_SESSION_FIELDS = (
    "host",
    "cwd",
    "commit",
    "branch",
    "code_commit",
    "dirty",
    "python",
    "platform",
    "gpus",
    "signal",
    "error",
)


_MOST_CURVES = 12


@click.command(
    epilog="""\b
Examples:
  tracker show calm-otter-12
  tracker show calm-otter-12 --plot
  tracker show LeNet5/if8bjzd0 --json
  tracker show lenet5-mnist:best
  tracker show HEAD~3"""
)
@click.argument("what")
@click.option("--plot", "with_curves", is_flag=True, help="Of a run: draw its curves.")
@project_option
@json_option
def show(what: str, with_curves: bool, project: str | None, as_json: bool) -> None:
    """Show a run, an artifact or a commit

    A run is named by its id, its name, or the beginning of one; a version as
    NAME:v2, NAME:ALIAS or NAME@DIGEST; a commit as git names it. Of a commit: the runs
    on it, the versions made on it or brought in by it, and the data that it tracks.
    """
    repo = open_repo()
    found = _find(repo, what, project)
    if isinstance(found, Commit):
        print_commit(records_of(repo, found), as_json)
        return
    if isinstance(found, Manifest):
        print_version(repo, found, as_json)
        return
    damaged: list[Damage] = []
    about = describe_run(RunView(found, home_of(repo, found.project)), found, damaged)
    warn(f"{each} cannot be read" for each in damaged)
    if as_json:
        print_json(about)
    else:
        _print_run(about, found, _curves(repo, found) if with_curves else [])


def _find(repo: Repo, what: str, project: str | None) -> RunEntry | Manifest | Commit:
    """Return what a user named: a run, else a version, else a commit.

    Raises:
        NotFoundError, UsageError: Nothing, or several things, have the name.
    """
    no_run: NotFoundError | None = None
    if ":" not in what and "@" not in what:
        try:
            return Catalog(repo.layout).find(what, project)
        except NotFoundError as error:
            no_run = error
    try:
        parse_artifact_ref(what)
    except UsageError as error:
        # `HEAD~3` and `main@{u}` can be no version.
        return _find_commit(repo, what, no_run or error)
    try:
        return find_version(repo, what, project)
    except NotFoundError as error:
        return _find_commit(repo, what, no_run or error)


def _find_commit(repo: Repo, what: str, otherwise: NotFoundError | UsageError) -> Commit:
    try:
        return find_commit(repo, what)
    except (NotFoundError, GitError):
        if ":" in what or "@" in what:
            raise otherwise from None
        raise NotFoundError(f"no run, artifact or commit {what!r}", hint=otherwise.hint) from None


def describe_run(view: RunView, entry: RunEntry, damaged: list[Damage]) -> dict[str, Any]:
    """Return everything that is recorded of a run, as plain values."""
    record = entry.record
    return {
        **record.to_plain(),
        "state": entry.state,
        "runtime_s": view.duration,
        "config": read_mapping(entry.layout.config),
        "summary": summary_of(entry.layout, record.metrics, damaged=damaged),
        "keys": keys_of(entry.layout, damaged=damaged),
        "folder": str(entry.layout.folder),
    }


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the mapping of a YAML file of a run; an absent file is an empty one.

    Raises:
        FormatError: It cannot be read, or is no mapping.
    """
    try:
        value = load_yaml(path, path.name)
    except NotFoundError:
        return {}
    if value is not None and not isinstance(value, dict):
        raise FormatError(f"{path} is no mapping of keys to values")
    return value or {}


def _curves(repo: Repo, entry: RunEntry) -> list[str]:
    """Return the curves of a run as lines of text; of very many metrics the first."""
    run = RunView(entry, home_of(repo, entry.project))
    metrics = metrics_of([run])
    panels = panels_of([run], metrics[:_MOST_CURVES])
    lines = draw_panels(panels, screen_of()) or ["No metric has numbers."]
    if len(metrics) > _MOST_CURVES:
        lines += ["", f"{len(metrics) - _MOST_CURVES} more: tracker plot METRIC --run {entry.id}"]
    return lines


def _print_run(about: dict[str, Any], entry: RunEntry, curves: list[str]) -> None:
    record = entry.record
    click.echo(
        f"{click.style(record.name or record.id, bold=True)}  {record.project}/{record.id}  {about['state']}"
    )
    _line("created", f"{record.created} ({age_text(record.created)})")
    _line("runtime", duration_text(about["runtime_s"]))
    for key in ("group", "job_type", "notes"):
        _line(key, getattr(record, key))
    _line("tags", ", ".join(record.tags))
    if record.forked_from:
        _line("forked from", f"{record.forked_from.run} after step {record.forked_from.step}")
    _mapping("Config", about["config"])
    summary = {key: value for key, value in about["summary"].items() if not key.startswith("_")}
    watched = [key for key in summary if key.startswith(WATCHED)]
    _mapping("Summary", {key: value for key, value in summary.items() if key not in watched})
    if watched:
        click.echo(f"  and {count_text(len(watched), 'value')} of watched models")
    if curves:
        click.echo("\n".join(["", *curves]))
    used = [f"{one.artifact}:{one.version}" + (f" (as {one.as_})" if one.as_ else "") for one in record.used]
    logged = [f"{one.artifact}:{one.version}" for one in record.logged]
    for title, names in (("Used", used), ("Logged", logged)):
        if names:
            click.echo("\n".join(["", title, *(f"  {name}" for name in names)]))
    for session in record.sessions:
        _print_session(session, last=session is record.last_session, state=about["state"])
    _next_steps(record.id, entry.layout)


def _to_the_second(moment: str) -> str:
    """Return a moment without its fraction, so that two of them fit a line."""
    return re.sub(r"\.\d+", "", moment)


def _print_session(session: Session, *, last: bool, state: str) -> None:
    ended = f", ended {_to_the_second(session.ended)}" if session.ended else ""
    shown = state if last else session.state
    click.echo(f"\nSession {session.number}: {shown}, started {_to_the_second(session.started)}{ended}")
    _line("command", " ".join(session.argv))
    for name in _SESSION_FIELDS:
        value = getattr(session, name)
        if value not in (None, "", [], {}):
            _line(name, number_text(value))
    for left in session.left_out:
        _line("left out", f"{left.get('path')} ({left.get('reason')})")
    for key, change in session.config_changes.items():
        _line("changed", f"{key}: {number_text(change.get('old'))} -> {number_text(change.get('new'))}")


def _next_steps(run_id: str, layout: RunLayout) -> None:
    click.echo(f"\nFiles: {layout.folder}")
    click.echo(f"What happened: tracker log --run {run_id}")


def _mapping(title: str, values: dict[str, Any]) -> None:
    if values:
        click.echo(f"\n{title}")
        for key, value in values.items():
            _line(str(key), _short(value))


def _short(value: object) -> str:
    if isinstance(value, dict) and "_type" in value:
        return f"<{value['_type']}>"
    text = number_text(value)
    return text if len(text) <= 200 else text[:199] + "…"


def _line(name: str, text: str) -> None:
    if text:
        click.echo(f"  {printable(name):<14} {printable(text)}")
