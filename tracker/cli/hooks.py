"""`tracker hooks`: let git store data, name runs and follow pointers by itself."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from hooks.install import HookStatus, Status
from tracker.cli.groups import CommandGroup
from tracker.cli.output import print_json, print_table
from tracker.cli.places import json_option, open_repo
from vcs.errors import UsageError
from vcs.git import Git
from vcs.repo import Repo


@click.group(cls=CommandGroup, epilog="\b\nExamples:\n  tracker hooks install\n  tracker hooks status")
def hooks() -> None:
    """Let git store data, name runs and follow pointers by itself

    Before a commit: changed tracked paths are stored and their pointers staged; large
    files and weights are refused; the message names the runs that finished. After a
    commit: auto_log. After checkout, merge and rebase: tracked paths follow their
    pointers. Before a push: the objects of new pointers are checked.
    """


@hooks.command(
    epilog="""\b
Examples:
  tracker hooks install
  git commit --no-verify      passes by what stops a commit"""
)
@json_option
def install(as_json: bool) -> None:
    """Install the hooks in this repository

    Hooks that are there already stay, and are called first. A second call brings the
    hooks up to date. Also lets git merge pointers file by file.
    """
    from hooks.install import install as put
    from vcs.tracked.pointer_merge import configure_merge_driver

    repo, git = _repository()
    # Not sys.prefix and not resolved: this is the interpreter that can import us.
    python = Path(os.path.abspath(sys.executable))
    found = put(git, repo.layout, python)
    configure_merge_driver(git, f"{shlex.quote(str(python))} -P -m tracker.cli.main")
    if as_json:
        print_json(_as_json(found))
        return
    click.echo(f"Installed {len(found.hooks)} hooks in {found.folder}.")
    for one in found.hooks:
        if one.before is not None:
            click.echo(f"{one.name}: the hook that was there is called first ({one.before.name}).")
        if one.state == "below pre-commit":
            click.echo(f"{one.name}: pre-commit was there, and calls ours.")
    if found.is_shared:
        click.echo(
            "Other repositories may use this folder (core.hooksPath). There, the hooks do nothing "
            "until they are installed; uninstalling takes them away from all."
        )
    elif found.folder.is_relative_to(git.worktree) and not found.folder.is_relative_to(git.common_dir):
        click.echo("This folder is a part of the working tree: clones have the hooks too, and install them.")
    if not git.run("ls-files", "-z", "--", "*.tracker"):
        click.echo("Next: tracker track PATH, then git commit")


@hooks.command(epilog="\b\nExamples:\n  tracker hooks uninstall")
@json_option
def uninstall(as_json: bool) -> None:
    """Remove the hooks and put back what was there before, byte for byte"""
    from hooks.install import uninstall as take_away
    from vcs.tracked.pointer_merge import remove_merge_driver

    repo, git = _repository()
    taken = take_away(git, repo.layout)
    remove_merge_driver(git)
    if as_json:
        print_json({"removed": taken})
    elif taken:
        click.echo(f"Removed {len(taken)} hooks: {', '.join(taken)}.")
    else:
        click.echo("No hooks of tracker were installed.")


@hooks.command("status", epilog="\b\nExamples:\n  tracker hooks status\n  tracker hooks status --json")
@json_option
@click.pass_context
def hooks_status(ctx: click.Context, as_json: bool) -> None:
    """Show which hooks are installed; exits with 1 if not all work"""
    from hooks.install import status

    repo, git = _repository()
    found = status(git, repo.layout)
    if as_json:
        print_json(_as_json(found))
    else:
        rows = [(one.name, one.state, one.before.name if one.before else "") for one in found.hooks]
        click.echo(f"Hooks in {found.folder}:")
        print_table(("hook", "state", "called first"), rows)
        if found.python is not None and not found.python_works:
            click.echo(f"{found.python}, which they start, is gone; `tracker` on PATH is used, if there.")
        if not found.is_complete:
            click.echo("Next: tracker hooks install")
    if not found.is_complete:
        ctx.exit(1)


@hooks.command("run", hidden=True, context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def run_by_git(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Do what a hook does; for the shims, when the Python that installed them is gone"""
    from tracker.cli.hook_entry import main

    ctx.exit(main(words))


def _repository() -> tuple[Repo, Git]:
    repo = open_repo()
    if repo.git is None:
        raise UsageError("there is no git repository here, so there are no hooks", hint="git init")
    return repo, repo.git


def _as_json(found: Status) -> dict[str, object]:
    return {
        "folder": str(found.folder),
        "active": found.active,
        "complete": found.is_complete,
        "shared": found.is_shared,
        "python": str(found.python) if found.python is not None else None,
        "python_works": found.python_works,
        "hooks": [_hook_json(one) for one in found.hooks],
    }


def _hook_json(one: HookStatus) -> dict[str, object]:
    return {"hook": one.name, "state": one.state, "before": str(one.before) if one.before else None}
