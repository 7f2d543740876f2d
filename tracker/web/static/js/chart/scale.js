// From values to pixels, and the round values at which an axis has its ticks.
//
// The files of this folder can be put one after the other into one script (scale, dense, draw,
// save, picture, chart): they import by name from each other only, and no name is there twice.

/** A linear or logarithmic way from [low, high] to [from, to], and back. */
export function makeScale(low, high, from, to, log = false) {
  const isLog = log && high > 0;
  const bottom = isLog ? Math.max(low, high * 1e-12, Number.MIN_VALUE) : low;
  const start = isLog ? Math.log10(bottom) : bottom;
  const width = (isLog ? Math.log10(high) : high) - start || 1;
  const scale = (value) => from + ((isLog ? (value > 0 ? Math.log10(value) : start - width) : value) - start) / width * (to - from);
  scale.invert = (pixel) => {
    const value = start + (pixel - from) / (to - from) * width;
    return isLog ? 10 ** value : value;
  };
  scale.low = bottom;
  scale.high = high;
  scale.log = isLog;
  return scale;
}

/** Round values between the ends of a scale, about `wanted` of them. */
export function ticksOf(scale, wanted) {
  if (scale.log && scale.high / scale.low >= 20) return logTicks(scale.low, scale.high, wanted);
  return linearTicks(scale.low, scale.high, wanted);
}

function linearTicks(low, high, wanted) {
  if (!(high > low)) return [low];
  const step = roundStep((high - low) / Math.max(1, wanted));
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) {
    found.push(Number((n * step).toPrecision(12)));
    if (found.length > 50) break;
  }
  return found;
}

function roundStep(raw) {
  const power = 10 ** Math.floor(Math.log10(raw));
  const share = raw / power;
  return (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10) * power;
}

function logTicks(low, high, wanted) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / Math.max(1, wanted)));
  const found = [];
  for (let power = first; power <= last; power += every) found.push(10 ** power);
  if (found.length >= 3) return found;
  const more = [];
  for (let power = first - 1; power <= last; power++) for (const digit of [1, 2, 5]) more.push(digit * 10 ** power);
  return more.filter((value) => value >= low * 0.999 && value <= high * 1.001);
}

const MINUTE = 60, HOUR = 3600, DAY = 86400;
const LENGTHS = [1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY];

/** Ticks of seconds since 1970, or of seconds that something lasted. */
export function timeTicks(low, high, wanted, shift = 0) {
  const raw = (high - low) / Math.max(1, wanted);
  if (raw < 1) return linearTicks(low, high, wanted);
  const step = LENGTHS.find((length) => length >= raw) ?? roundStep(raw / DAY) * DAY;
  const found = [];
  for (let value = Math.ceil((low + shift) / step) * step - shift; value <= high; value += step) found.push(value);
  return found;
}

/** The text of a tick; its neighbours tell how many digits are needed. */
export function tickText(value, ticks, kind = "number") {
  if (kind === "time") return timeText(value, ticks);
  if (kind === "duration") return durationText(value, ticks);
  if (value === 0) return "0";
  const size = Math.abs(value);
  const step = ticks.length > 1 ? Math.abs(ticks[1] - ticks[0]) : size;
  if (size >= 1e5 && size < 1e15) {
    for (const [unit, name] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
      if (size >= unit) return `${plainText(value / unit, step / unit)}${name}`.replace("-", "−");
    }
  }
  if (size >= 1e15 || size < 1e-4) return value.toExponential(Math.min(2, Math.max(0, Math.round(Math.log10(size / step))))).replace("e+", "e").replaceAll("-", "−");
  return plainText(value, step).replace("-", "−");
}

function plainText(value, step) {
  const digits = Math.min(10, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  const text = value.toFixed(digits);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function timeText(value, ticks) {
  const when = new Date(value * 1000);
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
  const two = (part) => String(part).padStart(2, "0");
  const day = `${when.getMonth() + 1}-${two(when.getDate())}`;
  if (step >= DAY) return day;
  const clock = `${two(when.getHours())}:${two(when.getMinutes())}`;
  if (step < MINUTE) return `${clock}:${two(when.getSeconds())}`;
  return when.getHours() + when.getMinutes() === 0 ? day : clock;
}

function durationText(value, ticks) {
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
  if (Math.abs(value) < 120 && step < MINUTE) return `${plainText(value, step)} s`;
  if (step >= DAY) return `${plainText(value / DAY, step / DAY)} d`;
  const hours = Math.floor(value / HOUR), minutes = Math.floor(value / MINUTE) % 60, seconds = Math.round(value % 60);
  const two = (part) => String(part).padStart(2, "0");
  if (step >= HOUR && minutes === 0) return `${hours} h`;
  if (step >= MINUTE) return hours ? `${hours}:${two(minutes)} h` : `${minutes} min`;
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/** The place of the last x that is not beyond `wanted`; -1 before the first. */
export function placeOf(xs, wanted) {
  let low = 0, high = xs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** A moving average that counts what came before by `weight`; the same as on the server. */
export function smoothed(ys, weight) {
  const found = new Float64Array(ys.length);
  let sum = 0, whole = 0;
  for (let i = 0; i < ys.length; i++) {
    if (Number.isFinite(ys[i])) {
      sum = sum * weight + ys[i] * (1 - weight);
      whole = whole * weight + (1 - weight);
    }
    found[i] = whole ? sum / whole : NaN;
  }
  return found;
}
