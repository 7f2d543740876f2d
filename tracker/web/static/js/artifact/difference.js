// What differs between two versions.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { command } from "../parts/common.js";
import { drawReport } from "../parts/report.js";

export async function showDifference(host, old, now, close) {
  const card = h("section.card", {}, h("h2", {}, `${old} → ${now}`), h("p.note", {}, t("Comparing …")));
  fill(host, card);
  const found = await get("artifact-diff", { old, new: now });
  fill(card,
    h("div.card-head", {}, h("h2", {}, `${old} → ${now}`), h("span.space"), h("button", { type: "button", onclick: close }, t("Close"))),
    found.same ? h("p.note", {}, t("They are the same.")) : drawReport(found),
    command(`tracker diff ${old} ${now}`));
}
