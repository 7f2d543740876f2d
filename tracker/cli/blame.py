"""`tracker blame`: which commits moved a metric."""

from __future__ import annotations

import click

from tracker.artifacts.home import Home
from tracker.cli.output import age_text, number_text, print_json, print_table, warn
from tracker.cli.places import json_option, open_repo, project_option
from tracker.compare.blame import BlameLine
from tracker.compare.blame import blame as find_blame
from tracker.read.selection import Runs


@click.command(
    epilog="""\b
Examples:
  tracker blame val/acc
  tracker blame loss --filter 'config.lr = 0.1' --largest"""
)
@click.argument("metric")
@click.option("-f", "--filter", "text", help="Only these runs, as in tracker runs.")
@click.option("--largest", is_flag=True, help="The largest changes first.")
@project_option
@json_option
def blame(metric: str, text: str | None, largest: bool, project: str | None, as_json: bool) -> None:
    """Show which commits moved a metric

    Its value over the finished runs, in the order of git: each commit beside the nearest
    one before it that has runs. Several runs of a commit count by their mean; what else
    differs between the runs is named, since it may be the reason.
    """
    repo = open_repo()
    runs = Runs(Home(repo, project or "", ""), project, text, "created_at")
    found = find_blame(repo, metric, (run for run in runs if run.record.state == "finished"))
    if found.left_out:
        names = ", ".join(run.id for run in found.left_out[:5])
        warn([f"{len(found.left_out)} runs are left out, their commits are not in this repository: {names}"])
    lines = list(found.lines)
    if largest:
        lines.sort(key=lambda line: -abs(line.delta or 0.0))
    if as_json:
        print_json({**found.to_plain(), "commits": [line.to_plain() for line in lines]})
        return
    head = ("commit", metric, "delta", "%", "runs", "when", "author", "subject", "also changed")
    print_table(head, [_row(line) for line in lines], right=(metric, "delta", "%", "runs"))


def _row(line: BlameLine) -> tuple[object, ...]:
    commit = line.commit
    spread = f" ±{number_text(line.spread / 2)}" if line.spread else ""
    percent = 100 * line.delta / abs(line.before) if line.delta is not None and line.before else None
    return (
        f"{line.based_on[:9]}+" if line.based_on else commit.id[:10],
        f"{number_text(line.value)}{spread}",
        "" if line.delta is None else f"{line.delta:+.5g}",
        "" if percent is None else f"{percent:+.3g}",
        len(line.runs),
        age_text(commit.time),
        commit.author,
        "(not committed)" if line.based_on else commit.subject,
        "; ".join(line.also),
    )
