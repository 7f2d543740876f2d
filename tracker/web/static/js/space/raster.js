// Points, balls, sticks and faces in space, drawn into the pixels of a canvas with a depth for each.
//
// By hand and not by WebGL: a page may hold a hundred of these, browsers allow sixteen of those;
// and it is drawn alike on every machine, with or without a graphics card.
//
// A scene is {points, balls, sticks, faces}, each {xyz, rgb} and maybe {size}: xyz has three numbers
// for a point or a ball, six for a stick, nine for a face; rgb three bytes for each of them; size is the
// radius of each ball in the scene's own measure, or one number for all.

const FAR = 3.4; // How far the eye is from the middle, in radii of the scene.
const LIGHT = [-0.35, 0.55, 0.76];

/** The middle and the radius of all that a scene holds. */
export function boundsOf(scene) {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  for (const { xyz } of Object.values(scene)) {
    for (let i = 0; i < xyz.length; i++) {
      const value = xyz[i], axis = i % 3;
      if (!Number.isFinite(value)) continue;
      if (value < low[axis]) low[axis] = value;
      if (value > high[axis]) high[axis] = value;
    }
  }
  if (low[0] > high[0]) return { middle: [0, 0, 0], radius: 1 };
  const middle = low.map((value, axis) => (value + high[axis]) / 2);
  let radius = 0;
  for (const { xyz, size = 0 } of Object.values(scene)) {
    const own = typeof size === "number" ? size : Math.max(...size.slice(0, 10000));
    for (let i = 0; i + 2 < xyz.length; i += 3) {
      const away = Math.hypot(xyz[i] - middle[0], xyz[i + 1] - middle[1], xyz[i + 2] - middle[2]) + own;
      if (away > radius && away < Infinity) radius = away;
    }
  }
  return { middle, radius: radius || 1 };
}

export class Raster {
  constructor(width, height, ground) {
    Object.assign(this, { width, height, ground });
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.depth = new Float32Array(width * height);
  }

  /** Draws a scene, turned by `turn` (nine numbers, row by row) and enlarged by `zoom`. */
  draw(scene, bounds, turn, zoom) {
    this.pixels.fill(packed(...this.ground));
    this.depth.fill(-Infinity);
    const scale = zoom * Math.min(this.width, this.height) * 0.46 * FAR;
    const place = (xyz, at, into) => {
      const x = (xyz[at] - bounds.middle[0]) / bounds.radius, y = (xyz[at + 1] - bounds.middle[1]) / bounds.radius, z = (xyz[at + 2] - bounds.middle[2]) / bounds.radius;
      const depth = turn[6] * x + turn[7] * y + turn[8] * z;
      const size = scale / Math.max(0.05, FAR - depth);
      into[0] = this.width / 2 + (turn[0] * x + turn[1] * y + turn[2] * z) * size;
      into[1] = this.height / 2 - (turn[3] * x + turn[4] * y + turn[5] * z) * size;
      into[2] = depth;
      into[3] = size / bounds.radius;
    };
    if (scene.faces) this.drawFaces(scene.faces, place, turn);
    if (scene.sticks) this.drawSticks(scene.sticks, place);
    if (scene.balls) this.drawBalls(scene.balls, place, bounds.radius);
    if (scene.points) this.drawPoints(scene.points, place);
    return this.image;
  }

  drawPoints({ xyz, rgb }, place) {
    const at = [0, 0, 0, 0];
    const size = xyz.length > 600000 ? 1 : xyz.length > 30000 ? 2 : 3;
    for (let i = 0; i < xyz.length; i += 3) {
      place(xyz, i, at);
      // What is far away is paler, so that a cloud has depth.
      const color = this.mixed(rgb[i], rgb[i + 1], rgb[i + 2], 0.62 + 0.38 * Math.min(1, Math.max(0, (at[2] + 1) / 2)));
      const left = Math.round(at[0] - size / 2), top = Math.round(at[1] - size / 2);
      for (let y = top; y < top + size; y++) for (let x = left; x < left + size; x++) this.put(x, y, at[2], color);
    }
  }

  drawBalls({ xyz, rgb, size }, place, radius) {
    const at = [0, 0, 0, 0];
    for (let i = 0, n = 0; i < xyz.length; i += 3, n++) {
      place(xyz, i, at);
      const own = typeof size === "number" ? size : size[n];
      this.ball(at[0], at[1], at[2], Math.max(1.2, own * at[3]), own / radius, rgb[i], rgb[i + 1], rgb[i + 2]);
    }
  }

  ball(cx, cy, depth, r, thick, red, green, blue) {
    const top = Math.max(0, Math.ceil(cy - r)), bottom = Math.min(this.height - 1, Math.floor(cy + r));
    for (let y = top; y <= bottom; y++) {
      const ny = (cy - y) / r;
      const half = r * Math.sqrt(Math.max(0, 1 - ny * ny));
      for (let x = Math.max(0, Math.ceil(cx - half)); x <= Math.min(this.width - 1, Math.floor(cx + half)); x++) {
        const nx = (x - cx) / r, nz = Math.sqrt(Math.max(0, 1 - nx * nx - ny * ny));
        const share = 0.4 + 0.6 * Math.max(0, nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2]);
        this.put(x, y, depth + nz * thick, packed(red * share, green * share, blue * share));
      }
    }
  }

  drawSticks({ xyz, rgb, size = 0 }, place) {
    const a = [0, 0, 0, 0], b = [0, 0, 0, 0];
    for (let i = 0, color = 0; i < xyz.length; i += 6, color += 3) {
      place(xyz, i, a);
      place(xyz, i + 3, b);
      if (a.some(Number.isNaN) || b.some(Number.isNaN)) continue;
      const steps = Math.min(4000, Math.ceil(Math.max(Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1]), 1)));
      for (let step = 0; step <= steps; step++) {
        const share = step / steps;
        const x = a[0] + (b[0] - a[0]) * share, y = a[1] + (b[1] - a[1]) * share, depth = a[2] + (b[2] - a[2]) * share;
        const half = Math.max(0.8, size * (a[3] + (b[3] - a[3]) * share));
        for (let dy = -Math.floor(half); dy <= half; dy++) {
          for (let dx = -Math.floor(half); dx <= half; dx++) {
            const away = Math.hypot(dx, dy) / half;
            if (away <= 1) this.put(Math.round(x + dx), Math.round(y + dy), depth, packed(rgb[color] * (1 - 0.4 * away), rgb[color + 1] * (1 - 0.4 * away), rgb[color + 2] * (1 - 0.4 * away)));
          }
        }
      }
    }
  }

  drawFaces({ xyz, rgb }, place, turn) {
    const a = [0, 0, 0, 0], b = [0, 0, 0, 0], c = [0, 0, 0, 0];
    for (let i = 0, color = 0; i < xyz.length; i += 9, color += 3) {
      place(xyz, i, a);
      place(xyz, i + 3, b);
      place(xyz, i + 6, c);
      // Lit from either side: files do not agree on which side of a face is outside.
      const light = Math.abs(shareOfLight(xyz, i, turn));
      const share = 0.35 + 0.65 * light;
      this.face(a, b, c, packed(rgb[color] * share, rgb[color + 1] * share, rgb[color + 2] * share));
    }
  }

  face(a, b, c, color) {
    const whole = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
    if (!whole || Number.isNaN(whole)) return;
    const top = Math.max(0, Math.ceil(Math.min(a[1], b[1], c[1]))), bottom = Math.min(this.height - 1, Math.floor(Math.max(a[1], b[1], c[1])));
    const left = Math.max(0, Math.ceil(Math.min(a[0], b[0], c[0]))), right = Math.min(this.width - 1, Math.floor(Math.max(a[0], b[0], c[0])));
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const u = ((x - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (y - a[1])) / whole;
        const v = ((b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1])) / whole;
        if (u >= 0 && v >= 0 && u + v <= 1) this.put(x, y, a[2] + u * (b[2] - a[2]) + v * (c[2] - a[2]), color);
      }
    }
  }

  put(x, y, depth, color) {
    if (!(x >= 0 && y >= 0 && x < this.width && y < this.height)) return;
    const at = y * this.width + x;
    if (depth < this.depth[at]) return;
    this.depth[at] = depth;
    this.pixels[at] = color;
  }

  mixed(red, green, blue, share) {
    const [r, g, b] = this.ground;
    return packed(r + (red - r) * share, g + (green - g) * share, b + (blue - b) * share);
  }
}

function packed(red, green, blue) {
  return (255 << 24 | Math.min(255, blue) << 16 | Math.min(255, green) << 8 | Math.min(255, red)) >>> 0;
}

/** How much a face looks to the light: the product of both directions after the turn. */
function shareOfLight(xyz, i, turn) {
  const [ux, uy, uz] = [xyz[i + 3] - xyz[i], xyz[i + 4] - xyz[i + 1], xyz[i + 5] - xyz[i + 2]];
  const [vx, vy, vz] = [xyz[i + 6] - xyz[i], xyz[i + 7] - xyz[i + 1], xyz[i + 8] - xyz[i + 2]];
  const n = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
  const length = Math.hypot(...n) || 1;
  let sum = 0;
  for (let row = 0; row < 3; row++) sum += LIGHT[row] * (turn[3 * row] * n[0] + turn[3 * row + 1] * n[1] + turn[3 * row + 2] * n[2]);
  return sum / length;
}

/** The turn by an angle about an axis of the screen (0: to the right, 1: upwards), after another turn. */
export function turned(turn, axis, angle) {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const about = axis === 0 ? [1, 0, 0, 0, c, -s, 0, s, c] : [c, 0, s, 0, 1, 0, -s, 0, c];
  const found = new Array(9);
  for (let row = 0; row < 3; row++) for (let column = 0; column < 3; column++) found[row * 3 + column] = about[row * 3] * turn[column] + about[row * 3 + 1] * turn[3 + column] + about[row * 3 + 2] * turn[6 + column];
  return found;
}
