// What the page asks of the server. Addresses are relative, so any prefix of a proxy is kept.

import { toast } from "./toast.js";
import { t } from "./i18n.js";

// The server draws no more runs as groups in one answer.
const MOST_MEMBERS = 5000;

/** What the server said no to: a sentence, and maybe what to do. */
export class Refusal extends Error {
  constructor(status, about) {
    super(about.message ?? `HTTP ${status}`);
    this.status = status;
    this.hint = about.hint ?? null;
    this.position = about.position === undefined ? null : Number(about.position);
  }
}

async function send(method, path, body, signal) {
  const options = { method, signal, headers: {}, credentials: "same-origin" };
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(`api/${path}`, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, { message: t("The server does not answer."), hint: t("Is `tracker ui` still running?") });
  }
  if (!response.ok) throw new Refusal(response.status, await response.json().catch(() => ({})));
  return response;
}

export async function get(path, parameters = {}, signal) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined));
  const text = query.toString();
  return (await send("GET", text ? `${path}?${text}` : path, undefined, signal)).json();
}

/** A question whose parameters are too many for an address; changes nothing. */
export async function ask(path, body, signal) {
  return (await send("POST", path, body, signal)).json();
}

export async function edit(path, body) {
  return (await send("PATCH", path, body)).json();
}

export async function remove(path) {
  return (await send("DELETE", path, {})).json();
}

/** The part of an address that names a run. */
export function runPath(key) {
  const cut = key.indexOf("/");
  return `run/${encodeURIComponent(key.slice(0, cut))}/${encodeURIComponent(key.slice(cut + 1))}`;
}

/** The address of a file of a run, for an image or a link. */
export function fileUrl(key, path, parameters = {}) {
  return `api/${runPath(key)}/file?${new URLSearchParams({ path, ...parameters })}`;
}

/**
 * Curves: each has what the server's head says, and `x`, `y` (and `smoothX`, `smoothY`) as Float64Array.
 * See tracker/web/series_data.py for what may be asked.
 */
export async function series(wanted, signal) {
  return unpacked(await (await send("POST", "series", wanted, signal)).arrayBuffer());
}

/** The same for groups of runs: y is the mean, and each has `band`: {low, high}. */
export async function bands(wanted, signal) {
  const found = [];
  for (const part of portions(wanted)) found.push(...unpacked(await (await send("POST", "bands", part, signal)).arrayBuffer()));
  return found;
}

/** One question, or several where the server would refuse so many curves at once. */
function portions(wanted) {
  const size = (groups) => groups.reduce((sum, group) => sum + group.runs.length, 0);
  if (size(wanted.groups) * wanted.keys.length <= MOST_MEMBERS) return [wanted];
  const parts = [[]];
  for (const group of wanted.groups) {
    if (parts.at(-1).length && size(parts.at(-1)) + group.runs.length > MOST_MEMBERS) parts.push([]);
    parts.at(-1).push(group);
  }
  return wanted.keys.flatMap((key) => parts.map((groups) => ({ ...wanted, keys: [key], groups })));
}

/** The key under which the rows of another rank of a run are drawn. */
export function rankKey(run, rank) {
  return `${run}#${rank}`;
}

function unpacked(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const start = 4 + length;
  const part = (from, many) => new Float64Array(buffer, start + 8 * from, many);
  for (const curve of head.curves) {
    if (curve.error) continue;
    curve.x_name = curve.x;
    if (curve.rank) curve.run = rankKey(curve.run, curve.rank);
    curve.x = part(curve.at, curve.points);
    curve.y = part(curve.at + curve.points, curve.points);
    if (curve.band) {
      curve.runs = curve.band;
      const from = curve.at + 2 * curve.points;
      curve.band = { low: part(from, curve.points), high: part(from + curve.points, curve.points) };
    }
    if (curve.smooth_points) {
      const from = curve.at + 2 * curve.points;
      curve.smoothX = part(from, curve.smooth_points);
      curve.smoothY = part(from + curve.smooth_points, curve.smooth_points);
    }
  }
  return head.curves;
}

/** Shows a refusal, unless it is only that nobody waits for the answer any more. */
export function complain(error) {
  if (error.name === "AbortError") return;
  toast(error.hint ? `${error.message} ${error.hint}` : error.message, { bad: true });
  if (!(error instanceof Refusal)) console.error(error);
}

/** The newest of several questions: the ones before it are taken back. */
export function newest() {
  let running = null;
  return async (question) => {
    running?.abort();
    const mine = (running = new AbortController());
    const found = await question(mine.signal);
    if (mine.signal.aborted) throw new DOMException("", "AbortError");
    return found;
  };
}
