"""`tracker track`, `status`, `checkout`, `commit`, `untrack`: data that follows git's commits.

And `add` and `get`, the short names of `artifact put` and `artifact get`, for people who
want versions of files and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Literal

import click

from tracker.cli import errors
from tracker.cli.output import count_text, print_json, size_text, warn
from tracker.cli.places import default_project, json_option, open_repo, project_option
from tracker.cli.tracked_text import (
    changes_text,
    files_text,
    plan_json,
    plan_text,
    pointer_json,
    print_status,
    shown,
    status_json,
)
from tracker.live.progress_bar import ProgressBar
from vcs.errors import Error, UsageError
from vcs.names import parse_artifact_ref
from vcs.repo import Repo
from vcs.tracked import verbs as tracked
from vcs.tracked.checkout import Applied, TrackedPlan
from vcs.tracked.pointer_merge import merge_files

_paths = click.argument("paths", nargs=-1, type=click.Path(path_type=Path))


@click.command(
    epilog="""\b
Examples:
  tracker track data/MNIST --name mnist --type dataset
  tracker track weights.pt --type model -m "trained on the cluster"
  git add data/MNIST.tracker data/.gitignore && git commit"""
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", help="NAME or PROJECT/NAME; that of the path by default.")
@click.option("--type", "kind", help="What it is: dataset (the default), model, …")
@click.option("-m", "--description", help="What this version is.")
@project_option
@json_option
def track(
    paths: tuple[Path, ...],
    name: str | None,
    kind: str | None,
    description: str | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Let a folder or file follow git's commits

    Stores the path as a version, writes a small pointer beside it (PATH.tracker), which
    belongs into git, and lets git ignore the path itself. Doing it again changes nothing.
    """
    if name is not None and len(paths) > 1:
        raise UsageError("one name cannot be that of several paths", hint="track them one by one")
    ref = parse_artifact_ref(name) if name is not None else None
    repo = Repo.open()
    warn(repo.warnings)
    done: list[tracked.Tracked] = []
    for path in paths:
        with ProgressBar("Storing") as bar:
            result = tracked.track(
                repo,
                path,
                project=(ref.project if ref is not None else "") or default_project(repo, project),
                name=ref.name if ref is not None else None,
                type=kind,
                description=description,
                origin=tracked.code_origin(repo),
                progress=bar,
            )
        done.append(result)
        if not as_json:
            _print_tracked(repo, result)
    if as_json:
        print_json(
            [
                {
                    "path": one.path,
                    "pointer": one.pointer_path,
                    "gitignore": one.ignore_path,
                    "new": one.logged is not None,
                    **pointer_json(one.pointer),
                }
                for one in done
            ]
        )
        return
    changed = [path for one in done for path in (one.pointer_path, one.ignore_path) if path is not None]
    if any(one.logged is not None or one.ignore_path is not None for one in done):
        click.echo(f"Next: git add {_for_shell(repo, dict.fromkeys(changed))} && git commit")


def _print_tracked(repo: Repo, one: tracked.Tracked) -> None:
    path, pointer = shown(repo.layout.worktree, one.path), one.pointer
    if one.logged is None:
        click.echo(f"{path} is tracked already, as {pointer.qualified_name}.")
        return
    warn(one.logged.warnings)
    size = f"{count_text(pointer.file_count, 'file')}, {size_text(pointer.size_bytes)}"
    click.echo(f"Tracked {path} as {pointer.qualified_name} ({size}).")


@click.command(
    epilog="""\b
Examples:
  tracker untrack data/MNIST
  tracker untrack data/MNIST --dry-run"""
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be removed.")
@json_option
def untrack(path: Path, dry_run: bool, as_json: bool) -> None:
    """Make a tracked path a plain one again

    Removes its pointer and the line in .gitignore. The files stay where they are, and
    every version stays in the store.
    """
    repo = open_repo()
    result = tracked.untrack(repo, path, dry_run=dry_run)
    if as_json:
        pointer = {"pointer": result.pointer_path, "gitignore": result.ignore_path}
        print_json({"path": result.path, **pointer, "dry_run": dry_run})
        return
    where = shown(repo.layout.worktree, result.pointer_path)
    line = f" and its line in {shown(repo.layout.worktree, result.ignore_path)}" if result.ignore_path else ""
    click.echo(f"{'Would remove' if dry_run else 'Removed'} {where}{line}. The files stay.")


@click.command(
    epilog="""\b
Examples:
  tracker status
  tracker status data/
  tracker status --exit-code --json"""
)
@_paths
@click.option("--exit-code", is_flag=True, help="Exit with 1 if a path is not as its pointer says.")
@json_option
def status(paths: tuple[Path, ...], exit_code: bool, as_json: bool) -> None:
    """Show how tracked paths stand to their pointers

    Nothing is changed. A path in which nothing has changed is not read, only looked at.
    """
    repo = open_repo()
    warn(repo.warnings)
    found = tracked.status(repo, paths or None)
    if as_json:
        print_json([status_json(one) for one in found])
    else:
        print_status(found, repo.layout.worktree)
    if exit_code and any(one.state != "unchanged" for one in found):
        raise click.exceptions.Exit(1)


@click.command(
    epilog="""\b
Examples:
  tracker commit
  tracker commit data/MNIST -m "without the blurred ones"
  git add data/MNIST.tracker && git commit"""
)
@_paths
@click.option("-m", "--message", help="What changed; the description of the new versions.")
@click.option(
    "--force", is_flag=True, help="Also of what is older than its pointer: that becomes the newest."
)
@click.option("-n", "--dry-run", is_flag=True, help="Show of which paths versions would be made.")
@json_option
def commit(paths: tuple[Path, ...], message: str | None, force: bool, dry_run: bool, as_json: bool) -> None:
    """Make new versions of tracked paths that were changed

    The pointers name them then; committing the pointers is for git. Only what changed is
    read. A path that is older than its pointer is left alone, as it was not changed.
    """
    repo = Repo.open()
    warn(repo.warnings)
    if dry_run:
        found = tracked.changed(repo, paths or None)
        if as_json:
            print_json([status_json(one) for one in found])
        for one in () if as_json else found:
            click.echo(f"Would store {shown(repo.layout.worktree, one.path)} ({changes_text(one)}).")
        return
    with ProgressBar("Storing") as bar:
        result = tracked.commit(
            repo,
            paths or None,
            message=message,
            origin=tracked.code_origin(repo),
            force=force,
            progress=bar,
        )
    for done in result.paths:
        warn(done.logged.warnings)
    if as_json:
        print_json(
            {
                "committed": [
                    {
                        **status_json(done.status),
                        **pointer_json(done.pointer),
                        "before": done.before.version,
                        "new": done.logged.new,
                    }
                    for done in result.paths
                ],
                "left": [status_json(one) for one in result.left],
            }
        )
        return
    _print_committed(repo, result)


def _print_committed(repo: Repo, result: tracked.Committed) -> None:
    top = repo.layout.worktree
    for done in result.paths:
        verb = "Stored" if done.logged.new else "Nothing new in the store:"
        name = f"{shown(top, done.path)} as {done.pointer.qualified_name}"
        if not done.logged.new:
            name = f"{shown(top, done.path)} is {done.pointer.qualified_name}"
        click.echo(f"{verb} {name} ({changes_text(done.status)}).")
    for one in result.left:
        error = tracked.problem(one)
        if error is not None:
            click.echo(f"Left alone: {error}", err=True)
    if result.paths:
        click.echo(f"Next: git add {_for_shell(repo, result.pointer_paths)} && git commit")
    elif not result.left:
        click.echo("Nothing to commit: every tracked path is as its pointer says.")


@click.command(
    epilog="""\b
Examples:
  tracker checkout
  tracker checkout data/MNIST --dry-run
  tracker checkout data/MNIST --to v2
  tracker checkout data/MNIST --force"""
)
@_paths
@click.option("--to", metavar="VERSION", help="Go to another version (v2, latest, best), pointer and all.")
@click.option("--ours", "side", flag_value="ours", help="Merge; our files where both sides changed one.")
@click.option("--theirs", "side", flag_value="theirs", help="Merge; their files where both changed one.")
@click.option("--force", is_flag=True, help="Overwrite what was changed by hand, keeping a copy.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would change.")
@json_option
def checkout(
    paths: tuple[Path, ...],
    to: str | None,
    side: Literal["ours", "theirs"] | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring tracked paths to what their pointers name

    After git switch or git pull the old files go and the new ones come. Files that were
    changed by hand stay where the pointer's version leaves them as they were; where it
    does not, nothing of the path is touched without --force. A pointer that a merge of
    git left in conflict is merged by its files first.
    """
    repo = open_repo() if dry_run else Repo.open()
    warn(repo.warnings)
    given = paths or None
    if not dry_run:
        for path, merge in tracked.settle(repo, given, prefer=side).items():
            warn(merge.warnings)
            name = merge.pointer.short_name if merge.pointer is not None else path
            pointer = f"{path}.tracker"
            click.echo(f"Merged {path}: {name}. Next: git add {_for_shell(repo, [pointer])}", err=as_json)
    plan = tracked.plan_checkout(repo, given, to=to, force=force)
    if dry_run:
        _print_plan(repo, plan, None, as_json)
    else:
        with ProgressBar("Writing") as bar:
            applied = plan.apply(progress=bar)
        _print_plan(repo, plan, applied, as_json)


def _print_plan(repo: Repo, plan: TrackedPlan, applied: Applied | None, as_json: bool) -> None:
    top = repo.layout.worktree
    failed = {one.path: error for one, error in applied.failed} if applied is not None else {}
    problems = [one.problem or failed[one.path] for one in plan.paths if one.problem or one.path in failed]
    done = {one.path for one in applied.done} if applied is not None else set()
    if as_json:
        saved = str(applied.saved) if applied is not None and applied.saved is not None else None
        rows = [plan_json(one, done=one.path in done) for one in plan.paths]
        for row in rows:
            error = failed.get(row["path"])
            if error is not None:
                row["error"] = {"kind": error.kind, "message": error.message, "hint": error.hint}
        print_json({"dry_run": applied is None, "paths": rows, "saved": saved})
    else:
        _print_done(plan, applied, top)
        for problem in problems:
            click.echo(errors.render(problem), err=True)
    if problems:
        raise click.exceptions.Exit(errors.exit_status(problems[0]))


def _print_done(plan: TrackedPlan, applied: Applied | None, top: Path) -> None:
    done = {one.path for one in applied.done} if applied is not None else set()
    idle = 0
    for one in plan.paths:
        if one.problem is not None or (applied is not None and one.path not in done):
            continue
        placing = one.placing
        if placing is not None and placing.kept:
            click.echo(
                f"Kept in {shown(top, one.path)}, changed by hand: {files_text(placing.kept)} "
                f"(tracker commit stores it, --force overwrites it)",
                err=True,
            )
        if one.changes_nothing:
            idle += 1
            continue
        verb = "Would bring" if applied is None else "Brought"
        if one.pointer is None:
            verb = "Would empty" if applied is None else "Emptied"
        click.echo(f"{verb} {plan_text(one, top)}.")
        if placing is not None and placing.saves and applied is None:
            click.echo(f"Would keep copies of {files_text(placing.saves)}.")
    if applied is not None and applied.saved is not None:
        click.echo(f"Copies of what was overwritten: {os.path.relpath(applied.saved)}")
    if plan.paths and idle == len(plan.paths):
        click.echo("Nothing to do: every tracked path is at its pointer.")
    elif not plan.paths:
        click.echo("Nothing is tracked yet. Begin: tracker track data/PATH --name NAME", err=True)


@click.command(hidden=True)
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("ours", type=click.Path(path_type=Path))
@click.argument("theirs", type=click.Path(path_type=Path))
@click.argument("path", required=False)
def merge_pointer(base: Path, ours: Path, theirs: Path, path: str | None) -> None:
    """Merge pointers for git

    The driver: tracker merge-pointer %O %A %B %P. The result replaces the second file,
    and the exit status is 0. On a conflict that file stays as it is, the paths are
    printed, and the exit status is 1.
    """
    name = (path or str(ours)).removesuffix(".tracker")
    try:
        repo = Repo.open()
        merge = merge_files(repo, base, ours, theirs)
    except Error as error:
        click.echo(f"tracker: {name} is not merged: {error.message}", err=True)
        if error.hint:
            click.echo(f"Hint: {error.hint}", err=True)
        raise click.exceptions.Exit(1) from error
    warn(merge.warnings)
    for conflict in merge.conflicts:
        click.echo(f"CONFLICT (tracked path): {name}/{conflict}", err=True)
    if merge.pointer is None:
        click.echo(
            f"Hint: tracker checkout --ours {quote(name)}, or --theirs, once git has stopped", err=True
        )
        raise click.exceptions.Exit(1)
    click.echo(f"tracker: merged {name}: {merge.pointer.short_name}", err=True)


def _for_shell(repo: Repo, paths: Sequence[str] | dict[str, None]) -> str:
    return " ".join(quote(shown(repo.layout.worktree, path)) for path in paths)
