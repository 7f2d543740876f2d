"""`tracker plot`: curves of runs on the terminal, or as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from tracker.cli.choose import chosen_runs, filter_option, filtered_runs
from tracker.cli.output import warn
from tracker.cli.pictures import screen_of
from tracker.cli.places import open_repo, project_option
from tracker.draw.curves import Look, Panel, chosen_metrics, metrics_of, panels_of
from tracker.draw.png import import_figure, write_png
from tracker.draw.svg import Format, render_svg
from tracker.draw.terminal import draw_panels
from tracker.read.run_view import RunView
from tracker.storage.segment import Damage
from vcs.atomic import replacing, write_atomic
from vcs.errors import NotFoundError, UsageError
from vcs.repo import Repo

_ENDINGS = (".svg", ".png", ".html")


@click.command(
    epilog="""\b
Examples:
  tracker plot loss --run calm-otter-12
  tracker plot 'train/*' val/acc -r first -r second -o curves.svg
  tracker plot loss --filter 'tag = baseline' --log-y --smooth 0.9 -o loss.png"""
)
@click.argument("metrics", metavar="[METRIC]...", nargs=-1)
@click.option("-r", "--run", "names", metavar="RUN", multiple=True, help="Of this run; may be repeated.")
@filter_option
@click.option("-n", "--limit", type=click.IntRange(min=1), default=8, show_default=True, help="Runs at most.")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path, dir_okay=False), help="Write here.")
@click.option("-x", "axis", default="", help="Over step, runtime, time, or a metric.")
@click.option("--smooth", default=0.0, metavar="WEIGHT", help="Moving average, 0 to below 1; raw line faint.")
@click.option("--log-x", is_flag=True, help="Logarithmic x.")
@click.option("--log-y", is_flag=True, help="Logarithmic y.")
@project_option
def plot(
    metrics: tuple[str, ...],
    names: tuple[str, ...],
    text: str | None,
    limit: int,
    target: Path | None,
    axis: str,
    smooth: float,
    log_x: bool,
    log_y: bool,
    project: str | None,
) -> None:
    """Draw curves of runs, on the terminal or as a picture

    A metric may be a pattern such as 'val/*'; without one, all are drawn. Without runs,
    the newest that have the metric. The output file ends in .svg, .png or .html. No
    spike is lost: of points that fall on one pixel the highest and the lowest are drawn.
    """
    look = Look(axis, smooth, log_x, log_y)
    if target is not None and target.suffix.lower() not in _ENDINGS:
        raise UsageError(f"{target}: a picture ends in {', '.join(_ENDINGS)}")
    if target is not None and target.suffix.lower() == ".png":
        import_figure()
    repo = open_repo()
    runs = _runs(repo, names, text, project, metrics, limit)
    chosen = chosen_metrics(runs, metrics) if metrics else metrics_of(runs)
    damaged: list[Damage] = []
    panels = panels_of(runs, chosen, look, damaged=damaged)
    warn(dict.fromkeys(f"{each} cannot be read" for each in damaged))
    if not panels:
        raise NotFoundError("there are no numbers to draw", hint="list the runs: tracker runs")
    if target is None:
        click.echo("\n".join(draw_panels(panels, screen_of(rows=12 if len(panels) == 1 else 8))))
    else:
        _write(repo, runs, panels, target)
        click.echo(f"Wrote {target}.", err=True)


def _write(repo: Repo, runs: Sequence[RunView], panels: Sequence[Panel], target: Path) -> None:
    """Write a picture, or a page of charts, by the ending of the name."""
    format = Format(columns=1 if len(panels) == 1 else 2)
    ending = target.suffix.lower()
    if ending == ".html":
        from tracker.exports.page import render_page

        write_atomic(target, render_page(repo, runs, panels, whole=False), durable=False)
    elif ending == ".svg":
        write_atomic(target, render_svg(panels, format), durable=False)
    else:
        with replacing(target) as stream:
            write_png(panels, stream, format)


def _runs(
    repo: Repo,
    names: Sequence[str],
    text: str | None,
    project: str | None,
    metrics: Sequence[str],
    limit: int,
) -> list[RunView]:
    """Return the runs to draw; at most `limit` of those that nobody named."""
    if names:
        return chosen_runs(repo, names, text, project)
    found, chosen = filtered_runs(repo, text, project), []
    for run in found:
        if _has_one(run, metrics):
            chosen.append(run)
        if len(chosen) > limit:
            warn([f"only the newest {limit} runs are drawn; --limit draws more"])
            return chosen[:limit]
    # None of them has it: the error names what there is.
    return chosen or found


def _has_one(run: RunView, metrics: Sequence[str]) -> bool:
    if not metrics:
        return bool(metrics_of([run]))
    try:
        return bool(chosen_metrics([run], metrics[:1])) if len(metrics) == 1 else bool(metrics_of([run]))
    except NotFoundError:
        return False
