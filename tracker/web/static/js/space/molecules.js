// Files of molecules: pdb, pqr, xyz, sdf, mol2, gro, cif. Of several models the first is drawn.

// Colours of atoms as chemists know them, and the radii of their bonds in ångström.
const COLORS = { H: [226, 230, 234], C: [108, 117, 125], N: [58, 104, 214], O: [214, 48, 40], S: [222, 184, 40], P: [232, 132, 24], F: [96, 190, 70], CL: [58, 176, 58], BR: [150, 60, 40], I: [128, 40, 140] };
const RADII = { H: 0.31, C: 0.76, N: 0.71, O: 0.66, S: 1.05, P: 1.07, F: 0.57, CL: 1.02, BR: 1.2, I: 1.39 };
const OTHER = { color: [178, 120, 186], radius: 1.3 };
const BIG = 4000;

export const FORMATS = { pdb: readPdb, pqr: readPqr, xyz: readXyz, sdf: readSdf, sd: readSdf, mol2: readMol2, gro: readGro, cif: readCif, mcif: readCif, mmcif: readCif };

/** Returns the scene of a molecule: balls for atoms, sticks for bonds, each half in the colour of its atom. */
export function readMolecule(bytes, format) {
  const { atoms, bonds } = FORMATS[format](new TextDecoder().decode(bytes).split(/\r?\n/));
  const usable = atoms.every((atom) => atom.at.every(Number.isFinite)) ? atoms : atoms.filter((atom) => atom.at.every(Number.isFinite));
  if (!usable.length) return {};
  const joined = bonds?.length && usable === atoms ? bonds.filter(([a, b]) => usable[a] && usable[b]) : nearPairs(usable);
  const colorOf = (atom) => COLORS[atom.element] ?? OTHER.color;
  const halves = joined.flatMap(([a, b]) => {
    const middle = usable[a].at.map((value, axis) => (value + usable[b].at[axis]) / 2);
    return [[usable[a].at, middle, colorOf(usable[a])], [middle, usable[b].at, colorOf(usable[b])]];
  });
  const share = usable.length > BIG ? 0.28 : 0.42;
  return {
    balls: { xyz: Float32Array.from(usable.flatMap((atom) => atom.at)), rgb: Uint8ClampedArray.from(usable.flatMap(colorOf)), size: usable.map((atom) => share * Math.max(0.6, RADII[atom.element] ?? OTHER.radius)) },
    sticks: { xyz: Float32Array.from(halves.flatMap(([from, to]) => [...from, ...to])), rgb: Uint8ClampedArray.from(halves.flatMap(([, , color]) => color)), size: 0.11 },
  };
}

/** Atoms so near to each other that they are bound; looked for in cubes, so that proteins do not take for ever. */
function nearPairs(atoms) {
  const reach = 2.4;
  const cubes = new Map();
  const keyOf = (at) => at.map((value) => Math.floor(value / reach)).join();
  atoms.forEach((atom, i) => {
    const key = keyOf(atom.at);
    if (!cubes.has(key)) cubes.set(key, []);
    cubes.get(key).push(i);
  });
  const pairs = [];
  atoms.forEach((atom, i) => {
    for (let place = 0; place < 27; place++) {
      const moved = atom.at.map((value, axis) => value + (Math.floor(place / 3 ** axis) % 3 - 1) * reach);
      for (const j of cubes.get(keyOf(moved)) ?? []) {
        if (j <= i || (atom.element === "H" && atoms[j].element === "H")) continue;
        const apart = Math.hypot(...atom.at.map((value, axis) => value - atoms[j].at[axis]));
        if (apart > 0.4 && apart < 1.2 * ((RADII[atom.element] ?? OTHER.radius) + (RADII[atoms[j].element] ?? OTHER.radius))) pairs.push([i, j]);
      }
    }
  });
  return pairs;
}

/** The element in a name such as CA, 1HB or CL2: two letters only where these are one of ours. */
function elementOf(name) {
  const letters = name.replace(/[^A-Za-z]/g, "").toUpperCase();
  return ["CL", "BR"].includes(letters.slice(0, 2)) ? letters.slice(0, 2) : letters.slice(0, 1);
}

function readPdb(lines) {
  const atoms = [], bonds = [], places = new Map();
  for (const line of lines) {
    if (line.startsWith("ENDMDL")) break;
    if (line.startsWith("ATOM") || line.startsWith("HETATM")) {
      places.set(line.slice(6, 11).trim(), atoms.length);
      atoms.push({ element: line.slice(76, 78).trim().toUpperCase() || elementOf(line.slice(12, 16)), at: [30, 38, 46].map((from) => parseFloat(line.slice(from, from + 8))) });
    } else if (line.startsWith("CONECT")) {
      const [from, ...others] = [6, 11, 16, 21, 26].map((start) => places.get(line.slice(start, start + 5).trim()));
      for (const to of others) if (from !== undefined && to !== undefined && from < to) bonds.push([from, to]);
    }
  }
  // Files of proteins name only the bonds that are out of the ordinary.
  return { atoms, bonds: bonds.length >= atoms.length - 1 ? bonds : null };
}

function readPqr(lines) {
  const atoms = lines.filter((line) => /^(ATOM|HETATM)/.test(line)).map((line) => line.trim().split(/\s+/))
    .map((words) => ({ element: elementOf(words[2] ?? ""), at: words.slice(-5, -2).map(Number) }));
  return { atoms };
}

function readXyz(lines) {
  const many = parseInt(lines[0], 10) || 0;
  const atoms = lines.slice(2, 2 + many).map((line) => line.trim().split(/\s+/)).filter((words) => words.length >= 4)
    .map(([element, ...at]) => ({ element: element.toUpperCase(), at: at.slice(0, 3).map(Number) }));
  return { atoms };
}

function readSdf(lines) {
  const start = lines.findIndex((line) => /V2000/.test(line));
  if (start < 0) throw new Error("only V2000 is read");
  const [many, joins] = [parseInt(lines[start].slice(0, 3), 10), parseInt(lines[start].slice(3, 6), 10)];
  const atoms = lines.slice(start + 1, start + 1 + many).map((line) => ({ element: line.slice(31, 34).trim().toUpperCase(), at: [0, 10, 20].map((from) => parseFloat(line.slice(from, from + 10))) }));
  const bonds = lines.slice(start + 1 + many, start + 1 + many + joins).map((line) => [parseInt(line.slice(0, 3), 10) - 1, parseInt(line.slice(3, 6), 10) - 1]);
  return { atoms, bonds };
}

function readMol2(lines) {
  const part = (name) => {
    const start = lines.findIndex((line) => line.trim() === `@<TRIPOS>${name}`) + 1;
    const rest = start ? lines.slice(start) : [];
    const end = rest.findIndex((line) => line.startsWith("@"));
    return (end < 0 ? rest : rest.slice(0, end)).map((line) => line.trim().split(/\s+/)).filter((words) => words.length >= 4);
  };
  const places = new Map();
  const atoms = part("ATOM").map((words, i) => {
    places.set(words[0], i);
    return { element: (words[5] ?? "").split(".")[0].toUpperCase(), at: words.slice(2, 5).map(Number) };
  });
  return { atoms, bonds: part("BOND").map((words) => [places.get(words[1]), places.get(words[2])]) };
}

function readGro(lines) {
  const many = parseInt(lines[1], 10) || 0;
  // Nanometres.
  return { atoms: lines.slice(2, 2 + many).map((line) => ({ element: elementOf(line.slice(10, 15)), at: [20, 28, 36].map((from) => 10 * parseFloat(line.slice(from, from + 8))) })) };
}

function readCif(lines) {
  const first = lines.findIndex((line) => line.trim().startsWith("_atom_site."));
  if (first < 0) throw new Error("it has no _atom_site");
  const names = [];
  let at = first;
  for (; lines[at]?.trim().startsWith("_atom_site."); at++) names.push(lines[at].trim().split(/\s+/)[0].slice(11));
  const column = (name) => names.indexOf(name);
  const [x, y, z, symbol, model] = ["Cartn_x", "Cartn_y", "Cartn_z", "type_symbol", "pdbx_PDB_model_num"].map(column);
  const atoms = [];
  let number = null;
  for (; at < lines.length && !/^\s*(#|loop_|_|data_|$)/.test(lines[at]); at++) {
    const words = lines[at].trim().match(/'[^']*'|"[^"]*"|\S+/g) ?? [];
    number ??= words[model];
    if (words[model] === number) atoms.push({ element: (words[symbol] ?? "").toUpperCase(), at: [x, y, z].map((place) => parseFloat(words[place])) });
  }
  return { atoms };
}
