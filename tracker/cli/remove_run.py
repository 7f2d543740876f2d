"""`tracker run rm`: delete the records of runs."""

from __future__ import annotations

import click

from tracker.cli.output import confirm, count_text, print_json
from tracker.cli.places import json_option, open_repo, project_option


@click.command(
    epilog="""\b
Examples:
  tracker run rm calm-otter-12
  tracker run rm if8bjzd0 --delete-artifacts --yes"""
)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--delete-artifacts", is_flag=True, help="Delete the versions that they logged, too.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be deleted.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@project_option
@json_option
def rm(
    runs: tuple[str, ...],
    delete_artifacts: bool,
    dry_run: bool,
    yes: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Delete the records of runs

    Everything that a run recorded goes from this clone and, with the next push, from
    the team's; the history of the ledger keeps what was small. Contents stay until
    `tracker gc` finds that nothing names them.
    """
    from tracker.read.editing import delete
    from tracker.storage.catalog import Catalog

    repo = open_repo()
    catalog = Catalog(repo.layout)
    # All are looked up before the first one goes.
    found = {(entry.project, entry.id): entry for entry in (catalog.find(run, project) for run in runs)}
    for entry in found.values():
        logged = count_text(len(entry.record.logged), "version")
        with_versions = f" and {logged} that it logged" if delete_artifacts else ""
        what = f"run {entry.project}/{entry.id} ({entry.record.name or 'without a name'}){with_versions}"
        if not yes and not dry_run:
            confirm(f"Delete {what}?")
        if not dry_run:
            delete(repo, entry.layout, entry.record, delete_artifacts=delete_artifacts)
        if not as_json:
            click.echo(f"{'Would delete' if dry_run else 'Deleted'} {what}.")
    if as_json:
        names = [f"{entry.project}/{entry.id}" for entry in found.values()]
        print_json({"runs": names, "done": not dry_run})
