// A look into a file. Pictures come under a policy in which nothing runs; the rest is text.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { count, t } from "../i18n.js";
import * as format from "../format.js";

const MOST_SHOWN = 400;

/** Shows the file in `host`; `latest` (of `newest`) takes back the question for the file before it. */
export async function showPreview(host, path, entry, latest) {
  const url = (more = {}) => `api/${path}/file?${new URLSearchParams({ path: entry.path, ...more })}`;
  const head = h("div.preview-head", {}, h("b", {}, entry.path), h("span.faint.small", {}, format.size(entry.size), entry.executable ? ` · ${t("executable")}` : ""),
    h("a.button", { href: url({ download: 1 }), download: "" }, t("Download")));
  const body = h("div.preview-body", {}, h("p.note", {}, t("Looking …")));
  fill(host, head, body);
  let found;
  try {
    found = await latest((signal) => get(`${path}/preview`, { path: entry.path }, signal));
  } catch (error) {
    if (error.name !== "AbortError") fill(body, h("p.note", {}, error.message, error.hint ? ` ${error.hint}` : ""));
    return;
  }
  const show = { image, audio, video, text, table, tensors }[found.kind] ?? nothing;
  fill(body, show(found, url, entry));
}

function image(found, url, entry) {
  return h("img", { src: url(), alt: entry.path, loading: "lazy" });
}

function audio(found, url) {
  return h("audio", { src: url(), controls: true });
}

function video(found, url) {
  return h("video", { src: url(), controls: true });
}

function text(found) {
  return [found.note ? h("p.note", {}, found.note) : null, h("pre.text", { tabIndex: 0 }, found.text), cut(found)];
}

function nothing(found) {
  return h("p.note", {}, found.note === "binary" ? t("This is not text; download it to open it.") : found.note);
}

function cut(found) {
  return found.cut ? h("p.note.small", {}, t("This is its beginning; download it for the rest.")) : null;
}

function table(found) {
  return [
    h("div.scroll", { tabIndex: 0 }, h("table.plain", {},
      h("thead", {}, h("tr", {}, found.columns.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, found.rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, format.value(cell)))))))),
    cut(found),
  ];
}

function tensors(found) {
  const measured = found.tensors.some((tensor) => "mean" in tensor);
  const heads = [t("Tensor"), t("Type"), t("Shape"), t("Elements"), ...(measured ? [t("Mean"), t("Spread"), t("Lowest"), t("Highest")] : [])];
  const values = found.values && Object.keys(found.values).length ? found.values : null;
  return [
    h("p.note.small", {}, count(found.total, "{n} tensor", "{n} tensors"), ", ", count(found.numbers, "{n} number", "{n} numbers"), found.measured ? "" : ` · ${t("too many for statistics")}`),
    h("div.scroll", { tabIndex: 0 }, h("table.plain", {},
      h("thead", {}, h("tr", {}, heads.map((head, at) => h("th", { scope: "col", class: at > 2 ? "number" : "" }, head)))),
      h("tbody", {}, found.tensors.slice(0, MOST_SHOWN).map((tensor) => h("tr", {},
        h("th.mono", { scope: "row" }, tensor.name || "·"), h("td.mono", {}, tensor.dtype), h("td.mono.shape", {}, tensor.shape.join(" × ") || t("scalar")), h("td.number", {}, tensor.count.toLocaleString()),
        measured ? ["mean", "std", "min", "max"].map((key) => h("td.number", {}, format.number(tensor[key]))) : null,
        tensor.not_finite ? h("td.bad", {}, t("{n} are NaN or infinite", { n: tensor.not_finite })) : null))))),
    found.total > MOST_SHOWN ? h("p.note.small", {}, t("{n} more", { n: found.total - MOST_SHOWN })) : null,
    values ? [h("h3", {}, t("What else is in it")), h("pre.text", { tabIndex: 0 }, JSON.stringify(values, null, 2))] : null,
  ];
}
