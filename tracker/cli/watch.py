"""`tracker watch`: a run as it goes on, in the terminal."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import click

from tracker.artifacts.home import Home
from tracker.cli.choose import filtered_runs, home_of, named_runs
from tracker.cli.output import age_text, duration_text, number_text, printable
from tracker.cli.pictures import screen_of
from tracker.cli.places import open_repo, project_option
from tracker.draw.curves import Panel, chosen_metrics, metrics_of, panels_of
from tracker.draw.terminal import draw_panels, panels_beside
from tracker.read.run_view import RunView
from tracker.read.series import RunSeries, stamp_of
from tracker.read.words import cut_text
from tracker.storage import records
from tracker.storage.catalog import RunEntry
from vcs.clock import iso_time
from vcs.errors import NotFoundError

# A panel: title, raster, axis, marks, an empty line.
_AROUND = 4
_FEWEST_ROWS = 4
# On one line of piped output.
_MOST_VALUES = 6
_HOME, _CLEAR_LINE, _CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
_OPEN, _CLOSE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"


@click.command(
    epilog="""\b
Examples:
  tracker watch
  tracker watch calm-otter-12
  tracker watch calm-otter-12 train/loss 'val/*' --every 5"""
)
@click.argument("name", metavar="[RUN]", required=False)
@click.argument("metrics", metavar="[METRIC]...", nargs=-1)
@click.option(
    "--every", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="Seconds between looks."
)
@project_option
def watch(name: str | None, metrics: tuple[str, ...], every: float, project: str | None) -> int:
    """Watch a run until it ends: its curves and state, in the terminal

    Without a name, the newest run that is running, else the newest. Piped output is a
    line whenever there are new rows. Ctrl-C ends the watching, not the run. The exit
    status is 1 if the run did not finish well.
    """
    repo = open_repo()
    run = named_runs(repo, [name], project)[0] if name else _newest(filtered_runs(repo, None, project))
    view = _View(run, home_of(repo, project), metrics)
    if sys.stdout.isatty():
        _on_screen(view, every)
    else:
        _in_lines(view, every)
    return 0 if view.state == "finished" else 1


def _newest(runs: Sequence[RunView]) -> RunView:
    return next((run for run in runs if run.state == "running"), runs[0])


class _View:
    """What is known of the run; read again only when its files have changed."""

    def __init__(self, run: RunView, home: Home, metrics: Sequence[str]) -> None:
        self._home, self._layout = home, run.layout
        self._wanted = metrics
        self._series = RunSeries(run.layout)
        self._seen: object = None
        self.run, self.state = run, run.state
        self.panels: list[Panel] = []
        self.step: int | None = None
        self.last_s: float | None = None
        self.values: dict[str, object] = {}

    def look(self) -> bool:
        """Look again; return whether there are new rows.

        Raises:
            NotFoundError: The run has ended, and never had such a metric.
        """
        # The state first: rows that were written before the end are then all seen.
        self.run = RunView(RunEntry(self._layout, records.load(self._layout)), self._home)
        self.state = self.run.state
        seen = stamp_of(self._layout)
        if seen == self._seen:
            return False
        self._seen = seen
        rows = self._series.points("_step", "_timestamp")
        if len(rows.xs):
            self.last_s, self.step = rows.xs[-1], int(rows.ys[-1])
        self.panels = panels_of([self.run], self._metrics(), sources=[self._series])
        self.values = {panel.title: panel.curves[-1].ys[-1] for panel in self.panels}
        return True

    def _metrics(self) -> list[str]:
        if not self._wanted:
            return metrics_of([self.run])
        try:
            return chosen_metrics([self.run], self._wanted)
        except NotFoundError:
            # It may be logged yet.
            if self.state == "running":
                return []
            raise

    def head(self, width: int) -> list[str]:
        """Return two lines: which run and how it stands, and when something was last heard of it."""
        run = self.run
        title = printable(f"{run.name}  {run.project}/{run.id}")
        facts = [self.state, duration_text(run.duration)]
        if self.step is not None:
            facts.append(f"step {self.step}")
        if self.last_s is not None and self.state == "running":
            facts.append(f"last row {age_text(iso_time(self.last_s))}")
        return [cut_text(title, width), cut_text(" · ".join(facts), width)]


def _on_screen(view: _View, every: float) -> None:
    """Draw over and over on the terminal's second screen, then leave the last picture on the first."""
    write = sys.stdout.write
    write(_OPEN)
    try:
        while True:
            view.look()
            lines = _picture(view)
            write(_HOME + "\n".join(line + _CLEAR_LINE for line in lines) + _CLEAR_BELOW)
            sys.stdout.flush()
            if view.state != "running":
                return
            time.sleep(every)
    finally:
        write(_CLOSE)
        click.echo("\n".join(_picture(view)))


def _picture(view: _View) -> list[str]:
    """Return as many lines as fit the terminal: the state, then panels as high as there is room for."""
    size = shutil.get_terminal_size()
    lines = [*view.head(size.columns), ""]
    if not view.panels:
        return [*lines, "No rows yet."]
    screen = screen_of()
    beside = panels_beside(screen.width, len(view.panels))
    room = size.lines - len(lines) - 1
    down = max(1, min(-(-len(view.panels) // beside), room // (_FEWEST_ROWS + _AROUND)))
    rows = min(12, max(_FEWEST_ROWS, room // down - _AROUND))
    shown = view.panels[: down * beside]
    lines += draw_panels(shown, replace(screen, rows=rows))
    if len(shown) < len(view.panels):
        lines.append(f"{len(view.panels) - len(shown)} more: tracker watch {view.run.id} METRIC…")
    return lines


def _in_lines(view: _View, every: float) -> None:
    """Print a line whenever there are new rows, and one at the end."""
    click.echo(view.head(10_000)[0])
    while True:
        if view.look() and view.step is not None:
            values = [f"{printable(key)}={number_text(value)}" for key, value in view.values.items()]
            click.echo("  ".join([f"step {view.step}", *values[:_MOST_VALUES]]))
            sys.stdout.flush()
        if view.state != "running":
            click.echo(view.head(10_000)[1])
            return
        time.sleep(every)
