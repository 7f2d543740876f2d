// Runs compared: those that are selected side by side and in pairs, or all of the list by their settings.

import { ask, complain } from "../api.js";
import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { change, here } from "../router.js";
import { changeView, onView, question, view } from "../view.js";
import { empty } from "../parts/common.js";
import { filterInput } from "../parts/filter.js";
import { showDifferences } from "../compare/differences.js";
import { showParameters } from "../compare/parameters.js";
import "../artifact/texts.js";
import "../compare/texts.js";

const COMPARED_AT_FIRST = 4;
const PARTS = [["differences", "Differences"], ["parameters", "Settings and results"]];

export async function show(host, place, { about }) {
  if (about && about.projects.reduce((sum, project) => sum + project.runs, 0) < 2) {
    fill(host, empty(t("Nothing to compare yet"), t("Two runs are needed. Start another one:"), "tracker run train.py --lr 0.1"));
    return null;
  }
  let part = PARTS.some(([name]) => name === place.query.get("part")) ? place.query.get("part") : "differences";
  let leave = null;
  const filter = filterInput({ value: view().filter, project: () => view().project, onChange: (text) => changeView({ filter: text }) });
  const tabs = h("div.tabs", { role: "tablist", "aria-label": t("Compare") });
  const body = h("div.compare-body", { role: "tabpanel" });
  fill(host, h("div.bar", {}, filter), tabs, body);

  function drawTabs() {
    fill(tabs, PARTS.map(([name, title]) => h("button", { type: "button", role: "tab", "aria-selected": String(name === part), tabIndex: name === part ? 0 : -1, onclick: () => open(name) }, t(title))));
  }

  tabs.addEventListener("keydown", (event) => {
    if (!["ArrowRight", "ArrowLeft"].includes(event.key)) return;
    open(part === "differences" ? "parameters" : "differences").then(() => tabs.querySelector("[aria-selected=true]").focus());
  });

  async function open(name) {
    part = name;
    change({ part: name === "differences" ? null : name });
    drawTabs();
    await draw();
  }

  async function draw() {
    leave?.();
    leave = null;
    try {
      if (part === "parameters") leave = await showParameters(body);
      else await showDifferences(body, await chosen());
      filter.complain(null);
    } catch (error) {
      if (error.position !== undefined && error.position !== null) filter.complain(error);
      else if (error.status) fill(body, h("div.problem", { role: "alert" }, h("b", {}, error.message), error.hint ? h("div", {}, error.hint) : null));
      else complain(error);
    }
  }

  /** The selected runs, or the first of the list. */
  async function chosen() {
    const now = view();
    if (now.selected.length > 1) return now.selected;
    const { runs } = await ask("keys", { ...question(), limit: COMPARED_AT_FIRST });
    return runs.map((run) => run.key);
  }

  const stop = onView((now, changes) => {
    filter.set(now.filter);
    if (["filter", "project", "selected", "colors"].some((name) => name in changes) || !Object.keys(changes).length) {
      const wanted = here().query.get("part") ?? "differences";
      if (wanted !== part) part = wanted, drawTabs();
      draw();
    }
  });
  drawTabs();
  await draw();
  return () => {
    stop();
    leave?.();
  };
}
