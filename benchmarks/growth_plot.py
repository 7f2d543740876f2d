"""The picture of how cost grows: one panel for files, versions, runs and rows each."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench_growth import Grown
from tracker.draw.curves import Curve, Panel
from tracker.draw.svg import Format, render_svg


def draw(curves: Sequence[Grown]) -> str:
    """Return the SVG. Both axes are logarithmic; a faint line is linear growth to the same end.

    Where a curve runs below its faint line, cost grew faster than linearly.
    """
    panels = []
    for of in dict.fromkeys(curve.of for curve in curves):
        mine = [curve for curve in curves if curve.of == of]
        drawn: list[Curve] = []
        for number, curve in enumerate(mine):
            sizes, costs = list(map(float, curve.sizes)), list(curve.costs)
            label = f"{curve.work} [{curve.unit}]"
            if of != "versions":
                linear = [costs[-1] * size / sizes[-1] for size in sizes]
                drawn.append(Curve(label, sizes, linear, color=number, faint=True))
            drawn.append(Curve(label, sizes, costs, color=number))
        panels.append(Panel(f"cost by {of}", of, tuple(drawn), log_x=of != "versions", log_y=True))
    return render_svg(panels, Format(columns=2))
