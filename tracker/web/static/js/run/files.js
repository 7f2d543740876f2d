// The files of a run: what is kept of it on disk, with a look into each.

import { complain, fileUrl, get, runPath } from "../api.js";
import { fill, h, later } from "../dom.js";
import { count, t } from "../i18n.js";
import { change, here } from "../router.js";
import { ansiSpans } from "../parts/ansi.js";
import { drawTree, markChosen, treeElement } from "../parts/file_tree.js";
import { htmlFrame } from "../parts/html_frame.js";

const MOST_TEXT = 400_000;
const MOST_LISTED = 2000;
const PICTURES = /\.(png|jpe?g|gif|webp|bmp|svg|avif)$/i;

export async function show(host, run) {
  const { files } = await get(`${runPath(run.key)}/files`);
  const search = h("input", { type: "search", placeholder: t("Search"), "aria-label": t("Search files") });
  const tree = treeElement();
  const preview = h("div.file-preview", {}, h("p.note", {}, t("Choose a file to look into it.")));
  const draw = () => {
    const wanted = search.value.toLowerCase();
    const found = files.filter((file) => file.path.toLowerCase().includes(wanted));
    drawTree(tree, found.slice(0, MOST_LISTED), { total: found.length, choose: open, open: Boolean(wanted) });
    markChosen(tree, here().query.get("path"));
  };
  search.addEventListener("input", later(80, draw));
  async function open(file) {
    change({ path: file.path });
    markChosen(tree, file.path);
    fill(preview, h("header", {}, h("code", {}, file.path), h("span.space"), h("a.button", { href: fileUrl(run.key, file.path, { download: 1 }), download: file.path.split("/").pop() }, t("Download"))), await look(run, file).catch((error) => (complain(error), "")));
  }
  draw();
  fill(host, h("div.files", {}, h("div.side", {}, h("div.bar", {}, search, h("span.note.small", {}, count(files.length, "{n} file", "{n} files"))), tree), preview));
  const said = files.find((file) => file.path === here().query.get("path"));
  if (said) await open(said);
}

async function look(run, file) {
  const url = fileUrl(run.key, file.path);
  if (PICTURES.test(file.path)) return h("img", { src: url, alt: file.path });
  if (/\.(html?|xhtml)$/i.test(file.path)) return htmlFrame(url, file.path);
  if (/\.(mp4|webm)$/i.test(file.path)) return h("video", { src: url, controls: true });
  if (/\.(wav|mp3|ogg|flac)$/i.test(file.path)) return h("audio", { src: url, controls: true });
  if (/\.(columns|pt|pth|bin|safetensors|npz|npy|zip|gz|pack|pkl|ckpt)$/i.test(file.path)) return h("p.note", {}, t("This file is for programs; download it."));
  const response = await fetch(url);
  const text = await readStart(response);
  if (text.includes("\u0000")) return h("p.note", {}, t("This file is for programs; download it."));
  const shown = text.slice(0, MOST_TEXT);
  return h("div", {}, h("pre.text", { tabIndex: 0 }, shown.includes("\u001b") ? ansiSpans(shown).spans : shown), file.size > MOST_TEXT ? h("p.note.small", {}, t("Only the beginning is shown.")) : null);
}

async function readStart(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done || text.length > MOST_TEXT) break;
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return text;
}
