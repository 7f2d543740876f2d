// What a run logged besides numbers: pictures in a grid with a slider over steps, tables, sound, films, HTML, texts.

import { complain, fileUrl, get, runPath } from "../api.js";
import { fill, h } from "../dom.js";
import { count, t } from "../i18n.js";
import * as format from "../format.js";
import { onLive } from "../live.js";
import { change, here } from "../router.js";
import { htmlFrame } from "../parts/html_frame.js";
import { tableView } from "../parts/table_view.js";
import { histogramView } from "../parts/histograms.js";
import { plotView } from "../parts/plot_view.js";
import { plotlyView } from "../parts/plotly_view.js";
import { spaceView } from "../space/view.js";
import { isDark } from "../view.js";
import { mediaKeys } from "./kinds.js";
import { picture } from "./picture.js";
import "../figure/texts.js";

// What is as well seen in half of the page; pictures, tables and HTML get all of it.
const NARROW = /^(plots?|plotly|plotly-file|histogram|object3D|object3D-file|molecule|molecule-file|audio|audio-file|text)$/;

export async function show(host, run, { onReload }) {
  const wanted = here().query.get("key");
  const watchers = new Map();
  const add = (key) => {
    const card = h("section.card.media-card", { dataset: { key }, class: NARROW.test(run.media[key]) ? "" : "wide" });
    host.append(card);
    const draw = () => drawCard(card, run, key, run.media[key]).catch(complain);
    const watcher = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        watcher.disconnect();
        draw();
      }
    }, { rootMargin: "300px" });
    watcher.observe(card);
    watchers.set(key, watcher);
  };
  const addNew = () => {
    const keys = mediaKeys(run.media).filter((key) => !watchers.has(key));
    for (const key of keys.includes(wanted) ? [wanted, ...keys.filter((each) => each !== wanted)] : keys) add(key);
  };
  addNew();
  const stops = [onReload(addNew), onLive("grown", (grown) => grown[run.key]?.includes("history") && host.querySelectorAll(".media-card").forEach((card) => card.refresh?.().catch(() => {})))];
  return () => {
    stops.forEach((stop) => stop());
    for (const watcher of watchers.values()) watcher.disconnect();
  };
}

async function drawCard(card, run, key, kind) {
  let { values, total } = await get(`${runPath(run.key)}/media`, { key });
  let at = values.length - 1;
  const stage = h("div.media-stage");
  const label = h("output.small");
  const slider = h("input", { type: "range", min: 0, max: Math.max(0, values.length - 1), value: at, "aria-label": t("Step of {name}", { name: key }), oninput: () => (at = Number(slider.value), draw()) });
  const attitudes = [];
  const draw = () => {
    if (at < 0) return;
    const [step, value] = values[at];
    label.textContent = t("step {n}", { n: step });
    slider.setAttribute("aria-valuetext", label.textContent);
    fill(stage, drawValue(run, value, key, attitudes));
  };
  card.refresh = async () => {
    const last = at === values.length - 1, before = JSON.stringify(values.at(-1));
    ({ values, total } = await get(`${runPath(run.key)}/media`, { key }));
    slider.max = Math.max(0, values.length - 1);
    // What somebody listens to or searches in stays as it is while only numbers are logged.
    if (last && JSON.stringify(values.at(-1)) !== before) {
      at = values.length - 1;
      slider.value = at;
      draw();
    }
  };
  fill(card, h("header", {}, h("h2", { title: key }, key), h("span.faint.small", {}, `${format.kind(kind)} · `, count(total, "{n} step", "{n} steps"))),
    values.length > 1 ? h("div.media-steps", {}, slider, label) : h("div.media-steps", {}, label), stage);
  draw();
}

function drawValue(run, value, key, attitudes) {
  if (typeof value === "string") return h("pre.text", {}, value);
  const items = value?.items ?? (value?._type ? [value] : null);
  if (!items) return h("pre.text", {}, JSON.stringify(value, null, 2));
  const drawn = items.map((item, i) => drawItem(run, item, value.captions?.[i] ?? item.caption, key, (attitudes[i] ??= {})));
  return /image|video/.test(value._type) ? h("div.gallery", {}, drawn) : drawn;
}

function drawItem(run, item, caption, key, attitude) {
  const url = item.path ? fileUrl(run.key, item.path) : null;
  const under = caption ? h("figcaption", {}, caption) : null;
  switch (item._type) {
    case "image-file":
      return h("figure", {}, picture(run, item, url, caption ?? key), under);
    case "video-file":
      return h("figure", {}, /\.gif$/i.test(item.path) ? h("img", { src: url, alt: caption ?? key }) : h("video", { src: url, controls: true, loop: true, muted: true }), under);
    case "audio-file":
      return h("figure.sound", {}, h("audio", { src: url, controls: true, preload: "metadata" }), under);
    case "html-file":
      return htmlFrame(url, key);
    case "table-file":
      return tableView(run, item);
    case "histogram":
      return histogramView(item);
    case "plot":
      return plotView(run, item);
    case "plotly-file":
      return plotlyView(run, item, key);
    case "object3D-file":
    case "molecule-file":
      return h("figure", {}, spaceView(url, item.path, { size: item.size, label: caption ?? key, dark: isDark(), attitude }), under, h("p.small", {}, downloadLink(run, item)));
    default:
      return h("p", {}, h("span.faint", {}, `‹${format.kind(item._type)}› `), url ? downloadLink(run, item) : h("code", {}, JSON.stringify(item).slice(0, 400)));
  }
}

function downloadLink(run, item) {
  return h("a", { href: fileUrl(run.key, item.path, { download: 1 }), download: item.path.split("/").pop() }, t("Download"), ` (${format.size(item.size)})`);
}
