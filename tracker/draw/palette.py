"""Colors of curves: apart from each other for eyes of every kind, on light and on dark."""

from __future__ import annotations

# As in the page (web/static/js/chart/draw.js), so that a run has one color everywhere.
COLORS = ("#0b4076", "#9f4600", "#027c4e", "#da6aa9", "#ba8300", "#3597d9", "#6965d9", "#61676e")
# Of the terminal's 256 colors those nearest to what the page has on a dark ground.
TERMINAL = (32, 208, 78, 132, 214, 189, 177, 152)


def color_of(place: int) -> str:
    """Return the color of the curve at a place; after eight they begin again."""
    return COLORS[place % len(COLORS)]
