"""The picture of how cost grows: one panel for files, versions, runs and rows each."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench_growth import Grown
from tracker.draw.curves import Curve, Panel
from tracker.draw.svg import Format, render_svg


def draw(curves: Sequence[Grown]) -> str:
    """Return the SVG. Both axes are logarithmic, so linear growth is a slope of one."""
    panels = []
    for of in dict.fromkeys(curve.of for curve in curves):
        mine = [curve for curve in curves if curve.of == of]
        drawn = tuple(
            Curve(
                f"{curve.work} [{curve.unit}]", list(map(float, curve.sizes)), list(curve.costs), color=number
            )
            for number, curve in enumerate(mine)
        )
        panels.append(Panel(f"cost by {of}", of, drawn, log_x=of != "versions", log_y=True))
    return render_svg(panels, Format(columns=2))
