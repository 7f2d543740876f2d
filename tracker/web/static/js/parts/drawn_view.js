// What was made of a table to be drawn: a figure, or curves in a chart that can be zoomed.

import { h } from "../dom.js";
import { count, t } from "../i18n.js";
import { LineChart } from "../chart/chart.js";
import { toCsv } from "../chart/save.js";
import { figureHead, figureView } from "../figure/view.js";
import { themeNow } from "./curve_model.js";

/** What `drawnPlot` made, in the page; `name` is that of the files saved from it. */
export function drawnView(drawn, name) {
  return [drawn.figure ? figureView(drawn.figure, name) : linesView(drawn, name), drawn.rest > 0 ? h("p.note.small", {}, count(drawn.rest, "{n} row is not drawn", "{n} rows are not drawn")) : null];
}

function linesView({ curves, view, title, xLabel, yLabel }, name) {
  const host = h("div");
  const chart = new LineChart(host, {
    onView: (range) => chart.set({ view: range ? { x: range } : view }),
    describe: (text) => t("Chart of {text}", { text }),
    whole: t("Reset the zoom"),
  });
  chart.set({ curves, xLabel, title, view, home: view, theme: themeNow() });
  return [figureHead(title, curves, () => ({ ...chart.model, height: 420, csv: () => toCsv(chart.model) }), name), yLabel ? h("div.axis-name.small", {}, yLabel) : null, host, xLabel ? h("div.axis-name.x.small", {}, xLabel) : null];
}
