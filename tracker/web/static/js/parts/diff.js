// A diff as git prints it, with its lines coloured.

import { h } from "../dom.js";
import { t } from "../i18n.js";

/** What `compare_code` returned: files, patch, what was left out. */
export function diffView(changes) {
  if (changes.note) return h("p.note", {}, changes.note);
  if (!changes.files.length) return h("p.note", {}, t("Nothing differs."));
  const names = h("ul.diff-files", {}, changes.files.map((file) => h("li", {}, h("code", {}, file.path), " ",
    file.added === null ? h("span.faint", {}, t("binary")) : [h("span.added", {}, `+${file.added}`), " ", h("span.removed", {}, `−${file.removed}`)])));
  return h("div", {}, names, patchView(changes.patch), changes.left_out ? h("p.note.small", {}, t("{n} more lines", { n: changes.left_out })) : null);
}

export function patchView(lines) {
  const kinds = { "+": "added", "-": "removed", "@": "place" };
  return h("pre.diff", { tabIndex: 0, "aria-label": t("Changes of the code") }, lines.map((line) => {
    const meta = /^(diff |index |--- |\+\+\+ |new file|deleted file|similarity|rename )/.test(line);
    return h("span", { class: meta ? "meta" : kinds[line[0]] ?? "" }, `${line}\n`);
  }));
}
