// One version: its files with a look into them, what is known of it, where it comes from, how to use it.

import { complain, get, newest } from "../api.js";
import { fill, h, later } from "../dom.js";
import { count, t } from "../i18n.js";
import { address, change, here } from "../router.js";
import * as format from "../format.js";
import { command, stateMark } from "../parts/common.js";
import { drawGraph } from "./graph.js";
import { showPreview } from "./preview.js";

export async function showVersion(host, path, { project, name, version }) {
  const found = await get(path);
  const tree = h("div.tree", { role: "tree", "aria-label": t("Files") });
  const preview = h("div.preview");
  const search = h("input", { type: "search", placeholder: t("Search files"), "aria-label": t("Search files") });
  const latest = newest(), latestLook = newest();
  const look = later(200, async () => {
    try {
      const { entries, entries_total: total } = await latest((signal) => get(path, { search: search.value }, signal));
      drawTree(entries, total);
    } catch (error) {
      complain(error);
    }
  });
  search.addEventListener("input", look);

  function drawTree(entries, total) {
    fill(tree, branch(folders(entries)), total > entries.length ? h("p.note.small", {}, t("{n} more files: search for them", { n: (total - entries.length).toLocaleString() })) : null);
  }

  function branch(folder) {
    const inside = [...folder.folders].map(([label, below]) =>
      h("details", { open: folder.folders.size + folder.files.length < 12 },
        h("summary", {}, label, h("span.faint.small", {}, ` ${count(below.count, "{n} file", "{n} files")}, ${format.size(below.size)}`)), branch(below)));
    return h("div.branch", {}, inside, folder.files.map(leaf));
  }

  function leaf(entry) {
    const label = entry.path.slice(entry.path.lastIndexOf("/") + 1);
    if (entry.kind !== "file") return h("div.leaf.faint", {}, `${label} ${entry.kind === "link" ? `→ ${entry.target}` : entry.kind}`);
    return h("button.leaf", { type: "button", role: "treeitem", dataset: { path: entry.path }, title: entry.path, onclick: () => choose(entry) },
      h("span.name", {}, label), h("span.faint.small", {}, format.size(entry.size)));
  }

  function choose(entry) {
    change({ path: entry.path });
    for (const each of tree.querySelectorAll("[data-path]")) each.toggleAttribute("aria-current", each.dataset.path === entry.path);
    showPreview(preview, path, entry, latestLook).catch(complain);
  }

  tree.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const stops = [...tree.querySelectorAll("button.leaf, summary")].filter((each) => each.offsetParent);
    stops[Math.min(Math.max(stops.indexOf(document.activeElement) + step, 0), stops.length - 1)]?.focus();
    event.preventDefault();
  });

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
  drawTree(found.entries, found.entries_total);
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

/** Files by folders, in the order of the listing. */
function folders(entries) {
  const root = { folders: new Map(), files: [], count: 0, size: 0 };
  for (const entry of entries) {
    let folder = root;
    for (const part of entry.path.split("/").slice(0, -1)) {
      if (!folder.folders.has(part)) folder.folders.set(part, { folders: new Map(), files: [], count: 0, size: 0 });
      folder = folder.folders.get(part);
      folder.count++;
      folder.size += entry.size;
    }
    folder.files.push(entry);
  }
  return root;
}
