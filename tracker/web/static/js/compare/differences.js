// Runs side by side: a line for each key that is not the same; below, why two of them differ.

import { ask, complain, get, newest } from "../api.js";
import { fill, h } from "../dom.js";
import { count, t } from "../i18n.js";
import { address, change, here } from "../router.js";
import * as format from "../format.js";
import { command, empty, stateMark } from "../parts/common.js";
import { drawReport } from "../parts/report.js";
import { changeView, view } from "../view.js";

const TABLES = [["results", "Results"], ["config", "Settings"], ["environment", "Environment"], ["packages", "Packages"]];

export async function showDifferences(host, keys) {
  const latest = newest();
  if (keys.length < 2) {
    fill(host, empty(t("Which runs?"), t("Fewer than two runs pass the filter. Select runs in the table, and come back.")));
    return;
  }
  const found = await ask("compare", { runs: keys.slice(0, 24) });
  const all = h("input", { type: "checkbox", checked: here().query.get("same") === "1", onchange: () => (change({ same: all.checked }), drawTables()) });
  const tables = h("div.stack");
  const pair = h("div");
  fill(host, h("div", {},
    h("div.bar.compare-bar", {}, h("span.note", {}, view().selected.length > 1 ? t("The selected runs") : t("The first runs of the list; select others in the table of runs")),
      keys.length > 24 ? h("span.note", {}, t("the first {n}", { n: 24 })) : null, h("span.space"), h("label", {}, all, " ", t("Also what is the same"))),
    tables, pair));

  function drawTables() {
    fill(tables, TABLES.map(([part, title]) => {
      const shown = found[part].filter((line) => all.checked || line.differs);
      const same = found[part].length - found[part].filter((line) => line.differs).length;
      return h("section.card", {}, h("h2", {}, t(title), h("span.note.small", {}, `  ${count(same, "{n} value is the same", "{n} values are the same")}`)),
        shown.length ? sideBySide(part, shown) : h("p.note", {}, t("Nothing differs.")));
    }));
  }

  function sideBySide(part, lines) {
    return h("div.scroll", { tabIndex: 0 }, h("table.plain.sides", {},
      h("thead", {}, h("tr", {}, h("th", {}, ""), found.runs.map((run) => h("th", { scope: "col" }, runHead(run))))),
      h("tbody", {}, lines.map((line) => h("tr", { class: line.differs ? "differs" : "" },
        h("th.mono", { scope: "row" }, part === "environment" ? t(line.key) : line.key), cells(part, line))))));
  }

  /** Of results the lowest and the highest are marked by a sign and a name, not by color alone. */
  function cells(part, line) {
    const numbers = part === "results" ? line.values.filter((value) => typeof value === "number") : [];
    const low = Math.min(...numbers), high = Math.max(...numbers);
    return line.values.map((value, at) => {
      if (line.absent.includes(at)) return h("td.faint", { title: t("not there") }, "–");
      const mark = numbers.length > 1 && low < high ? (value === low ? ["▾", t("lowest")] : value === high ? ["▴", t("highest")] : null) : null;
      return h("td.mono", { title: format.value(value) }, format.value(value), mark ? h("span.mark", { title: mark[1], "aria-label": mark[1] }, ` ${mark[0]}`) : null);
    });
  }

  function runHead(run) {
    const cut = run.key.indexOf("/");
    return [h("a", { href: address(["run", run.key.slice(0, cut), run.key.slice(cut + 1)]) }, run.name), " ",
      run.state === "finished" ? null : stateMark(run.state),
      found.runs.length > 2 && view().selected.length > 2 ? h("button.quiet.icon.small", { type: "button", "aria-label": t("Leave out {name}", { name: run.name }), title: t("Leave out {name}", { name: run.name }), onclick: () => changeView({ selected: view().selected.filter((key) => key !== run.key) }) }, "×") : null];
  }

  async function drawPair() {
    const { query } = here();
    // Of the first two the earlier one is the old one.
    const [first, second, ...rest] = found.runs;
    const known = (first.created <= second.created ? [first, second, ...rest] : [second, first, ...rest]).map((run) => run.key);
    const old = known.includes(query.get("old")) ? query.get("old") : known[0];
    const now = known.includes(query.get("new")) && query.get("new") !== old ? query.get("new") : known.find((key) => key !== old);
    const choose = (name, chosen) => h("select", { "aria-label": t(name === "old" ? "From" : "To"), onchange: (event) => (change({ [name]: event.target.value }), drawPair().catch(complain)) },
      found.runs.map((run) => h("option", { value: run.key, selected: run.key === chosen }, run.name)));
    const inside = h("div", {}, h("p.note", {}, t("Comparing …")));
    fill(pair, h("section.card", {},
      h("div.card-head", {}, h("h2", {}, t("Why two differ")), choose("old", old), "→", choose("new", now)), inside, command(`tracker diff ${old} ${now}`)));
    const report = await latest((signal) => get("diff", { old, new: now }, signal));
    fill(inside, report.same ? h("p.note", {}, t("Nothing differs.")) : drawReport(report));
  }

  drawTables();
  await drawPair().catch(complain);
}
