// Artifacts: the collections at the left, by type; versions, and one version, at the right.

import { get } from "../api.js";
import { fill, h, later } from "../dom.js";
import { count, t } from "../i18n.js";
import { onLive } from "../live.js";
import { address } from "../router.js";
import * as format from "../format.js";
import { empty } from "../parts/common.js";
import { showCollection } from "../artifact/collection.js";
import "../artifact/texts.js";

export async function show(host, place, { about }) {
  const { collections } = await get("artifacts");
  if (!collections.length) {
    fill(host, empty(t("No artifacts yet"), t("Files that belong to results: data sets, weights, checkpoints. Version some:"),
      "tracker artifact put data/ --name digits --type dataset",
      "artifact = tracker.Artifact(\"lenet5-mnist\", type=\"model\")\nartifact.add_file(\"lenet5.pth\")\nrun.log_artifact(artifact)"));
    return null;
  }
  const [, project, name] = place.path;
  const side = h("div.side");
  const body = h("div.artifact-body");
  fill(host, h("div.workspace.artifacts", { class: name ? "inside" : "" }, side, body));
  drawSide(side, collections, project, name);
  if (!name) {
    drawAll(body, collections);
    return onLive("runs", later(500, async () => drawAll(body, (await get("artifacts").catch(() => ({ collections }))).collections)));
  }
  document.title = `${name} · tracker`;
  return showCollection(body, place, about);
}

function drawSide(side, collections, project, name) {
  const list = h("nav.collections", { "aria-label": t("Collections") });
  const search = h("input", { type: "search", placeholder: t("Search artifacts"), "aria-label": t("Search artifacts"), dataset: { filter: "" }, oninput: draw });
  function draw() {
    const wanted = search.value.toLowerCase();
    const found = collections.filter((each) => `${each.project}/${each.name} ${each.type} ${each.aliases.join(" ")}`.toLowerCase().includes(wanted));
    fill(list, byType(found).map(([type, members]) => [
      h("h3", {}, type, h("span.faint", {}, ` ${members.length}`)),
      members.map((each) => h("a.collection", {
        href: address(["artifacts", each.project, each.name]),
        "aria-current": each.project === project && each.name === name ? "page" : null,
        title: `${each.project}/${each.name}`,
      }, h("span.name", {}, each.name), h("span.faint.small", {}, each.newest))),
    ]), found.length ? null : h("p.note", {}, t("Nothing is called like that.")));
  }
  draw();
  fill(side, h("div.bar", {}, search), list);
}

function byType(collections) {
  const groups = new Map();
  for (const each of collections) groups.set(each.type, [...(groups.get(each.type) ?? []), each]);
  return [...groups].sort(([a], [b]) => a.localeCompare(b));
}

function drawAll(body, collections) {
  const total = collections.reduce((sum, each) => sum + each.versions, 0);
  fill(body, h("div.artifact-head", {}, h("h1", {}, t("Artifacts")), h("p.note", {}, `${count(collections.length, "{n} collection", "{n} collections")} · ${count(total, "{n} version", "{n} versions")}`)),
    byType(collections).map(([type, members]) => h("section.card", {}, h("h2", {}, type),
      h("div.scroll", {}, h("table.plain", {},
        h("thead", {}, h("tr", {}, [t("Name"), t("Project"), t("Versions"), t("Newest"), t("Aliases"), t("Size"), t("Made")].map((head, at) => h("th", { scope: "col", class: at === 2 || at === 5 ? "number" : "" }, head)))),
        h("tbody", {}, members.map((each) => h("tr", {},
          h("th", { scope: "row" }, h("a", { href: address(["artifacts", each.project, each.name]) }, each.name)),
          h("td", {}, each.project),
          h("td.number", {}, each.versions),
          h("td", {}, h("a", { href: address(["artifacts", each.project, each.name, each.newest]) }, each.newest)),
          h("td", {}, each.aliases.map((alias) => [h("span.tag", {}, alias), " "])),
          h("td.number", {}, format.size(each.size_bytes)),
          h("td", { title: format.moment(each.created) }, format.age(each.created))))))))));
}
