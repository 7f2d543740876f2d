// Histograms: one as bars, many over steps as a heat map or as ridges behind each other.

import { h } from "../dom.js";
import { t } from "../i18n.js";
import * as format from "../format.js";
import { CanvasPen } from "../chart/draw.js";
import { makeScale, tickText, ticksOf } from "../chart/scale.js";
import { rampColor } from "../figure/ramp.js";
import { isDark } from "../view.js";
import { themeNow } from "./curve_model.js";

/** Makes a canvas that is drawn anew whenever its size changes. */
export function drawing(height, label, draw) {
  const canvas = h("canvas", { role: "img", "aria-label": label, style: { width: "100%", height: `${height}px`, display: "block" } });
  const paint = () => {
    const width = canvas.clientWidth;
    if (!width) return;
    const ratio = Math.min(2, devicePixelRatio || 1);
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = new CanvasPen(canvas.getContext("2d"), ratio);
    pen.clear(width, height);
    draw(pen, width, height);
  };
  new ResizeObserver(paint).observe(canvas);
  return canvas;
}

export function histogramView(item) {
  const top = Math.max(1, ...item.values);
  const { bins } = item;
  return drawing(160, t("Histogram from {low} to {high}", { low: format.number(bins[0], 3), high: format.number(bins.at(-1), 3) }), (pen, width, height) => {
    const theme = themeNow();
    const x = makeScale(bins[0], bins.at(-1), 36, width - 10);
    item.values.forEach((value, i) => {
      const tall = (value / top) * (height - 34);
      const left = x(bins[i]), right = x(bins[i + 1]);
      pen.polygon([[left, height - 22], [left, height - 22 - tall], [right, height - 22 - tall], [right, height - 22]], accent(), 0.8);
    });
    xAxis(pen, x, height, theme, width);
  });
}

function accent() {
  return isDark() ? "#4fa8e0" : "#0072b2";
}

function xAxis(pen, scale, height, theme, width) {
  pen.line(36, height - 22, width - 10, height - 22, theme.axis, 1);
  const ticks = ticksOf(scale, Math.max(2, width / 90));
  for (const tick of ticks) pen.text(tickText(tick, ticks), scale(tick), height - 7, theme.text, 11, "middle");
}

/** The range that most values of all steps lie in; a single wild step shall not flatten the others. */
function rangeOf(rows) {
  const lows = rows.map((row) => row.bins[0]).filter(Number.isFinite).sort((a, b) => a - b);
  const highs = rows.map((row) => row.bins.at(-1)).filter(Number.isFinite).sort((a, b) => a - b);
  if (!lows.length) return [0, 1];
  const low = lows[Math.floor(lows.length * 0.02)], high = highs[Math.ceil(highs.length * 0.98) - 1];
  return low < high ? [low, high] : [low - 1, high + 1];
}

/** Spreads the counts of one histogram over common bins, by the share in which they overlap. */
function spread(row, low, high, many) {
  const found = new Float64Array(many);
  const width = (high - low) / many;
  row.values.forEach((value, i) => {
    if (!value) return;
    const from = row.bins[i], to = Math.max(row.bins[i + 1], from + width * 1e-9);
    const first = Math.max(0, Math.floor((from - low) / width)), last = Math.min(many - 1, Math.floor((to - low) / width));
    for (let bin = first; bin <= last; bin++) {
      const overlap = Math.min(to, low + (bin + 1) * width) - Math.max(from, low + bin * width);
      if (overlap > 0) found[bin] += value * overlap / (to - from);
    }
  });
  return found;
}

/** Steps to the right, values upwards, density as darkness. */
export function heatMap(rows, label) {
  const [low, high] = rangeOf(rows);
  return drawing(240, label, (pen, width, height) => {
    const theme = themeNow();
    const box = { left: 58, right: width - 10, top: 8, bottom: height - 22 };
    const many = Math.min(96, Math.floor((box.bottom - box.top) / 2));
    const grid = rows.map((row) => spread(row, low, high, many));
    const x = makeScale(rows[0].step, rows.at(-1).step || 1, box.left, box.right);
    const image = new ImageData(rows.length, many);
    grid.forEach((column, i) => {
      const top = Math.max(...column) || 1;
      column.forEach((value, bin) => {
        const [r, g, b] = rampColor(value ? Math.sqrt(value / top) : 0, isDark());
        image.data.set([r, g, b, 255], ((many - 1 - bin) * rows.length + i) * 4);
      });
    });
    const small = h("canvas", { width: rows.length, height: many });
    small.getContext("2d").putImageData(image, 0, 0);
    pen.context.imageSmoothingEnabled = false;
    pen.context.drawImage(small, box.left, box.top, box.right - box.left, box.bottom - box.top);
    const y = makeScale(low, high, box.bottom, box.top);
    const ticks = ticksOf(y, 5);
    for (const tick of ticks) pen.text(tickText(tick, ticks), box.left - 6, y(tick) + 4, theme.text, 11, "end");
    const steps = ticksOf(x, Math.max(2, width / 90));
    for (const tick of steps) pen.text(tickText(tick, steps), Math.min(x(tick), width - 20), height - 6, theme.text, 11, "middle");
  });
}

/** One hill for each of some steps, the oldest at the back. */
export function ridges(rows, label) {
  const most = 22;
  const chosen = rows.length <= most ? rows : Array.from({ length: most }, (_, i) => rows[Math.round(i * (rows.length - 1) / (most - 1))]);
  const [low, high] = rangeOf(rows);
  return drawing(240, label, (pen, width, height) => {
    const theme = themeNow();
    const many = 80, left = 12, right = width - 60;
    const x = makeScale(low, high, left, right);
    const hills = chosen.map((row) => spread(row, low, high, many));
    const lift = (height - 80) / Math.max(1, chosen.length - 1);
    hills.forEach((hill, i) => {
      const base = 52 + i * lift;
      const top = Math.max(...hill) || 1;
      const points = [...hill].map((value, bin) => [x(low + (bin + 0.5) * (high - low) / many), base - (value / top) * 44]);
      pen.polygon([[left, base], ...points, [right, base]], theme.ground, 0.92);
      const [r, g, b] = rampColor(0.35 + 0.5 * (i / Math.max(1, hills.length - 1)), isDark());
      const color = `rgb(${r},${g},${b})`;
      pen.polygon([[left, base], ...points, [right, base]], color, 0.25);
      pen.path(points.map(([a]) => a), points.map(([, b]) => b), 0, points.length, { x: (a) => a, y: (b) => b }, color, 1.2, [], 1);
      if (i === 0 || i === hills.length - 1 || (i % 5 === 0 && hills.length - i > 3)) pen.text(tickText(chosen[i].step, [0, 1]), right + 6, base + 3, theme.text, 10.5);
    });
    const ticks = ticksOf(x, Math.max(2, width / 100));
    for (const tick of ticks) pen.text(tickText(tick, ticks), Math.min(Math.max(x(tick), 20), width - 20), height - 5, theme.text, 11, "middle");
  });
}
