"""Curves in a browser: drawn, followed, zoomed, saved."""

from __future__ import annotations

import math
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

import tracker
from tests.browser.conftest import PATIENCE_MS, Open
from tracker.storage.history import read_columns
from vcs.layout import RunLayout

expect.set_options(timeout=PATIENCE_MS)

# What was set is drawn with the next frame.
COLORED = """async panel => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const canvas = panel.querySelector("canvas");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0;
  for (let i = 0; i < pixels.length; i += 4) {
    const [r, g, b, a] = pixels.slice(i, i + 4);
    if (a > 50 && Math.max(r, g, b) - Math.min(r, g, b) > 60) count++;
  }
  return count;
}"""


# How far down the highest point of a line is, as a part of the height.
HIGHEST = """async panel => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const { width, height, data } = (({ width, height }, context) => context.getImageData(0, 0, width, height))(
    panel.querySelector("canvas"), panel.querySelector("canvas").getContext("2d"));
  for (let i = 0; i < data.length; i += 4) {
    const [r, g, b, a] = data.slice(i, i + 4);
    if (a > 50 && Math.max(r, g, b) - Math.min(r, g, b) > 60) return Math.floor(i / 4 / width) / height;
  }
  return 1;
}"""


def panel(page: Page, metric: str) -> Any:
    return page.locator(f"[data-metric='{metric}']")


def colored(page: Page, metric: str) -> int:
    """How many pixels of a chart have the colour of a line."""
    return int(panel(page, metric).evaluate(COLORED))


def wait_for_points(page: Page, metric: str, count: int) -> None:
    expect(panel(page, metric)).to_have_attribute("data-points", str(count))


def test_each_metric_has_its_chart_in_the_section_of_its_prefix(
    project: Path, tab: Open, picture: Callable[..., Path]
) -> None:
    page = tab(project).open("#/curves")

    wait_for_points(page, "train/loss", 40)
    wait_for_points(page, "train/acc", 40)
    expect(page.locator(".section > header")).to_contain_text(["train"])
    assert colored(page, "train/loss") > 200
    picture(page)


def test_a_run_that_is_switched_off_is_not_drawn(project: Path, tab: Open) -> None:
    page = tab(project).open("#/curves")
    wait_for_points(page, "train/loss", 40)
    page.get_by_role("button", name="Do not draw run 1").click()

    wait_for_points(page, "train/loss", 20)
    page.reload()
    wait_for_points(page, "train/loss", 20)


def test_the_pointer_tells_the_values_of_all_runs_in_all_charts(project: Path, tab: Open) -> None:
    page = tab(project).open("#/curves")
    wait_for_points(page, "train/loss", 40)
    wait_for_points(page, "train/acc", 40)
    panel(page, "train/loss").locator(".chart").hover(position={"x": 150, "y": 80})

    for metric in ("train/loss", "train/acc"):
        tip = panel(page, metric).locator(".chart-tip")
        expect(tip).to_contain_text("run 0")
        expect(tip).to_contain_text("run 1")


def zoom_in(page: Page, metric: str) -> Locator:
    """Drag over a part of a chart."""
    chart = panel(page, metric).locator(".chart")
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 60, steps=4)
    page.mouse.up()
    return chart


def test_zooming_by_dragging_and_back(project: Path, tab: Open) -> None:
    page = tab(project).open("#/curves")
    wait_for_points(page, "train/loss", 40)
    chart = zoom_in(page, "train/loss")

    expect(page.get_by_role("button", name="Whole")).to_be_visible()
    chart.dblclick()
    expect(page.get_by_role("button", name="Whole")).to_have_count(0)


def test_a_button_shows_the_whole_of_a_zoomed_chart_again(project: Path, tab: Open) -> None:
    page = tab(project).open("#/curves?range=2..5")
    chart = panel(page, "train/loss").locator(".chart")
    chart.get_by_role("button", name="Reset the zoom").click()
    expect(page.get_by_role("button", name="Reset the zoom")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("range="))
    expect(chart).to_be_focused()


def test_a_chart_is_used_with_the_keyboard(project: Path, tab: Open) -> None:
    page = tab(project).open("#/curves")
    wait_for_points(page, "train/loss", 40)
    chart = panel(page, "train/loss").locator(".chart")
    chart.focus()
    page.keyboard.press("ArrowRight")
    expect(chart.locator(".chart-tip")).to_be_visible()
    page.keyboard.press("+")
    expect(page.get_by_role("button", name="Whole")).to_be_visible()
    page.keyboard.press("0")
    expect(page.get_by_role("button", name="Whole")).to_have_count(0)


def test_how_curves_are_drawn_is_in_the_address(project: Path, tab: Open) -> None:
    page = tab(project).open("#/curves")
    wait_for_points(page, "train/loss", 40)
    page.get_by_role("button", name="log y").click()
    page.get_by_label("Smoothing").fill("0.8")
    page.get_by_label("Horizontal axis").select_option("_runtime")
    wait_for_points(page, "train/loss", 40)
    for part in ("ylog", "smooth=0.8", "x=_runtime"):
        assert part in page.url
    page.reload()
    wait_for_points(page, "train/loss", 40)
    expect(page.get_by_role("button", name="log y")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Smoothing")).to_have_value("0.8")


def test_a_chart_is_saved_as_png_svg_and_csv(project: Path, tab: Open, tmp_path: Path) -> None:
    page = tab(project).open("#/curves")
    wait_for_points(page, "train/acc", 40)
    files = {}
    for kind in ("PNG", "SVG", "CSV"):
        panel(page, "train/acc").hover()
        panel(page, "train/acc").get_by_role("button", name="Save").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=kind).click()
        files[kind] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[kind])

    assert files["PNG"].read_bytes()[:4] == b"\x89PNG"
    drawing = files["SVG"].read_text()
    assert drawing.startswith("<svg")
    assert "run 0" in drawing
    lines = files["CSV"].read_text().splitlines()
    assert len(lines) == 41
    assert "run 0,10,0.5" in lines


def test_groups_are_drawn_as_a_mean_with_its_range(
    project: Path, tab: Open, picture: Callable[..., Path]
) -> None:
    page = tab(project).open("#/curves?group=job_type")

    wait_for_points(page, "train/loss", 40)
    expect(page.locator(".run-item")).to_have_count(1)
    expect(page.locator(".tally")).to_have_text("1 group")
    assert colored(page, "train/loss") > 100
    picture(page)


def test_groups_of_thousands_are_asked_for_in_turn(project: Path, tab: Open) -> None:
    """The server answers for five thousand runs at once; those that it does not have are left out."""
    page = tab(project).open("#/runs")
    expect(page.locator(".run-name")).not_to_have_count(0)
    asked, found = page.evaluate(
        """async () => {
          const { ask, bands } = await import("./static/js/api.js");
          const { rows } = await ask("runs", { columns: [] });
          const many = (name) => Array.from({ length: 4000 }, (_, i) => `none/${name}${i}`);
          const real = rows.map((run) => `${run.project}/${run.id}`);
          const [send, asked] = [window.fetch, []];
          window.fetch = (address, options) => {
            asked.push(JSON.parse(options.body).groups.length);
            return send(address, options);
          };
          const members = { a: many("a"), b: [...many("b"), ...real], c: real };
          const groups = Object.entries(members).map(([name, runs]) => ({ name, runs }));
          const about = { keys: ["train/loss"], x: "auto", columns: 200, low: null, high: null };
          const found = await bands({ ...about, groups });
          return [asked, found.map((curve) => curve.run)];
        }"""
    )
    assert asked == [1, 2]
    assert found == ["b", "c"]


def test_another_axis_is_the_one_that_was_defined(
    plain_dir: Path, monkeypatch: pytest.MonkeyPatch, tab: Open
) -> None:
    monkeypatch.chdir(plain_dir)
    with tracker.init(project="p") as run:
        run.define_metric("val/*", step_metric="epoch")
        for epoch in range(5):
            run.log({"epoch": epoch, "val/loss": 1 / (epoch + 1)}, step=100 * epoch)
    page = tab(plain_dir).open("#/curves")

    wait_for_points(page, "val/loss", 5)
    expect(panel(page, "val/loss").locator("footer")).to_contain_text("epoch")

    # What is zoomed along steps is not cut out of an axis of epochs.
    page.evaluate("location.hash = '#/curves?range=150..350'")
    expect(page.get_by_role("button", name="Whole")).to_be_visible()
    assert colored(page, "val/loss") > 100
    zoom_in(page, "val/loss")
    page.wait_for_url(re.compile("rangeof=epoch"))


def test_rows_that_were_taken_back_are_shown_on_request(
    plain_dir: Path, monkeypatch: pytest.MonkeyPatch, tab: Open
) -> None:
    monkeypatch.chdir(plain_dir)
    for resumed in (False, True):
        with tracker.init(project="p", id="again", resume_from="again?_step=5" if resumed else None) as run:
            for step in range(5 if resumed else 0, 10):
                run.log({"loss": step + 10 * resumed}, step=step + resumed)
    page = tab(plain_dir).open("#/curves")
    expect(panel(page, "loss")).to_have_attribute("data-points", re.compile(r"\d+"))
    before = colored(page, "loss")
    page.get_by_role("button", name="Taken back").click()
    page.wait_for_function(
        f"async () => (await ({COLORED})(document.querySelector('[data-metric=loss]'))) !== {before}"
    )


# a million points


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a million steps, and one wild value among them."""
    folder = tmp_path_factory.mktemp("million")
    chance = random.Random(7)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with tracker.init(project="big", id="million") as run:
            for step in range(1_000_000):
                spike = 5.0 if step == 654_321 else 0.0
                run.log({"loss": math.exp(-step / 3e5) + chance.gauss(0, 0.02) + spike})
    return folder


def test_a_million_points_are_drawn_and_the_spike_is_there(
    million: Path, tab: Open, picture: Callable[..., Path]
) -> None:
    page = tab(million).open("#/curves")
    wait_for_points(page, "loss", 1_000_000)
    expect(panel(page, "loss").locator("footer")).to_contain_text("thinned")
    picture(page)
    assert panel(page, "loss").evaluate(HIGHEST) < 0.2

    # Closer and closer to the one value, until there is little else.
    page.evaluate("location.hash = '#/run/big/million?tab=curves'")
    wait_for_points(page, "loss", 1_000_000)
    found = page.evaluate(
        """async () => {
          const { series } = await import("./static/js/api.js");
          const ask = (low, high) => series({runs: ["big/million"], keys: ["loss"], columns: 400, low, high});
          const [whole] = await ask(null, null);
          const [near] = await ask(654320.5, 654321.5);
          return {top: Math.max(...whole.y), points: whole.points, near: [...near.x], exact: near.exact};
        }"""
    )
    assert found["top"] > 4.5
    assert found["points"] <= 1600
    assert found["near"] == [654_320, 654_321, 654_322]
    assert found["exact"]


# In each column of pixels where a line is, how far up and down it goes: drawn by columns, and as one path.
EXTENTS = """async () => {
  const { drawColumns } = await import("./static/js/chart/dense.js");
  const { CanvasPen } = await import("./static/js/chart/draw.js");
  const count = 6000, width = 400, height = 200;
  let seed = 7;
  const chance = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const noise = (i) => (i > count * 0.6 && i < count * 0.8 ? 0.02 : 1);
  const x = Float64Array.from({ length: count }, (_, i) => i * (width - 20) / count + 10);
  const wave = (i) => 100 + 50 * Math.sin(i / 900) + 30 * noise(i) * (chance() - 0.5);
  const y = Float64Array.from(x, (_, i) => (i > 1000 && i < 1100 ? NaN : wave(i)));
  y[3000] = 190;
  const place = { x: (value) => value, y: (value) => value, box: { left: 0, right: width } };
  const drawn = (draw) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d");
    const pen = new CanvasPen(context, 1);
    context.lineWidth = 1.5;
    draw(context, pen);
    const { data } = context.getImageData(0, 0, width, height);
    return Array.from({ length: width }, (_, column) => {
      const covered = (row) => data[4 * (row * width + column) + 3] > 120;
      const rows = Array.from({ length: height }, (_, row) => row).filter(covered);
      return rows.length ? [rows[0], rows.at(-1)] : null;
    });
  };
  return [
    drawn((context) => drawColumns(context, x, y, 0, count, place)),
    drawn((_, pen) => pen.strokeAll(x, y, 0, count, place)),
  ];
}"""


def test_a_dense_line_covers_the_pixels_of_its_path(project: Path, tab: Open) -> None:
    """But for the soft edge of a stroke, which may fall into the next column, and the tips of corners."""
    page = tab(project).open("#/curves")
    by_column, as_path = page.evaluate(EXTENTS)

    assert 4 < sum(extent is None for extent in by_column[20:-20]) < 8
    for some, others in ((by_column, as_path), (as_path, by_column)):
        for column, extent in enumerate(some[1:-1], 1):
            near = [each for each in others[column - 1 : column + 2] if each]
            if extent:
                assert min(high for high, _ in near) - 6 <= extent[0], column
                assert extent[1] <= max(low for _, low in near) + 6, column
    assert max(extent[1] for extent in by_column if extent) >= 188


def test_zooming_into_a_million_points_loads_more_of_them(million: Path, tab: Open) -> None:
    page = tab(million).open("#/curves")
    wait_for_points(page, "loss", 1_000_000)
    panel(page, "loss").locator(".chart").focus()
    for _ in range(25):
        page.keyboard.press("+")
    expect(panel(page, "loss").locator("footer")).not_to_contain_text("thinned")


# a run that is training

TRAINING = """
import sys, time, tracker
run = tracker.init(project="LeNet5", name="in training", settings=tracker.Settings(console="off"))
for line in sys.stdin:
    step = int(line)
    run.log({"loss": 1 / (step + 1), "late/metric": step} if step > 2 else {"loss": 1 / (step + 1)})
run.finish()
"""


def test_points_of_a_running_training_appear_without_a_reload(
    plain_dir: Path, tab: Open, picture: Callable[..., Path]
) -> None:
    training = subprocess.Popen(
        [sys.executable, "-c", TRAINING], cwd=plain_dir, stdin=subprocess.PIPE, text=True, bufsize=1
    )
    assert training.stdin is not None
    try:
        for step in range(3):
            training.stdin.write(f"{step}\n")
        page = tab(plain_dir).open("#/curves")
        wait_for_points(page, "loss", 3)
        delays = []
        for step in range(3, 7):
            training.stdin.write(f"{step}\n")
            start = time.monotonic()
            wait_for_points(page, "loss", step + 1)
            delays.append(time.monotonic() - start)
        wait_for_points(page, "late/metric", 4)
        picture(page)
        print("from log() to pixel:", [round(delay, 2) for delay in delays])
        training.stdin.close()
        training.wait(600)
        expect(page.locator(".run-item .state")).to_have_count(0)
    finally:
        training.kill()
        training.wait()
    (folder,) = (plain_dir / ".tracker/runs/LeNet5").glob("[a-z0-9]*")
    assert read_columns(RunLayout(folder), ["loss"])["loss"] == [1 / (step + 1) for step in range(7)]
