"""What is recorded of a commit, printed."""

from __future__ import annotations

from typing import Any

import click

from tracker.cli.output import age_text, print_json, print_table, printable, size_text, warn
from tracker.read.commits import CommitRecords
from tracker.storage.catalog import RunEntry


def print_commit(found: CommitRecords, as_json: bool) -> None:
    """Print runs, versions and tracked data of a commit."""
    warn(found.problems)
    if as_json:
        print_json(_plain(found))
        return
    commit = found.commit
    click.echo(f"{click.style(f'commit {commit.id}', fg='yellow')}")
    click.echo(f"  {printable(commit.subject)}\n  {printable(commit.author)}, {age_text(commit.time)}")
    if found.runs:
        click.echo("\nRuns")
        print_table(
            ("name", "id", "project", "state", "created", "code"),
            [
                (
                    run.record.name,
                    run.id,
                    run.project,
                    run.state,
                    age_text(run.record.created),
                    _code(run, found),
                )
                for run in found.runs
            ],
        )
    if found.versions:
        click.echo("\nVersions")
        print_table(
            ("version", "type", "files", "size", "run"),
            [
                (
                    one.qualified_name,
                    one.type,
                    one.file_count,
                    size_text(one.size_bytes),
                    one.origin.run or "",
                )
                for one in found.versions
            ],
            right=("files", "size"),
        )
    if found.pointers:
        click.echo("\nTracked data")
        print_table(
            ("path", "version", "files", "size"),
            [
                (path, pointer.qualified_name, pointer.file_count, size_text(pointer.size_bytes))
                for path, pointer in found.pointers
            ],
            right=("files", "size"),
        )
    if not (found.runs or found.versions or found.pointers):
        click.echo("\nNothing is recorded of it.")


def _code(run: RunEntry, found: CommitRecords) -> str:
    """Say how the run's code relates to the commit."""
    here = [one for one in run.record.sessions if {one.commit, one.code_commit} & found.commit.same]
    if not here:
        return "named by it"
    return "with changes" if all(one.code_commit not in found.commit.same for one in here) else "as committed"


def _plain(found: CommitRecords) -> dict[str, Any]:
    commit = found.commit
    return {
        "commit": commit.id,
        "subject": commit.subject,
        "author": commit.author,
        "time": commit.time,
        "rewritten_from": sorted(commit.same - {commit.id}),
        "runs": [
            {
                "run": f"{run.project}/{run.id}",
                "name": run.record.name,
                "state": run.state,
                "code": _code(run, found),
            }
            for run in found.runs
        ],
        "versions": [
            {
                "version": one.qualified_name,
                "type": one.type,
                "digest": one.digest,
                "files": one.file_count,
                "size_bytes": one.size_bytes,
                "run": one.origin.run,
            }
            for one in found.versions
        ],
        "tracked": [
            {
                "path": path,
                "version": pointer.qualified_name,
                "digest": pointer.digest,
                "files": pointer.file_count,
                "size_bytes": pointer.size_bytes,
            }
            for path, pointer in found.pointers
        ],
    }
