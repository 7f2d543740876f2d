"""`tracker sweep`: sweeps from the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from tracker.artifacts.home import Home
from tracker.cli.groups import CommandGroup
from tracker.cli.live_lines import LiveLines
from tracker.cli.output import duration_text, print_json, print_table, table_lines
from tracker.cli.places import json_option, open_repo, project_option
from tracker.read.sweeps import Sweep
from tracker.storage import sweep_record
from tracker.storage.sweep_record import SweepRecord
from tracker.sweeps.engines import ENGINES, Engine, Working
from tracker.sweeps.engines import start as start_agents
from tracker.sweeps.making import program_maker
from tracker.sweeps.plan import read_plan
from vcs.atomic import make_folder
from vcs.errors import UsageError
from vcs.repo import Repo

_COLORS = {"running": "cyan", "finished": "green", "failed": "red", "crashed": "red", "killed": "yellow"}
_INTERVAL_S = 1.0
# More parameters than that make a table that nobody reads.
_SHOWN_PARAMETERS = 6


@click.group(
    cls=CommandGroup,
    epilog="""\b
Examples:
  tracker sweep create sweep.yaml
  tracker sweep agent k3v9x2ab --jobs 4
  tracker sweep show k3v9x2ab --watch
  tracker sweep stop k3v9x2ab""",
)
def sweep() -> None:
    """Try many values: create a sweep, work on it, look at it

    A sweep is a configuration in wandb's form: method, metric, parameters, program. Agents
    make its runs; any number of them, at any time. One that was killed loses nothing.
    """


@sweep.command(
    epilog="""\b
Examples:
  tracker sweep create sweep.yaml
  tracker sweep create sweep.yaml -p digits --json"""
)
@click.argument("file", type=click.Path(dir_okay=False))
@project_option
@json_option
def create(file: str, project: str | None, as_json: bool) -> None:
    """Write down a sweep and print its id; nothing runs yet"""
    from tracker.sweeps.calls import create_sweep
    from tracker.sweeps.plan import read_config

    record = create_sweep(Repo.open(), read_config(Path(file)), project)
    print_json({"id": record.id, "project": record.project}) if as_json else click.echo(record.id)


@sweep.command(
    epilog="\b\nExamples:\n  tracker sweep agent k3v9x2ab\n  tracker sweep agent k3v9x2ab --jobs 4"
)
@click.argument("name", metavar="SWEEP")
@click.option("-j", "--jobs", default=1, show_default=True, type=click.IntRange(1), help="So many at once.")
@click.option("-c", "--count", type=click.IntRange(1), help="So many runs at most, in each job.")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="processes",
    show_default=True,
    help="Where the jobs run: here, as jobs of Slurm (or of submitit on this machine), on a Ray cluster.",
)
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="For the engine; repeatable.")
@project_option
def agent(
    name: str, jobs: int, count: int | None, engine: Engine, options: tuple[str, ...], project: str | None
) -> None:
    """Make runs of a sweep until nothing is left to try

    The program of the configuration is started for each. Ctrl-C ends the run at work; its
    values are tried again by the next agent, as are those of an agent that was killed.
    """
    if jobs == 1 and engine == "processes":
        from tracker.sweeps.calls import agent as work

        work(name, project=project, count=count)
        return
    pairs = dict(option.partition("=")[::2] for option in options)
    repo = Repo.open()
    record = sweep_record.find(repo.layout, name, project)
    # What cannot work is said here, and not in the log of each agent.
    program_maker(read_plan(record.config))
    folder = repo.layout.sweep_memory(record.project, record.id)
    make_folder(folder)
    working = start_agents(
        engine,
        f"{record.project}/{record.id}",
        repo.layout.worktree,
        folder,
        jobs=jobs,
        count=count,
        options=pairs,
    )
    click.echo(f"{jobs} agents work on sweep {record.id}; what they print is in {folder}", err=True)
    _wait(repo, record, working)


def _wait(repo: Repo, record: SweepRecord, working: Working) -> None:
    """Show the table of the runs until the agents end; Ctrl-C ends them all."""
    try:
        for shown in _watched(repo, record):
            ended = working.is_done()
            shown()
            if ended:
                break
    except BaseException:
        working.stop()
        working.failures()
        raise
    failed = working.failures()
    if failed:
        raise UsageError(f"{len(failed)} agents failed", hint=failed[0])


@sweep.command("ls", epilog="\b\nExamples:\n  tracker sweep ls\n  tracker sweep ls --json")
@project_option
@json_option
def list_sweeps(project: str | None, as_json: bool) -> None:
    """List the sweeps"""
    repo = open_repo()
    found = [_about(_view(repo, record)) for record in sweep_record.every(repo.layout, project)]
    if as_json:
        print_json(found)
        return
    columns = ("sweep", "name", "project", "method", "state", "runs", "best")
    print_table(columns, [[one[column] for column in columns] for one in found], right=("runs", "best"))


@sweep.command(epilog="\b\nExamples:\n  tracker sweep show k3v9x2ab\n  tracker sweep show k3v9x2ab --watch")
@click.argument("name", metavar="SWEEP")
@click.option("-w", "--watch", is_flag=True, help="Go on showing it while it changes.")
@project_option
@json_option
def show(name: str, watch: bool, project: str | None, as_json: bool) -> None:
    """Show a sweep and its runs, the best first"""
    repo = open_repo()
    record = sweep_record.find(repo.layout, name, project)
    if as_json:
        view = _view(repo, record)
        print_json({**_about(view), "config": view.config, "table": _rows(view)[1]})
        return
    for shown in _watched(repo, record):
        shown()
        if not watch:
            break


@sweep.command(epilog="\b\nExamples:\n  tracker sweep stop k3v9x2ab")
@click.argument("name", metavar="SWEEP")
@project_option
def stop(name: str, project: str | None) -> None:
    """Let a sweep begin no more runs; those at work go on to their end"""
    _set(name, project, "stopped")


@sweep.command(epilog="\b\nExamples:\n  tracker sweep pause k3v9x2ab")
@click.argument("name", metavar="SWEEP")
@project_option
def pause(name: str, project: str | None) -> None:
    """Let a sweep begin no runs for now; agents end, and can be started after `start`"""
    _set(name, project, "paused")


@sweep.command(epilog="\b\nExamples:\n  tracker sweep start k3v9x2ab")
@click.argument("name", metavar="SWEEP")
@project_option
def start(name: str, project: str | None) -> None:
    """Let a sweep that was paused or stopped begin runs again; then start agents"""
    _set(name, project, "running")


def _set(name: str, project: str | None, state: sweep_record.SweepState) -> None:
    from tracker.sweeps.agent import set_state

    repo = Repo.open()
    record = set_state(repo, sweep_record.find(repo.layout, name, project), state)
    click.echo(f"Sweep {record.id} is {record.state}.", err=True)


def _view(repo: Repo, record: SweepRecord) -> Sweep:
    return Sweep(Home(repo, record.project), record)


def _about(view: Sweep) -> dict[str, Any]:
    runs = view.runs
    best = view.best_run()
    return {
        "sweep": view.id,
        "name": view.name,
        "project": view.project,
        "method": str(view.config.get("method", "random")),
        "state": view.state,
        "runs": len(runs),
        "best": view.value_of(best) if best is not None else None,
        "best_run": best.id if best is not None else None,
    }


def _watched(repo: Repo, record: SweepRecord) -> Iterator[Any]:
    """Yield a function that draws the sweep as it is then, again and again."""
    lines, key = LiveLines(), (record.project, record.id)
    while True:
        yield lambda: lines.draw(_lines(_view(repo, sweep_record.load(repo.layout, *key))))
        time.sleep(_INTERVAL_S)


def _lines(view: Sweep) -> list[str]:
    columns, rows = _rows(view)
    metric = (view.config.get("metric") or {}).get("name", "")
    head = f"sweep {view.id} ({view.config.get('method', 'random')}) {view.state}, {len(rows)} runs"
    shown = [[row.get(column, "") for column in columns] for row in rows]
    return [head, *table_lines(columns, shown, right=(metric,), colors=_COLORS)]


def _rows(view: Sweep) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the columns and the runs of the table, the best first."""
    names = list((view.config.get("parameters") or {}).keys())[:_SHOWN_PARAMETERS]
    metric = view.config.get("metric") or {}
    rows = []
    for run in view.runs:
        value = view.value_of(run)
        row: dict[str, Any] = {"run": run.id, "state": run.state, "runtime": duration_text(run.duration)}
        row |= {name: run.config.get(name, "") for name in names}
        if metric:
            row[str(metric.get("name"))] = value
        rows.append((value, row))
    sign = -1 if metric.get("goal") == "maximize" else 1
    rows.sort(key=lambda pair: (pair[0] is None, sign * (pair[0] or 0)))
    columns = ["run", "state", *names, *([str(metric["name"])] if metric else []), "runtime"]
    return columns, [row for _, row in rows]
