// The part of a figure that is looked at: chosen by a box, by the wheel or by keys, with its axes cut to it.

const LEAST = 5;

export class Excerpt {
  constructor(figure) {
    this.whole = figure;
    this.reset();
  }

  reset() {
    this.ends = null;
    this.figure = this.whole;
  }

  /** Shows what lies between two corners, in pixels of `place`; a side of no length keeps its axis as it is. */
  between(place, from, to) {
    const [wide, high] = [0, 1].map((side) => Math.abs(to[side] - from[side]) >= LEAST);
    if (!wide && !high) return false;
    const inside = (value, low, top) => Math.min(Math.max(value, low), top);
    const { box } = place;
    const xs = wide ? [from[0], to[0]].map((pixel) => inside(pixel, box.left, box.right)) : [box.left, box.right];
    const ys = high ? [from[1], to[1]].map((pixel) => inside(pixel, box.top, box.bottom)) : [box.top, box.bottom];
    return this.show(place, xs, ys);
  }

  /** Shows more or less around a place: a factor below 1 makes things larger. */
  zoom(place, factor, [px, py] = middleOf(place.box)) {
    const { left, right, top, bottom } = place.box;
    return this.show(place, [px - (px - left) * factor, px + (right - px) * factor], [py - (py - top) * factor, py + (bottom - py) * factor]);
  }

  move(place, dx, dy) {
    const { left, right, top, bottom } = place.box;
    return this.show(place, [left - dx, right - dx], [top - dy, bottom - dy]);
  }

  show(place, xs, ys) {
    const ends = { x: endsOf(place.x, xs), y: endsOf(place.y, ys) };
    // Where numbers are no longer told apart there is nothing more to see.
    if (![ends.x, ends.y].every(([low, high]) => Number.isFinite(low) && Number.isFinite(high) && high - low > Math.abs(high) * 1e-12)) return false;
    this.ends = ends;
    const cut = (axis, [low, high]) => ({ ...axis, low, high });
    this.figure = { ...this.whole, x: cut(this.whole.x, ends.x), y: cut(this.whole.y, ends.y) };
    return true;
  }
}

function endsOf(scale, pixels) {
  return pixels.map((pixel) => scale.invert(pixel)).sort((a, b) => a - b);
}

function middleOf({ left, right, top, bottom }) {
  return [(left + right) / 2, (top + bottom) / 2];
}
