// The curves of a crowded chart as a picture, which is shifted and stretched while somebody moves the chart.
//
// A hundred curves take a quarter of a second to draw. While the hand moves, the picture of before is shown
// in its new place, below axes that are right; when the hand rests, the curves are drawn anew.

import { CanvasPen, drawCurves, visible } from "./draw.js";

// Fewer points than this are drawn within a frame.
const MANY_POINTS = 30_000;
// Of the chart, what the picture has to cover; and how often its size it may be made.
const LEAST_COVERED = 0.5;
const MOST_STRETCHED = 4;
const SAME = ["curves", "marks", "theme", "xLog", "yLog"];

/** Whether the curves of a chart take longer than a frame. */
export function isCrowded(model, place) {
  let points = 0;
  for (const curve of model.curves) {
    const [start, end] = visible(curve, place);
    points += (end - start) * (curve.band ? 3 : 1);
  }
  return points > MANY_POINTS;
}

export class Picture {
  /** Draws the curves as they are in this place. */
  constructor(model, place, ratio) {
    this.place = place;
    this.ratio = ratio;
    this.shown = Object.fromEntries(SAME.map((name) => [name, model[name]]));
    this.canvas = document.createElement("canvas");
    this.canvas.width = place.width * ratio;
    this.canvas.height = place.height * ratio;
    drawCurves(new CanvasPen(this.canvas.getContext("2d"), ratio), model, place);
  }

  /** Whether it shows what the model has, and enough of what would be seen in this place. */
  fits(model, place, ratio) {
    if (SAME.some((name) => this.shown[name] !== model[name])) return false;
    if (this.ratio !== ratio || this.place.width !== place.width || this.place.height !== place.height) return false;
    if (this.place.x.log !== place.x.log || this.place.y.log !== place.y.log) return false;
    const { box } = place, { left, right, across, along } = this.target(place);
    const covered = Math.min(right, box.right) - Math.max(left, box.left);
    return covered >= LEAST_COVERED * (box.right - box.left) && across <= MOST_STRETCHED && along <= MOST_STRETCHED;
  }

  /** Whether it was drawn for exactly this place. */
  isAt(place) {
    return ["x", "y"].every((axis) => this.place[axis].low === place[axis].low && this.place[axis].high === place[axis].high) && this.place.box.left === place.box.left;
  }

  /** Where its edges come to lie, and how many times its size it gets. */
  target(place) {
    const { box, x, y } = this.place;
    const left = place.x(x.low), right = place.x(x.high), top = place.y(y.high), bottom = place.y(y.low);
    return { left, right, top, bottom, across: (right - left) / (box.right - box.left), along: (bottom - top) / (box.bottom - box.top) };
  }

  /** Puts it into a chart whose axes are those of `place`. */
  putOn(pen, place) {
    const { box } = this.place, { left, right, top, across, along } = this.target(place), { ratio } = this;
    const width = box.right - box.left, height = box.bottom - box.top + 2;
    pen.clip(place.box);
    pen.context.drawImage(this.canvas, box.left * ratio, (box.top - 1) * ratio, width * ratio, height * ratio, left, top - along, right - left, height * along);
    pen.unclip();
  }
}
