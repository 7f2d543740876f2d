// A line of which many points fall into each column of pixels, as of a long run without rest.
//
// A browser without a graphics card needs half a second for a path of ten thousand strokes up and
// down. Such a column is one upright rectangle from its lowest to its highest point: the same
// pixels, in a thousandth of the time. Where the line is calm it stays a path, with smooth edges.

const TALL = 6;
const POINTS_PER_COLUMN = 2.5;

/** Whether a line from `start` to `end` is better drawn by columns; its x only grows. */
export function isDense(start, end, { box }) {
  return box !== undefined && end - start > POINTS_PER_COLUMN * (box.right - box.left);
}

/** Draws the line with the context's colours and width; a rectangle begins with where the line came from. */
export function drawColumns(context, x, y, start, end, place) {
  const half = context.lineWidth / 2;
  // The column that is being collected, in pixels; the line came to it from `left`, at the height `before`.
  let column = NaN, first, last, low, high, left = NaN, before = NaN;
  const finish = () => {
    if (Number.isNaN(column)) return;
    const next = column === left + 1;
    const from = next ? Math.min(low, before) : low, to = next ? Math.max(high, before) : high;
    const tall = to - from > TALL;
    if (Number.isNaN(left) || (tall && next)) context.moveTo(column + 0.5, first);
    else context.lineTo(column + 0.5, first);
    if (tall) {
      context.fillRect(column, from - half, 1, to - from + 2 * half);
      context.moveTo(column + 0.5, last);
    } else context.lineTo(column + 0.5, last);
    left = column;
    before = last;
  };
  context.beginPath();
  for (let i = start; i < end; i++) {
    const top = place.y(y[i]);
    if (top - top !== 0) {
      // NaN and infinity leave a gap; what a logarithm has no place for is passed over.
      if (y[i] - y[i] !== 0) {
        finish();
        column = left = NaN;
      }
      continue;
    }
    const here = Math.floor(place.x(x[i]));
    if (here !== column) {
      finish();
      column = here;
      first = low = high = top;
    } else if (top < low) low = top;
    else if (top > high) high = top;
    last = top;
  }
  finish();
  context.stroke();
}
