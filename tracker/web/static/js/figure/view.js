// A figure in the page: drawn on a canvas, with what the pointer or the arrow keys are at, a legend, and files to save.

import { fill, h, iconButton } from "../dom.js";
import { count, t } from "../i18n.js";
import { menu } from "../menu.js";
import { CanvasPen, patchOf } from "../chart/draw.js";
import { fullNumber, wholeButton } from "../chart/chart.js";
import { csvCell, saveFile, toPng, toSvg } from "../chart/save.js";
import { Excerpt } from "./excerpt.js";
import { drawFigure, heightOf, layOutFigure, thingAt, thingsIn, thingUnder } from "./draw.js";

/** Returns an element that shows a figure, its title above it; `name` is that of the files saved from it. */
export function figureView(figure, name) {
  const view = new FigureView(figure);
  return [figureHead(figure.title, figure.layers, () => saved(view.part.figure, view.height), name), view.host];
}

class FigureView {
  constructor(figure) {
    this.figure = figure;
    this.part = new Excerpt(figure);
    this.height = heightOf(figure);
    this.place = this.at = this.drag = null;
    this.canvas = h("canvas");
    this.overlay = h("canvas");
    this.tip = h("div.chart-tip.own", { hidden: true });
    this.back = wholeButton(t("Reset the zoom"), () => {
      this.whole();
      this.host.focus();
    });
    this.host = h("div.chart.figure-chart", { role: "group", tabIndex: 0, "aria-label": inWords(figure), style: { height: `${this.height}px` } }, this.canvas, this.overlay, this.tip, this.back);
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.host);
  }

  draw() {
    const width = this.host.clientWidth;
    if (!width) return;
    this.place = layOutFigure(this.part.figure, width, this.height);
    this.back.hidden = !this.part.ends;
    drawFigure(penOn(this.canvas, width, this.height), this.part.figure, this.place);
    this.point(this.at);
  }

  /** Points at a thing, [layer, n], or at nothing; shows the box that is being dragged. */
  point(thing) {
    this.at = thing;
    const { figure, place, drag, tip } = this;
    if (!place) return;
    const pen = penOn(this.overlay, place.width, this.height);
    if (drag && !drag.moves) outline(pen, [...drag.from, ...drag.to], figure.theme.strong);
    tip.hidden = !thing || Boolean(drag);
    if (tip.hidden) return;
    const layer = figure.layers[thing[0]];
    const { x, y, box } = thingAt(layer, thing[1], place);
    if (box) outline(pen, box, figure.theme.strong);
    else if (isWithin(place.box, x, y)) {
      pen.dot(x, y, 5.5, figure.theme.ground);
      pen.dot(x, y, 4, layer.color);
    }
    fill(tip, rowsOf(figure, layer, thing[1]).map(([label, value], i) => h("span", {}, i ? null : h("i", { style: { background: layer.color ?? figure.theme.mark } }), label ? h("em", {}, label) : null, h("strong", {}, value))));
    const room = tip.offsetWidth + 14, left = Math.min(Math.max(x, 0), place.width);
    tip.style.left = `${Math.max(2, left + room > place.width ? left - room : left + 12)}px`;
    tip.style.top = `${Math.max(2, Math.min(y - 10, this.height - tip.offsetHeight - 4))}px`;
  }

  listen() {
    const { host } = this;
    const where = (event) => {
      const around = host.getBoundingClientRect();
      return [event.clientX - around.left, event.clientY - around.top];
    };
    host.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.place || event.pointerType === "touch") return;
      this.drag = { from: where(event), to: where(event), moves: event.shiftKey };
      host.setPointerCapture(event.pointerId);
    });
    host.addEventListener("pointermove", (event) => {
      if (!this.place) return;
      if (this.drag) this.dragTo(where(event));
      else this.point(thingUnder(this.part.figure, this.place, ...where(event)));
    });
    host.addEventListener("pointerup", () => this.drop(true));
    host.addEventListener("pointercancel", () => this.drop(false));
    host.addEventListener("pointerleave", () => !this.drag && this.point(null));
    host.addEventListener("dblclick", () => this.whole());
    host.addEventListener("wheel", (event) => {
      if (!this.place || (!event.ctrlKey && !event.metaKey)) return;
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 0.7 : 1 / 0.7, where(event));
    }, { passive: false });
    host.addEventListener("blur", () => this.point(null));
    host.addEventListener("keydown", (event) => this.key(event));
  }

  // which part is looked at

  whole() {
    this.part.reset();
    this.draw();
  }

  zoom(factor, around) {
    if (this.part.zoom(this.place, factor, around)) this.draw();
  }

  move(dx, dy) {
    if (this.part.move(this.place, dx, dy)) this.draw();
  }

  dragTo(now) {
    const { drag } = this;
    drag.to = now;
    if (!drag.moves) return this.point(null);
    this.move(now[0] - drag.from[0], now[1] - drag.from[1]);
    drag.from = now;
  }

  drop(keep) {
    const { drag } = this;
    this.drag = null;
    if (drag && keep && !drag.moves && this.part.between(this.place, drag.from, drag.to)) this.draw();
    else this.point(this.at);
  }

  key(event) {
    const { box } = this.place ?? {};
    if (!box || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = (direction) => this.point(next(this.figure, this.at, direction));
    const [wide, high] = [(box.right - box.left) / 5, (box.bottom - box.top) / 5];
    const moves = event.shiftKey
      ? { ArrowRight: () => this.move(-wide, 0), ArrowLeft: () => this.move(wide, 0), ArrowUp: () => this.move(0, high), ArrowDown: () => this.move(0, -high) }
      : { ArrowRight: () => step(1), ArrowLeft: () => step(-1) };
    const keys = { ...moves, "+": () => this.zoom(0.7), "-": () => this.zoom(1 / 0.7), 0: () => this.whole() };
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }
}

function isWithin({ left, right, top, bottom }, x, y) {
  return x >= left - 1 && x <= right + 1 && y >= top - 1 && y <= bottom + 1;
}

function penOn(canvas, width, height) {
  const ratio = Math.min(2, devicePixelRatio || 1);
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  return new CanvasPen(canvas.getContext("2d"), ratio);
}

function outline(pen, [left, top, right, bottom], color) {
  for (const [x1, y1, x2, y2] of [[left, top, right, top], [right, top, right, bottom], [right, bottom, left, bottom], [left, bottom, left, top]]) pen.line(x1, y1, x2, y2, color, 1.5);
}

function next(figure, at, step) {
  let [layer, n] = at ?? (step > 0 ? [0, -1] : [figure.layers.length - 1, thingsIn(figure.layers.at(-1))]);
  n += step;
  while (n < 0 || n >= thingsIn(figure.layers[layer])) {
    layer += step;
    if (!figure.layers[layer]) return at;
    n = step > 0 ? 0 : thingsIn(figure.layers[layer]) - 1;
  }
  return [layer, n];
}

/** What stands above a figure: its title, what its colours mean, and a button to save it. */
export function figureHead(title, layers, model, name) {
  return h("div.figure-head", {}, h("div", {}, title ? h("h3", {}, title) : null, legend(layers.filter((layer) => layer.label))), saveButton(model, name));
}

/** Names of colours, if there is more than one to tell apart. */
function legend(curves) {
  if (curves.length < 2) return null;
  return h("div.legend", {}, curves.slice(0, 40).map((curve) => h("span", {}, h("i.swatch", { style: { background: patchOf(curve) } }), curve.label)), curves.length > 40 ? `+ ${curves.length - 40}` : null);
}

/** A button that offers a model of the charts, or a figure, as files. */
function saveButton(model, name) {
  const file = name.replaceAll("/", "-");
  return iconButton("save", t("Save {name}", { name }), (event) => menu(event.currentTarget, [
    ["PNG", async () => saveFile(`${file}.png`, await toPng(model(), 800, model().height), "image/png")],
    ["SVG", () => saveFile(`${file}.svg`, toSvg(model(), 800, model().height), "image/svg+xml")],
    model().csv ? ["CSV", () => saveFile(`${file}.csv`, model().csv(), "text/csv")] : null,
  ], { label: t("Save") }));
}

/** A figure as the model that the charts' files are written from. */
function saved(figure, height) {
  const labelled = figure.layers.filter((layer) => layer.label);
  return {
    title: figure.title, theme: figure.theme, height, curves: labelled.length > 1 ? labelled : [],
    draw: (pen, width) => drawFigure(pen, figure, layOutFigure(figure, width, height)),
    csv: () => [["series", figure.x.label ?? "x", figure.y.label ?? "y", "value"], ...figure.layers.flatMap((layer) => Array.from({ length: thingsIn(layer) }, (_, n) => cellsOf(figure, layer, n)))]
      .map((cells) => `${cells.map(csvCell).join(",")}\n`).join(""),
  };
}

/** A thing as cells of a table: series, x, y, and the value of what has one besides. */
function cellsOf(figure, layer, n) {
  const plain = (axis, value) => (axis.names ? axis.names[Math.round(value)] : axis.kind === "time" ? moment(value) : value);
  const { x, y } = figure;
  if (layer.kind === "cells") {
    const columns = layer.values[0].length, i = n % columns, j = Math.floor(n / columns);
    return [layer.label, plain(x, middle(layer.x, i)), plain(y, middle(layer.y, j)), layer.values[j][i]];
  }
  if (layer.kind !== "bars") return [layer.names?.[n] ?? layer.label, plain(x, layer.x[n]), plain(y, layer.y[n]), ""];
  const along = plain(layer.lying ? y : x, (layer.from[n] + layer.to[n]) / 2), value = layer.value[n] - (layer.stacked ? layer.base[n] : 0);
  return layer.lying ? [layer.label, value, along, ""] : [layer.label, along, value, ""];
}

function middle(borders, place) {
  return (borders[place] + borders[place + 1]) / 2;
}

/** What a thing is, as [name, value] pairs. */
function rowsOf(figure, layer, n) {
  const said = (axis, value) => (axis.names ? String(axis.names[Math.round(value)] ?? "") : axis.kind === "time" ? moment(value) : fullNumber(value));
  const { x, y } = figure;
  if (layer.kind === "bars") {
    const [along, across] = layer.lying ? [y, x] : [x, y];
    const from = along.names ? said(along, (layer.from[n] + layer.to[n]) / 2) : `${said(along, layer.from[n])} … ${said(along, layer.to[n])}`;
    return [[layer.label ?? along.label ?? "", from], [across.label ?? "", said(across, layer.value[n] - (layer.stacked ? layer.base[n] : 0))]];
  }
  if (layer.kind === "cells") {
    const columns = layer.values[0].length, i = n % columns, j = Math.floor(n / columns);
    return [[x.label ?? "x", said(x, middle(layer.x, i))], [y.label ?? "y", said(y, middle(layer.y, j))], [layer.unit ?? "", fullNumber(layer.values[j][i])]];
  }
  return [[layer.names?.[n] ?? layer.label ?? "", ""], [x.label ?? "x", said(x, layer.x[n])], [y.label ?? "y", said(y, layer.y[n])]].filter(([label, value]) => label || value);
}

function moment(seconds) {
  return new Date(seconds * 1000).toISOString().replace("T", " ").replace(/(:00)?\.000Z$|Z$/, "").replace(" 00:00", "");
}

/** The figure in words, for those who do not see it. */
function inWords(figure) {
  const what = { bars: ["{n} bar", "{n} bars"], dots: ["{n} point", "{n} points"], line: ["{n} point of a line", "{n} points of a line"], cells: ["{n} cell", "{n} cells"] };
  const parts = figure.layers.slice(0, 8).map((layer) => `${layer.label ? `${layer.label}: ` : ""}${count(thingsIn(layer), ...what[layer.kind])}`);
  return t("Figure {text}", { text: [figure.title, ...parts].filter(Boolean).join("; ") });
}
