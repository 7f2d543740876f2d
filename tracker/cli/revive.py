"""`tracker resume` and `tracker reproduce`: runs brought back."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from tracker.cli.output import count_text, print_json, printable
from tracker.cli.places import json_option, open_repo, project_option
from tracker.compare.runs import compare_runs
from tracker.compare.values import Tolerance, exact_text
from tracker.compare.verdict import Verdict, judge
from tracker.revive import supervise
from tracker.revive.plan import Plan
from tracker.revive.reproduce import ReproduceOptions, plan_reproduction
from tracker.revive.reproduce import reproduce as run_again
from tracker.revive.resume import ResumeOptions, plan_auto, plan_resume, prepare
from tracker.storage.catalog import Catalog
from vcs.errors import UsageError

# Of differences and values; a run may have thousands of metrics.
_SHOWN = 12
_INTERRUPTIONS = frozenset({signal.SIGINT, signal.SIGTERM})


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


@click.command(
    epilog="""\b
Examples:
  tracker reproduce calm-otter-12
  tracker reproduce calm-otter-12 --rtol 1e-5 --ignore 'time/*'
  tracker reproduce calm-otter-12 --env
  tracker reproduce --check-only calm-otter-12 merry-finch-13"""
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="RUN [-- COMMAND...]")
@click.option("--env", "own_environment", is_flag=True, help="With the packages of then, built by uv or pip.")
@click.option("--rtol", type=click.FloatRange(min=0), default=0.0, help="Allowed relative difference.")
@click.option("--atol", type=click.FloatRange(min=0), default=0.0, help="Allowed absolute difference.")
@click.option("--ignore", multiple=True, metavar="PATTERN", help="Metrics not to compare (repeatable).")
@click.option("--with", "copies", multiple=True, metavar="PATH", help="Copy an ignored path (repeatable).")
@click.option("--keep", is_flag=True, help="Keep the worktree also when the runs are the same.")
@click.option("--check-only", is_flag=True, help="Run nothing; compare RUN with another: RUN OTHER.")
@click.option("--print", "only_print", is_flag=True, help="Show what would be done, and do nothing.")
@project_option
@json_option
def reproduce(
    words: tuple[str, ...],
    own_environment: bool,
    rtol: float,
    atol: float,
    ignore: tuple[str, ...],
    copies: tuple[str, ...],
    keep: bool,
    check_only: bool,
    only_print: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Run a run again and say whether it came out the same

    Its code is checked out in a worktree, its inputs are brought by digest, and its command
    runs as a new run. Then configuration, every metric of every row and every output are
    compared: identical, within the tolerance, or differs; with the first step that is not
    the same, and likely reasons.

    The exit status is 0 for identical and within the tolerance, 1 for differs.
    """
    repo = open_repo()
    if not words:
        raise UsageError("name the run", hint="tracker reproduce RUN; list them: tracker runs")
    catalog = Catalog(repo.layout)
    entry = catalog.find(words[0], project)
    tolerance = Tolerance(rtol, atol)
    if check_only:
        if len(words) != 2:
            raise UsageError(
                "--check-only compares two runs", hint="tracker reproduce --check-only RUN OTHER"
            )
        other = catalog.find(words[1], project)
        verdict = judge(compare_runs(repo, entry, other, tolerance=tolerance, ignore=ignore))
        _finish(verdict, as_json=as_json)
    options = ReproduceOptions(tolerance, ignore, words[1:], copies, own_environment, keep)
    plan = plan_reproduction(repo, entry, options, os.environ)
    if only_print:
        _print_plan(plan, as_json=as_json)
        return
    done = run_again(repo, entry, options, plan, quiet_stdout=as_json)
    if -done.status in _INTERRUPTIONS:
        click.echo(f"Interrupted; what there is: tracker show {done.run.id}", err=True)
        sys.exit(128 - done.status)
    _finish(done.verdict, as_json=as_json, notes=done.notes, folder=done.folder)


def _finish(
    verdict: Verdict, *, as_json: bool, notes: Sequence[str] = (), folder: Path | None = None
) -> NoReturn:
    if as_json:
        where = None if folder is None else str(folder)
        print_json({**verdict.to_plain(), "notes": list(notes), "folder": where})
    else:
        _print_verdict(verdict)
        if not verdict.same:
            _print_list("What was not as then", notes)
        if folder is not None:
            click.echo(f"\nThe worktree is kept: {folder}")
    sys.exit(0 if verdict.same else 1)


def _print_verdict(verdict: Verdict) -> None:
    compared = verdict.comparison
    color = {"identical": "green", "within tolerance": "green", "differs": "red"}[verdict.status]
    click.echo(f"{compared.new.title} and {compared.old.title}: {click.style(verdict.status, fg=color)}")
    metrics = compared.metrics
    click.echo(
        f"Compared {count_text(metrics.rows, 'row')} with {count_text(len(metrics.keys), 'metric')}, "
        f"{count_text(len(compared.outputs), 'output')}."
    )
    if verdict.first is not None:
        click.echo(f"\nFirst difference at step {verdict.first.step}")
        for key, change in verdict.first.numbers_first[:_SHOWN]:
            click.echo(f"  {printable(key):<24} {exact_text(change.old)} then, {exact_text(change.new)} now")
    _print_list("What differs", verdict.differences)
    if verdict.reasons:
        click.echo("\nLikely reasons")
        for reason in verdict.reasons:
            click.echo(f"  {printable(reason.text)}")
            if reason.hint:
                click.echo(f"      {printable(reason.hint)}")
    _print_list("Not compared", verdict.limits)


def _print_list(title: str, sentences: Sequence[str]) -> None:
    if sentences:
        click.echo(f"\n{title}")
        for sentence in sentences[:_SHOWN]:
            click.echo(f"  {printable(sentence)}")
        if len(sentences) > _SHOWN:
            click.echo(f"  and {len(sentences) - _SHOWN} more; --json has all")


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
