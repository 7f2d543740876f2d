"""`tracker resume` and `tracker reproduce`: runs brought back."""

from __future__ import annotations

import os
from typing import Any

import click

from tracker.cli.output import print_json, printable
from tracker.cli.places import json_option, open_repo, project_option
from tracker.revive import supervise
from tracker.revive.plan import Plan
from tracker.revive.resume import ResumeOptions, plan_auto, plan_resume, prepare
from tracker.storage.catalog import Catalog
from vcs.errors import UsageError


@click.command(
    epilog="""\b
Examples:
  tracker resume calm-otter-12
  tracker resume calm-otter-12 --checkpoint best --print
  tracker resume calm-otter-12 -- python train.py --epochs 20
  tracker resume --auto -- python train.py"""
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[RUN] [-- COMMAND...]")
@click.option("--checkpoint", metavar="NAME:ALIAS", help="Go on from this one instead of the newest.")
@click.option("--in-place", is_flag=True, help="In this working tree, which has to be clean.")
@click.option("--step", type=click.IntRange(min=0), help="Go on at this step, not at the checkpoint's.")
@click.option(
    "--with", "copies", multiple=True, metavar="PATH", help="Copy an ignored path, too (repeatable)."
)
@click.option("--auto", is_flag=True, help="For job scripts: begin a run, and afterwards go on with it.")
@click.option("--label", default="", help="With --auto: tells jobs with equal commands apart.")
@click.option("--print", "only_print", is_flag=True, help="Show what would be done, and do nothing.")
@project_option
@json_option
def resume(
    words: tuple[str, ...],
    checkpoint: str | None,
    in_place: bool,
    step: int | None,
    copies: tuple[str, ...],
    auto: bool,
    label: str,
    only_print: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Go on with a run: its code, inputs, checkpoint and step

    The run's last code is checked out in a worktree of its own, what it used is brought to
    where it had it, and its command is started again as the same run, at the step of its
    checkpoint. The script is unchanged: load_checkpoint("latest") loads that checkpoint.
    Rows after the step are masked, none is removed.

    With --auto nothing is checked out: the command runs here, as a new run the first time
    and as the same run again until it ends with status 0. The exit status is the script's.
    --json prints what would be done, as --print does.
    """
    repo = open_repo()
    if auto:
        _refuse_with_auto(checkpoint=checkpoint, in_place=in_place, step=step, copies=copies, project=project)
        plan = plan_auto(repo, words, os.environ, label=label)
    else:
        if not words:
            raise UsageError("name the run", hint="tracker resume RUN; list them: tracker runs")
        entry = Catalog(repo.layout).find(words[0], project)
        options = ResumeOptions(checkpoint, words[1:], in_place, step, copies)
        plan = plan_resume(repo, entry, options, os.environ)
    if only_print or as_json:
        _print_plan(plan, as_json=as_json)
        return
    prepare(repo, plan)
    supervise.become(plan.command.words, plan.command.folder, plan.variables)


def _refuse_with_auto(**given: Any) -> None:
    names = [name for name, value in given.items() if value not in (None, False, ())]
    if names:
        shown = ", ".join({"copies": "--with"}.get(name, f"--{name.replace('_', '-')}") for name in names)
        raise UsageError(f"{shown} has no place beside --auto", hint="tracker resume --auto -- COMMAND")


def _print_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        print_json(plan.to_plain())
        return
    what = {"start": "Begin a new run", "resume": "Resume", "reproduce": "Reproduce"}[plan.verb]
    click.echo(f"{what} {plan.run}: {plan.title}" if plan.run else what)
    for title, text in plan.lines():
        click.echo(f"  {title:<11} {printable(text)}")
