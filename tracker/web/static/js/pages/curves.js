// The page with the curves of several runs: the list at the left, a chart for each metric at the right.

import { ask, complain } from "../api.js";
import { fill, h, iconButton, later, within } from "../dom.js";
import { count, t } from "../i18n.js";
import { onLive, watch } from "../live.js";
import { address } from "../router.js";
import * as format from "../format.js";
import { assignStyles, changeView, onView, question, runStyle, view } from "../view.js";
import { empty, readingNote, stateMark, swatch, whenRunsAppear } from "../parts/common.js";
import { filterInput } from "../parts/filter.js";
import { Panels } from "../parts/panels.js";
import { title } from "../parts/runs_table.js";
import { isDrawn } from "./runs.js";

const LISTED = 400;

export async function show(host, place, { about }) {
  if (about && !about.reading && !about.projects.some((project) => project.runs)) {
    fill(host, empty(t("No curves yet"), t("Start a run, and its curves appear here by themselves:"), "tracker run train.py"));
    return whenRunsAppear();
  }
  let runs = [];
  let drawn = [];
  const filter = filterInput({ value: view().filter, project: () => view().project, onChange: (text) => changeView({ filter: text }) });
  const list = h("div.run-list", { role: "list", "aria-label": t("Runs") });
  const tally = h("div.note.small.tally");
  const panels = new Panels({ runs: () => drawn });
  fill(host, h("div.workspace", {}, h("div.side", {}, h("div.bar", {}, filter), tally, list), h("div.charts", {}, panels.element)));

  async function reload({ fresh = false } = {}) {
    try {
      const found = view().group.length ? await groups(fresh) : await ask("keys", { ...question(), limit: LISTED, fresh });
      runs = found.runs;
      filter.complain(null);
      fill(tally, readingNote(found.reading) ?? (view().group.length ? count(found.total, "{n} group", "{n} groups") : count(found.total, "{n} run", "{n} runs")), found.total > runs.length ? ` · ${t("the first {n} are listed", { n: runs.length })}` : null);
      redraw();
    } catch (error) {
      filter.complain(error);
    }
  }

  /** Groups stand in the list as runs do, with the runs that are in them as `members`. */
  async function groups(fresh) {
    const now = view();
    const { rows, total, reading } = await ask("runs", { ...question(now), group: now.group, columns: [], limit: LISTED, fresh });
    const named = (row) => now.group.map((field, i) => `${title(field)} = ${format.value(row.labels[i]) || "–"}`).join(", ");
    return { total, reading, runs: rows.map((row, number) => ({ key: row.group_key, name: named(row), number, members: row.members, count: row.count, state: "finished" })) };
  }

  function redraw() {
    const now = view();
    const before = drawn.map((run) => run.key).join();
    drawn = runs.filter((run, at) => isDrawn(run, at, now));
    assignStyles(drawn);
    fill(list, runs.map((run, at) => listed(run, at, now)));
    watch("curves", drawn.filter((run) => run.state === "running").map((run) => run.key));
    if (before !== drawn.map((run) => run.key).join() || !panels.metrics) panels.refreshMetrics().then(() => panels.stale());
    else panels.stale();
  }

  function listed(run, at, now) {
    const on = isDrawn(run, at, now);
    const toggle = () => {
      const without = (keys) => keys.filter((key) => key !== run.key);
      changeView(on ? { on: without(now.on), off: [...without(now.off), run.key] } : { off: without(now.off), on: [...without(now.on), run.key] });
    };
    return h("div.run-item", { role: "listitem", class: on ? "" : "off" },
      iconButton(on ? "eye" : "eyeOff", on ? t("Do not draw {name}", { name: run.name }) : t("Draw {name}", { name: run.name }), toggle),
      swatch(runStyle(run)),
      run.members ? h("span.run-name", { title: run.name }, run.name) : h("a.run-name", { href: address(["run", run.project, run.id]), title: run.key }, run.name),
      run.members ? h("small.faint", {}, run.members.length < run.count ? t("{n} of {all}", { n: run.members.length, all: run.count }) : run.count) : null,
      run.state === "finished" ? null : stateMark(run.state));
  }

  const stops = [
    onView((now, changes) => {
      filter.set(now.filter);
      const onlyLooks = Object.keys(changes).length && Object.keys(changes).every((name) => ["on", "off", "colors", "selected", "widths", "expanded"].includes(name));
      if (!Object.keys(changes).length) panels.follow();
      if (onlyLooks) redraw();
      else reload();
    }),
    onLive("runs", later(200, () => reload({ fresh: true }))),
    onLive("grown", (grown) => {
      if (!drawn.some((run) => run.key in grown)) return;
      panels.stale();
      panels.newMetrics ??= within(1500, () => panels.refreshMetrics());
      panels.newMetrics();
    }),
  ];
  await reload();
  return () => {
    stops.forEach((stop) => stop());
    watch("curves", []);
    panels.destroy();
  };
}
