// Drawings other than curves: bars, dots, lines and cells over axes of numbers, times or names.
//
// A figure is {title, x, y, layers, theme, dark}. An axis is {label, low, high}, and {names} if the
// n-th name stands at n, {log: true}, {kind: "time"} or {down: true}; low and high may be missing.
// Each layer has a label and a color:
//   {kind: "line", x, y, dash}      {kind: "dots", x, y, names}
//   {kind: "bars", lying, from, to, base, value}    from … to along the axis, base … value across it
//   {kind: "cells", x, y, values, low, high}        values[row][column] between the borders x and y

import { makeScale, tickText, ticksOf, timeTicks } from "../chart/scale.js";
import { inkOn, rampColor } from "./ramp.js";

const FONT = 11, LETTER = 6.2, WIDE_LETTER = 11.5;
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/;

function roomOf(text) {
  let room = 0;
  for (const letter of text) room += WIDE.test(letter) ? WIDE_LETTER : LETTER;
  return room;
}

/** As much of a text as there is room for. */
export function fitted(text, room) {
  const whole = String(text);
  if (roomOf(whole) <= room) return whole;
  let shown = "", used = LETTER * 1.6;
  for (const letter of whole) {
    used += WIDE.test(letter) ? WIDE_LETTER : LETTER;
    if (used > room) break;
    shown += letter;
  }
  return `${shown}…`;
}

/** How high a figure has to be: lying bars and cells need room for each of their names. */
export function heightOf(figure) {
  const rows = figure.y.names?.length ?? 0;
  return rows > 12 ? Math.min(1600, 60 + rows * 19) : figure.layers.some((layer) => layer.kind === "cells") ? 300 : 240;
}

function spread(layers, along) {
  let low = Infinity, high = -Infinity;
  const take = (values) => {
    for (const value of values) {
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  };
  for (const layer of layers) {
    if (layer.kind === "bars") {
      if (along === "y" ? layer.lying : !layer.lying) [layer.from, layer.to].forEach(take);
      else [layer.base, layer.value].forEach(take);
    } else take(layer[along]);
  }
  return [low, high];
}

function axisRange(axis, layers, along) {
  if (axis.names) return [axis.low ?? -0.5, axis.high ?? Math.max(1, axis.names.length) - 0.5];
  let [low, high] = spread(layers, along);
  low = axis.low ?? low;
  high = axis.high ?? high;
  if (!(low <= high)) return axis.log ? [1, 10] : [0, 1];
  if (axis.log) return [low > 0 ? low : high > 0 ? high / 1e3 : 0.1, high > 0 ? high : 1];
  const filled = layers.some((layer) => layer.kind === "cells");
  const rests = layers.some((layer) => layer.kind === "bars") && low === 0;
  const room = filled ? 0 : (high - low) * 0.05 || (low === high ? Math.abs(low) * 0.1 || 1 : 0);
  const along0 = layers.every((layer) => layer.kind === "bars" && (along === "y" ? layer.lying : !layer.lying));
  return [axis.low ?? (rests || along0 ? low : low - room), axis.high ?? (along0 ? high : high + room)];
}

function axisTicks(axis, scale, wanted) {
  if (axis.names) return axis.names.map((_, place) => place).filter((place) => place >= scale.low && place <= scale.high);
  if (axis.kind === "time") return timeTicks(scale.low, scale.high, wanted, -new Date(scale.low * 1000).getTimezoneOffset() * 60);
  return ticksOf(scale, wanted);
}

/** Where things are in a figure of this size. */
export function layOutFigure(figure, width, height) {
  const { x, y, layers } = figure;
  const bottom = height - 24 - (x.label ? 16 : 0), top = 10 + (y.label ? 17 : 0);
  const [yLow, yHigh] = axisRange(y, layers, "y"), [xLow, xHigh] = axisRange(x, layers, "x");
  // The first name stands at the top, as one reads, unless the axis says otherwise.
  const yScale = (y.down ?? y.names) ? makeScale(yLow, yHigh, top, bottom, y.log) : makeScale(yLow, yHigh, bottom, top, y.log);
  const yTicks = axisTicks(y, yScale, Math.max(2, Math.round((bottom - top) / 46)));
  const most = Math.max(60, Math.min(220, width * 0.35));
  const yTexts = yTicks.map((tick) => (y.names ? fitted(y.names[tick], most) : tickText(tick, yTicks, y.kind)));
  const left = Math.max(30, Math.ceil(Math.max(LETTER, ...yTexts.map(roomOf))) + 12);
  const box = { left, right: width - 12, top, bottom };
  const xScale = makeScale(xLow, xHigh, box.left, box.right, x.log);
  const xTicks = axisTicks(x, xScale, Math.max(2, Math.round((box.right - box.left) / 84)));
  const slot = (box.right - box.left) / Math.max(1, xTicks.length);
  const xTexts = xTicks.map((tick) => (x.names ? fitted(x.names[tick], Math.max(34, slot - 6)) : tickText(tick, xTicks, x.kind)));
  return { width, height, box, x: xScale, y: yScale, xTicks, xTexts, yTicks, yTexts };
}

/** Draws a figure with a pen of the charts. */
export function drawFigure(pen, figure, place) {
  const { theme } = figure;
  const { box } = place;
  const filled = figure.layers.some((layer) => layer.kind === "cells");
  drawFigureAxes(pen, figure, place, filled);
  pen.clip(box);
  for (const kind of Object.keys(DRAWN)) for (const layer of figure.layers) if (layer.kind === kind) DRAWN[kind](pen, layer, place, figure);
  pen.unclip();
  const bars = figure.layers.find((layer) => layer.kind === "bars");
  if (bars) drawZero(pen, bars, place, theme);
  pen.line(box.left, box.bottom, box.right, box.bottom, theme.axis, 1);
}

function drawFigureAxes(pen, figure, place, filled) {
  const { theme, x, y } = figure;
  const { box } = place;
  let free = -Infinity;
  place.yTicks.forEach((tick, i) => {
    const at = place.y(tick);
    if (at < box.top - 1 || at > box.bottom + 1) return;
    if (!filled && !y.names) pen.line(box.left, at, box.right, at, theme.grid, 1);
    if (Math.abs(at - free) < 11) return;
    free = at;
    pen.text(place.yTexts[i], box.left - 7, at + 3.5, theme.text, FONT, "end");
  });
  free = -Infinity;
  place.xTicks.forEach((tick, i) => {
    const at = place.x(tick), half = roomOf(place.xTexts[i]) / 2;
    if (at < box.left - 1 || at > box.right + 1) return;
    if (!filled && !x.names) pen.line(at, box.top, at, box.bottom, theme.grid, 1);
    const middle = Math.min(Math.max(at, half + 2), place.width - half - 2);
    if (middle - half < free) return;
    free = middle + half + 6;
    pen.text(place.xTexts[i], middle, box.bottom + 16, theme.text, FONT, "middle");
  });
  if (x.label) pen.text(fitted(x.label, box.right - box.left), (box.left + box.right) / 2, place.height - 6, theme.text, FONT, "middle", 550);
  if (y.label) pen.text(fitted(y.label, place.width - 16), 8, 13, theme.text, FONT, "start", 550);
}

/** Where bars begin, if some of them go the other way. */
function drawZero(pen, { lying }, { x, y, box }, theme) {
  const across = lying ? x : y;
  if (across.log || across.low >= 0 || across.high <= 0) return;
  if (lying) pen.line(x(0), box.top, x(0), box.bottom, theme.mark, 1);
  else pen.line(box.left, y(0), box.right, y(0), theme.mark, 1);
}

// In the order in which they lie above each other.
const DRAWN = {
  cells(pen, layer, place, figure) {
    const written = layer.values.length <= 24 && layer.values.every((row) => row.length <= 24);
    layer.values.forEach((row, j) => row.forEach((value, i) => {
      if (!Number.isFinite(value)) return;
      const [left, right] = [place.x(layer.x[i]), place.x(layer.x[i + 1])], [top, bottom] = [place.y(layer.y[j]), place.y(layer.y[j + 1])];
      const rgb = rampColor(layer.high > layer.low ? (value - layer.low) / (layer.high - layer.low) : 0.5, figure.dark);
      pen.polygon([[left, top], [right + 0.4, top], [right + 0.4, bottom], [left, bottom]], `rgb(${rgb.join(",")})`, 1);
      const text = tickText(value, [0, Math.abs(value) / 100 || 1]);
      if (written && right - left > roomOf(text) + 4 && Math.abs(bottom - top) > 13) pen.text(text, (left + right) / 2, (top + bottom) / 2 + 4, inkOn(rgb), FONT, "middle");
    }));
  },
  bars(pen, layer, place) {
    for (let i = 0; i < layer.value.length; i++) {
      const [left, top, right, bottom] = barBox(layer, i, place);
      if ([left, top, right, bottom].every(Number.isFinite)) pen.polygon([[left, top], [right, top], [right, bottom], [left, bottom]], layer.color, 0.88);
    }
  },
  line(pen, layer, place) {
    pen.path(layer.x, layer.y, 0, layer.x.length, place, layer.color, 1.8, layer.dash ?? [], 1);
  },
  dots(pen, layer, place) {
    const radius = layer.x.length > 3000 ? 1.5 : layer.x.length > 300 ? 2.4 : 3.4;
    for (let i = 0; i < layer.x.length; i++) {
      if (Number.isFinite(layer.x[i]) && Number.isFinite(layer.y[i])) pen.dot(place.x(layer.x[i]), place.y(layer.y[i]), radius, layer.color, 0.72);
    }
  },
};

function barBox(layer, i, place) {
  const [along, across] = layer.lying ? [place.y, place.x] : [place.x, place.y];
  // On a logarithmic axis nothing stands at zero: the bar then begins at its edge.
  const start = across.log && layer.base[i] <= 0 ? across(across.low) : across(layer.base[i]);
  const [from, to, end] = [along(layer.from[i]), along(layer.to[i]), across(layer.value[i])];
  const gap = Math.abs(to - from) > 4 ? 0.6 : 0;
  const sides = [Math.min(from, to) + gap, Math.max(from, to) - gap];
  const ends = [Math.min(start, end), Math.max(start, end)];
  return layer.lying ? [ends[0], sides[0], ends[1], sides[1]] : [sides[0], ends[0], sides[1], ends[1]];
}

/** How many things of a layer can be pointed at. */
export function thingsIn(layer) {
  return layer.kind === "bars" ? layer.value.length : layer.kind === "cells" ? layer.values.length * (layer.values[0]?.length ?? 0) : layer.x.length;
}

/** Where the n-th thing of a layer is: its middle, and its box if it has one. */
export function thingAt(layer, n, place) {
  if (layer.kind === "bars") {
    const box = barBox(layer, n, place);
    return { x: (box[0] + box[2]) / 2, y: (box[1] + box[3]) / 2, box };
  }
  if (layer.kind === "cells") {
    const columns = layer.values[0].length, i = n % columns, j = Math.floor(n / columns);
    const box = [place.x(layer.x[i]), Math.min(place.y(layer.y[j]), place.y(layer.y[j + 1])), place.x(layer.x[i + 1]), Math.max(place.y(layer.y[j]), place.y(layer.y[j + 1]))];
    return { x: (box[0] + box[2]) / 2, y: (box[1] + box[3]) / 2, box };
  }
  return { x: place.x(layer.x[n]), y: place.y(layer.y[n]) };
}

/** The thing under the pointer, [layer, n]: one whose box it is in, else the nearest dot or corner of a line. */
export function thingUnder(figure, place, px, py, reach = 18) {
  let best = null, nearest = reach;
  const { box: frame } = place;
  if (px < frame.left - reach || px > frame.right + reach || py < frame.top - reach || py > frame.bottom + reach) return null;
  for (const [at, layer] of figure.layers.entries()) {
    for (let n = 0; n < thingsIn(layer); n++) {
      const { x, y, box } = thingAt(layer, n, place);
      const inside = box && px >= box[0] && px <= box[2] && py >= box[1] && py <= box[3];
      if (!inside && (x < frame.left - 1 || x > frame.right + 1 || y < frame.top - 1 || y > frame.bottom + 1)) continue;
      const distance = inside ? 0 : box ? Infinity : Math.hypot(x - px, y - py);
      if (distance < nearest || (inside && nearest > 0)) [best, nearest] = [[at, n], distance];
    }
  }
  return best;
}

