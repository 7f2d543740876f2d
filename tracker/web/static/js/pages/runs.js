// The page with the table of runs.

import { fill, h, icon, later } from "../dom.js";
import { count, t } from "../i18n.js";
import { onLive } from "../live.js";
import { menu } from "../menu.js";
import { go } from "../router.js";
import { changeView, onView, view, viewParameters } from "../view.js";
import { empty, readingNote, whenRunsAppear } from "../parts/common.js";
import { fieldsOf, filterInput } from "../parts/filter.js";
import { deleteRuns, hide } from "../parts/run_actions.js";
import { RunsTable, title } from "../parts/runs_table.js";

export const FIRST_DRAWN = 10;
const ALWAYS = ["state", "created_at", "duration", "tags"];

/** Whether the curves of a run are drawn: as chosen, else the first ones of the list. */
export function isDrawn(run, place, now = view()) {
  return now.on.includes(run.key) || (place < FIRST_DRAWN && !now.off.includes(run.key));
}

export async function show(host, place, { about }) {
  if (about && !about.reading && !about.projects.some((project) => project.runs)) return showNothing(host, about);
  let suggested = null; // told with the first rows
  let wasReading = false;
  const columns = () => view().columns ?? [...ALWAYS, ...(suggested ?? [])];
  const filter = filterInput({ value: view().filter, project: () => view().project, onChange: (text) => changeView({ filter: text }) });
  const tally = h("span.note", { role: "status" });
  const chosen = h("div.chosen", { hidden: true });
  const table = new RunsTable({
    columns,
    suggest: () => !view().columns && !suggested,
    readOnly: about?.read_only,
    isDrawn,
    onTotal: (answer) => {
      nothing.hidden = answer.total > 0 || Boolean(answer.reading);
      suggested = answer.suggested ?? suggested;
      fill(tally, readingNote(answer.reading) ?? count(answer.runs, "{n} run", "{n} runs"));
      // What the first runs have says little of all.
      if (wasReading && !answer.reading) anew();
      wasReading = Boolean(answer.reading);
    },
    onProblem: (error) => filter.complain(error),
  });
  const nothing = h("div.empty.nothing", { hidden: true }, h("p", {}, t("No run passes the filter.")),
    h("button", { type: "button", onclick: () => changeView({ filter: "", hidden: [] }) }, t("Show all runs")));
  const hidden = h("button.quiet", { type: "button", hidden: true, onclick: () => changeView({ hidden: [] }) });
  fill(host,
    h("div.bar", {}, filter, tally, hidden, h("span.space"), chosen,
      h("button", { type: "button", onclick: (event) => groupMenu(event.currentTarget) }, icon("group"), t("Group")),
      h("button", { type: "button", onclick: (event) => columnsMenu(event.currentTarget, columns()) }, icon("columns"), t("Columns")),
      h("button.primary", { type: "button", onclick: () => go(["curves"], viewParameters()) }, t("Curves"))),
    nothing, table.element);

  const update = (now, changes = {}) => {
    drawChosen(chosen, now, about);
    filter.set(now.filter);
    hidden.hidden = !now.hidden.length;
    hidden.textContent = t("{n} hidden: show", { n: now.hidden.length });
    const onlyLooks = Object.keys(changes).length && Object.keys(changes).every((name) => ["selected", "on", "off", "colors", "widths"].includes(name));
    if (onlyLooks) {
      table.drawHead();
      table.draw();
    } else table.reload({ fresh: "hidden" in changes });
  };
  const anew = () => {
    suggested = null;
    table.reload();
  };
  const stops = [
    onView((now, changes) => {
      if ("project" in changes) suggested = null;
      update(now, changes);
    }),
    onLive("runs", later(100, () => table.reload())),
  ];
  update(view());
  table.takeKeys();
  return () => {
    stops.forEach((stop) => stop());
    table.destroy();
  };
}

function showNothing(host, about) {
  fill(host, empty(t("No runs yet"), t("Start one in {folder}, and it appears here by itself:", { folder: about.root }),
    "tracker run train.py", "import tracker\n\nrun = tracker.init(project=\"LeNet5\", config={\"lr\": 0.01})\nrun.log({\"loss\": 0.5})\nrun.finish()"));
  return whenRunsAppear();
}

function drawChosen(element, now, about) {
  const many = now.selected.length;
  element.hidden = !many;
  if (!many) return;
  fill(element, h("span", {}, t("{n} selected", { n: many })),
    many > 1 ? h("button", { type: "button", onclick: () => go(["compare"], viewParameters()) }, t("Compare")) : null,
    h("button", { type: "button", onclick: () => hide(now.selected) }, t("Hide")),
    about?.read_only ? null : h("button.danger", { type: "button", onclick: () => deleteRuns(now.selected) }, t("Delete")),
    h("button.quiet", { type: "button", onclick: () => changeView({ selected: [] }) }, t("Select none")));
}

async function columnsMenu(anchor, columns) {
  const { fields } = await fieldsOf(view().project, { fresh: true });
  const search = h("input", { type: "search", placeholder: t("Search"), "aria-label": t("Search columns") });
  const list = h("div");
  const draw = () => {
    const wanted = search.value.toLowerCase();
    const now = view().columns ?? columns;
    const names = [...now, ...fields.map((field) => field.name).filter((name) => !now.includes(name))].filter((name) => name.toLowerCase().includes(wanted));
    fill(list, names.slice(0, 200).map((name) =>
      h("label", { title: name }, h("input", { type: "checkbox", checked: now.includes(name), onchange: (event) => {
        const current = view().columns ?? columns;
        changeView({ columns: event.target.checked ? [...current, name] : current.filter((each) => each !== name) });
      } }), h("span", {}, name)),
    ), names.length > 200 ? h("div.faint.small", {}, t("{n} more: search for them", { n: names.length - 200 })) : null);
  };
  search.addEventListener("input", draw);
  draw();
  menu(anchor, [search, list, h("hr"), [t("As at first"), () => changeView({ columns: null, pinned: null })]], { label: t("Columns") });
}

async function groupMenu(anchor) {
  const { fields } = await fieldsOf(view().project);
  const now = view().group;
  const offered = [...new Set([...now, "group", "job_type", "state", "user", ...fields.map((field) => field.name).filter((name) => name.startsWith("config."))])].slice(0, 60);
  menu(anchor, [
    [t("No groups"), () => changeView({ group: [] })],
    h("hr"),
    ...offered.map((name) => [title(name), () => changeView({ group: now.includes(name) ? now.filter((each) => each !== name) : [...now, name] }), { checked: now.includes(name) }]),
  ], { label: t("Group") });
}
