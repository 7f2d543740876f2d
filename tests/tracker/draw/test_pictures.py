"""Curves as text, as SVG and as PNG."""

from __future__ import annotations

import io
import math
import re
from array import array
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.tracker.read.conftest import Lab
from tracker.draw import png
from tracker.draw.card import run_card
from tracker.draw.curves import Curve, Look, Panel, chosen_metrics, metrics_of, panels_of
from tracker.draw.dots import Dots
from tracker.draw.svg import Format, render_svg
from tracker.draw.terminal import Screen, draw_panels
from tracker.read.words import text_width
from vcs.errors import NotFoundError, UsageError

HOSTILE = '<script>alert(1)</script>"\x1b[2J&'


def panel(ys: list[float], **more: Any) -> Panel:
    return Panel("loss", "step", (Curve("run", array("d", range(len(ys))), array("d", ys)),), **more)


# which curves


def test_a_panel_for_each_metric_and_a_curve_for_each_run(lab: Lab) -> None:
    """Of one color a run; rows that hold something else than numbers are left out."""
    runs = [
        lab.add("a", [{"loss": 1.0}, {"loss": "high"}, {"loss": 0.5, "acc": True}]),
        lab.add("b", [{"acc": 0.5}, {"loss": None}]),
    ]
    loss, acc = panels_of(runs, metrics_of(runs))
    assert [(curve.label, list(curve.xs), list(curve.ys)) for curve in loss.curves] == [
        ("name-of-a", [0, 2], [1.0, 0.5])
    ]
    assert [(curve.color, list(curve.ys)) for curve in acc.curves] == [(0, [1.0]), (1, [0.5])]


def test_the_axis_is_what_define_metric_says_unless_another_is_asked_for(lab: Lab) -> None:
    """And an axis is not drawn itself, nor what is hidden."""
    rows = [{"epoch": 0, "val/acc": 0.1, "secret": 1}, {"epoch": 1, "val/acc": 0.2, "secret": 2}]
    defined = [{"name": "val/*", "step_metric": "epoch"}, {"name": "secret", "hidden": True}]
    run = lab.add("a", rows, metrics=defined)
    assert metrics_of([run]) == ["val/acc"]
    (by_epoch,) = panels_of([run], ["val/acc"])
    assert (by_epoch.x_name, list(by_epoch.curves[0].xs)) == ("epoch", [0, 1])
    (by_time,) = panels_of([run], ["val/acc"], Look("runtime"))
    assert by_time.x_kind == "duration"


def test_smoothing_keeps_the_raw_line_behind(lab: Lab) -> None:
    run = lab.add("a", [{"loss": float(number % 2)} for number in range(50)])
    (found,) = panels_of([run], ["loss"], Look(smoothing=0.9))
    raw, smooth = found.curves
    assert (raw.faint, smooth.faint) == (True, False)
    assert max(smooth.ys[20:]) < 0.7
    with pytest.raises(UsageError, match="smoothing"):
        Look(smoothing=1.0)


def test_patterns_choose_metrics(lab: Lab) -> None:
    run = lab.add("a", [{"train/loss": 1, "train/acc": 2, "val/loss": 3}])
    assert chosen_metrics([run], ["train/*"]) == ["train/loss", "train/acc"]
    with pytest.raises(NotFoundError) as caught:
        chosen_metrics([run], ["train/los"])
    assert "train/loss" in str(caught.value.hint)


# dots


def test_dots_of_a_character_are_eight() -> None:
    dots = Dots(1, 1)
    for x in range(2):
        for y in range(4):
            dots.dot(x, y, 0)
    assert list(dots.rows()) == [[("⣿", 0)]]


def test_a_line_goes_from_end_to_end() -> None:
    dots = Dots(4, 2, braille=False)
    dots.line((0, 0), (3, 3), 1)
    dots.line((-5, 9), (-9, 20), 1)  # outside: nothing
    assert ["".join(letter for letter, _ in row) for row in dots.rows()] == ["'.  ", "  '."]


def test_a_broken_line_has_gaps_and_keeps_its_spikes_and_points() -> None:
    dots = Dots(12, 2, braille=False)
    dots.line((0, 3), (11, 3), 0, (2, 2))
    dots.line((6, 3), (6, 0), 0, (2, 2))
    dots.line((10, 0), (10, 0), 0, (2, 2))
    assert ["".join(letter for letter, _ in row) for row in dots.rows()] == ["      :   ' ", "..  ..: ..  "]


# on a terminal


@pytest.mark.parametrize("width", [20, 57, 80, 133, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Also with names in wide characters."""
    curves = tuple(
        Curve(name, array("d", range(9)), array("d", range(9)), place)
        for place, name in enumerate(["实验一" * 9, "b", "c" * 30])
    )
    panels = [Panel("损失" * 30, "步", curves), panel([1e-12, 5e12])]
    for color in (False, True):
        for line in draw_panels(panels, Screen(width, color=color)):
            assert text_width(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= width


def test_without_colors_there_are_none_and_each_curve_has_its_panel() -> None:
    curves = (Curve("a", [0.0, 1.0], [0.0, 1.0]), Curve("b", [0.0, 1.0], [1.0, 0.0], 1))
    text = "\n".join(draw_panels([Panel("loss", "step", curves)], Screen(60)))
    assert "\x1b" not in text
    assert "loss · a" in text
    assert "loss · b" in text


def many(count: int) -> Panel:
    curves = (Curve(f"run {n}", range(9), range(n, n + 9), n) for n in range(count))
    return Panel("loss", "step", tuple(curves))


def test_beyond_eight_curves_colors_come_again_with_broken_lines() -> None:
    """In SVG and on a terminal, in the legend too; the first eight are whole."""
    assert "dasharray" not in render_svg([many(8)])
    picture = render_svg([many(18)])
    for kind in ("path", "line"):
        looks = [
            (element.get("stroke"), element.get("stroke-dasharray"))
            for element in ElementTree.fromstring(picture).iter(f"{{http://www.w3.org/2000/svg}}{kind}")
            if str(element.get("stroke")).startswith("#")
        ]
        assert len(looks) == len(set(looks)) == 18, kind
        assert looks[0][0] == looks[8][0] == looks[16][0]
    legend = "\n".join(draw_panels([many(18)], Screen(80, color=True)))
    samples = re.findall(r"\x1b\[38;5;(\d+)m(\S+) \x1b\[0mrun", legend)
    assert len(samples) == len(set(samples)) == 18


def test_ascii_is_enough() -> None:
    text = "\n".join(draw_panels([panel([3, 1, 2])], Screen(40, braille=False)))
    assert text.isascii()


def test_a_spike_of_one_point_in_a_hundred_thousand_is_seen() -> None:
    """In the picture, in text and in SVG."""
    ys = [0.0] * 100_000
    ys[77_777] = 1.0
    lines = draw_panels([panel(ys)], Screen(60, 6))
    assert re.search("[\u2801-\u28ff]", lines[1])
    heights = [float(y) for y in re.findall(r"L[\d.]+ ([\d.]+)", render_svg([panel(ys)]))]
    assert max(heights) - min(heights) > 100


def test_values_that_are_no_numbers_break_the_line() -> None:
    picture = render_svg([panel([0.0, 1.0, math.nan, 1.0, math.inf, 5.0])])
    assert len(re.findall("M", re.search('d="([^"]*)"', picture).group(1))) == 1  # type: ignore[union-attr]
    assert picture.count("<circle") == 2
    assert draw_panels([panel([math.nan, math.nan])], Screen(40))


# SVG


def test_svg_is_xml_without_scripts_whatever_the_names_are() -> None:
    curve = Curve(HOSTILE, [0.0, 1.0], [1.0, 2.0])
    picture = render_svg([Panel(HOSTILE, HOSTILE, (curve,), log_y=True)] * 3, Format(columns=2))
    root = ElementTree.fromstring(picture)
    kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert kinds <= {"svg", "g", "rect", "text", "line", "path", "circle"}
    assert "\x1b" not in picture


def test_nothing_to_draw_says_so() -> None:
    assert "no numbers" in render_svg([])


# PNG


def test_png_is_a_png_and_leaves_matplotlib_as_it_was() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    before = dict(matplotlib.rcParams)
    stream = io.BytesIO()
    many = Panel("a$b_{", "time", (Curve("_x", [1.7e9, 1.7e9 + 9], [1.0, 2.0]),), "time")
    png.write_png([many, panel([1, 10], log_y=True, log_x=True)], stream, Format(columns=2), scale=1)
    assert stream.getvalue().startswith(b"\x89PNG\r\n")
    assert int.from_bytes(stream.getvalue()[16:20]) == 1280
    assert dict(matplotlib.rcParams) == before


# notebooks


def test_a_run_shows_itself_in_a_notebook_and_nothing_of_it_is_html(lab: Lab) -> None:
    run = lab.add(
        "a", [{"loss": 1.0}, {"loss": 0.5}], config={HOSTILE: HOSTILE}, name=HOSTILE, tags=[HOSTILE]
    )
    shown = run._repr_html_()
    assert shown == run_card(run)
    assert "<script" not in shown
    assert "<path" in shown
    assert "loss" in shown


def test_a_run_without_rows_shows_itself(lab: Lab) -> None:
    assert "name-of-a" in run_card(lab.add("a", summary=False))
