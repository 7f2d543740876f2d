// The modules of a model: what goes in, what comes out, how many parameters, in the order of the forward.

import { h, svg } from "../dom.js";
import { t } from "../i18n.js";

const WIDE = 250, TALL = 54, GAP_X = 28, GAP_Y = 30, MOST = 400;

export function graphView(graph) {
  const leaves = leavesOf(graph.nodes ?? []);
  const shown = leaves.slice(0, MOST);
  const names = new Set(shown.map((node) => node.name));
  const edges = (graph.edges ?? []).filter(([from, to]) => names.has(from) && names.has(to));
  const places = layers(shown, edges);
  const width = Math.max(...[...places.values()].map(([column]) => column + 1), 1) * (WIDE + GAP_X);
  const height = Math.max(...[...places.values()].map(([, row]) => row + 1), 1) * (TALL + GAP_Y);
  const at = (name) => {
    const [column, row] = places.get(name);
    return [GAP_X / 2 + column * (WIDE + GAP_X), row * (TALL + GAP_Y) + 4];
  };
  const lines = edges.map(([from, to]) => {
    const [x1, y1] = at(from), [x2, y2] = at(to);
    const [a, b] = [x1 + WIDE / 2, y1 + TALL], [c, d] = [x2 + WIDE / 2, y2];
    return svg("path", { class: "edge", d: `M${a} ${b}C${a} ${b + 22} ${c} ${d - 22} ${c} ${d - 2}`, "marker-end": "url(#arrow)" });
  });
  const boxes = shown.map((node) => {
    const [x, y] = at(node.name);
    return svg("g", { transform: `translate(${x} ${y})` },
      svg("rect", { class: node.parameters ? "module learned" : "module", width: WIDE, height: TALL, rx: 7 }),
      svg("text", { x: 12, y: 21, class: "kind" }, cut(node.class_name, 22)),
      svg("text", { x: WIDE - 12, y: 21, class: "name", "text-anchor": "end" }, cut(node.name || "·", 16)),
      svg("text", { x: 12, y: 40, class: "shape" }, cut(`${shapes(node.inputs)} → ${shapes(node.outputs)}`, 27)),
      node.parameters ? svg("text", { x: WIDE - 12, y: 40, class: "shape", "text-anchor": "end" }, node.parameters.toLocaleString("en-US")) : null,
      svg("title", {}, `${node.class_name} ${node.name}\n${shapes(node.inputs)} → ${shapes(node.outputs)}\n${node.parameters ?? 0}`));
  });
  return h("div.graph", {},
    h("div.graph-scroll", { tabIndex: 0, role: "img", "aria-label": t("Graph of {n} modules", { n: leaves.length }) },
      svg("svg", { width, height, viewBox: `0 0 ${width} ${height}` },
        svg("defs", {}, svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, svg("path", { class: "arrow", d: "M0 0L8 4L0 8z" }))),
        lines, boxes)),
    leaves.length > MOST ? h("p.note.small", {}, t("{n} more modules", { n: leaves.length - MOST })) : null);
}

/** Modules without modules in them. */
function leavesOf(nodes) {
  return nodes.filter((node) => node.name !== "" && !nodes.some((other) => other.name.startsWith(`${node.name}.`)));
}

/** Rows by the longest way from an input; modules that nothing leads to stand below each other. */
function layers(nodes, edges) {
  const before = new Map(nodes.map((node) => [node.name, []]));
  for (const [from, to] of edges) before.get(to).push(from);
  const order = new Map(nodes.map((node, i) => [node.name, i]));
  const rows = new Map();
  for (const [i, node] of nodes.entries()) {
    const above = before.get(node.name).filter((name) => order.get(name) < i).map((name) => rows.get(name) ?? 0);
    rows.set(node.name, edges.length ? (above.length ? Math.max(...above) + 1 : 0) : i);
  }
  const used = new Map(), places = new Map();
  for (const node of nodes) {
    const row = rows.get(node.name);
    const column = used.get(row) ?? 0;
    used.set(row, column + 1);
    places.set(node.name, [column, row]);
  }
  return places;
}

function shapes(list) {
  return (list ?? []).map((shape) => (Array.isArray(shape) ? shape.join("×") : String(shape))).join(", ") || "?";
}

function cut(text, length) {
  const whole = String(text);
  return whole.length > length ? `${whole.slice(0, length - 1)}…` : whole;
}
