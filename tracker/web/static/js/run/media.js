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
import "../figure/texts.js";

// What is as well seen in half of the page; pictures, tables and HTML get all of it.
const NARROW = /^(plots?|plotly|plotly-file|histogram|object3D|object3D-file|molecule|molecule-file|audio|audio-file|text)$/;

export async function show(host, run) {
  const keys = mediaKeys(run.media);
  const wanted = here().query.get("key");
  const shown = keys.includes(wanted) ? [wanted, ...keys.filter((key) => key !== wanted)] : keys;
  const stops = shown.map((key) => {
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
    return () => watcher.disconnect();
  });
  stops.push(onLive("grown", (grown) => grown[run.key]?.includes("history") && host.querySelectorAll(".media-card").forEach((card) => card.refresh?.())));
  return () => stops.forEach((stop) => stop());
}

async function drawCard(card, run, key, kind) {
  let { values, total } = await get(`${runPath(run.key)}/media`, { key });
  let at = values.length - 1;
  const stage = h("div.media-stage");
  const label = h("output.small");
  const slider = h("input", { type: "range", min: 0, max: Math.max(0, values.length - 1), value: at, "aria-label": t("Step of {name}", { name: key }), oninput: () => (at = Number(slider.value), draw()) });
  const draw = () => {
    if (at < 0) return;
    const [step, value] = values[at];
    label.textContent = t("step {n}", { n: step });
    slider.setAttribute("aria-valuetext", label.textContent);
    fill(stage, drawValue(run, value, key));
  };
  card.refresh = async () => {
    const last = at === values.length - 1;
    ({ values, total } = await get(`${runPath(run.key)}/media`, { key }));
    slider.max = Math.max(0, values.length - 1);
    if (last) {
      at = values.length - 1;
      slider.value = at;
      draw();
    }
  };
  fill(card, h("header", {}, h("h2", { title: key }, key), h("span.faint.small", {}, `${kindName(kind)} · `, count(total, "{n} step", "{n} steps"))),
    values.length > 1 ? h("div.media-steps", {}, slider, label) : h("div.media-steps", {}, label), stage);
  draw();
}

const KIND_NAMES = { plot: "plot", plotly: "plotly figure", table: "table", image: "picture", audio: "sound", video: "film", object3D: "object in space", molecule: "molecule", histogram: "histogram", text: "text" };

/** A kind of values in words: "image-file" and "images" are pictures. */
function kindName(kind) {
  const known = Object.keys(KIND_NAMES).find((name) => [name, `${name}s`, `${name}-file`, `${name}s/separated`].includes(kind));
  return known ? t(KIND_NAMES[known]) : kind;
}

function drawValue(run, value, key) {
  if (typeof value === "string") return h("pre.text", {}, value);
  const items = value?.items ?? (value?._type ? [value] : null);
  if (!items) return h("pre.text", {}, JSON.stringify(value, null, 2));
  const drawn = items.map((item, i) => drawItem(run, item, value.captions?.[i] ?? item.caption, key));
  return /image|video/.test(value._type) ? h("div.gallery", {}, drawn) : drawn;
}

function drawItem(run, item, caption, key) {
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
      return h("figure", {}, spaceView(url, item.path, { size: item.size, label: caption ?? key, dark: isDark() }), under, h("p.small", {}, downloadLink(run, item)));
    default:
      return h("p", {}, h("span.faint", {}, `‹${item._type}› `), url ? downloadLink(run, item) : h("code", {}, JSON.stringify(item).slice(0, 400)));
  }
}

function downloadLink(run, item) {
  return h("a", { href: fileUrl(run.key, item.path, { download: 1 }), download: item.path.split("/").pop() }, t("Download"), ` (${format.size(item.size)})`);
}

const COLORS = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

function picture(run, item, url, alt) {
  const image = h("img", { src: url, alt, loading: "lazy", class: item.width && item.width < 96 ? "pixels" : "" });
  const boxes = Object.values(item.boxes ?? {});
  const masks = Object.entries(item.masks ?? {});
  if (!boxes.length && !masks.length) return h("a", { href: url, target: "_blank", rel: "noopener" }, image);
  const frame = h("div.picture", {}, image);
  for (const [name, mask] of masks) if (mask.path) frame.append(h("img.mask", { src: fileUrl(run.key, mask.path), alt: t("Mask {name}", { name }) }));
  for (const each of boxes) {
    if (each.path) fetch(fileUrl(run.key, each.path)).then((response) => response.json()).then((data) => drawBoxes(frame, item, data, each)).catch(() => {});
  }
  return frame;
}

function drawBoxes(frame, item, data, about) {
  for (const box of data.box_data ?? []) {
    const { position = {} } = box;
    const scale = box.domain === "pixel" ? [1 / item.width, 1 / item.height] : [1, 1];
    let { minX, minY, maxX, maxY } = position;
    if (position.middle) {
      [minX, maxX] = [position.middle[0] - position.width / 2, position.middle[0] + position.width / 2];
      [minY, maxY] = [position.middle[1] - position.height / 2, position.middle[1] + position.height / 2];
    }
    if (![minX, minY, maxX, maxY].every(Number.isFinite)) continue;
    const name = box.box_caption ?? about.class_labels?.[box.class_id] ?? String(box.class_id ?? "");
    frame.append(h("div.box", { title: name, style: {
      left: `${minX * scale[0] * 100}%`, top: `${minY * scale[1] * 100}%`, width: `${(maxX - minX) * scale[0] * 100}%`, height: `${(maxY - minY) * scale[1] * 100}%`,
      borderColor: COLORS[Math.abs(box.class_id ?? 0) % COLORS.length],
    } }, h("span", {}, name)));
  }
}
