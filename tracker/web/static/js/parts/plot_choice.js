// A table drawn as somebody likes: which kind, over which columns.

import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { drawnPlot } from "../figure/logged.js";
import { isDark } from "../view.js";
import { themeNow } from "./curve_model.js";
import { drawnView } from "./drawn_view.js";

const KINDS = [["", "as a table"], ["scatter", "as dots"], ["line", "as lines"], ["bar", "as bars"], ["histogram", "as a histogram"]];

/** Returns {controls, stage}: what to choose with, and where the drawing is; it is empty for "as a table". */
export function plotChoice(table, columns, onChoice) {
  const numbers = columns.filter((_, i) => (table.data ?? []).some((row) => typeof row[i] === "number"));
  const stage = h("div.plot");
  const pick = (label, names, chosen) => h("select", { "aria-label": label, title: label, hidden: true, onchange: draw }, names.map((name) => h("option", { value: name, selected: name === chosen }, name)));
  const kind = h("select", { "aria-label": t("Show"), onchange: draw }, KINDS.map(([value, text]) => h("option", { value }, t(text))));
  const x = pick(t("Horizontal axis"), columns, columns[0]);
  const y = pick(t("Vertical axis"), numbers, numbers.find((name) => name !== columns[0]));
  const stroke = pick(t("One line for each"), ["", ...columns], "");
  function draw() {
    x.hidden = kind.value === "";
    y.hidden = kind.value === "" || kind.value === "histogram";
    stroke.hidden = kind.value !== "line";
    onChoice(kind.value !== "");
    if (!kind.value) return fill(stage);
    const drawn = drawnPlot({ kind: kind.value, x: x.value, y: y.value, stroke: stroke.value || undefined }, table, { theme: themeNow(), dark: isDark() });
    fill(stage, drawn ? drawnView(drawn, kind.value) : h("p.note", {}, t("Nothing of this table can be drawn.")));
  }
  return { controls: numbers.length ? [kind, x, y, stroke] : [], stage };
}
