"""What is known of a version, printed."""

from __future__ import annotations

import click

from tracker.cli.output import count_text, number_text, print_json, printable, size_text
from tracker.read.lineage import Step, lineage_of
from tracker.read.versions import describe_version
from tracker.storage.catalog import RunEntry
from vcs.artifacts.manifest import Manifest
from vcs.repo import Repo


def print_version(repo: Repo, manifest: Manifest, as_json: bool) -> None:
    """Print everything about a version but its files."""
    about = describe_version(repo, manifest)
    lineage = lineage_of(repo, manifest)
    if as_json:
        used_by = [f"{entry.project}/{entry.id}" for entry in lineage.used_by]
        print_json({**about, "lineage": lineage.made.to_plain(), "used_by": used_by})
        return
    click.echo(click.style(manifest.qualified_name, bold=True))
    shown = {
        **about,
        "size": f"{size_text(manifest.size_bytes)} in {count_text(manifest.file_count, 'file')}",
    }
    for key in (
        "type",
        "aliases",
        "tags",
        "description",
        "size",
        "digest",
        "created",
        "run",
        "step",
        "commit",
        "branch",
        "code_commit",
        "dirty",
        "parent",
        "source",
        "metadata",
    ):
        value = shown.get(key)
        if value not in (None, "", [], {}):
            click.echo(f"  {key:<12} {printable(number_text(value))}")
    if lineage.made.run or lineage.used_by:
        click.echo("\nLineage")
        _print_step(lineage.made, 1)
        for entry in lineage.used_by:
            click.echo(f"  used by {_run_text(entry)}")
    click.echo(f"\nFetch it: tracker artifact get {manifest.qualified_name}")


def _print_step(step: Step, depth: int) -> None:
    indent = "  " * depth
    click.echo(f"{indent}{step.version}")
    if step.run:
        code = f", commit {step.commit[:10]}" if step.commit else ""
        click.echo(f"{indent}  made by {_run_text(step.run)}{code}")
    for each in step.inputs:
        click.echo(f"{indent}  from")
        _print_step(each, depth + 2)


def _run_text(entry: RunEntry) -> str:
    return printable(f"{entry.project}/{entry.id} ({entry.record.name}, {entry.state})")
