// One version: its files with a look into them, what is known of it, where it comes from, how to use it.

import { complain, get, newest } from "../api.js";
import { fill, h, later } from "../dom.js";
import { count, t } from "../i18n.js";
import { address, change, here } from "../router.js";
import * as format from "../format.js";
import { command, stateMark } from "../parts/common.js";
import { drawTree, markChosen, treeElement } from "../parts/file_tree.js";
import { drawGraph } from "./graph.js";
import { showPreview } from "./preview.js";

export async function showVersion(host, path, { project, name, version }) {
  const found = await get(path);
  const tree = treeElement();
  const preview = h("div.preview");
  const search = h("input", { type: "search", placeholder: t("Search files"), "aria-label": t("Search files") });
  const latest = newest(), latestLook = newest();
  const look = later(200, async () => {
    try {
      const { entries, entries_total: total } = await latest((signal) => get(path, { search: search.value }, signal));
      draw(entries, total);
    } catch (error) {
      complain(error);
    }
  });
  search.addEventListener("input", look);

  function draw(entries, total) {
    drawTree(tree, entries, { total, choose });
  }

  function choose(entry) {
    change({ path: entry.path });
    markChosen(tree, entry.path);
    showPreview(preview, path, entry, latestLook).catch(complain);
  }

  const full = `${project}/${name}:${version}`;
  fill(host,
    h("section.card", {}, h("h2", {}, h("span", {}, `${name}:${version}`), " ", found.aliases.map((alias) => [h("span.tag", {}, alias), " "])),
      h("dl.facts", {}, facts(found))),
    h("section.card", {}, h("h2", {}, t("Files"), " ", found.entries_total ? h("a.small", { href: `api/${path}/zip`, download: "" }, t("Download all as zip")) : null), h("div.files", {}, h("div", {}, search, tree), preview)),
    h("section.card", {}, h("h2", {}, t("Lineage")), drawGraph(found.graph, { project, name, version }), users(found)),
    h("section.card", {}, h("h2", {}, t("How to use it")),
      h("p.note", {}, t("In a script, so that the run says what it used:")),
      command(`artifact = run.use_artifact("${full}")\nfolder = artifact.download()`),
      h("p.note", {}, t("In a terminal:")),
      command(`tracker artifact get ${full} ${name}`)));
  draw(found.entries, found.entries_total);
  const wanted = here().query.get("path");
  const first = found.entries.find((entry) => entry.path === wanted) ?? found.entries.find((entry) => entry.kind === "file");
  if (first) choose(first);
  else fill(preview, h("p.note", {}, t("There are no files in it.")));
}

function facts(found) {
  const rows = [
    [t("Size"), `${format.size(found.size_bytes)}, ${count(found.files, "{n} file", "{n} files")}`],
    [t("Made"), `${format.moment(found.created)} (${format.age(found.created)})`],
    [t("By run"), found.made_by ? [runLink(found.made_by), found.step === null ? "" : ` ${t("step {n}", { n: found.step })}`] : null],
    [t("Commit"), found.commit ? h("code", {}, found.commit) : null],
    [t("Branch"), found.branch],
    [t("Code"), found.code_commit && found.code_commit !== found.commit ? [h("code", {}, found.code_commit), ` (${t("with changes that were not committed")})`] : null],
    [t("Digest"), h("code", {}, found.digest)],
    [t("Parent"), found.parent],
    [t("Link to"), found.source],
    [t("Tags"), found.tags.join(", ")],
    [t("Description"), found.description],
    ...Object.entries(found.metadata).map(([key, value]) => [key, h("span.mono", {}, format.value(value))]),
  ];
  return rows.filter(([, value]) => value).map(([label, value]) => [h("dt", {}, label), h("dd", {}, value)]);
}

function runLink(run) {
  const cut = run.key.indexOf("/");
  return h("a", { href: address(["run", run.key.slice(0, cut), run.key.slice(cut + 1)]) }, run.name);
}

function users(found) {
  if (!found.used_by.length) return h("p.note", {}, t("No run has used it yet."));
  return h("p", {}, t("Used by"), " ", found.used_by.map((run) => [runLink(run), " ", stateMark(run.state), "  "]));
}
