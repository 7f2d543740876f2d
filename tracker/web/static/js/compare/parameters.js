// Settings and a result over many runs: what each setting has to do with it, parallel axes, a scatter.

import { ask } from "../api.js";
import { fill, h } from "../dom.js";
import { count, t } from "../i18n.js";
import { change, here } from "../router.js";
import * as format from "../format.js";
import { onView, question } from "../view.js";
import { empty } from "../parts/common.js";
import { drawParallel } from "./parallel.js";
import { drawScatter } from "./scatter.js";

const AXES_AT_FIRST = 6;

export async function showParameters(host) {
  let found = await ask("parameters", { ...question(), target: here().query.get("target") });
  if (!found.targets.length) {
    fill(host, empty(t("No results yet"), t("Runs of this list have no numbers in their summary. Log some:"), "run.log({\"loss\": 0.5})"));
    return null;
  }
  const body = h("div");
  fill(host, body);

  async function choose(target) {
    change({ target });
    found = await ask("parameters", { ...question(), target });
    draw();
  }

  function chosenAxes() {
    const given = here().query.get("axes");
    const known = found.influences.map((each) => each.key);
    if (given !== null) return given.split(",").map(decodeURIComponent).filter((key) => known.includes(key));
    return known.slice(0, AXES_AT_FIRST);
  }

  function toggle(key, on) {
    const now = chosenAxes();
    change({ axes: (on ? [...now, key] : now.filter((each) => each !== key)).map(encodeURIComponent).join(",") });
    draw();
  }

  // Pictures are as wide as their place, so they are drawn when it is there.
  let pictures = [];
  const observer = new ResizeObserver(() => pictures.forEach((paint) => paint()));
  observer.observe(body);

  function draw() {
    pictures = [];
    const axes = chosenAxes();
    const with_result = found.rows.filter((row) => row.result !== null);
    const picker = h("select", { "aria-label": t("Result"), onchange: () => choose(picker.value) },
      found.targets.map((name) => h("option", { value: name, selected: name === found.target }, name)));
    fill(body,
      h("div.bar.compare-bar", {}, h("label", {}, t("Result"), " ", picker),
        h("span.note", { role: "status" }, t("{n} of {total} runs have it", { n: with_result.length, total: found.total }))),
      found.influences.length ? [influences(axes), parallel(axes), scatter()]
        : empty(t("No setting varies"), t("All runs of this list have the same config."), "tracker run train.py --lr 0.1"));
    pictures.forEach((paint) => paint());
  }

  function influences(axes) {
    return h("section.card", {}, h("h2", {}, t("What the settings have to do with it")),
      h("p.note.small", {}, t("Explained: the share of the result's variance that this setting alone explains. Correlation: Spearman's, of ranks. Neither says what causes what, and few runs say little.")),
      h("div.scroll", { tabIndex: 0 }, h("table.plain.influences", {},
        h("thead", {}, h("tr", {}, [t("Axis"), t("Setting"), t("Explained"), t("Correlation"), t("Runs")].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, found.influences.map((each) => h("tr", {},
          h("td", {}, h("input", { type: "checkbox", "aria-label": t("Show {name} as an axis", { name: each.key }), checked: axes.includes(each.key), onchange: (event) => toggle(each.key, event.target.checked) })),
          h("th.mono", { scope: "row" }, each.key),
          h("td", {}, share(each.explained)),
          h("td", {}, signed(each.correlation)),
          h("td.number", {}, each.runs)))))));
  }

  function share(value) {
    if (value === null) return h("span.faint", {}, t("too few runs"));
    return h("span.meter", {}, h("i", { style: { width: `${Math.round(value * 100)}%` } }), h("b", {}, `${Math.round(value * 100)} %`));
  }

  function signed(value) {
    if (value === null) return "";
    const half = Math.round(Math.abs(value) * 50);
    return h("span.meter.signed", {}, h("i", { class: value < 0 ? "minus" : "", style: { width: `${half}%`, left: value < 0 ? `${50 - half}%` : "50%" } }), h("b", {}, format.number(Math.round(value * 100) / 100)));
  }

  function parallel(axes) {
    const host = h("div.parallel");
    const places = axes.map((key) => found.influences.findIndex((each) => each.key === key));
    const columns = [
      ...axes.map((key, at) => ({ name: key, values: found.rows.map((row) => row.settings[places[at]]) })),
      { name: found.target, values: found.rows.map((row) => row.result) },
    ];
    const tally = h("p.note.small", { role: "status" }, t("Drag along an axis to keep the runs that pass there; click it to take that back."));
    pictures.push(() => drawParallel(host, columns, found.rows, (kept, narrowed) => {
      tally.textContent = narrowed ? count(kept, "{n} run passes", "{n} runs pass") : t("Drag along an axis to keep the runs that pass there; click it to take that back.");
    }));
    return h("section.card", {}, h("h2", {}, t("Parallel axes")), tally, host);
  }

  function scatter() {
    const names = found.influences.map((each) => each.key);
    const others = found.targets.filter((name) => name !== found.target).slice(0, 19);
    const wanted = here().query.get("x") ?? names[0];
    const host = h("div");
    const valuesOf = (name) => (names.includes(name) ? found.rows.map((row) => row.settings[names.indexOf(name)]) : found.rows.map((row) => row.summary[name]));
    const picker = h("select", { "aria-label": t("Along"), onchange: () => (change({ x: picker.value }), paint()) },
      h("optgroup", { label: t("Settings") }, names.map((name) => h("option", { value: name, selected: name === wanted }, name))),
      others.length ? h("optgroup", { label: t("Results") }, others.map((name) => h("option", { value: name, selected: name === wanted }, name))) : null);
    const paint = () => drawScatter(host, { name: picker.value, values: valuesOf(picker.value) }, { name: found.target, values: found.rows.map((row) => row.result) }, found.rows);
    pictures.push(paint);
    return h("section.card", {}, h("div.card-head", {}, h("h2", {}, t("Scatter")), h("label.note", {}, t("Along"), " ", picker)), host);
  }

  draw();
  const stop = onView((now, changes) => "colors" in changes && draw());
  return () => {
    stop();
    observer.disconnect();
  };
}
