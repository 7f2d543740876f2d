"""Colors of curves: apart from each other for eyes of every kind, on light and on dark."""

from __future__ import annotations

# As in the page (web/static/js/chart/draw.js), so that a run has one color everywhere.
COLORS = ("#0072b2", "#d55e00", "#00875f", "#b5468a", "#b07800", "#3a9bd9", "#7a4fa3", "#5f6a72")
# The nearest of the terminal's 256 colors, a little lighter for dark backgrounds.
TERMINAL = (39, 208, 35, 175, 214, 117, 141, 246)


def color_of(place: int) -> str:
    """Return the color of the curve at a place; after eight they begin again."""
    return COLORS[place % len(COLORS)]
