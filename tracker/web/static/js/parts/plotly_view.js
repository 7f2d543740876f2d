// A figure of plotly, drawn by our own means as far as it goes.

import { fileUrl } from "../api.js";
import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { plotlyFigure } from "../figure/plotly.js";
import { figureView } from "../figure/view.js";
import { isDark } from "../view.js";
import { themeNow } from "./curve_model.js";

export function plotlyView(run, item, name) {
  const stage = h("div", {}, h("p.note", {}, "…"));
  const download = h("a", { href: fileUrl(run.key, item.path, { download: 1 }), download: item.path.split("/").pop() }, t("Download the figure"));
  fetch(fileUrl(run.key, item.path)).then((response) => response.json()).then((given) => {
    const { figure, left } = plotlyFigure(given, { theme: themeNow(), dark: isDark() });
    fill(stage, figure ? figureView(figure, figure.title ?? name) : null,
      left.length ? h("p.note.small", {}, t("Not drawn here: {kinds}.", { kinds: left.join(", ") })) : null,
      figure || left.length ? null : h("p.note", {}, t("The figure is empty.")));
  }).catch(() => fill(stage, h("p.note", {}, t("The figure cannot be read."))));
  return h("div.plot", {}, stage, h("p.small", {}, download));
}
