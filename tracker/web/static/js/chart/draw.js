// The drawing itself, with a pen that is a canvas or an SVG text.

import { drawColumns, isDense } from "./dense.js";
import { makeScale, placeOf, tickText, ticksOf, timeTicks } from "./scale.js";

export const LIGHT = { text: "#5b6670", strong: "#1b2127", grid: "#e8ebee", axis: "#c9ced4", ground: "#ffffff", mark: "#87919b", bad: "#b3372b" };
export const DARK = { text: "#9aa5af", strong: "#e4e9ed", grid: "#232b32", axis: "#3a444d", ground: "#171c21", mark: "#77828c", bad: "#f0877c" };

// Told apart by eyes of all kinds, on white and on black (a test holds them to it); beyond eight the line
// is broken as well.
const COLORS_ON_LIGHT = ["#0b4076", "#9f4600", "#027c4e", "#da6aa9", "#ba8300", "#3597d9", "#6965d9", "#61676e"];
const COLORS_ON_DARK = ["#008cbd", "#e9833b", "#60db97", "#ba6d85", "#f6b630", "#dedbff", "#d1a1ff", "#a1d0c8"];
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3]];

/** Colour and dashes of the n-th run. */
export function styleOf(number, dark = false) {
  const colors = dark ? COLORS_ON_DARK : COLORS_ON_LIGHT;
  return { color: colors[number % colors.length], dash: DASHES[Math.floor(number / colors.length) % DASHES.length] };
}

/** A patch of a legend, as CSS: the colour of a curve, and its dashes. */
export function patchOf({ color, dash = [] }) {
  if (!dash.length) return color;
  let at = 0;
  const stripes = dash.map((length, i) => `${i % 2 ? "transparent" : color} ${at}px ${(at += length)}px`);
  return `repeating-linear-gradient(90deg, ${stripes.join(", ")})`;
}

const FONT = 11;
const LETTER = 6.2;

/**
 * Where things are: margins, scales and ticks of a chart of this size.
 * A model is {curves, view: {x, y}, xLog, yLog, xKind, yLabel, clip, theme}.
 */
export function layOut(model, width, height) {
  const x = model.view?.x ?? extentOf(model.curves, "x", model.xLog);
  const y = model.view?.y ?? yRange(model, x);
  const rough = makeScale(y[0], y[1], height - 24, 10, model.yLog);
  const yTicks = ticksOf(rough, Math.max(2, Math.round(height / 48)));
  const yTexts = yTicks.map((tick) => tickText(tick, yTicks));
  const left = Math.max(30, Math.ceil(Math.max(...yTexts.map((text) => text.length), 1) * LETTER) + 12);
  const box = { left, right: width - 12, top: 10, bottom: height - 24 };
  const xScale = makeScale(x[0], x[1], box.left, box.right, model.xLog);
  const wanted = Math.max(2, Math.round((box.right - box.left) / 84));
  const isTime = model.xKind === "time" || model.xKind === "duration";
  const shift = model.xKind === "time" ? -new Date(x[0] * 1000).getTimezoneOffset() * 60 : 0;
  const xTicks = isTime && !xScale.log ? timeTicks(x[0], x[1], wanted, shift) : ticksOf(xScale, wanted);
  return { width, height, box, x: xScale, y: makeScale(y[0], y[1], box.bottom, box.top, model.yLog), xTicks, yTicks, yTexts };
}

/** The lowest and highest value of all curves. */
export function extentOf(curves, name, log = false) {
  let low = Infinity, high = -Infinity;
  for (const curve of curves) {
    const values = curve[name];
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (!Number.isFinite(value) || (log && value <= 0)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return log ? [1, 10] : [0, 1];
  return low === high ? apart(low, log) : [low, high];
}

function apart(value, log) {
  if (log) return [value / 2, value * 2];
  const room = Math.abs(value) * 0.1 || 1;
  return [value - room, value + room];
}

function yRange(model, x) {
  const seen = [];
  let low = Infinity, high = -Infinity;
  for (const curve of model.curves) {
    const lines = curve.band ? [curve.band.low, curve.band.high, curve.y] : [curve.y];
    for (const values of lines) {
      for (let i = 0; i < values.length; i++) {
        const value = values[i];
        if (curve.x[i] < x[0] || curve.x[i] > x[1] || !Number.isFinite(value) || (model.yLog && value <= 0)) continue;
        if (value < low) low = value;
        if (value > high) high = value;
        if (model.clip) seen.push(value);
      }
    }
  }
  if (low > high) return model.yLog ? [0.1, 1] : [0, 1];
  if (model.clip && seen.length > 20) {
    seen.sort((a, b) => a - b);
    low = seen[Math.floor(seen.length * 0.02)];
    high = seen[Math.ceil(seen.length * 0.98) - 1];
  }
  if (low === high) return apart(low, model.yLog);
  if (model.yLog) return [low / (high / low) ** 0.05, high * (high / low) ** 0.05];
  const room = (high - low) * 0.06;
  return [low - room, high + room];
}

/** Draws everything but what follows the pointer. */
export function drawChart(pen, model, place) {
  drawAxes(pen, model, place);
  drawCurves(pen, model, place);
}

/** Draws what lies within the axes. */
export function drawCurves(pen, model, place) {
  const { theme } = model;
  pen.clip(place.box);
  for (const mark of model.marks ?? []) drawMark(pen, mark, place, theme);
  for (const curve of model.curves) if (curve.band) drawBand(pen, curve, place);
  for (const curve of model.curves) drawLine(pen, curve, place);
  for (const curve of model.curves) drawMissing(pen, curve, place, theme);
  pen.unclip();
}

/** Draws the lines of the ground, with what they say. */
export function drawAxes(pen, model, place) {
  const { box } = place, { theme } = model;
  for (const [i, tick] of place.yTicks.entries()) {
    const y = place.y(tick);
    if (y < box.top - 1 || y > box.bottom + 1) continue;
    pen.line(box.left, y, box.right, y, theme.grid, 1);
    pen.text(place.yTexts[i], box.left - 7, y + 3.5, theme.text, FONT, "end");
  }
  pen.line(box.left, box.bottom, box.right, box.bottom, theme.axis, 1);
  let free = -Infinity;
  for (const tick of place.xTicks) {
    const x = place.x(tick);
    if (x < box.left - 1 || x > box.right + 1) continue;
    const text = tickText(tick, place.xTicks, model.xKind);
    const half = text.length * LETTER / 2;
    const middle = Math.min(Math.max(x, half + 2), place.width - half - 2);
    pen.line(x, box.bottom, x, box.bottom + 4, theme.axis, 1);
    if (middle - half < free) continue;
    pen.text(text, middle, box.bottom + 16, theme.text, FONT, "middle");
    free = middle + half + 8;
  }
}

function drawMark(pen, mark, place, theme) {
  const x = place.x(mark.x);
  const color = mark.bad ? theme.bad : mark.color ?? theme.mark;
  pen.line(x, place.box.top, x, place.box.bottom, color, 1, mark.bad ? [] : [3, 3]);
  pen.polygon([[x - 4, place.box.top], [x + 4, place.box.top], [x, place.box.top + 6]], color, 0.9);
}

function drawBand(pen, curve, place) {
  const points = [];
  const { x, band } = curve;
  for (let i = 0; i < x.length; i++) points.push([place.x(x[i]), place.y(band.high[i])]);
  for (let i = x.length - 1; i >= 0; i--) points.push([place.x(x[i]), place.y(band.low[i])]);
  if (points.length > 2) pen.polygon(points.filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b)), curve.color, 0.16);
}

function drawLine(pen, curve, place) {
  const { x, y } = curve;
  const [start, end] = visible(curve, place);
  const width = curve.width ?? 1.5;
  const opacity = curve.faint ? 0.3 : 1;
  if (end - start === 1 && Number.isFinite(y[start])) {
    pen.dot(place.x(x[start]), place.y(y[start]), 3, curve.color, opacity);
    return;
  }
  pen.path(x, y, start, end, place, curve.color, width, curve.dash ?? [], opacity, curve.jumps);
  // A point between two gaps would be no line at all.
  for (let i = start; i < end; i++) {
    if (Number.isFinite(y[i]) && !Number.isFinite(y[i - 1]) && !Number.isFinite(y[i + 1]) && end - start < 5000) {
      pen.dot(place.x(x[i]), place.y(y[i]), 1.8, curve.color, opacity);
    }
  }
}

/** From where to where the points of a curve are in the range that is shown, or next to it. */
export function visible(curve, place) {
  if (curve.jumps) return [0, curve.x.length];
  const start = Math.max(0, placeOf(curve.x, place.x.low) - 1);
  return [start, Math.min(curve.x.length, placeOf(curve.x, place.x.high) + 2)];
}

/** NaN and infinity have no place, but are not passed over in silence. */
function drawMissing(pen, curve, place, theme) {
  if (curve.faint || curve.derived) return;
  let last = -Infinity;
  const [start, end] = visible(curve, place);
  for (let i = start; i < end; i++) {
    if (Number.isFinite(curve.y[i])) continue;
    const x = place.x(curve.x[i]);
    if (x - last < 5) continue;
    last = x;
    const y = curve.y[i] === Infinity ? place.box.top + 5 : place.box.bottom - 5;
    pen.line(x - 3, y - 3, x + 3, y + 3, theme.bad, 1.4);
    pen.line(x - 3, y + 3, x + 3, y - 3, theme.bad, 1.4);
  }
}

/** Draws on a canvas whose pixels are `ratio` times finer than the page's. */
export class CanvasPen {
  constructor(context, ratio) {
    this.context = context;
    this.ratio = ratio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.lineJoin = "round";
  }

  clear(width, height, color) {
    this.context.clearRect(0, 0, width, height);
    if (color) {
      this.context.fillStyle = color;
      this.context.fillRect(0, 0, width, height);
    }
  }

  clip(box) {
    this.context.save();
    this.context.beginPath();
    this.context.rect(box.left, box.top - 1, box.right - box.left, box.bottom - box.top + 2);
    this.context.clip();
  }

  unclip() {
    this.context.restore();
  }

  line(x1, y1, x2, y2, color, width, dash = []) {
    const { context } = this;
    const crisp = (value, other) => (value === other ? Math.round(value) + (width % 2 ? 0.5 : 0) : value);
    context.beginPath();
    context.setLineDash(dash);
    context.moveTo(crisp(x1, x2), crisp(y1, y2));
    context.lineTo(crisp(x2, x1), crisp(y2, y1));
    context.strokeStyle = color;
    context.lineWidth = width;
    context.stroke();
    context.setLineDash([]);
  }

  path(x, y, start, end, place, color, width, dash, opacity, jumps = false) {
    const { context } = this;
    context.setLineDash(dash);
    context.strokeStyle = context.fillStyle = color;
    context.globalAlpha = opacity;
    context.lineWidth = width;
    if (!jumps && isDense(start, end, place)) drawColumns(context, x, y, start, end, place);
    else this.strokeAll(x, y, start, end, place);
    context.globalAlpha = 1;
    context.setLineDash([]);
  }

  strokeAll(x, y, start, end, place) {
    const { context } = this;
    context.beginPath();
    let gap = true;
    for (let i = start; i < end; i++) {
      const value = y[i];
      if (value - value !== 0) {
        gap = true;
        continue;
      }
      if (gap) context.moveTo(place.x(x[i]), place.y(value));
      else context.lineTo(place.x(x[i]), place.y(value));
      gap = false;
    }
    context.stroke();
  }

  polygon(points, color, opacity) {
    const { context } = this;
    context.beginPath();
    points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
    context.globalAlpha = opacity;
    context.fillStyle = color;
    context.fill();
    context.globalAlpha = 1;
  }

  dot(x, y, radius, color, opacity = 1) {
    const { context } = this;
    context.beginPath();
    context.arc(x, y, radius, 0, 7);
    context.globalAlpha = opacity;
    context.fillStyle = color;
    context.fill();
    context.globalAlpha = 1;
  }

  text(text, x, y, color, size, anchor = "start", weight = 400) {
    const { context } = this;
    context.font = `${weight} ${size}px system-ui, sans-serif`;
    context.textAlign = anchor === "middle" ? "center" : anchor;
    context.fillStyle = color;
    context.fillText(text, x, y);
  }
}
