"""The colours of curves: told apart by eyes of all kinds, and seen on their ground."""

from __future__ import annotations

import itertools
import re

import pytest

from tracker.draw.palette import COLORS, DASHES
from tracker.web.app import STATIC

Color = tuple[float, float, float]

# How eyes that lack one kind of cone see linear RGB: Machado, Oliveira and Fernandes (2009), severity 1.
EYES: dict[str, tuple[Color, Color, Color]] = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "no green": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.01182, 0.04294, 0.968881),
    ),
    "no blue": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.3039),
    ),
}
TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE = (0.9505, 1.0, 1.089)


def palette(ground: str) -> list[str]:
    script = (STATIC / "js/chart/draw.js").read_text(encoding="utf-8")
    found = re.search(rf"const COLORS_ON_{ground} = \[([^\]]*)\]", script)
    assert found
    return re.findall("#[0-9a-f]{6}", found.group(1))


def linear(color: str) -> Color:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return red, green, blue


def times(matrix: tuple[Color, Color, Color], color: Color) -> Color:
    red, green, blue = (sum(a * b for a, b in zip(row, color, strict=True)) for row in matrix)
    return red, green, blue


def lab(color: Color) -> Color:
    """Return a colour in CIELAB, where the distance is about what an eye sees of it."""
    seen = [min(1.0, max(0.0, part)) for part in color]
    parts = times(TO_XYZ, (seen[0], seen[1], seen[2]))
    x, y, z = (
        share ** (1 / 3) if share > 0.008856 else 7.787 * share + 16 / 116
        for share in (part / white for part, white in zip(parts, WHITE, strict=True))
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def contrast(one: str, other: str) -> float:
    low, high = sorted(times(TO_XYZ, linear(color))[1] for color in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", ["LIGHT", "DARK"])
@pytest.mark.parametrize("eyes", EYES)
def test_no_two_curves_look_alike(ground: str, eyes: str) -> None:
    """2.3 is a difference that can just be seen side by side; thin lines need much more."""
    seen = {color: lab(times(EYES[eyes], linear(color))) for color in palette(ground)}
    assert len(seen) == 8
    for (one, a), (other, b) in itertools.combinations(seen.items(), 2):
        assert sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5 > 14, (one, other)


@pytest.mark.parametrize(("ground", "color"), [("LIGHT", "#ffffff"), ("DARK", "#171c21")])
def test_curves_are_seen_on_their_ground(ground: str, color: str) -> None:
    """As WCAG asks of graphics."""
    assert min(contrast(each, color) for each in palette(ground)) > 3


def test_a_run_has_one_colour_everywhere() -> None:
    """In the page, in an SVG, in a PNG; beyond eight the same broken line."""
    assert tuple(palette("LIGHT")) == COLORS
    script = (STATIC / "js/chart/draw.js").read_text(encoding="utf-8")
    assert f"const DASHES = {[list(dash) for dash in DASHES]};" in script
