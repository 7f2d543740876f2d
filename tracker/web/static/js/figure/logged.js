// Plots that a run logged: a table and which of its columns play which part.

import { t } from "../i18n.js";
import { styleOf } from "../chart/draw.js";
import { binsOf } from "./bins.js";

// wandb's own specifications, by the parts that they name.
const SPECS = {
  "wandb/line/v0": ["line", { x: "x", y: "y", stroke: "stroke" }],
  "wandb/lineseries/v0": ["line", { x: "step", y: "lineVal", stroke: "lineKey" }],
  "wandb/area-under-curve/v0": ["line", { x: "x", y: "y", stroke: "class" }],
  "wandb/scatter/v0": ["scatter", { x: "x", y: "y" }],
  "wandb/bar/v0": ["bar", { x: "label", y: "value" }],
  "wandb/histogram/v0": ["histogram", { x: "value" }],
  "wandb/confusion_matrix/v1": ["confusion_matrix", { x: "Predicted", y: "Actual", value: "nPredictions" }],
};
const MOST_NAMES = 200;

/** The record of a plot with its parts; null for a specification that we do not know. */
export function knownPlot(item) {
  if (item.kind !== "custom") return item;
  const [kind, parts] = Object.hasOwn(SPECS, item.spec) ? SPECS[item.spec] : [];
  if (!kind) return null;
  const found = { ...item, kind };
  for (const [part, name] of Object.entries(parts)) if (item.fields?.[name]) found[part] = item.fields[name];
  return found;
}

/**
 * Returns {curves, view, title, xLabel, yLabel} for a line chart, or {figure}; null where the table has nothing to draw.
 * `look` is {theme, dark}.
 */
export function drawnPlot(item, table, look) {
  const columns = (table.columns ?? []).map(String);
  const rows = Array.isArray(table.data) ? table.data : [];
  const column = (name) => (columns.includes(name) ? rows.map((row) => row[columns.indexOf(name)]) : null);
  const part = { x: column(item.x), y: column(item.y), stroke: column(item.stroke), value: column(item.value) };
  const names = { x: item.xname ?? item.x, y: item.y };
  const draw = DRAWN[item.kind];
  return draw && part.x ? draw(part, names, { title: item.title, ...look }) : null;
}

const DRAWN = {
  line: lines,
  pr_curve: (part, names, look) => lines(part, names, look, { x: [0, 1], y: [0, 1.03] }),
  roc_curve: (part, names, look) => lines(part, names, look, { x: [0, 1], y: [0, 1.03] }),
  scatter: dots,
  bar: (part, names, look) => {
    if (!part.y) return null;
    const pairs = part.x.map((name, i) => [String(name), part.y[i]]).filter(([, value]) => typeof value === "number").slice(0, MOST_NAMES);
    return pairs.length ? { figure: lyingBars(pairs, names, look), rest: part.x.length - pairs.length } : null;
  },
  histogram,
  confusion_matrix: matrix,
};

function lines(part, names, look, view = null) {
  if (!part.y) return null;
  const groups = new Map();
  part.x.forEach((x, i) => {
    const y = part.y[i];
    if (typeof x !== "number" || typeof y !== "number") return;
    const name = part.stroke ? String(part.stroke[i]) : names.y;
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push([x, y]);
  });
  const curves = [...groups].map(([label, points], n) => {
    const sorted = points.sort((a, b) => a[0] - b[0]);
    return { id: label, label, ...styleOf(n, look.dark), x: Float64Array.from(sorted, (point) => point[0]), y: Float64Array.from(sorted, (point) => point[1]) };
  });
  return curves.length ? { curves, view, title: look.title, xLabel: names.x, yLabel: names.y } : null;
}

function dots(part, names, look) {
  if (!part.y) return null;
  const x = axisOf(part.x, names.x), y = axisOf(part.y, names.y);
  const layer = { kind: "dots", color: styleOf(0, look.dark).color, x: x.values, y: y.values };
  return { figure: { ...look, x: x.axis, y: y.axis, layers: [layer] } };
}

/** Numbers as they are; anything else as names, the n-th of which stands at n. */
export function axisOf(values, label) {
  if (values.some((value) => typeof value === "number")) return { axis: { label }, values: values.map((value) => (typeof value === "number" ? value : NaN)) };
  const names = [...new Set(values.map(String))];
  const places = new Map(names.map((name, place) => [name, place]));
  return { axis: { label, names }, values: values.map((value) => places.get(String(value))) };
}

function lyingBars(pairs, names, look) {
  const places = pairs.map((_, i) => i);
  return {
    ...look, x: { label: names.y }, y: { label: names.x, names: pairs.map(([name]) => name) },
    layers: [{ kind: "bars", lying: true, color: styleOf(0, look.dark).color, from: places.map((i) => i - 0.36), to: places.map((i) => i + 0.36), base: places.map(() => 0), value: pairs.map(([, value]) => value) }],
  };
}

function histogram(part, names, look) {
  const numbers = part.x.filter((value) => typeof value === "number" && Number.isFinite(value));
  if (!numbers.length) {
    const counts = new Map();
    for (const value of part.x) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
    const pairs = [...counts].sort((a, b) => b[1] - a[1]).slice(0, MOST_NAMES);
    return pairs.length ? { figure: lyingBars(pairs, { x: names.x, y: t("count") }, look), rest: counts.size - pairs.length } : null;
  }
  const { borders, counts } = binsOf(numbers);
  return { figure: { ...look, x: { label: names.x }, y: { label: t("count") }, layers: [{ kind: "bars", color: styleOf(0, look.dark).color, from: borders.slice(0, -1), to: borders.slice(1), base: counts.map(() => 0), value: counts }] }, rest: part.x.length - numbers.length };
}

function matrix(part, names, look) {
  if (!part.y || !part.value) return null;
  const x = [...new Set(part.x.map(String))].slice(0, MOST_NAMES), y = [...new Set(part.y.map(String))].slice(0, MOST_NAMES);
  const values = y.map(() => x.map(() => NaN));
  const [columns, rows] = [new Map(x.map((name, i) => [name, i])), new Map(y.map((name, i) => [name, i]))];
  part.value.forEach((value, i) => {
    const row = values[rows.get(String(part.y[i]))], at = columns.get(String(part.x[i]));
    if (row && at !== undefined && typeof value === "number") row[at] = value;
  });
  return { figure: { ...look, x: { label: names.x, names: x }, y: { label: names.y, names: y }, layers: [cells(values)] } };
}

/** A layer of cells whose middles stand at 0, 1, 2, … */
export function cells(values, x = null, y = null) {
  const flat = values.flat().filter(Number.isFinite);
  const borders = (many) => Array.from({ length: many + 1 }, (_, i) => i - 0.5);
  const [low, high] = flat.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  return { kind: "cells", x: x ?? borders(values[0].length), y: y ?? borders(values.length), values, low, high };
}
