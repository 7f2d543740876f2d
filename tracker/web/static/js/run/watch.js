// What `watch` saw of a model: for each tensor its distribution over the steps, its norm, and what looks wrong; the graph.

import { complain, get, runPath } from "../api.js";
import { fill, h, within } from "../dom.js";
import { count, t } from "../i18n.js";
import * as format from "../format.js";
import { LineChart } from "../chart/chart.js";
import { onLive } from "../live.js";
import { heatMap, ridges } from "../parts/histograms.js";
import { styleOf } from "../chart/draw.js";
import { isDark } from "../view.js";
import { themeNow } from "../parts/curve_model.js";
import { graphView } from "../parts/graph_view.js";
import { isWatched } from "./kinds.js";

export async function show(host, run, { changed, onReload }) {
  let layers = new Map(), shown = null, listed = null;
  const detail = h("div.layer-detail");
  const list = h("div.layer-list", { role: "list", "aria-label": t("Layers") });
  let chosen = null;
  const open = (layer) => {
    chosen = layer;
    drawList();
    drawLayer(detail, run, layer, layers.get(layer)).catch(complain);
  };
  const drawList = () => {
    const hints = [...layers].map(([, found]) => found.flatMap((key) => hintsOf(run.summary[key], key)));
    const now = JSON.stringify([[...layers.keys()], chosen, hints]);
    if (now === listed) return;
    listed = now;
    const focused = list.contains(document.activeElement);
    fill(list, [...layers.keys()].map((layer, i) => h("button.layer", { type: "button", role: "listitem", "aria-current": layer === chosen ? "true" : null, onclick: () => open(layer) },
      h("code", {}, layer), h("span.space"), hints[i].map((hint) => h("span.hint", { class: hint.kind, title: hint.text }, hint.short)))));
    if (focused) list.querySelector("[aria-current]")?.focus();
  };
  const drawAll = () => {
    const keys = Object.entries(run.media).filter(([key, kind]) => isWatched(key, kind)).map(([key]) => key);
    const graphs = Object.entries(run.summary).filter(([, value]) => value?._type === "graph");
    // Of what is drawn already nothing moves while somebody looks at it.
    const now = JSON.stringify([keys, graphs.map(([name]) => name)]);
    if (now === shown) return drawList();
    shown = now;
    layers = byLayer(keys);
    fill(host,
      layers.size ? h("div.watch", {}, h("div.side", {}, h("h2", {}, t("Layers")), list), detail) : null,
      graphs.map(([name, graph]) => h("section.card.graph-card", {}, h("header", {}, h("h2", {}, graph.name || name), h("span.faint.small", {}, count(graph.parameters, "{n} parameter", "{n} parameters"))), graphView(graph))));
    if (layers.size) open(layers.has(chosen) ? chosen : [...layers.keys()][0]);
  };
  drawAll();
  const drawChosen = within(1500, () => layers.size && changed().then(() => drawLayer(detail, run, chosen, layers.get(chosen))).catch(() => {}));
  const stops = [onReload(drawAll), onLive("grown", (grown) => grown[run.key]?.includes("history") && drawChosen())];
  return () => stops.forEach((stop) => stop());
}

function byLayer(keys) {
  const layers = new Map();
  for (const key of keys) {
    const layer = key.replace(/^(graph_\d+)?(gradients|parameters)\//, "$1");
    if (!layers.has(layer)) layers.set(layer, []);
    layers.get(layer).push(key);
  }
  return layers;
}

/** What statistics of a tensor give reason to look at. */
export function hintsOf(found, key) {
  if (!found) return [];
  const hints = [];
  const gradient = /gradients\//.test(key);
  if (found.nan || found.inf) hints.push({ kind: "bad", short: "NaN", text: t("{n} values are NaN or infinite", { n: (found.nan ?? 0) + (found.inf ?? 0) }) });
  if (gradient && found.norm === 0) hints.push({ kind: "bad", short: t("dead"), text: t("The gradient is zero everywhere: nothing is learned here.") });
  else if (gradient && found.norm < 1e-7) hints.push({ kind: "warn", short: t("vanishing"), text: t("The norm of the gradient is {norm}.", { norm: format.number(found.norm, 2) }) });
  else if (gradient && found.zero_fraction > 0.95 && found.count > 16) hints.push({ kind: "warn", short: t("mostly zero"), text: t("{share} % of the gradient is zero.", { share: Math.round(found.zero_fraction * 100) }) });
  if (found.norm > 1e4) hints.push({ kind: "bad", short: t("exploding"), text: t("The norm is {norm}.", { norm: format.number(found.norm, 2) }) });
  return hints;
}

async function drawLayer(host, run, layer, keys) {
  const answers = await Promise.all(keys.map((key) => get(`${runPath(run.key)}/histograms`, { key })));
  fill(host, keys.map((key, i) => tensorView(key, answers[i])));
}

function tensorView(key, { rows, statistics, total }) {
  const what = /gradients\//.test(key) ? t("Gradients") : /parameters\//.test(key) ? t("Parameters") : key;
  const usable = rows.filter((row) => row.bins.length > 1);
  const last = statistics.at(-1) ?? {};
  const hints = hintsOf(last, key);
  const norms = h("div.norms");
  const chart = new LineChart(norms, {});
  const steps = Float64Array.from(statistics, (each) => each.step);
  const line = (name, label, n) => ({ id: name, label, ...styleOf(n, isDark()), x: steps, y: Float64Array.from(statistics, (each) => (typeof each[name] === "number" ? each[name] : NaN)) });
  chart.set({ curves: [line("norm", t("norm"), 0), line("std", t("standard deviation"), 1)], title: `${key} norm`, xLabel: t("step"), yLog: true, theme: themeNow() });
  return h("section.card", {},
    h("header", {}, h("h2", {}, what), h("code.faint", {}, key), h("span.space"), hints.map((hint) => h("span.hint", { class: hint.kind }, hint.text))),
    h("div.watch-charts", {},
      figure(t("Heat map"), usable.length ? heatMap(usable, t("Distribution of {key} over steps", { key })) : nothing()),
      figure(t("Ridges"), usable.length ? ridges(usable, t("Distribution of {key} at some steps", { key })) : nothing()),
      figure([h("span.swatch", { style: { background: styleOf(0, isDark()).color } }), ` ${t("norm")}  `, h("span.swatch", { style: { background: styleOf(1, isDark()).color } }), ` ${t("standard deviation")}`], norms)),
    h("p.note.small", {}, [t("mean {value}", { value: format.number(last.mean, 3) }), t("std {value}", { value: format.number(last.std, 3) }), t("from {low} to {high}", { low: format.number(last.min, 3), high: format.number(last.max, 3) }), count(last.count ?? 0, "{n} value", "{n} values"), rows.length < total ? t("{n} of {all} steps are drawn", { n: rows.length, all: total }) : count(total, "{n} step", "{n} steps")].join(" · ")));
}

function nothing() {
  return h("p.note", {}, t("No finite value."));
}

function figure(title, content) {
  return h("figure", {}, h("figcaption", {}, title), content);
}
