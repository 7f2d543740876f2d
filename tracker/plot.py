"""Ready-made plots: `tracker.plot.line(table, x, y)` and so on, for `log`."""

from __future__ import annotations

from tracker.values.plots import (
    Plot,
    bar,
    confusion_matrix,
    histogram,
    line,
    line_series,
    plot_table,
    pr_curve,
    roc_curve,
    scatter,
    visualize,
)

CustomChart = Plot
Visualize = Plot

__all__ = [
    "CustomChart",
    "Plot",
    "Visualize",
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "roc_curve",
    "scatter",
    "visualize",
]
