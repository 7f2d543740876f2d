// A line chart: drawn once, a second canvas above it for what follows the pointer.
//
//   const chart = new LineChart(element, {title: "loss", onHover, onView});
//   chart.set({curves: [{id, label, color, x, y}], xKind: "number", yLog: true});
//
// A curve is {id, label, color, dash, x, y} with x and y as arrays of numbers, and may have
// band: {low, high} (as long as x), faint (drawn pale), derived (not for CSV), jumps (x goes
// back and forth), whole: false (points were left out). The model of a chart may have marks:
// [{x, bad, label}], view: {x: [low, high], y}, home (the view of the whole, if it is one), xLog, yLog, clip, xKind ("number", "time" or
// "duration"), xLabel, title and theme (LIGHT or DARK of draw.js).

import { CanvasPen, LIGHT, drawAxes, drawCurves, extentOf, layOut, patchOf } from "./draw.js";
import { Picture, isCrowded } from "./picture.js";
import { makeScale, placeOf, tickText } from "./scale.js";

const MOST_SHOWN = 14;
// In the charts that the pointer is not over, less is covered.
const MOST_BESIDE = 5;
// So long after the last move the hand rests.
const REST_MS = 150;

export class LineChart {
  /** Draws into `host`; `onHover(x)` and `onView(range or null)` tell what the pointer does; `whole` is the name of a button. */
  constructor(host, { onHover = () => {}, onView = () => {}, describe = (text) => text, whole = "Reset the zoom" } = {}) {
    this.host = host;
    this.model = { curves: [], theme: LIGHT };
    this.onHover = onHover;
    this.onView = onView;
    this.describe = describe;
    this.canvas = document.createElement("canvas");
    this.overlay = document.createElement("canvas");
    this.tip = document.createElement("div");
    this.tip.className = "chart-tip";
    this.tip.hidden = true;
    host.classList.add("chart");
    this.back = wholeButton(whole, () => {
      this.onView(null);
      host.focus();
    });
    host.append(this.canvas, this.overlay, this.tip, this.back);
    host.tabIndex = 0;
    host.setAttribute("role", "group");
    this.listen();
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(host);
  }

  /** Changes what is shown, with the next frame; what is not given stays as it is. */
  set(changes) {
    Object.assign(this.model, changes);
    // While somebody drags there are several changes a frame.
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.rest);
    this.observer.disconnect();
    this.host.replaceChildren();
  }

  /** The range of x that is shown. */
  get range() {
    return this.model.view?.x ?? extentOf(this.model.curves, "x", this.model.xLog);
  }

  /** Where x is in the range that is set, which may not be drawn yet. */
  get scale() {
    const { box } = this.place;
    return makeScale(...this.range, box.left, box.right, this.model.xLog);
  }

  draw() {
    this.frame = null;
    const width = this.host.clientWidth, height = this.host.clientHeight;
    if (!width || !height) return;
    this.place = layOut(this.model, width, height);
    this.back.hidden = !this.model.view?.x || this.model.view === this.model.home;
    const pen = this.penOn(this.canvas, width, height);
    drawAxes(pen, this.model, this.place);
    this.drawWithin(pen);
    this.drawHover();
    this.host.setAttribute("aria-label", this.describe(this.summary()));
    this.drawn = performance.now();
  }

  /** The curves, or, while somebody moves many of them, the picture of before. */
  drawWithin(pen) {
    const { model, place } = this;
    clearTimeout(this.rest);
    if (!isCrowded(model, place)) {
      this.picture = null;
      drawCurves(pen, model, place);
      return;
    }
    if (!this.picture?.fits(model, place, pen.ratio)) this.picture = new Picture(model, place, pen.ratio);
    else if (!this.picture.isAt(place)) this.rest = setTimeout(() => this.drawAnew(), REST_MS);
    this.picture.putOn(pen, place);
  }

  drawAnew() {
    this.picture = null;
    this.draw();
  }

  penOn(canvas, width, height) {
    const ratio = Math.min(2, devicePixelRatio || 1);
    if (canvas.width !== width * ratio || canvas.height !== height * ratio) {
      canvas.width = width * ratio;
      canvas.height = height * ratio;
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    const pen = new CanvasPen(canvas.getContext("2d"), ratio);
    pen.clear(width, height);
    return pen;
  }

  /** The chart in words: each curve with its last value. */
  summary() {
    const last = this.model.curves.filter((curve) => !curve.faint && curve.y.length).slice(0, 8);
    return [this.model.title, ...last.map((curve) => `${curve.label}: ${tickText(curve.y[curve.y.length - 1], [0, Math.abs(curve.y[curve.y.length - 1]) / 1000 || 1])}`)].filter(Boolean).join("; ");
  }

  // the pointer

  listen() {
    const at = (event) => event.clientX - this.host.getBoundingClientRect().left;
    this.host.addEventListener("pointermove", (event) => {
      if (!this.place) return;
      if (this.drag) this.dragTo(at(event));
      else this.hoverAt(this.place.x.invert(at(event)), event);
    });
    this.host.addEventListener("pointerleave", () => !this.drag && this.hoverAt(null));
    this.host.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.place || event.pointerType === "touch") return;
      this.drag = { from: at(event), to: at(event), pan: event.shiftKey, range: this.range };
      this.host.setPointerCapture(event.pointerId);
    });
    this.host.addEventListener("pointerup", () => this.endDrag());
    this.host.addEventListener("pointercancel", () => (this.drag = null, this.drawHover()));
    this.host.addEventListener("dblclick", () => this.onView(null));
    this.host.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 0.7 : 1 / 0.7, at(event));
    }, { passive: false });
    this.host.addEventListener("keydown", (event) => this.key(event));
    this.host.addEventListener("blur", () => this.hoverAt(null));
  }

  key(event) {
    const { box } = this.place ?? {};
    if (!box || event.ctrlKey || event.metaKey || event.altKey) return;
    const middle = (box.left + box.right) / 2;
    const moves = {
      "+": () => this.zoom(0.7, middle),
      "-": () => this.zoom(1 / 0.7, middle),
      ArrowLeft: () => (event.shiftKey ? this.pan(-0.2) : this.step(-1)),
      ArrowRight: () => (event.shiftKey ? this.pan(0.2) : this.step(1)),
      0: () => this.onView(null),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  }

  /** Goes to the next point of the first curve, for those without a pointer. */
  step(direction) {
    const curve = this.model.curves.find((each) => !each.faint && each.x.length);
    if (!curve) return;
    const now = this.hover === null || this.hover === undefined ? (direction > 0 ? -1 : curve.x.length) : placeOf(curve.x, this.hover);
    const next = Math.min(Math.max(now + direction, 0), curve.x.length - 1);
    this.hoverAt(curve.x[next]);
  }

  zoom(factor, pixel) {
    const { box } = this.place, x = this.scale;
    const low = x.invert(pixel - (pixel - box.left) * factor), high = x.invert(pixel + (box.right - pixel) * factor);
    this.onView([low, high]);
  }

  pan(share) {
    const { box } = this.place, x = this.scale;
    const move = (box.right - box.left) * share;
    this.onView([x.invert(box.left + move), x.invert(box.right + move)]);
  }

  dragTo(pixel) {
    this.drag.to = pixel;
    if (this.drag.pan) {
      const { box } = this.place, x = this.scale;
      const move = this.drag.from - pixel;
      this.drag.from = pixel;
      this.onView([x.invert(box.left + move), x.invert(box.right + move)]);
    } else this.drawHover();
  }

  endDrag() {
    const { drag, place } = this;
    this.drag = null;
    if (!drag) return;
    const [from, to] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
    if (!drag.pan && to - from > 5) {
      this.onView([place.x.invert(Math.max(from, place.box.left)), place.x.invert(Math.min(to, place.box.right))]);
    }
    this.drawHover();
  }

  // what follows the pointer

  hoverAt(x, event = null) {
    this.setHover(x, event !== null || document.activeElement === this.host);
    this.onHover(x);
  }

  /** Shows the values at x; called for every chart when the pointer is over one of them. */
  setHover(x, own = false) {
    this.hover = x;
    this.own = own;
    this.drawHover();
  }

  drawHover() {
    if (!this.place) return;
    const { width, height, box } = this.place;
    const pen = this.penOn(this.overlay, width, height);
    if (this.drag && !this.drag.pan) {
      const [from, to] = [this.drag.from, this.drag.to].map((pixel) => Math.min(Math.max(pixel, box.left), box.right));
      pen.polygon([[from, box.top], [to, box.top], [to, box.bottom], [from, box.bottom]], this.model.theme.strong, 0.1);
    }
    const x = this.hover;
    if (x === null || x === undefined || x < this.place.x.low || x > this.place.x.high) {
      this.tip.hidden = true;
      return;
    }
    const points = this.pointsAt(x);
    const line = points.length ? this.place.x(points[0].x) : this.place.x(x);
    pen.line(line, box.top, line, box.bottom, this.model.theme.axis, 1);
    for (const point of points) {
      const y = this.place.y(point.y);
      if (y >= box.top - 2 && y <= box.bottom + 2) {
        pen.dot(this.place.x(point.x), y, 4.5, this.model.theme.ground);
        pen.dot(this.place.x(point.x), y, 3, point.curve.color);
      }
    }
    this.showTip(points, line);
  }

  /** For each curve the point nearest to x, but none further away than the next pixels. */
  pointsAt(x) {
    const reach = Math.abs(this.place.x.invert(this.place.x(x) + 24) - x);
    const found = [];
    for (const curve of this.model.curves) {
      if (curve.faint || curve.jumps || !curve.x.length) continue;
      let at = placeOf(curve.x, x);
      if (at < 0 || (at + 1 < curve.x.length && curve.x[at + 1] - x < x - curve.x[at])) at++;
      if (Math.abs(curve.x[at] - x) <= Math.max(reach, gapAt(curve.x, at))) found.push({ curve, x: curve.x[at], y: curve.y[at], at });
    }
    const near = found.reduce((best, point) => Math.min(best, Math.abs(point.x - x)), Infinity);
    found.sort((a, b) => (Math.abs(a.x - x) === near ? 0 : 1) - (Math.abs(b.x - x) === near ? 0 : 1) || b.y - a.y);
    return found;
  }

  showTip(points, line) {
    if (!points.length) {
      this.tip.hidden = true;
      return;
    }
    const rows = points.slice().sort((a, b) => b.y - a.y || 0);
    const most = this.own ? MOST_SHOWN : MOST_BESIDE;
    const head = document.createElement("b");
    head.textContent = `${this.model.xLabel ?? ""} ${tickText(points[0].x, [0, Math.max(1e-9, Math.abs(this.range[1] - this.range[0]) / 1e4)], this.model.xKind)}`.trim();
    this.tip.replaceChildren(head);
    for (const point of rows.slice(0, most)) {
      const row = document.createElement("span");
      const patch = document.createElement("i");
      patch.style.background = patchOf(point.curve);
      const name = document.createElement("em");
      name.textContent = point.curve.label ?? point.curve.id;
      const value = document.createElement("strong");
      value.textContent = fullNumber(point.y) + rangeText(point);
      row.append(patch, name, value);
      this.tip.append(row);
    }
    if (rows.length > most) {
      const more = document.createElement("small");
      more.textContent = `+ ${rows.length - most}`;
      this.tip.append(more);
    }
    this.tip.hidden = false;
    this.tip.classList.toggle("own", this.own);
    const room = this.tip.offsetWidth + 14;
    const left = line + room > this.place.width ? line - room : line + 12;
    this.tip.style.left = `${Math.max(2, left)}px`;
  }
}

/** A button in the corner of what is zoomed, for those without a double click or a keyboard. */
export function wholeButton(label, action) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "chart-whole";
  button.textContent = "⟲";
  button.title = label;
  button.setAttribute("aria-label", label);
  button.hidden = true;
  button.addEventListener("click", action);
  // To press it is no move of the chart below.
  for (const kind of ["pointerdown", "pointermove", "dblclick"]) button.addEventListener(kind, (event) => event.stopPropagation());
  return button;
}

/** The range in which the members of a group lie, if they differ. */
function rangeText({ curve: { band }, at }) {
  if (!band || band.low[at] === band.high[at]) return "";
  const [low, high] = [band.low[at], band.high[at]].map((end) => fullNumber(Number(end.toPrecision(3))));
  return ` (${low} … ${high})`;
}

function gapAt(xs, at) {
  const before = at > 0 ? xs[at] - xs[at - 1] : 0;
  const after = at + 1 < xs.length ? xs[at + 1] - xs[at] : 0;
  return Math.max(before, after) / 2;
}

/** A value with all digits that tell it apart from its neighbours on a screen. */
export function fullNumber(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value).replace("-", "−");
  const size = Math.abs(value);
  const text = size < 1e-4 || size >= 1e8 ? value.toExponential(4) : String(Number(value.toPrecision(6)));
  return text.replace("e+", "e").replaceAll("-", "−");
}
