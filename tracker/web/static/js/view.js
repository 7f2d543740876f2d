// What a list of runs shows, kept in the address: project, filter, order, columns, groups, selection.
//
// Every page that is about several runs reads it from here, so going from one to the other
// keeps it. Colours that were chosen by hand are kept in the browser as well: a view that says
// none gets them from there, and then says them, so that what is sent looks the same elsewhere.

import { change, here } from "./router.js";
import { styleOf } from "./chart/draw.js";

const listeners = new Set();
const CUSTOM = "tracker.colors";
const COLOR = /^#[0-9a-f]{6}$/i;

/** What the address says of several things at once, each with a word about it: `name:word,name:word`. */
export function pairs(name) {
  const found = {};
  for (const pair of (here().query.get(name) ?? "").split(",")) {
    const cut = pair.lastIndexOf(":");
    if (cut > 0) found[decodeText(pair.slice(0, cut))] = pair.slice(cut + 1);
  }
  return found;
}

function paired(values) {
  return Object.entries(values).map(([name, word]) => `${encodeURIComponent(name)}:${word}`).join(",");
}

function decodeText(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A list that the address holds. */
export function list(name) {
  const { query } = here();
  return query.get(name) ? query.get(name).split(",").map(decodeText) : [];
}

/** The view as the address says it. */
export function view() {
  const { query } = here();
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
    expanded: list("expanded"),
    widths: pairs("widths"),
  };
}

/** Changes the view and the address, and tells everybody who listens. */
export function changeView(changes) {
  const words = {};
  for (const [name, value] of Object.entries(changes)) {
    words[name] = Array.isArray(value) ? value.map(encodeURIComponent).join(",") : value && typeof value === "object" ? paired(value) : value;
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

/** Calls `listener` where somebody went to another address of the page that is shown. */
export function onMoved(listener) {
  return onView((now, changes) => !Object.keys(changes).length && listener(now));
}

/** The parameters that go along to another page about the same runs. */
export function viewParameters() {
  const { query } = here();
  const kept = new URLSearchParams();
  for (const name of ["project", "filter", "sort", "columns", "widths", "pinned", "group", "expanded", "selected", "hidden", "off", "on", "colors"]) {
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
const MOST_COLORS = 100;
let read = { text: null, colors: {} };

/** The colours chosen by hand: those of the address, else those that this browser knows. */
function chosenColors() {
  const text = here().query.get("colors");
  if (text === null) return custom;
  if (text !== read.text) read = { text, colors: Object.fromEntries(Object.entries(pairs("colors")).map(([key, color]) => [key, `#${color}`])) };
  return read.colors;
}

/** Lets the address say the colours that this browser knows, if it says none. */
export function completeAddress() {
  if (!here().query.has("colors") && Object.keys(custom).length) sayColors(custom);
}

function sayColors(colors) {
  const shown = Object.entries(colors).filter(([, color]) => COLOR.test(color)).slice(-MOST_COLORS);
  change({ colors: paired(Object.fromEntries(shown.map(([key, color]) => [key, color.slice(1)]))) });
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
  // What is not drawn has nobody to be told apart from.
  const style = styleOf(slots.get(run.key) ?? (run.number ?? 0) % 8, isDark());
  const chosen = chosenColors()[run.key];
  return COLOR.test(chosen ?? "") ? { ...style, color: chosen } : style;
}

/** Gives a run a colour of its own, or takes it back with null. */
export function chooseColor(key, color) {
  const colors = { ...chosenColors() };
  for (const known of [custom, colors]) {
    delete known[key];
    if (color !== null) known[key] = color;
  }
  localStorage.setItem(CUSTOM, JSON.stringify(custom));
  sayColors(colors);
  for (const listener of listeners) listener(view(), { colors: true });
}
