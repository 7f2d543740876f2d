// An axis for settings: numbers, evenly or by powers, or words one after the other.

import { makeScale, tickText, ticksOf } from "../chart/scale.js";
import { number } from "../format.js";

const MOST_VALUES = 7;
const LINE = 12;

/** Returns {at(value) -> pixel or null, marks: [[pixel, text]], isWords, low, high, log}. */
export function axisOf(values, from, to) {
  const known = values.filter((value) => value !== null && value !== undefined);
  const numbers = known.filter((value) => typeof value === "number");
  if (numbers.length && numbers.length === known.length) return ofNumbers(numbers, from, to);
  const words = [...new Set(known.map(String))].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
  const places = new Map(words.map((word, at) => [word, words.length === 1 ? (from + to) / 2 : from + ((to - from) * (at + 0.5)) / words.length]));
  return { isWords: true, marks: words.map((word) => [places.get(word), word]), at: (value) => (value === null || value === undefined ? null : places.get(String(value)) ?? null) };
}

function ofNumbers(numbers, from, to) {
  let low = Math.min(...numbers), high = Math.max(...numbers);
  const log = low > 0 && high / low >= 8 && isCrowded(numbers, low, high);
  if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - (Math.abs(low) * 0.1 || 1), high + (Math.abs(high) * 0.1 || 1)];
  const scale = makeScale(low, high, from, to, log);
  const different = [...new Set(numbers)].sort((a, b) => a - b);
  // A few values that were tried are what people know; else round numbers.
  const ticks = different.length <= MOST_VALUES ? different : ticksOf(scale, Math.max(2, Math.round(Math.abs(to - from) / 46)));
  return {
    isWords: false,
    log,
    marks: apart(ticks.filter((tick) => tick >= low && tick <= high).map((tick) => [scale(tick), ticks === different ? number(tick) : tickText(tick, ticks)])),
    at: (value) => (typeof value === "number" ? scale(value) : null),
  };
}

/** Marks that lie upon each other cannot be read: the first of them stays. */
function apart(marks) {
  const kept = [];
  for (const mark of marks) if (!kept.length || Math.abs(mark[0] - kept.at(-1)[0]) >= LINE) kept.push(mark);
  return kept;
}

/** Whether most values lie near the lower end, as those do that were chosen by powers. */
function isCrowded(numbers, low, high) {
  const sorted = numbers.slice().sort((a, b) => a - b);
  return (sorted[Math.floor(sorted.length / 2)] - low) / (high - low) < 0.32;
}

/** A color between dark blue and yellow for a share from 0 to 1: ordered for eyes of all kinds. */
export function shade(share, dark) {
  const stops = dark
    ? [[74, 92, 190], [58, 148, 196], [62, 182, 150], [160, 208, 92], [250, 226, 80]]
    : [[40, 44, 120], [34, 100, 150], [24, 140, 120], [128, 160, 32], [200, 140, 0]];
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const at = Math.min(Math.floor(place), stops.length - 2);
  return `rgb(${stops[at].map((start, channel) => Math.round(start + (stops[at + 1][channel] - start) * (place - at))).join(" ")})`;
}
