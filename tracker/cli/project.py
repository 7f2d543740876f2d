"""`tracker init`, `config` and `completion`: the set-up of a project and of the shell."""

from __future__ import annotations

import os

import click

from tracker.cli.output import print_json, print_table
from tracker.cli.places import json_option, open_repo
from tracker.settings import given_variables
from vcs.atomic import write_atomic
from vcs.errors import UsageError
from vcs.layout import IGNORE_FILE
from vcs.names import check_project
from vcs.repo import Repo
from vcs.yaml_io import dump_yaml


@click.command(
    epilog="""\b
Examples:
  tracker init
  tracker init --project LeNet5"""
)
@click.option("--project", help="Write this project into tracker.yaml.")
@json_option
def init(project: str | None, as_json: bool) -> None:
    """Prepare this folder and say what will be kept

    Nothing needs to be prepared: the first run does it too. A second call changes nothing.
    """
    if project is not None:
        check_project(project)
    repo = Repo.open()
    layout = repo.layout
    written = False
    if project is not None and repo.settings.project != project:
        if layout.settings.exists():
            raise UsageError(
                f"{layout.settings} exists and names the project {repo.settings.project!r}",
                hint=f"change the line `project:` there to {project}",
            )
        write_atomic(layout.settings, dump_yaml({"project": project}))
        written = True
    about = {
        "root": str(layout.root),
        "git": layout.git_dir is not None,
        "records": str(layout.records),
        "contents": str(layout.objects_root),
        "project": project or repo.settings.project or "uncategorized",
        "settings_written": written,
    }
    if as_json:
        print_json(about)
        return
    click.echo(f"Runs and versions of {layout.root} are recorded in {layout.records}.")
    click.echo(f"Contents are stored in {layout.objects_root}.")
    if layout.git_dir is None:
        click.echo("This is no git repository: the code of runs is not recorded. To change that: git init")
    if written:
        click.echo(f"Wrote {layout.settings}; commit it, so that others have it too.")
    if not (layout.worktree / IGNORE_FILE).exists():
        click.echo(f"To leave files out of artifacts, write patterns into {IGNORE_FILE}.")
    click.echo("Next: tracker run train.py")


@click.command(epilog="\b\nExamples:\n  tracker config\n  tracker config --json")
@json_option
def config(as_json: bool) -> None:
    """Print the settings and where each comes from

    The order is: argument of init, environment (TRACKER_*), tracker.yaml, default.
    """

    repo = open_repo()
    places = {
        "store": (str(repo.layout.objects_root), "where contents lie"),
        "project": ("uncategorized", "default"),
    }
    file = str(repo.layout.settings)
    for name in ("project", "entity", "remote"):
        value = getattr(repo.settings, name)
        if value is not None:
            places[name] = (value, file)
    for name, value, variable in given_variables():
        places[name] = (value, f"environment ({variable})")
    found = [
        {"setting": name, "value": value, "from": source} for name, (value, source) in sorted(places.items())
    ]
    if as_json:
        print_json(found)
        return
    print_table(("setting", "value", "from"), [tuple(row.values()) for row in found])


@click.command(
    epilog="""\b
Examples:
  eval "$(tracker completion bash)"
  tracker completion zsh > ~/.zfunc/_tracker"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), required=False)
def completion(shell: str | None) -> None:
    """Print the completion script for a shell"""
    from click.shell_completion import get_completion_class

    from tracker.cli.main import cli

    name = shell or os.path.basename(os.environ.get("SHELL", "bash"))
    found = get_completion_class(name)
    if found is None:
        raise UsageError(f"no completion for the shell {name!r}", hint="tracker completion bash")
    click.echo(found(cli, {}, "tracker", "_TRACKER_COMPLETE").source())
