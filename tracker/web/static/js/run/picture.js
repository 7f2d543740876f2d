// A picture of a run, with what was drawn upon it: boxes, and masks in the colors of their classes.

import { fileUrl } from "../api.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";

// Of classes; told apart by eyes of all kinds, and named below.
const COLORS = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const MOST_NAMED = 24;

/** Its place is kept while it is loaded, so that nothing moves when it comes. */
export function picture(run, item, url, alt) {
  const known = item.width > 0 && item.height > 0;
  const image = h("img", { src: url, alt, loading: "lazy", class: item.width && item.width < 96 ? "pixels" : "", style: known ? { aspectRatio: `${item.width} / ${item.height}` } : {} });
  const boxes = Object.entries(item.boxes ?? {}).filter(([, each]) => each.path);
  const masks = Object.entries(item.masks ?? {}).filter(([, each]) => each.path);
  if (!boxes.length && !masks.length) return h("a", { href: url, target: "_blank", rel: "noopener" }, image);
  const frame = h("div.picture", {}, image);
  const legend = h("div.legend.small");
  for (const [name, mask] of masks) maskOn(frame, legend, fileUrl(run.key, mask.path), name, mask.class_labels ?? {});
  for (const [, each] of boxes) fetch(fileUrl(run.key, each.path)).then((response) => response.json()).then((data) => drawBoxes(frame, item, data, each)).catch(() => {});
  return [frame, legend];
}

function colorOf(id) {
  return COLORS[Math.abs(id) % COLORS.length];
}

function maskOn(frame, legend, url, name, labels) {
  const canvas = h("canvas.mask", { role: "img", "aria-label": t("Mask {name}", { name }) });
  frame.append(canvas);
  const source = new Image();
  source.onload = () => {
    const seen = paintClasses(canvas, source);
    const names = [...seen].sort((a, b) => a - b).slice(0, MOST_NAMED).map((id) => h("span", {}, h("i.swatch", { style: { background: colorOf(id) } }), labels[id] ?? String(id)));
    const shown = h("input", { type: "checkbox", checked: true, onchange: () => (canvas.hidden = !shown.checked) });
    legend.append(h("label", {}, shown, name), ...names);
  };
  source.src = url;
}

/** A mask holds the number of a class for each pixel. Returns those that are there. */
function paintClasses(canvas, source) {
  [canvas.width, canvas.height] = [source.naturalWidth, source.naturalHeight];
  const context = canvas.getContext("2d");
  context.drawImage(source, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Set();
  for (let at = 0; at < pixels.data.length; at += 4) {
    const id = pixels.data[at];
    seen.add(id);
    const color = parseInt(colorOf(id).slice(1), 16);
    pixels.data.set([color >> 16, (color >> 8) & 255, color & 255, 130], at);
  }
  context.putImageData(pixels, 0, 0);
  return seen;
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
      borderColor: colorOf(box.class_id ?? 0),
    } }, h("span", {}, name)));
  }
}
