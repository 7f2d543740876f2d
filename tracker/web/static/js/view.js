// What a list of runs shows, kept in the address: project, filter, order, columns, groups, selection.
//
// Every page that is about several runs reads it from here, so going from one to the other
// keeps it. Colours that were chosen by hand are kept in the browser as well.

import { change, here } from "./router.js";
import { styleOf } from "./chart/draw.js";

const listeners = new Set();
const CUSTOM = "tracker.colors";

/** The view as the address says it. */
export function view() {
  const { query } = here();
  const list = (name) => (query.get(name) ? query.get(name).split(",").map(decodeURIComponent) : []);
  return {
    project: query.get("project") ?? "",
    filter: query.get("filter") ?? "",
    sort: query.get("sort") ?? "-created_at",
    columns: query.has("columns") ? list("columns") : null,
    pinned: Number(query.get("pinned") ?? 0),
    group: list("group"),
    selected: list("selected"),
    hidden: list("hidden"),
    off: list("off"),
    on: list("on"),
  };
}

/** Changes the view and the address, and tells everybody who listens. */
export function changeView(changes) {
  const words = {};
  for (const [name, value] of Object.entries(changes)) {
    words[name] = Array.isArray(value) ? value.map(encodeURIComponent).join(",") : value;
    if (name === "columns" && Array.isArray(value) && !value.length) words[name] = "name";
    if (name === "sort" && value === "-created_at") words[name] = null;
  }
  change(words);
  for (const listener of listeners) listener(view(), changes);
}

export function onView(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The parameters that go along to another page about the same runs. */
export function viewParameters() {
  const { query } = here();
  const kept = new URLSearchParams();
  for (const name of ["project", "filter", "sort", "columns", "pinned", "group", "selected", "hidden", "off", "on"]) {
    if (query.has(name)) kept.set(name, query.get(name));
  }
  return kept;
}

/** The question for a list of runs that the view stands for; see tracker/web/runs_table.py. */
export function question(now = view()) {
  return { project: now.project || null, filter: now.filter, sort: now.sort, hidden: now.hidden };
}

// colours

let custom = {};
try {
  custom = JSON.parse(localStorage.getItem(CUSTOM) ?? "{}");
} catch {
  custom = {};
}

export function isDark() {
  return document.documentElement.dataset.theme === "dark";
}

// Runs that are drawn together have different looks; once a run has a look it keeps it.
const slots = new Map();

/** Gives each of some runs a look that no other of them has. */
export function assignStyles(runs) {
  const taken = new Set(runs.filter((run) => slots.has(run.key)).map((run) => slots.get(run.key)));
  for (const run of runs) {
    if (slots.has(run.key)) continue;
    let slot = (run.number ?? 0) % 8;
    if (taken.has(slot)) for (slot = 0; taken.has(slot); ) slot++;
    slots.set(run.key, slot);
    taken.add(slot);
  }
}

/** Colour and dashes of a run: by the order in which runs were made, or as chosen by hand. */
export function runStyle(run) {
  const style = styleOf(slots.get(run.key) ?? run.number ?? 0, isDark());
  const chosen = custom[run.key];
  return /^#[0-9a-f]{6}$/i.test(chosen ?? "") ? { ...style, color: chosen } : style;
}

export function chooseColor(key, color) {
  if (color === null) delete custom[key];
  else custom[key] = color;
  localStorage.setItem(CUSTOM, JSON.stringify(custom));
  for (const listener of listeners) listener(view(), { colors: true });
}
