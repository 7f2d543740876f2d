// The list of keys.

import { h } from "../dom.js";
import { t } from "../i18n.js";

const KEYS = [
  ["/", "Filter the runs"],
  ["r", "Table of runs"],
  ["c", "Curves"],
  ["m", "Compare"],
  ["a", "Artifacts"],
  ["↑ ↓", "Go through the rows"],
  ["Enter", "Open the run"],
  ["Space", "Select the row"],
  ["v", "Draw the run, or not"],
  ["e", "Rename the run"],
  ["+ −", "Zoom a chart"],
  ["← →", "Go through the points of a chart"],
  ["Shift ← →", "Move a chart"],
  ["0", "Show the whole chart"],
  ["d", "Light or dark colours"],
  ["?", "This list"],
];

export function showKeys() {
  const dialog = h("dialog", { "aria-label": t("Keys"), onclose: () => dialog.remove() },
    h("h2", {}, t("Keys")),
    h("dl.keys", {}, KEYS.map(([keys, text]) => [h("dt", {}, keys.split(" ").map((key) => [h("kbd", {}, key), " "])), h("dd", {}, t(text))])),
    h("p.note.small", {}, t("With the mouse: drag over a chart to zoom, Shift and drag to move, Ctrl and wheel to zoom, double-click for the whole.")),
    h("form", { method: "dialog" }, h("button", {}, t("Close"))),
  );
  document.body.append(dialog);
  dialog.showModal();
}
