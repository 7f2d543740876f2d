// Clouds of points as `Object3D` writes them: rows of numbers, or a scene with boxes and vectors among the points.

// Of categories; the same as of runs.
const CATEGORIES = [[11, 64, 118], [159, 70, 0], [2, 124, 78], [218, 106, 169], [186, 131, 0], [53, 151, 217], [105, 101, 217], [97, 103, 110]];
const EDGES = [[0, 1], [0, 2], [0, 4], [1, 3], [1, 5], [2, 3], [2, 6], [3, 7], [4, 5], [4, 6], [5, 7], [6, 7]];

export function readCloud(bytes) {
  const given = JSON.parse(new TextDecoder().decode(bytes));
  const rows = (Array.isArray(given) ? given : given.points ?? []).filter((row) => Array.isArray(row) && row.length >= 3 && row.slice(0, 3).every(Number.isFinite));
  const scene = rows.length ? { points: pointsOf(rows) } : {};
  const lines = [...(given.boxes ?? []).flatMap(edgesOf), ...(given.vectors ?? []).flatMap(arrow)];
  if (lines.length) scene.sticks = { xyz: Float32Array.from(lines.flatMap(([from, to]) => [...from, ...to])), rgb: Uint8ClampedArray.from(lines.flatMap(([, , color]) => color)) };
  scene.labels = (given.boxes ?? []).filter((box) => box.label).map((box) => `${box.label}${typeof box.score === "number" ? ` (${box.score})` : ""}`);
  return scene;
}

function pointsOf(rows) {
  const xyz = new Float32Array(rows.length * 3), rgb = new Uint8ClampedArray(rows.length * 3);
  let low = Infinity, high = -Infinity;
  for (const row of rows) [low, high] = [Math.min(low, row[2]), Math.max(high, row[2])];
  rows.forEach((row, i) => {
    xyz.set(row.slice(0, 3).map(Number), 3 * i);
    rgb.set(row.length >= 6 ? row.slice(3, 6) : row.length === 4 ? CATEGORIES[Math.abs(Math.trunc(row[3]) || 0) % CATEGORIES.length] : byHeight((row[2] - low) / (high - low || 1)), 3 * i);
  });
  return { xyz, rgb };
}

// From blue to orange: told apart by eyes of all kinds, and on white and black.
function byHeight(share) {
  return [30 + 190 * share, 105 + 25 * share, 190 - 170 * share];
}

function edgesOf(box) {
  if (box.corners?.length !== 8) return [];
  const corners = box.corners.map((corner) => corner.slice(0, 3).map(Number));
  return pairsOf(corners).map(([a, b]) => [corners[a], corners[b], box.color ?? [213, 94, 0]]);
}

/** The edges of a box: as `box3d` orders its corners; in another order each corner's three nearest are as good. */
function pairsOf(corners) {
  const length = ([a, b]) => Math.hypot(...corners[a].map((value, axis) => value - corners[b][axis]));
  const diagonal = length([0, 7]);
  if (EDGES.every((edge) => length(edge) < diagonal)) return EDGES;
  return corners.flatMap((_, a) => corners.map((_, b) => [a, b]).filter(([, b]) => b !== a).sort((one, other) => length(one) - length(other)).slice(0, 3).filter(([, b]) => a < b));
}

function arrow({ start, end, color }) {
  return Array.isArray(start) && Array.isArray(end) ? [[start.slice(0, 3), end.slice(0, 3), color ?? [0, 135, 95]]] : [];
}
