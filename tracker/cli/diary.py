"""`tracker log`: what happened, in order, as the ledger has it."""

from __future__ import annotations

import click

from tracker.cli.output import age_text, print_json, printable
from tracker.cli.places import json_option, open_repo
from tracker.storage.catalog import Catalog
from vcs.errors import GitError


@click.command(
    epilog="""\b
Examples:
  tracker log
  tracker log -n 5
  git log refs/tracker/ledger"""
)
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), default=30, show_default=True, help="At most this many."
)
@click.option("--run", "run_text", metavar="RUN", help="Only what touched this run.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@json_option
def log(limit: int, run_text: str | None, everything: bool, as_json: bool) -> None:
    """Print what happened, the newest first

    One line for each run started or ended, version logged, alias moved, record edited:
    what the ledger, a history of the records in git, holds.
    """
    repo = open_repo()
    if repo.git is None:
        raise GitError(
            "there is no ledger without a git repository", hint="git init; the next run begins one"
        )
    path = Catalog(repo.layout).find(run_text).layout.folder if run_text else None
    entries = list(repo.ledger.log(path=path, limit=None if everything else limit))
    if as_json:
        print_json(
            [{"commit": e.commit, "time": e.time, "author": e.author, "message": e.message} for e in entries]
        )
        return
    if not entries:
        click.echo("Nothing recorded yet. Start with: tracker run train.py", err=True)
    for entry in entries:
        commit = click.style(entry.commit[:10], fg="yellow")
        click.echo(
            f"{commit}  {age_text(entry.time):>10}  {printable('; '.join(entry.message.splitlines()))}"
        )
