"""`tracker show`: one run or one version, whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tracker.cli.artifact import print_version
from tracker.cli.output import age_text, duration_text, number_text, print_json, printable, warn
from tracker.cli.places import find_version, json_option, open_repo, project_option
from tracker.storage.catalog import Catalog, RunEntry
from tracker.storage.history import keys_of, last_runtime_s, summary_of
from tracker.storage.records import Session
from tracker.storage.segment import Damage
from vcs.errors import FormatError, NotFoundError
from vcs.layout import RunLayout
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


@click.command(
    epilog="""\b
Examples:
  tracker show calm-otter-12
  tracker show LeNet5/if8bjzd0 --json
  tracker show lenet5-mnist:best"""
)
@click.argument("what")
@project_option
@json_option
def show(what: str, project: str | None, as_json: bool) -> None:
    """Show a run or an artifact

    A run is named by its id, the beginning of its id, or its name; a version as
    NAME:v2, NAME:ALIAS or NAME@DIGEST.
    """
    repo = open_repo()
    if ":" in what or "@" in what:
        print_version(repo, find_version(repo, what, project), as_json)
        return
    try:
        entry = Catalog(repo.layout).find(what, project)
    except NotFoundError as no_run:
        try:
            version = find_version(repo, what, project)
        except NotFoundError:
            raise NotFoundError(f"no run and no artifact {what!r}", hint=no_run.hint) from None
        print_version(repo, version, as_json)
        return
    damaged: list[Damage] = []
    about = describe_run(entry, damaged)
    warn(f"{each} cannot be read" for each in damaged)
    if as_json:
        print_json(about)
    else:
        _print_run(about, entry)


def describe_run(entry: RunEntry, damaged: list[Damage]) -> dict[str, Any]:
    """Return everything that is recorded of a run, as plain values."""
    record = entry.record
    return {
        **record.to_plain(),
        "state": entry.state,
        "runtime_s": last_runtime_s(entry.layout, damaged=damaged),
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


def _print_run(about: dict[str, Any], entry: RunEntry) -> None:
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
    _mapping("Summary", {key: value for key, value in about["summary"].items() if not key.startswith("_")})
    used = [f"{one.artifact}:{one.version}" + (f" (as {one.as_})" if one.as_ else "") for one in record.used]
    logged = [f"{one.artifact}:{one.version}" for one in record.logged]
    for title, names in (("Used", used), ("Logged", logged)):
        if names:
            click.echo("\n".join(["", title, *(f"  {name}" for name in names)]))
    for session in record.sessions:
        _print_session(session, last=session is record.last_session, state=about["state"])
    _next_steps(record.id, entry.layout)


def _print_session(session: Session, *, last: bool, state: str) -> None:
    ended = f", ended {session.ended}" if session.ended else ""
    shown = state if last else session.state
    click.echo(f"\nSession {session.number}: {shown}, started {session.started}{ended}")
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
