// Numbers, times and sizes, as people read them.

import { locale, t } from "./i18n.js";

/** A number with up to five significant digits. */
export function number(value, digits = 5) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return minus(value.toLocaleString("en-US", { useGrouping: Math.abs(value) >= 10000 }));
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return minus(trim(value.toExponential(Math.max(0, digits - 2))));
  return minus(trimZeros(value.toPrecision(digits)));
}

function trim(text) {
  const [mantissa, exponent] = text.split("e");
  return `${trimZeros(mantissa)}e${exponent.replace("+", "")}`;
}

function trimZeros(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function minus(text) {
  return text.replace(/^-/, "−");
}

/** A value of a config or a summary in one line. */
export function value(given) {
  if (given === null || given === undefined) return "";
  if (typeof given === "number") return number(given);
  if (typeof given === "boolean") return given ? "true" : "false";
  if (typeof given === "string") return given;
  if (given._type) return `‹${kind(given._type)}›`;
  return JSON.stringify(given);
}

const KINDS = { plot: "plot", plotly: "plotly figure", table: "table", image: "picture", audio: "sound", video: "film", object3D: "object in space", molecule: "molecule", histogram: "histogram", html: "HTML", text: "text", graph: "model graph" };

/** A kind of logged values in words: "image-file" and "images" are pictures. */
export function kind(type) {
  const known = Object.keys(KINDS).find((name) => [name, `${name}s`, `${name}-file`, `${name}s/separated`].includes(type));
  return known ? t(KINDS[known]) : type;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const whole = Math.floor(seconds);
  const two = (part) => String(part).padStart(2, "0");
  const days = Math.floor(whole / 86400);
  const hours = Math.floor(whole / 3600) % 24;
  const minutes = Math.floor(whole / 60) % 60;
  if (days) return `${days} d ${two(hours)}:${two(minutes)}`;
  if (hours) return `${hours}:${two(minutes)}:${two(whole % 60)}`;
  return `${minutes}:${two(whole % 60)}`;
}

/** How long ago a moment was; the moment itself is for a title. */
export function age(iso, now = Date.now()) {
  const then = Date.parse(iso);
  if (Number.isNaN(then)) return iso ?? "";
  const seconds = (now - then) / 1000;
  if (seconds < 45) return t("just now");
  for (const [length, text] of [[86400, "{n} d ago"], [3600, "{n} h ago"], [60, "{n} min ago"]]) {
    if (seconds >= length) return t(text, { n: Math.floor(seconds / length) });
  }
  return t("1 min ago");
}

export function moment(iso) {
  const then = new Date(iso);
  if (Number.isNaN(then.getTime())) return iso ?? "";
  return then.toLocaleString(locale(), { dateStyle: "medium", timeStyle: "medium" });
}

export function size(bytes) {
  if (bytes === null || bytes === undefined) return "";
  if (bytes < 1000) return `${bytes} B`;
  let amount = bytes / 1000;
  for (const unit of ["kB", "MB", "GB", "TB"]) {
    if (amount < 999.5) return `${Number(amount.toPrecision(3))} ${unit}`;
    amount /= 1000;
  }
  return `${Number(amount.toPrecision(3))} PB`;
}
