"""Panels of curves as a PNG picture, by matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, BinaryIO

from tracker.draw.curves import Panel
from tracker.draw.palette import color_of, dash_of
from tracker.draw.scale import Scale, scale_of, widened
from tracker.draw.svg import Format
from tracker.read.thinning import Window, thin_line
from tracker.read.words import printable, text_width
from vcs.errors import UsageError

_DOTS_PER_INCH = 100
_MOST_INSIDE = 8


def write_png(panels: Sequence[Panel], stream: BinaryIO, format: Format, *, scale: int = 2) -> None:
    """Write the picture, with `scale` dots for each pixel of the format.

    Raises:
        UsageError: matplotlib is not installed.
    """
    figure_class = import_figure()
    columns = max(1, min(format.columns, len(panels)))
    rows = max(1, math.ceil(len(panels) / columns))
    size = (format.width * columns / _DOTS_PER_INCH, format.height * rows / _DOTS_PER_INCH)
    figure = figure_class(figsize=size, dpi=_DOTS_PER_INCH * scale, layout="constrained")
    for place, panel in enumerate(panels):
        _draw(figure.add_subplot(rows, columns, place + 1), panel, format.width)
    if not panels:
        figure.text(0.5, 0.5, "no numbers to draw", ha="center")
    figure.savefig(stream, format="png", facecolor="white", metadata={"Software": "tracker"})


def import_figure() -> Any:
    """Return matplotlib's Figure, which draws without a display and touches no global state.

    Raises:
        UsageError: It is not installed; the hint names the extra.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(
            "a PNG needs matplotlib", hint="pip install 'tracker[media]', or write .svg, which needs nothing"
        ) from error
    return Figure


def _draw(axes: Any, panel: Panel, width: int) -> None:
    scale = scale_of([c.xs for c in panel.curves], log=panel.log_x, kind=panel.x_kind)
    for curve in sorted(panel.curves, key=lambda curve: not curve.faint):
        places = thin_line(curve.xs, curve.ys, Window(columns=width, log=panel.log_x))
        xs, ys = [curve.xs[place] for place in places], [curve.ys[place] for place in places]
        axes.plot(
            xs,
            ys,
            color=color_of(curve.color),
            alpha=0.25 if curve.faint else 1.0,
            linewidth=1.2,
            linestyle=_line_style(curve.color),
            marker="o" if len(xs) == 1 else None,
            label="_raw" if curve.faint else _label(curve.label),
        )
    axes.set_title(_plain(panel.title), loc="left", fontsize=10, fontweight="bold")
    axes.set_xlabel(_plain(panel.x_name), fontsize=8, loc="right")
    axes.grid(axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    y = widened(scale_of([c.ys for c in panel.curves], log=panel.log_y))
    axes.set_ylim(y.low, y.high)
    if panel.log_y:
        axes.set_yscale("log", nonpositive="mask")
    if panel.log_x:
        axes.set_xscale("log", nonpositive="mask")
    elif panel.x_kind != "number":
        _mark_times(axes, scale)
    _name_curves(axes, width)


def _name_curves(axes: Any, width: int) -> None:
    """Put the legend where it covers least; one of many curves stands below the axes."""
    labels = axes.get_legend_handles_labels()[1]
    if len(labels) <= _MOST_INSIDE:
        axes.legend(fontsize=8, frameon=False, loc="best")
        return
    from matplotlib.transforms import ScaledTranslation

    below = axes.transAxes + ScaledTranslation(0, -0.42, axes.figure.dpi_scale_trans)
    columns = max(1, int(width / (45 + 6.2 * max(text_width(label) for label in labels))))
    axes.legend(
        fontsize=8,
        frameon=False,
        loc="upper left",
        ncols=columns,
        borderaxespad=0,
        bbox_to_anchor=(0, 0),
        bbox_transform=below,
    )


def _line_style(place: int) -> Any:
    """How a line is broken, as matplotlib has it: in widths of the line."""
    return (0, tuple(length * 0.6 for length in dash)) if (dash := dash_of(place)) else "solid"


def _mark_times(axes: Any, scale: Scale) -> None:
    marks = scale.ticks(6)
    axes.set_xticks(marks, [scale.text(mark) for mark in marks])


def _plain(text: str) -> str:
    """Text that matplotlib shows as it is: a dollar would begin a formula."""
    return printable(text).replace("$", r"\$")


def _label(text: str) -> str:
    """One that begins with an underscore would be left out of the legend."""
    return _plain(f" {text}" if text.startswith("_") else text)
