"""Panels of curves as lines of text, as wide as they are asked to be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from tracker.draw.curves import Curve, Panel
from tracker.draw.dots import Dots
from tracker.draw.palette import TERMINAL, TERMINAL_DASHES, TERMINAL_SAMPLES, broken
from tracker.draw.scale import Scale, scale_of, short_number
from tracker.read.thinning import Window, thin_line
from tracker.read.words import cut_text, printable, text_width

# A panel narrower than this shows little; two stand side by side when there is room for both.
_NARROWEST = 56
_GAP = 3


@dataclass(frozen=True)
class Screen:
    """What the text is for.

    Attributes:
        width: In characters.
        rows: Of the raster of each panel.
        color: Whether it understands colors; without them each curve gets a panel.
        braille: Whether it has braille characters; else the dots are ASCII.
    """

    width: int = 80
    rows: int = 8
    color: bool = False
    braille: bool = True


def draw_panels(panels: Iterable[Panel], screen: Screen) -> list[str]:
    """Return lines of text, none wider than the screen."""
    chosen = list(panels) if screen.color else [part for panel in panels for part in _apart(panel)]
    side_by_side = panels_beside(screen.width, len(chosen))
    width = (screen.width - _GAP * (side_by_side - 1)) // side_by_side
    blocks = [_block(panel, replace(screen, width=width)) for panel in chosen]
    lines: list[str] = []
    for start in range(0, len(blocks), side_by_side):
        if start:
            lines.append("")
        blank = _Line(" " * width, width)
        lines += [
            (" " * _GAP).join(line.padded(width) for line in beside).rstrip()
            for beside in zip_longest(*blocks[start : start + side_by_side], fillvalue=blank)
        ]
    return lines


def panels_beside(width: int, count: int) -> int:
    """Return how many panels stand side by side on a screen of a width."""
    return max(1, min((width + _GAP) // (_NARROWEST + _GAP), 3, count))


@dataclass(frozen=True)
class _Line:
    """Text with colors, and how many columns it takes."""

    text: str
    width: int

    def padded(self, width: int) -> str:
        return self.text + " " * (width - self.width)


def _apart(panel: Panel) -> list[Panel]:
    names = dict.fromkeys(curve.label for curve in panel.curves)
    if len(names) < 2:
        return [panel]
    return [
        replace(
            panel, title=f"{panel.title} · {name}", curves=tuple(c for c in panel.curves if c.label == name)
        )
        for name in names
    ]


def _block(panel: Panel, screen: Screen) -> list[_Line]:
    x = scale_of([c.xs for c in panel.curves], log=panel.log_x, kind=panel.x_kind)
    y = scale_of([c.ys for c in panel.curves], log=panel.log_y)
    marks = {0: y.text(y.high), screen.rows - 1: y.text(y.low)}
    if screen.rows >= 5:
        middle = (screen.rows - 1) // 2
        marks[middle] = y.text(y.value(1 - middle / (screen.rows - 1)))
    gutter = max(map(len, marks.values())) + 1
    dots = Dots(max(4, screen.width - gutter - 1), screen.rows, braille=screen.braille)
    for curve in sorted(panel.curves, key=lambda curve: not curve.faint):
        _draw(curve, x, y, dots)
    upright, corner, flat = ("│", "└", "─") if screen.braille else ("|", "+", "-")
    lines = [_title(panel, screen.width, screen)]
    for number, row in enumerate(dots.rows()):
        text = f"{marks.get(number, ''):>{gutter - 1}} {upright}"
        lines.append(_Line(text + _inked(row, screen.color), screen.width))
    lines.append(_Line(" " * gutter + corner + flat * (screen.width - gutter - 1), screen.width))
    lines.append(_under(panel, x, gutter, screen.width))
    names = list({curve.label: curve.color for curve in panel.curves}.items())
    if len(names) > 1:
        lines += _legend(names, screen.width)
    return lines


def _title(panel: Panel, width: int, screen: Screen) -> _Line:
    """Return the name of the metric and, of a single curve, its last value."""
    solid = [curve for curve in panel.curves if not curve.faint]
    last = short_number(solid[0].ys[-1]) if len(solid) == 1 else ""
    title = cut_text(printable(panel.title), width - len(last) - 1)
    gap = " " * (width - text_width(title) - len(last))
    shown = f"\x1b[1m{title}\x1b[0m" if screen.color else title
    return _Line(f"{shown}{gap}{last}", width)


def _under(panel: Panel, x: Scale, gutter: int, width: int) -> _Line:
    """Return the marks below the axis: its ends, and its name between them."""
    low, high = x.text(x.low), x.text(x.high)
    room = max(0, width - gutter - 1 - len(low) - len(high))
    name = cut_text(printable(panel.x_name), max(0, room - 2))
    left = max(0, (room - text_width(name)) // 2)
    between = " " * left + name + " " * (room - left - text_width(name))
    return _Line(f"{' ' * (gutter + 1)}{low}{between}{high}", width)


def _legend(names: Sequence[tuple[str, int]], width: int) -> list[_Line]:
    lines, text, used = [], "", 0
    for name, color in names:
        shown = cut_text(printable(name), width - 4)
        needed = text_width(shown) + 3 + (2 if used else 0)
        if used and used + needed > width:
            lines.append(_Line(text, used))
            text, used, needed = "", 0, text_width(shown) + 3
        sample = f"\x1b[38;5;{TERMINAL[color % len(TERMINAL)]}m{TERMINAL_SAMPLES[broken(color)]} \x1b[0m"
        text += ("  " if used else "") + sample + shown
        used += needed
    return [*lines, _Line(text, used)]


def _draw(curve: Curve, x: Scale, y: Scale, dots: Dots) -> None:
    before: tuple[int, int] | None = None
    dash = TERMINAL_DASHES[broken(curve.color)]
    for place in thin_line(curve.xs, curve.ys, Window(columns=dots.width, log=x.log)):
        across, up = x.share(curve.xs[place]), y.share(curve.ys[place])
        if math.isnan(across) or math.isnan(up):
            before = None
            continue
        point = (round(across * (dots.width - 1)), round((1 - up) * (dots.height - 1)))
        dots.line(before or point, point, curve.color, dash)
        before = point


def _inked(row: Sequence[tuple[str, int | None]], color: bool) -> str:
    if not color:
        return "".join(letter for letter, _ in row)
    text, current = "", None
    for letter, ink in row:
        if ink != current and letter != " ":
            text += f"\x1b[38;5;{TERMINAL[(ink or 0) % len(TERMINAL)]}m"
            current = ink
        text += letter
    return text if current is None else text + "\x1b[0m"
