// Something in space that can be turned and looked at from near: by pointer, wheel, keys and buttons.

import { fill, h, iconButton } from "../dom.js";
import { count, t } from "../i18n.js";
import { saveFile } from "../chart/save.js";
import { readCloud } from "./clouds.js";
import { readGlb, readGltf, readObj, readPly, readStl } from "./meshes.js";
import { FORMATS, readMolecule } from "./molecules.js";
import { Raster, boundsOf, turned } from "./raster.js";

const MOST_BYTES = 64 << 20;
const UPRIGHT = [1, 0, 0, 0, 1, 0, 0, 0, 1];
// In clouds and printed things z is up, in scenes and models y.
const Z_UP = turned(UPRIGHT, 0, -Math.PI / 2);
const READERS = { "pts.json": [readCloud, Z_UP], stl: [readStl, Z_UP], ply: [readPly, Z_UP], obj: [readObj, UPRIGHT], gltf: [readGltf, UPRIGHT], glb: [readGlb, UPRIGHT] };
for (const format of Object.keys(FORMATS)) READERS[format] = [(bytes) => readMolecule(bytes, format), UPRIGHT];

/** How a file is read; undefined for what is only for download. */
export function formatOf(path) {
  return Object.keys(READERS).find((format) => path.toLowerCase().endsWith(`.${format}`));
}

/**
 * Loads a file and shows what is in it; `size` in bytes, `dark` for the ground. Into `attitude` goes how
 * somebody turned it, and what is shown with it next is turned alike.
 */
export function spaceView(url, path, { size, label, dark, attitude = {} }) {
  const stage = h("div.turntable", {}, h("p.note", {}, "…"));
  const format = formatOf(path);
  if (!format || size > MOST_BYTES) {
    fill(stage, h("p.note", {}, format ? t("This file is too large to be drawn here; download it.") : t("This kind of file is not drawn here; download it.")));
    return stage;
  }
  const load = async () => {
    const response = await fetch(url);
    if (!response.ok) throw new Error(t("it is not there any more"));
    const [read, upright] = READERS[format];
    const { labels = [], ...scene } = read(new Uint8Array(await response.arrayBuffer()));
    if (!Object.keys(scene).length) fill(stage, h("p.note", {}, t("There is nothing in this file.")));
    else fill(stage, turntable(scene, { upright, label, dark, name: path.split("/").pop(), attitude }), labels.length ? h("p.note.small", {}, labels.slice(0, 20).join(", ")) : null);
  };
  load().catch((error) => fill(stage, h("p.note", {}, t("This file cannot be drawn: {why}.", { why: error.message }))));
  return stage;
}

function turntable(scene, { upright, label, dark, name, attitude }) {
  const bounds = boundsOf(scene);
  const start = turned(turned(upright, 1, -0.6), 0, 0.35);
  let { turn = start, zoom = 1 } = attitude, drag = null, asked = false;
  const canvas = h("canvas", { role: "img", tabIndex: 0, "aria-label": t("{label} in space: {what}. Arrow keys turn it, + and − change the size.", { label, what: inWords(scene) }) });
  const raster = () => {
    const ratio = Math.min(2, devicePixelRatio || 1);
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const made = new Raster(width, height, dark ? [23, 28, 33] : [255, 255, 255]);
    canvas.getContext("2d").putImageData(made.draw(scene, bounds, turn, zoom), 0, 0);
  };
  const draw = () => {
    Object.assign(attitude, { turn, zoom });
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      raster();
    });
  };
  const enlarge = (factor) => {
    zoom = Math.min(40, Math.max(0.2, zoom * factor));
    draw();
  };
  const move = (right, up) => {
    turn = turned(turned(turn, 1, right), 0, up);
    draw();
  };
  const reset = () => {
    [turn, zoom] = [start, 1];
    draw();
  };
  canvas.addEventListener("pointerdown", (event) => {
    drag = [event.clientX, event.clientY];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) return;
    move((event.clientX - drag[0]) / 120, (event.clientY - drag[1]) / 120);
    drag = [event.clientX, event.clientY];
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (drag = null));
  canvas.addEventListener("dblclick", reset);
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== canvas) return;
    event.preventDefault();
    enlarge(event.deltaY < 0 ? 1.15 : 1 / 1.15);
  }, { passive: false });
  const keys = { ArrowLeft: () => move(-0.15, 0), ArrowRight: () => move(0.15, 0), ArrowUp: () => move(0, -0.15), ArrowDown: () => move(0, 0.15), "+": () => enlarge(1.2), "-": () => enlarge(1 / 1.2), 0: reset };
  canvas.addEventListener("keydown", (event) => {
    if (!Object.hasOwn(keys, event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  });
  new ResizeObserver(draw).observe(canvas);
  const keep = () => canvas.toBlob((blob) => saveFile(`${name}.png`, blob, "image/png"));
  return [h("div.turntable-bar", {}, h("span.note.small", {}, inWords(scene)), h("span.space"),
    h("button.quiet", { type: "button", "aria-label": t("Larger"), title: t("Larger"), onclick: () => enlarge(1.3) }, "+"),
    h("button.quiet", { type: "button", "aria-label": t("Smaller"), title: t("Smaller"), onclick: () => enlarge(1 / 1.3) }, "−"),
    iconButton("reset", t("As at first"), reset), iconButton("save", t("Save {name}", { name: "PNG" }), keep)), canvas];
}

function inWords({ points, balls, sticks, faces }) {
  return [points && count(points.xyz.length / 3, "{n} point", "{n} points"), balls && count(balls.xyz.length / 3, "{n} atom", "{n} atoms"),
    faces && count(faces.xyz.length / 9, "{n} face", "{n} faces"), !balls && sticks && count(sticks.xyz.length / 6, "{n} line", "{n} lines")].filter(Boolean).join(", ");
}
