"""Colors of curves: apart from each other for eyes of every kind, on light and on dark."""

from __future__ import annotations

# As in the page (web/static/js/chart/draw.js), so that a run has one color everywhere.
COLORS = ("#0b4076", "#9f4600", "#027c4e", "#da6aa9", "#ba8300", "#3597d9", "#6965d9", "#61676e")
# Of the terminal's 256 colors those nearest to what the page has on a dark ground.
TERMINAL = (32, 208, 78, 132, 214, 189, 177, 152)

# Line and gap by turns, in pixels: beyond eight curves the colors come again, with broken lines.
DASHES: tuple[tuple[int, ...], ...] = ((), (7, 3), (2, 3), (9, 3, 2, 3))
# The same on the terminal: in dots across, and in a legend.
TERMINAL_DASHES: tuple[tuple[int, ...], ...] = ((), (6, 4), (2, 2), (6, 2, 2, 2))
TERMINAL_SAMPLES = ("━━", "╸╸", "··", "━·")


def color_of(place: int) -> str:
    """Return the color of the curve at a place; after eight they begin again."""
    return COLORS[place % len(COLORS)]


def dash_of(place: int) -> tuple[int, ...]:
    """Return how the line of the curve at a place is broken; the first eight are whole."""
    return DASHES[broken(place)]


def broken(place: int) -> int:
    """Return which of the kinds of lines the curve at a place has; 0 is a whole one."""
    return place // len(COLORS) % len(DASHES)
