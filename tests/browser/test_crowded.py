"""A chart of a hundred curves: while somebody moves it, the picture of before stands in for them."""

from __future__ import annotations

from pathlib import Path

from tests.browser.conftest import PATIENCE_MS, Open

# For each column of a chart, the rows where the curves begin and end; first while it is moved (from
# the picture of before), then at rest (drawn anew). The curves are waves, so the place matters.
MOVED_AND_AT_REST = """async ([low, high]) => {
  const { LineChart } = await import("./static/js/chart/chart.js");
  const host = document.createElement("div");
  host.style.cssText = "position: fixed; left: 0; top: 0; width: 700px; height: 300px";
  document.body.append(host);
  const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const x = Float64Array.from({ length: 1000 }, (_, i) => i);
  const curves = Array.from({ length: 100 }, (_, n) => ({
    id: String(n), label: String(n), color: "#d00000", x, y: x.map((value) => Math.sin(value / 90) + n / 500),
  }));
  const chart = new LineChart(host);
  const extents = () => {
    const { canvas } = chart;
    const { width, height, data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const colored = (row, column) => {
      const at = 4 * (row * width + column);
      return data[at + 3] > 100 && data[at] - data[at + 1] > 60;
    };
    return Array.from({ length: width }, (_, column) => {
      const rows = Array.from({ length: height }, (_, row) => row).filter((row) => colored(row, column));
      return rows.length ? [rows[0], rows.at(-1)] : null;
    });
  };
  chart.set({ curves });
  await frames();
  const before = chart.picture;
  chart.set({ view: { x: [low, high] } });
  await frames();
  const stood_in = chart.picture === before && !chart.picture.isAt(chart.place);
  const moved = extents();
  while (!chart.picture?.isAt(chart.place)) await frames();
  const { left, right } = chart.place.box;
  const found = { stood_in, moved, at_rest: extents(), left, right };
  chart.destroy();
  host.remove();
  return found;
}"""


def test_a_crowded_chart_is_moved_as_a_picture_and_drawn_anew_at_rest(project: Path, tab: Open) -> None:
    """In between, what is shown lies where it will be, within some pixels of a picture that was stretched."""
    page = tab(project).open("#/curves")
    page.set_default_timeout(PATIENCE_MS)
    for view in ([200, 800], [350, 1349]):
        found = page.evaluate(MOVED_AND_AT_REST, view)

        assert found["stood_in"], view
        covered = range(found["left"] + 2, found["right"] - 2)
        both = [(found["moved"][column], found["at_rest"][column]) for column in covered]
        assert sum(at_rest is not None for _, at_rest in both) > 300
        for (moved, at_rest), column in zip(both, covered, strict=True):
            if at_rest is not None:
                assert moved is not None, (view, column)
                assert abs(moved[0] - at_rest[0]) <= 4, (view, column)
                assert abs(moved[1] - at_rest[1]) <= 4, (view, column)
