// A comparison as the server lays it out: sections of tables, patches and sentences.

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { patchView } from "./diff.js";
import { said } from "./sentences.js";

/** Draws the sections of a report (tracker/compare/render.py); those without details are a line. */
export function drawReport(report, { only = null } = {}) {
  return report.sections.filter((section) => !only || only.includes(section.title)).map(drawSection);
}

function drawSection(section) {
  const title = [h("b", {}, t(section.title)), " ", h("span.note", {}, arrowed(said(section.summary)))];
  if (!section.blocks.length) return h("p.report-line", {}, title);
  return h("details.report-section", { open: true }, h("summary", {}, title), section.blocks.map(drawBlock));
}

function drawBlock(block) {
  if (block.kind === "Table") return [table(block), more(block)];
  if (block.kind === "Patch") return [patchView(block.lines), more(block)];
  return block.lines.map((line) => h("p", {}, arrowed(said(line))));
}

/** A terminal may lack the arrow; a browser does not. */
function arrowed(text) {
  return text.replaceAll(" -> ", " → ");
}

function table({ head, rows, right }) {
  const side = (name) => (right.includes(name) ? "number" : "");
  return h("div.scroll", { tabIndex: 0 }, h("table.plain", {},
    h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col", class: side(name) }, t(name))))),
    h("tbody", {}, rows.map((row) => h("tr", { class: { "+": "added", "-": "removed" }[row[0]] ?? "" }, row.map((cell, at) => h("td", { class: side(head[at]) }, arrowed(cell))))))));
}

function more({ left_out: many, rest }) {
  return many ? h("p.note.small", {}, t("{n} more", { n: many }), rest ? `: ${rest}` : "") : null;
}
