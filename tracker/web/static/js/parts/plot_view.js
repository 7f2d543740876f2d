// A logged plot: lines are drawn, other kinds are shown by their table.

import { fileUrl } from "../api.js";
import { fill, h } from "../dom.js";
import { LineChart } from "../chart/chart.js";
import { styleOf } from "../chart/draw.js";
import { isDark } from "../view.js";
import { themeNow } from "./curve_model.js";
import { tableView } from "./table_view.js";

export function plotView(run, item) {
  const title = item.title ? h("h3", {}, item.title) : null;
  if (!item.x || !item.y || !item.table?.path) return h("div", {}, title, item.table ? tableView(run, item.table) : null);
  const host = h("div");
  fetch(fileUrl(run.key, item.table.path)).then((response) => response.json()).then((table) => {
    const curves = linesOf(table, item);
    if (!curves.length) {
      fill(host, tableView(run, item.table));
      return;
    }
    const chart = new LineChart(host, {});
    chart.set({ curves, xLabel: item.x, title: item.title ?? item.y, theme: themeNow() });
  }).catch(() => fill(host, tableView(run, item.table)));
  return h("div", {}, title, host, h("details", {}, h("summary", {}, item.table.path.split("/").pop()), tableView(run, item.table)));
}

function linesOf(table, item) {
  const place = (name) => table.columns.indexOf(name);
  const [x, y, stroke] = [place(item.x), place(item.y), item.stroke ? place(item.stroke) : -1];
  if (x < 0 || y < 0) return [];
  const groups = new Map();
  for (const row of table.data) {
    if (typeof row[x] !== "number" || typeof row[y] !== "number") continue;
    const name = stroke < 0 ? item.y : String(row[stroke]);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push([row[x], row[y]]);
  }
  return [...groups].map(([label, points], n) => {
    const sorted = points.slice().sort((a, b) => a[0] - b[0]);
    return { id: label, label, ...styleOf(n, isDark()), x: Float64Array.from(sorted, (point) => point[0]), y: Float64Array.from(sorted, (point) => point[1]) };
  });
}
