// Files by folders, in the order of their listing; the arrow keys go from one to the next.

import { fill, h } from "../dom.js";
import { count, t } from "../i18n.js";
import * as format from "../format.js";

// A folder with no more files than this, all in all, stands open.
const FEW = 24;

/** An element for a tree; `drawTree` fills it. */
export function treeElement() {
  const tree = h("div.tree", { role: "tree", "aria-label": t("Files") });
  tree.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const stops = [...tree.querySelectorAll("button.leaf, summary")].filter((each) => each.offsetParent);
    stops[Math.min(Math.max(stops.indexOf(document.activeElement) + step, 0), stops.length - 1)]?.focus();
    event.preventDefault();
  });
  return tree;
}

/** Shows entries, {path, size, …}; `choose(entry)` is called for the one that is clicked. */
export function drawTree(tree, entries, { total, choose, open = false }) {
  const branch = (folder) => h("div.branch", {},
    [...folder.folders].map(([label, below]) => h("details", { open: open || below.count <= FEW },
      h("summary", {}, label, h("span.faint.small", {}, ` ${count(below.count, "{n} file", "{n} files")}, ${format.size(below.size)}`)), branch(below))),
    folder.files.map((entry) => leaf(entry, choose)));
  fill(tree, branch(folders(entries)), total > entries.length ? h("p.note.small", {}, t("{n} more files: search for them", { n: (total - entries.length).toLocaleString() })) : null);
}

export function markChosen(tree, path) {
  for (const each of tree.querySelectorAll("[data-path]")) {
    if (each.dataset.path === path) each.setAttribute("aria-current", "true");
    else each.removeAttribute("aria-current");
  }
}

function leaf(entry, choose) {
  const label = entry.path.slice(entry.path.lastIndexOf("/") + 1);
  if (entry.kind && entry.kind !== "file") return h("div.leaf.faint", {}, `${label} ${entry.kind === "link" ? `→ ${entry.target}` : entry.kind}`);
  return h("button.leaf", { type: "button", role: "treeitem", dataset: { path: entry.path }, title: entry.path, onclick: () => choose(entry) },
    h("span.name", {}, label), h("span.faint.small", {}, format.size(entry.size)));
}

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
