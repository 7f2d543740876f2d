// A logged plot: drawn as it says, with its table below; what we do not know how to draw is its table.

import { fileUrl } from "../api.js";
import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { drawnPlot, knownPlot } from "../figure/logged.js";
import { isDark } from "../view.js";
import { themeNow } from "./curve_model.js";
import { drawnView } from "./drawn_view.js";
import { tableView } from "./table_view.js";

export function plotView(run, item) {
  if (!item.table?.path) return h("p.note", {}, t("The table is not there any more."));
  const known = knownPlot(item);
  const stage = h("div");
  const open = (text) => fill(stage, item.title ? h("h3", {}, item.title) : null, h("p.note.small", {}, text), tableView(run, item.table));
  if (!known) open(t("{spec} is not drawn here; this is its table.", { spec: item.spec }));
  else {
    fetch(fileUrl(run.key, item.table.path)).then((response) => response.json()).then((table) => {
      const drawn = drawnPlot(known, table, { theme: themeNow(), dark: isDark() });
      if (!drawn) return open(t("Nothing of this table can be drawn."));
      fill(stage, drawnView(drawn, item.title || known.kind),
        h("details", {}, h("summary", {}, item.table.path.split("/").pop()), tableView(run, item.table)));
    }).catch(() => open(t("The table cannot be read.")));
  }
  return h("div.plot", {}, stage);
}
