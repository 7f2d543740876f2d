"""`tracker export`: runs as tables for other programs, and as a page for people."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import click

from tracker.cli.choose import chosen_runs, filter_option
from tracker.cli.output import warn
from tracker.cli.places import open_repo, project_option
from tracker.draw.curves import chosen_metrics, metrics_of, panels_of
from tracker.exports.parquet import import_writer
from tracker.exports.tables import write_csv, write_json, write_parquet
from tracker.read.run_view import RunView
from tracker.storage.segment import Damage
from vcs.atomic import replacing, write_atomic
from vcs.errors import UsageError
from vcs.repo import Repo


class _Write(Protocol):
    def __call__(
        self, runs: Sequence[RunView], stream: BinaryIO, *, keys: Sequence[str] | None, system: bool
    ) -> int: ...


_TABLES: dict[str, _Write] = {"csv": write_csv, "json": write_json, "parquet": write_parquet}
# Other tools: what is written is a folder.
_TOOLS = ("tensorboard", "mlflow", "wandb")
# Only text goes to a terminal or into a pipe unless told where to.
_TEXT = ("csv", "json")


@click.command(
    epilog="""\b
Examples:
  tracker export calm-otter-12 brave-fox-13 --html -o result.html
  tracker export calm-otter-12 --csv > rows.csv
  tracker export calm-otter-12 brave-fox-13 -o rows.parquet
  tracker export --filter 'state = finished' --json --keys loss,acc
  tracker export calm-otter-12 --tensorboard -o logs"""
)
@click.argument("names", metavar="[RUN]...", nargs=-1)
@click.option("--csv", "as_csv", is_flag=True, help="One table; on stdout unless -o is given.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Config, summary and rows of each run; on stdout unless -o is given.",
)
@click.option("--parquet", "as_parquet", is_flag=True, help="One table with a type for each column.")
@click.option(
    "--html", "as_html", is_flag=True, help="One page with curves, config and lineage; opens offline."
)
@click.option("--tensorboard", "as_tensorboard", is_flag=True, help="Event files, a folder for each run.")
@click.option("--mlflow", "as_mlflow", is_flag=True, help="A file store of MLflow.")
@click.option("--wandb", "as_wandb", is_flag=True, help="Offline run folders, for `wandb sync`.")
@click.option(
    "--lang",
    "language",
    type=click.Choice(["en", "zh"]),
    help="Language of the page; that of the browser if not given.",
)
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), help="Write here.")
@click.option("--keys", help="Only rows that have all of these, comma-separated, and only these values.")
@click.option("--system", is_flag=True, help="System metrics instead of what was logged.")
@filter_option
@project_option
def export(
    names: tuple[str, ...],
    as_csv: bool,
    as_json: bool,
    as_parquet: bool,
    as_html: bool,
    as_tensorboard: bool,
    as_mlflow: bool,
    as_wandb: bool,
    language: str | None,
    target: Path | None,
    keys: str | None,
    system: bool,
    text: str | None,
    project: str | None,
) -> None:
    """Write runs as tables, as one page to send, or for another tool

    Tables have every row, nothing sampled; rows that were taken back are left out. The
    ending of the output file says the format, if no option does.
    """
    asked = {"csv": as_csv, "json": as_json, "parquet": as_parquet, "html": as_html}
    asked |= {"tensorboard": as_tensorboard, "mlflow": as_mlflow, "wandb": as_wandb}
    kind = _kind([name for name, flag in asked.items() if flag], target)
    if language is not None and kind != "html":
        raise UsageError("--lang is of a page", hint="use it with --html")
    if kind == "parquet":
        import_writer()
    repo = open_repo()
    runs = chosen_runs(repo, names, text, project)
    wanted = [key.strip() for key in keys.split(",")] if keys else None
    if kind in _TOOLS:
        if wanted is not None or system:
            raise UsageError(f"--{kind} takes whole runs, so it goes without --keys and --system")
        _write_for_tool(repo, runs, kind, target)
        return
    if target is not None and target.is_dir():
        raise UsageError(f"{target} is a folder, and --{kind} writes one file")
    if target is None and kind in _TEXT:
        _TABLES[kind](runs, sys.stdout.buffer, keys=wanted, system=system)
        return
    target = target or Path(f"{runs[0].id if len(runs) == 1 else 'runs'}.{kind}")
    if kind == "html":
        _write_page(repo, runs, wanted, target, language)
        return
    with replacing(target) as stream:
        count = _TABLES[kind](runs, stream, keys=wanted, system=system)
    rows = f"{count} row{'' if count == 1 else 's'}"
    click.echo(f"Wrote {target}: {rows} of {len(runs)} run{'' if len(runs) == 1 else 's'}.", err=True)


def _write_for_tool(repo: Repo, runs: Sequence[RunView], kind: str, target: Path | None) -> None:
    from tracker.exports.mlflow import write_mlflow
    from tracker.exports.places import LeftOut
    from tracker.exports.tensorboard import write_tensorboard
    from tracker.exports.wandb import write_wandb

    left_out = LeftOut()
    places = {"tensorboard": "logs", "mlflow": "mlruns", "wandb": "wandb"}
    folder = Path(places[kind]) if target is None else target
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file, and --{kind} writes a folder")
    if kind == "tensorboard":
        made = write_tensorboard(runs, folder, repo.store, left_out)
    elif kind == "mlflow":
        made = write_mlflow(runs, folder, repo, left_out)
    else:
        made = write_wandb(runs, folder, repo.store, left_out)
    for path in made:
        click.echo(str(path))
    for sentence in left_out.lines():
        click.echo(f"Left out: {sentence}", err=True)


def _write_page(
    repo: Repo, runs: Sequence[RunView], keys: Sequence[str] | None, target: Path, language: str | None
) -> None:
    from tracker.exports.page import render_page

    damaged: list[Damage] = []
    metrics = metrics_of(runs) if keys is None else chosen_metrics(runs, keys)
    panels = panels_of(runs, metrics, damaged=damaged)
    warn(dict.fromkeys(f"{each} cannot be read" for each in damaged))
    write_atomic(target, render_page(repo, runs, panels, language=language), durable=False)
    click.echo(f"Wrote {target}.", err=True)


def _kind(formats: Sequence[str], target: Path | None) -> str:
    """Return the format that was asked for, or that the name of the file says.

    Raises:
        UsageError: None, or several.
    """
    if len(formats) > 1:
        raise UsageError(f"one format at a time, not {' and '.join(formats)}")
    if formats:
        return formats[0]
    ending = "" if target is None else target.suffix.lstrip(".").lower()
    formats = [*_TABLES, "html"]
    if ending not in formats:
        raise UsageError("in which format?", hint="one of " + ", ".join(f"--{name}" for name in formats))
    return ending
