// A logged table: ordered by a click on a heading, searched, a page at a time.

import { fileUrl } from "../api.js";
import { fill, h, later } from "../dom.js";
import { count, t } from "../i18n.js";
import * as format from "../format.js";
import { plotChoice } from "./plot_choice.js";

const PAGE = 50;

export function tableView(run, item) {
  const host = h("div.table-view", {}, h("p.note", {}, "…"));
  fetch(fileUrl(run.key, item.path)).then((response) => {
    if (!response.ok) throw new Error(t("The table is not there any more."));
    return response.json();
  }).then((table) => draw(host, run, table)).catch((error) => fill(host, h("p.note", {}, error.message)));
  return host;
}

function draw(host, run, table) {
  const columns = (table.columns ?? []).map(String);
  const rows = table.data ?? [];
  const numeric = columns.map((_, column) => rows.some((row) => typeof row[column] === "number"));
  let order = null, wanted = "", page = 0;
  const body = h("tbody"), head = h("tr"), foot = h("div.bar.small");
  const search = h("input", { type: "search", placeholder: t("Search"), "aria-label": t("Search the table"), oninput: later(120, () => (wanted = search.value.toLowerCase(), page = 0, update())) });

  function chosen() {
    let found = wanted ? rows.filter((row) => row.some((cell) => textOf(cell).toLowerCase().includes(wanted))) : rows;
    if (order) {
      const { column, up } = order;
      found = found.slice().sort((a, b) => compare(a[column], b[column]) * (up ? 1 : -1));
    }
    return found;
  }

  function update() {
    const found = chosen();
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    page = Math.min(page, pages - 1);
    fill(head, columns.map((name, column) => h("th", { class: numeric[column] ? "number" : "", "aria-sort": order?.column === column ? (order.up ? "ascending" : "descending") : null },
      h("button.quiet", { type: "button", onclick: () => (order = order?.column === column ? (order.up ? { column, up: false } : null) : { column, up: true }, update()) }, name, order?.column === column ? (order.up ? " ↑" : " ↓") : ""))));
    fill(body, found.slice(page * PAGE, (page + 1) * PAGE).map((row) => h("tr", {}, columns.map((_, column) => h("td", { class: typeof row[column] === "number" ? "number" : "" }, cellView(run, row[column]))))));
    fill(foot, search, h("span.note", {}, count(found.length, "{n} row", "{n} rows")), h("span.space"),
      pages > 1 ? [h("button", { type: "button", disabled: page === 0, onclick: () => (page--, update()) }, t("Back")), h("span", {}, `${page + 1} / ${pages}`), h("button", { type: "button", disabled: page === pages - 1, onclick: () => (page++, update()) }, t("Next"))] : null);
    if (document.activeElement === document.body && wanted) search.focus();
  }
  const scroll = h("div.table-scroll", { tabIndex: 0, role: "region", "aria-label": t("Table") }, h("table.plain", {}, h("thead", {}, head), body));
  const choice = plotChoice(table, columns, (isDrawn) => (foot.hidden = scroll.hidden = isDrawn));
  update();
  fill(host, h("div.table-head", {}, choice.controls, foot), choice.stage, scroll);
}

function textOf(cell) {
  return cell?._type ? String(cell.caption ?? "") : format.value(cell);
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return textOf(a).localeCompare(textOf(b), undefined, { numeric: true });
}

function cellView(run, cell) {
  if (cell?._type === "image-file") return h("img.cell", { src: fileUrl(run.key, cell.path), alt: cell.caption ?? "", loading: "lazy" });
  if (cell?._type === "audio-file") return h("audio", { src: fileUrl(run.key, cell.path), controls: true, preload: "none" });
  const text = format.value(cell);
  return text.length > 400 ? `${text.slice(0, 399)}…` : text;
}
