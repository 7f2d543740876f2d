"""Panels of curves as one SVG picture: plain paths and text, no script, nothing from outside."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from unicodedata import east_asian_width

from tracker.draw.curves import Curve, Panel
from tracker.draw.palette import color_of, dash_of
from tracker.draw.scale import Scale, scale_of, widened
from tracker.read.thinning import Window, thin_line
from tracker.read.words import printable

_FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', sans-serif"
_LETTER = 6.2
_LINE = 16
# So long is the piece of a curve in the legend: all kinds of broken lines are told apart on it.
_SAMPLE = 20


@dataclass(frozen=True)
class Format:
    """The size of a picture.

    Attributes:
        width, height: Of one panel, in pixels.
        columns: How many panels stand side by side.
        standing_alone: Whether it brings its own white background; otherwise the
            colors of text are those of the page around it.
    """

    width: int = 640
    height: int = 360
    columns: int = 1
    standing_alone: bool = True


def render_svg(panels: Sequence[Panel], format: Format = Format()) -> str:
    """Return the picture; an empty list gives an empty picture with a line that says so."""
    columns = max(1, min(format.columns, len(panels)))
    rows = max(1, math.ceil(len(panels) / columns))
    width, height = format.width * columns, format.height * rows
    ink = ' color="#24292f"' if format.standing_alone else ""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" font-family="{_FONT}" font-size="12" '
        f'fill="currentColor"{ink}>'
    ]
    if format.standing_alone:
        parts.append(f'<rect width="{width}" height="{height}" fill="#ffffff"/>')
    if not panels:
        parts.append(f'<text x="{width / 2}" y="{height / 2}" text-anchor="middle">no numbers to draw</text>')
    for place, panel in enumerate(panels):
        x, y = place % columns * format.width, place // columns * format.height
        parts.append(f'<g transform="translate({x} {y})">')
        parts += _panel(panel, format.width, format.height)
        parts.append("</g>")
    parts.append("</svg>\n")
    return "\n".join(parts)


@dataclass(frozen=True)
class _Frame:
    """Where the curves of a panel go, and on which axes."""

    left: float
    top: float
    right: float
    bottom: float
    x: Scale
    y: Scale

    def across(self, share: float) -> float:
        return self.left + share * (self.right - self.left)

    def up(self, share: float) -> float:
        return self.bottom - share * (self.bottom - self.top)


def _panel(panel: Panel, width: int, height: int) -> Iterator[str]:
    x = scale_of([c.xs for c in panel.curves], log=panel.log_x, kind=panel.x_kind)
    y = widened(scale_of([c.ys for c in panel.curves], log=panel.log_y))
    legend = _legend(panel, width - 24)
    marks = y.ticks(5)
    left = 20 + max([_width(y.text(mark)) for mark in marks], default=0)
    frame = _Frame(left, 34 + _LINE * len(legend), width - 16, height - 38, x, y)
    yield f'<text x="12" y="22" font-size="14" font-weight="600">{_text(panel.title)}</text>'
    for number, line in enumerate(legend):
        for start, color, label in line:
            base = 40 + _LINE * number
            yield (
                f'<line x1="{start:.0f}" x2="{start + _SAMPLE:.0f}" y1="{base - 4}" y2="{base - 4}" '
                f'stroke="{color_of(color)}" stroke-width="3"{_dashes(color)}/>'
            )
            yield f'<text x="{start + _SAMPLE + 5:.0f}" y="{base}">{_text(label)}</text>'
    yield from _axes(frame, panel, marks)
    # An inner picture cuts off what leaves it, and needs no name that others in a page may have.
    inner = (frame.left, frame.top - 1, frame.right - frame.left, frame.bottom - frame.top + 2)
    place = " ".join(
        f'{name}="{size:.1f}"' for name, size in zip(("x", "y", "width", "height"), inner, strict=True)
    )
    box = " ".join(f"{size:.1f}" for size in inner)
    yield f'<svg {place} viewBox="{box}" fill="none" stroke-linejoin="round" stroke-linecap="round">'
    for curve in sorted(panel.curves, key=lambda curve: not curve.faint):
        yield from _curve(curve, frame)
    yield "</svg>"


def _axes(frame: _Frame, panel: Panel, marks: Sequence[float]) -> Iterator[str]:
    for value in marks:
        share = frame.y.share(value)
        if 0 <= share <= 1:
            at = frame.up(share)
            yield (
                f'<line x1="{frame.left:.1f}" x2="{frame.right:.1f}" y1="{at:.1f}" y2="{at:.1f}" '
                f'stroke="currentColor" stroke-opacity="0.13"/>'
                f'<text x="{frame.left - 7:.1f}" y="{at + 4:.1f}" text-anchor="end" '
                f'fill-opacity="0.75">{_text(frame.y.text(value))}</text>'
            )
    yield (
        f'<line x1="{frame.left:.1f}" x2="{frame.right:.1f}" y1="{frame.bottom:.1f}" '
        f'y2="{frame.bottom:.1f}" stroke="currentColor" stroke-opacity="0.4"/>'
    )
    room = max(2, int((frame.right - frame.left) / 80))
    for value in frame.x.ticks(room):
        share = frame.x.share(value)
        if 0 <= share <= 1:
            yield (
                f'<text x="{frame.across(share):.1f}" y="{frame.bottom + 16:.1f}" text-anchor="middle" '
                f'fill-opacity="0.75">{_text(frame.x.text(value))}</text>'
            )
    yield (
        f'<text x="{frame.right:.1f}" y="{frame.bottom + 31:.1f}" text-anchor="end" '
        f'fill-opacity="0.75">{_text(panel.x_name)}</text>'
    )


def _curve(curve: Curve, frame: _Frame) -> Iterator[str]:
    window = Window(columns=max(50, int(frame.right - frame.left)), log=frame.x.log)
    points: list[tuple[float, float]] = []
    pieces = [points]
    for place in thin_line(curve.xs, curve.ys, window):
        across, up = frame.x.share(curve.xs[place]), frame.y.share(curve.ys[place])
        if math.isnan(across) or math.isnan(up):
            # The line is broken where a value is no number, and not drawn over the gap.
            pieces.append([])
        else:
            pieces[-1].append((frame.across(across), frame.up(up)))
    color, shown = color_of(curve.color), 'stroke-opacity="0.25"' if curve.faint else ""
    path = "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in piece) for piece in pieces if len(piece) > 1)
    if path:
        yield f'<path d="{path}" stroke="{color}" stroke-width="1.6" {shown}{_dashes(curve.color)}/>'
    for piece in pieces:
        if len(piece) == 1:
            yield f'<circle cx="{piece[0][0]:.1f}" cy="{piece[0][1]:.1f}" r="2.5" fill="{color}"/>'


def _legend(panel: Panel, width: float) -> list[list[tuple[float, int, str]]]:
    """Return lines of (x, place in the palette, label); one that says nothing is left out."""
    names = {curve.label: curve.color for curve in panel.curves}
    lines: list[list[tuple[float, int, str]]] = []
    at = math.inf
    for label, color in names.items():
        shown = label if len(label) <= 40 else label[:39] + "…"
        room = _SAMPLE + 5 + _width(shown) + 14
        if at + room > width:
            lines.append([])
            at = 12.0
        lines[-1].append((at, color, shown))
        at += room
    return lines


def _dashes(place: int) -> str:
    dash = dash_of(place)
    # Round ends would fill the gaps.
    return f' stroke-dasharray="{" ".join(map(str, dash))}" stroke-linecap="butt"' if dash else ""


def _width(text: str) -> float:
    return _LETTER * sum(2 if east_asian_width(ch) in "WF" else 1 for ch in text)


def _text(text: str) -> str:
    return escape(printable(text))
