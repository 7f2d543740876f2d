"""What every command needs to find: the project of this folder, and versions by their names."""

from __future__ import annotations

import click

from tracker.cli.output import warn
from tracker.settings import load_settings
from vcs.artifacts.manifest import Manifest
from vcs.errors import UsageError
from vcs.names import parse_artifact_ref
from vcs.repo import Repo

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
project_option = click.option("-p", "--project", help="Look in this project.")


def open_repo() -> Repo:
    """Open the project of the current folder, making nothing on disk; say what went wrong with that."""
    repo = Repo.open(create=False)
    warn(repo.warnings)
    return repo


def default_project(repo: Repo, given: str | None) -> str:
    """Return the project that names without one belong to: option > environment > tracker.yaml."""
    return given or load_settings({}).project or repo.settings.project or "uncategorized"


def find_version(repo: Repo, text: str, project: str | None, *, type: str | None = None) -> Manifest:
    """Return the version that a user named.

    A name that the default project lacks, but exactly one other project has, is found
    there: on one machine people name artifacts without their project.

    Raises:
        NotFoundError, UsageError: None, or several projects have it.
    """
    ref = parse_artifact_ref(text)
    home = ref.project or default_project(repo, project)
    if not ref.project and project is None:
        owners = [owner for owner, name in repo.collections.names() if name == ref.name]
        if owners and home not in owners:
            if len(owners) > 1:
                listed = ", ".join(f"{owner}/{ref.name}" for owner in owners)
                raise UsageError(
                    f"several projects have {ref.name!r}: {listed}", hint=f"say which: {owners[0]}/{text}"
                )
            home = owners[0]
    return repo.collections.resolve(ref, project=home, type=type)
