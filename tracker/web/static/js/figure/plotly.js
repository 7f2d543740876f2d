// Figures of plotly, from their JSON: scatter, line, bar, histogram and heat map, each in one plane.
//
// What a figure says is data: texts are drawn as texts, and a colour is taken only if it is one.

import { styleOf } from "../chart/draw.js";
import { binsOf } from "./bins.js";
import { cells } from "./logged.js";

const NUMBERS = { f8: Float64Array, f4: Float32Array, i4: Int32Array, u4: Uint32Array, i2: Int16Array, u2: Uint16Array, i1: Int8Array, u1: Uint8Array, u1c: Uint8ClampedArray };
const COLOR = /^(#[0-9a-f]{6}|rgba?\([\d., %]{5,40}\))$/i;
const DATE = /^\d{4}-\d\d(-\d\d([T ][\d:.]+(Z|[+-]\d\d:?\d\d)?)?)?$/;

/** Returns {figure, left: [kinds of traces that are not drawn]}; figure is null where none is. */
export function plotlyFigure(given, look) {
  const traces = (Array.isArray(given?.data) ? given.data : []).filter((trace) => trace && trace.visible !== false && trace.visible !== "legendonly");
  const layout = given?.layout ?? {};
  const drawn = traces.filter((trace) => Object.hasOwn(DRAWN, trace.type ?? "scatter") && onePlane(trace));
  const left = traces.filter((trace) => !drawn.includes(trace)).map((trace) => String(trace.type ?? "scatter"));
  const plane = { x: planeAxis(layout.xaxis), y: { ...planeAxis(layout.yaxis), down: layout.yaxis?.autorange === "reversed" }, layout, bars: [] };
  nameAxes(plane, drawn);
  const layers = drawn.flatMap((trace, n) => DRAWN[trace.type ?? "scatter"](trace, styleFor(trace, n, traces.length, look), plane));
  layers.push(...placeBars(plane));
  const figure = layers.length ? { ...look, title: textOf(layout.title), x: plane.x, y: plane.y, layers } : null;
  return { figure, left: [...new Set(left)] };
}

// Traces on a second axis or in another field of a grid would be drawn in the wrong place.
function onePlane(trace) {
  return (trace.xaxis ?? "x") === "x" && (trace.yaxis ?? "y") === "y";
}

function planeAxis(axis = {}) {
  const found = { label: textOf(axis?.title) };
  if (axis?.type === "log") found.log = true;
  return found;
}

/** A text without the markup that plotly lets into it. */
function textOf(title) {
  const text = typeof title === "string" ? title : typeof title?.text === "string" ? title.text : "";
  return text.replace(/<br\s*\/?>/gi, " ").replace(/<[^>]*>/g, "") || undefined;
}

function styleFor(trace, n, many, look) {
  const own = [trace.marker?.color, trace.line?.color].find((color) => typeof color === "string" && COLOR.test(color));
  return { ...styleOf(n, look.dark), ...(own ? { color: own } : {}), label: textOf(trace.name) ?? (many > 1 ? `${trace.type ?? "scatter"} ${n + 1}` : undefined) };
}

/** The numbers or texts of an array, also of one that plotly packs as base64. */
function listOf(values) {
  if (Array.isArray(values)) return values;
  const kind = NUMBERS[values?.dtype];
  if (!kind || typeof values.bdata !== "string") return [];
  const bytes = Uint8Array.from(atob(values.bdata), (letter) => letter.charCodeAt(0));
  const flat = [...new kind(bytes.buffer, 0, Math.floor(bytes.length / kind.BYTES_PER_ELEMENT))];
  const [rows, columns] = String(values.shape ?? "").split(",").map(Number);
  return columns ? Array.from({ length: rows }, (_, row) => flat.slice(row * columns, (row + 1) * columns)) : flat;
}

/** Decides for both axes whether they are of numbers, times or names, from all traces together. */
function nameAxes(plane, traces) {
  for (const along of ["x", "y"]) {
    const values = traces.flatMap((trace) => listOf(trace[along])).filter((value) => value !== null && value !== undefined);
    const axis = plane[along];
    if (!values.length || axis.log || values.every((value) => typeof value === "number")) continue;
    if (values.every((value) => DATE.test(value))) axis.kind = "time";
    else if (values.some((value) => Number.isNaN(Number(value)))) axis.names = [...new Set(values.map(String))];
  }
}

function placesOf(values, axis) {
  if (axis.names) return values.map((value) => axis.names.indexOf(String(value)));
  if (axis.kind === "time") return values.map((value) => Date.parse(String(value).replace(" ", "T")) / 1000);
  return values.map((value) => (value === null || value === "" ? NaN : Number(value)));
}

const counted = (values) => values.map((_, i) => i);

function points(trace, plane) {
  let x = listOf(trace.x), y = listOf(trace.y);
  if (!x.length) x = counted(y);
  if (!y.length) y = counted(x);
  const many = Math.min(x.length, y.length);
  return { x: placesOf(x.slice(0, many), plane.x), y: placesOf(y.slice(0, many), plane.y) };
}

const DRAWN = {
  scatter(trace, style, plane) {
    const at = points(trace, plane);
    const mode = typeof trace.mode === "string" ? trace.mode : at.x.length < 20 ? "lines+markers" : "lines";
    const texts = listOf(trace.text).map((text) => (text === null ? "" : textOf(String(text))));
    const found = [];
    if (mode.includes("lines")) found.push({ kind: "line", ...style, ...at });
    // Named once, also where a line and its dots are two layers.
    if (mode.includes("markers") || mode.includes("text")) found.push({ kind: "dots", ...style, ...at, label: found.length ? undefined : style.label, names: texts.length ? texts : found.length && style.label ? at.x.map(() => style.label) : undefined });
    return found;
  },
  scattergl: (...all) => DRAWN.scatter(...all),
  bar(trace, style, plane) {
    const lying = trace.orientation === "h";
    const at = points(trace, plane);
    plane.bars.push({ lying, style, along: lying ? at.y : at.x, value: lying ? at.x : at.y });
    return [];
  },
  histogram(trace, style, plane) {
    const lying = !listOf(trace.x).length && listOf(trace.y).length > 0;
    const axis = plane[lying ? "y" : "x"];
    const values = placesOf(listOf(lying ? trace.y : trace.x), axis).filter(Number.isFinite);
    if (!values.length) return [];
    if (axis.names) {
      plane.bars.push({ lying, style, along: counted(axis.names), value: axis.names.map((_, place) => values.filter((value) => value === place).length) });
      return [];
    }
    const { borders, counts } = binsOf(values, Number(lying ? trace.nbinsy : trace.nbinsx) || null);
    return [{ kind: "bars", lying, ...style, from: borders.slice(0, -1), to: borders.slice(1), base: counts.map(() => 0), value: counts }];
  },
  heatmap(trace, style, plane) {
    const values = listOf(trace.z).map((row) => listOf(row).map((value) => (typeof value === "number" ? value : NaN)));
    if (!values.length || !values[0].length) return [];
    const width = Math.max(...values.map((row) => row.length));
    const whole = values.map((row) => Array.from({ length: width }, (_, i) => row[i] ?? NaN));
    return [{ ...cells(whole, bordersOf(trace.x, width, plane.x), bordersOf(trace.y, whole.length, plane.y)), label: style.label }];
  },
};

/** The borders of cells: given as such, or half-way between the middles that are given. */
function bordersOf(given, many, axis) {
  const at = placesOf(listOf(given), axis);
  if (at.length === many + 1) return at;
  const middles = at.length === many ? at : counted(Array(many).fill(0));
  const half = (i) => (many > 1 ? (middles[Math.min(i + 1, many - 1)] - middles[Math.min(i, many - 2)]) / 2 : 0.5);
  return [middles[0] - half(0), ...middles.map((middle, i) => middle + half(i))];
}

/** Bars of several traces beside each other, or on top of each other as the figure says. */
function placeBars({ bars, layout }) {
  const mode = layout.barmode ?? "group";
  const above = new Map(), below = new Map();
  return bars.map(({ lying, style, along, value }, n) => {
    const apart = [...new Set(along)].sort((a, b) => a - b);
    const slot = 0.8 * apart.reduce((least, place, i) => (i ? Math.min(least, place - apart[i - 1]) : least), apart.length > 1 ? Infinity : 1);
    const width = mode === "group" ? slot / bars.length : slot;
    const start = mode === "group" ? (place) => place - slot / 2 + n * width : (place) => place - slot / 2;
    const base = along.map((place, i) => {
      if (mode !== "stack" && mode !== "relative") return 0;
      const sums = value[i] < 0 ? below : above;
      const before = sums.get(place) ?? 0;
      sums.set(place, before + (value[i] || 0));
      return before;
    });
    return { kind: "bars", lying, ...style, from: along.map(start), to: along.map((place) => start(place) + width), base, value: value.map((each, i) => base[i] + each), stacked: true };
  });
}
