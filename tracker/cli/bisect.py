"""`tracker bisect`: the commit between two runs that moved a metric."""

from __future__ import annotations

import os
from typing import cast

import click

from tracker.cli.output import number_text, print_json, print_table, printable
from tracker.cli.places import json_option, open_repo, project_option
from tracker.compare.bisect import Direction, Trial
from tracker.revive.bisect_runs import Bisected, BisectOptions, Ends, bisect_runs
from tracker.storage.catalog import Catalog


@click.command(
    epilog="""\b
Examples:
  tracker bisect val/acc --good calm-otter-12 --bad brave-fox-40
  tracker bisect loss --good calm-otter-12 --bad brave-fox-40 --direction min --threshold 0.4"""
)
@click.argument("metric")
@click.option("--good", required=True, metavar="RUN", help="A run in which the metric was good.")
@click.option("--bad", required=True, metavar="RUN", help="A run in which it was not; its command is run.")
@click.option("--direction", type=click.Choice(["max", "min"]), help="Which values are better.")
@click.option("--threshold", type=float, help="The worst value that is still good; the middle by default.")
@click.option(
    "--ends",
    type=click.Choice(["auto", "run", "trust"]),
    default="auto",
    show_default=True,
    help="Run at the commits of both runs first: where more than the code differs, always, never.",
)
@click.option(
    "--with", "copies", multiple=True, metavar="PATH", help="Copy an ignored path, too (repeatable)."
)
@click.option("--again", is_flag=True, help="Run also at commits whose value is known.")
@project_option
@json_option
def bisect(
    metric: str,
    good: str,
    bad: str,
    direction: str | None,
    threshold: float | None,
    ends: str,
    copies: tuple[str, ...],
    again: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Find the commit that moved a metric between two runs

    Runs the command of the bad run at commits that git bisect chooses, each in a worktree
    of its own; your working tree is not touched. The runs are kept and named. A commit at
    which the command fails is passed over. Interrupted, it can simply be run again: what
    is known is not run again. The exit status is 1 when no commit can be named.
    """
    repo = open_repo()
    catalog = Catalog(repo.layout)
    before, after = catalog.find(good, project), catalog.find(bad, project)
    options = BisectOptions(
        cast("Direction | None", direction), threshold, copies, again=again, ends=cast("Ends", ends)
    )
    count = 0

    def report(trial: Trial, left: int) -> None:
        nonlocal count
        count += 1
        more = f", about {left} more" if left else ""
        click.echo(printable(f"[{count}{more}] {trial.commit[:10]} {_trial_text(trial, metric)}"), err=True)

    try:
        done = bisect_runs(repo, metric, before, after, options, os.environ, report=report)
    except KeyboardInterrupt:
        click.echo("Stopped; the same command goes on where this one was.", err=True)
        raise
    if as_json:
        print_json(done.to_plain())
    else:
        _print(done)
    if done.found.first is None:
        raise click.exceptions.Exit(1)


def _trial_text(trial: Trial, metric: str) -> str:
    if trial.value is None:
        return f"passed over: {trial.how}"
    return f"{metric} = {number_text(trial.value)} ({trial.how}, {trial.run})"


def _print(done: Bisected) -> None:
    found, goal = done.found, done.goal
    rows = []
    for trial in found.trials:
        verdict = "" if trial.value is None else "good" if goal.is_good(trial.value) else "bad"
        commit = done.commits[trial.commit]
        value = "" if trial.value is None else number_text(trial.value)
        rows.append((trial.commit[:10], value, verdict, trial.run or "", trial.how, commit.subject))
    if rows:
        head = ("commit", goal.metric, "verdict", "run", "how", "subject")
        print_table(head, rows, right=(goal.metric,), colors={"good": "green", "bad": "red"})
        click.echo()
    if found.first is None:
        click.echo(f"No commit can be named: {printable(found.note)}.")
        for candidate in found.candidates:
            commit = done.commits[candidate]
            click.echo(printable(f"  {commit.id[:10]} {commit.subject}"))
        click.echo(f"See what else differs: tracker diff {done.good.id} {done.bad.id}")
        return
    commit = done.commits[found.first]
    side = goal.text(good=done.improved)
    click.echo(f"The first commit with {printable(side)}:")
    click.echo(f"  {click.style(commit.id, fg='yellow')}")
    click.echo(printable(f"  {commit.subject}"))
    click.echo(printable(f"  {commit.author}, {commit.time}"))
    click.echo(f"See what it did: git show {commit.id[:10]}")
