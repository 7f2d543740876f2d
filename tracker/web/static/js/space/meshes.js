// Files of objects in space: obj, stl, ply, gltf and glb. Nothing that a file names is fetched.

const CLAY = [150, 162, 174];
const MOST_FACES = 2_000_000;

/** Collects faces, and points where a file has no faces; what has no place is left out. */
class Collected {
  constructor() {
    Object.assign(this, { faces: [], colors: [], points: [], pointColors: [] });
  }

  face(a, b, c, color = CLAY) {
    if (this.colors.length >= MOST_FACES * 3 || ![a, b, c].every(isPlace)) return;
    this.faces.push(a[0], a[1], a[2], b[0], b[1], b[2], c[0], c[1], c[2]);
    this.colors.push(color[0], color[1], color[2]);
  }

  point(a, color = CLAY) {
    if (!isPlace(a)) return;
    this.points.push(a[0], a[1], a[2]);
    this.pointColors.push(color[0], color[1], color[2]);
  }

  scene() {
    const made = (xyz, rgb) => ({ xyz: Float32Array.from(xyz), rgb: Uint8ClampedArray.from(rgb) });
    if (this.faces.length) return { faces: made(this.faces, this.colors) };
    return this.points.length ? { points: made(this.points, this.pointColors) } : {};
  }
}

const isPlace = (at) => at.length >= 3 && at.every(Number.isFinite);
const textOf = (bytes) => new TextDecoder().decode(bytes);

export function readObj(bytes) {
  const found = new Collected();
  const at = [], colors = [];
  for (const line of textOf(bytes).split("\n")) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === "v") {
      const numbers = rest.map(Number);
      at.push(numbers.slice(0, 3));
      colors.push(numbers.length >= 6 ? numbers.slice(3, 6).map((part) => part * 255) : CLAY);
    } else if (word === "f") {
      const corners = rest.map((each) => parseInt(each, 10)).map((n) => (n < 0 ? at.length + n : n - 1)).filter((n) => at[n]);
      for (let i = 1; i + 1 < corners.length; i++) found.face(at[corners[0]], at[corners[i]], at[corners[i + 1]], colors[corners[0]]);
    }
  }
  if (!found.faces.length) at.forEach((each, i) => found.point(each, colors[i]));
  return found.scene();
}

export function readStl(bytes) {
  const found = new Collected();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const many = bytes.length >= 84 ? view.getUint32(80, true) : 0;
  if (bytes.length === 84 + 50 * many && many) {
    for (let i = 0; i < Math.min(many, MOST_FACES); i++) {
      const corner = (n) => [0, 4, 8].map((offset) => view.getFloat32(84 + 50 * i + 12 + 12 * n + offset, true));
      found.face(corner(0), corner(1), corner(2));
    }
    return found.scene();
  }
  const corners = [...textOf(bytes).matchAll(/vertex\s+(\S+)\s+(\S+)\s+(\S+)/g)].map(([, ...numbers]) => numbers.map(Number));
  for (let i = 0; i + 2 < corners.length; i += 3) found.face(corners[i], corners[i + 1], corners[i + 2]);
  return found.scene();
}

const PLY_SIZES = { char: 1, int8: 1, uchar: 1, uint8: 1, short: 2, int16: 2, ushort: 2, uint16: 2, int: 4, int32: 4, uint: 4, uint32: 4, float: 4, float32: 4, double: 8, float64: 8 };
const PLY_READS = { char: "getInt8", int8: "getInt8", uchar: "getUint8", uint8: "getUint8", short: "getInt16", int16: "getInt16", ushort: "getUint16", uint16: "getUint16", int: "getInt32", int32: "getInt32", uint: "getUint32", uint32: "getUint32", float: "getFloat32", float32: "getFloat32", double: "getFloat64", float64: "getFloat64" };

export function readPly(bytes) {
  const start = textOf(bytes.subarray(0, 65536));
  const end = start.indexOf("end_header");
  if (end < 0) throw new Error("no end_header");
  const body = start.indexOf("\n", end) + 1;
  const elements = [];
  let format = "ascii";
  for (const line of start.slice(0, end).split("\n")) {
    const words = line.trim().split(/\s+/);
    if (words[0] === "format") [, format] = words;
    if (words[0] === "element") elements.push({ name: words[1], count: Math.min(bytes.length, Number(words[2]) || 0), properties: [] });
    if (words[0] === "property") elements.at(-1)?.properties.push(words[1] === "list" ? { name: words[4], list: words[2], type: words[3] } : { name: words[2], type: words[1] });
  }
  const next = format === "ascii" ? plyWords(textOf(bytes.subarray(body))) : plyBytes(bytes, body, format.includes("little"));
  const found = new Collected(), at = [], colors = [];
  for (const { name, count, properties } of elements) {
    for (let i = 0; i < count; i++) {
      const row = {};
      for (const property of properties) row[property.name] = property.list ? Array.from({ length: Math.min(1000, next(property.list)) }, () => next(property.type)) : next(property.type);
      if (name === "vertex") {
        at.push([row.x, row.y, row.z]);
        colors.push("red" in row ? [row.red, row.green, row.blue] : CLAY);
      } else if (name === "face") {
        const corners = (row.vertex_indices ?? row.vertex_index ?? []).filter((n) => at[n]);
        for (let k = 1; k + 1 < corners.length; k++) found.face(at[corners[0]], at[corners[k]], at[corners[k + 1]], colors[corners[0]]);
      }
    }
  }
  if (!found.faces.length) at.forEach((each, i) => found.point(each, colors[i]));
  return found.scene();
}

function plyWords(text) {
  const words = text.trim().split(/\s+/);
  let place = 0;
  return () => {
    if (place >= words.length) throw new Error("the file ends too early");
    return Number(words[place++]);
  };
}

function plyBytes(bytes, body, little) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let place = body;
  return (type) => {
    if (!Object.hasOwn(PLY_SIZES, type)) throw new Error(`no type ${type}`);
    const value = view[PLY_READS[type]](place, little);
    place += PLY_SIZES[type];
    return value;
  };
}

// glTF

const GLTF_ARRAYS = { 5120: Int8Array, 5121: Uint8Array, 5122: Int16Array, 5123: Uint16Array, 5125: Uint32Array, 5126: Float32Array };
const GLTF_PARTS = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4 };

export function readGlb(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (textOf(bytes.subarray(0, 4)) !== "glTF") return readGltf(bytes);
  const length = view.getUint32(12, true);
  const binary = 20 + length + 8 <= bytes.length ? bytes.slice(20 + length + 8) : null;
  return gltfScene(JSON.parse(textOf(bytes.subarray(20, 20 + length))), binary);
}

export function readGltf(bytes) {
  return gltfScene(JSON.parse(textOf(bytes)), null);
}

function gltfScene(file, binary) {
  const buffers = (file.buffers ?? []).map(({ uri }) => {
    if (!uri) return binary;
    const packed = /^data:[^,]*;base64,(.*)$/s.exec(uri);
    if (!packed) throw new Error("its numbers lie in another file");
    return Uint8Array.from(atob(packed[1]), (letter) => letter.charCodeAt(0));
  });
  const found = new Collected();
  const seen = new Set();
  const visit = (number, above) => {
    const node = file.nodes?.[number];
    if (!node || seen.has(number)) return;
    seen.add(number);
    const here = times(above, matrixOf(node));
    for (const primitive of file.meshes?.[node.mesh]?.primitives ?? []) takePrimitive(file, buffers, primitive, here, found);
    for (const child of node.children ?? []) visit(child, here);
  };
  const roots = file.scenes?.[file.scene ?? 0]?.nodes ?? (file.nodes ?? []).map((_, i) => i);
  for (const root of roots) visit(root, matrixOf({}));
  return found.scene();
}

function takePrimitive(file, buffers, primitive, here, found) {
  if ((primitive.mode ?? 4) !== 4) return;
  const positions = accessor(file, buffers, primitive.attributes.POSITION);
  const order = primitive.indices === undefined ? null : accessor(file, buffers, primitive.indices);
  const base = file.materials?.[primitive.material]?.pbrMetallicRoughness?.baseColorFactor;
  const color = base ? base.slice(0, 3).map((part) => 255 * part ** (1 / 2.2)) : CLAY;
  const corner = (n) => {
    const [x, y, z] = [positions[3 * n], positions[3 * n + 1], positions[3 * n + 2]];
    return [0, 1, 2].map((row) => here[row] * x + here[4 + row] * y + here[8 + row] * z + here[12 + row]);
  };
  const many = order ? order.length : positions.length / 3;
  for (let i = 0; i + 2 < many; i += 3) found.face(...[i, i + 1, i + 2].map((n) => corner(order ? order[n] : n)), color);
}

function accessor(file, buffers, number) {
  const about = file.accessors?.[number], part = file.bufferViews?.[about?.bufferView];
  const kind = GLTF_ARRAYS[about?.componentType], many = GLTF_PARTS[about?.type];
  if (!part || !kind || !many || !buffers[part.buffer]) throw new Error("its numbers are packed in a way that is not read here");
  const stride = part.byteStride ?? many * kind.BYTES_PER_ELEMENT;
  const bytes = buffers[part.buffer], start = (part.byteOffset ?? 0) + (about.byteOffset ?? 0);
  const found = new kind(about.count * many);
  for (let i = 0; i < about.count; i++) {
    const row = bytes.slice(start + i * stride, start + i * stride + many * kind.BYTES_PER_ELEMENT);
    if (row.length < many * kind.BYTES_PER_ELEMENT) throw new Error("the file ends too early");
    found.set(new kind(row.buffer), i * many);
  }
  return found;
}

/** The sixteen numbers of a node, column by column as glTF has them. */
function matrixOf({ matrix, translation: [tx, ty, tz] = [0, 0, 0], rotation: [x, y, z, w] = [0, 0, 0, 1], scale: [sx, sy, sz] = [1, 1, 1] }) {
  if (matrix?.length === 16) return matrix;
  return [
    (1 - 2 * (y * y + z * z)) * sx, 2 * (x * y + z * w) * sx, 2 * (x * z - y * w) * sx, 0,
    2 * (x * y - z * w) * sy, (1 - 2 * (x * x + z * z)) * sy, 2 * (y * z + x * w) * sy, 0,
    2 * (x * z + y * w) * sz, 2 * (y * z - x * w) * sz, (1 - 2 * (x * x + y * y)) * sz, 0,
    tx, ty, tz, 1,
  ];
}

function times(a, b) {
  const found = new Array(16).fill(0);
  for (let column = 0; column < 4; column++) for (let row = 0; row < 4; row++) for (let k = 0; k < 4; k++) found[column * 4 + row] += a[k * 4 + row] * b[column * 4 + k];
  return found;
}
