"""Colors of curves: apart from each other for eyes of every kind, on light and on dark."""

from __future__ import annotations

# Okabe and Ito's set without black and yellow, the latter too faint on white.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7a5cc0", "#8c8c8c")
# The nearest of the terminal's 256 colors, a little lighter for dark backgrounds.
TERMINAL = (39, 208, 35, 175, 117, 214, 141, 246)


def color_of(place: int) -> str:
    """Return the color of the curve at a place; after eight they begin again."""
    return COLORS[place % len(COLORS)]
