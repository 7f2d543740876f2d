// What a run used and what it made.

import { get, runPath } from "../api.js";
import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import * as format from "../format.js";
import { address } from "../router.js";

export async function show(host, run) {
  const { used, logged } = await get(`${runPath(run.key)}/lineage`);
  fill(host, h("div.lineage-row", {}, column(t("Inputs"), used, t("It used no version.")), h("div.lineage-arrow", { "aria-hidden": "true" }, "→"),
    h("div.lineage-run", {}, h("h2", {}, run.name), h("code", {}, run.id)), h("div.lineage-arrow", { "aria-hidden": "true" }, "→"), column(t("Outputs"), logged, t("It logged no version."))));
}

function column(title, versions, otherwise) {
  return h("section.card", {}, h("h2", {}, title), versions.length ? versions.map(version) : h("p.note", {}, otherwise));
}

function version(one) {
  const name = one.artifact.slice(one.artifact.indexOf("/") + 1);
  const project = one.artifact.slice(0, one.artifact.indexOf("/"));
  return h("div.version", {},
    h("div", {}, h("a", { href: address(["artifacts", project, name, one.version]) }, h("b", {}, `${name}:${one.version}`)), one.type ? [" ", h("span.tag", {}, one.type)] : null, one.deleted ? [" ", h("span.faint", {}, t("deleted since"))] : null),
    h("div.small.faint", {}, [one.size_bytes !== undefined ? format.size(one.size_bytes) : null, one.step !== undefined && one.step !== null ? t("at step {n}", { n: one.step }) : null, one.digest.slice(0, 12)].filter(Boolean).join(" · ")));
}
