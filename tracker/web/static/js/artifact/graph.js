// Lineage as a picture: what led to a version at the left, what came of it at the right.

import { h, svg } from "../dom.js";
import { t } from "../i18n.js";
import { address } from "../router.js";

const WIDE = 160, HIGH = 38, ACROSS = 44, DOWN = 14;

export function drawGraph(graph) {
  const layers = layersOf(graph);
  const places = new Map();
  const tallest = Math.max(...layers.map((layer) => layer.length));
  const height = tallest * (HIGH + DOWN) + 8;
  layers.forEach((layer, column) => layer.forEach((node, row) => {
    const free = (height - layer.length * (HIGH + DOWN)) / 2;
    places.set(node.id, { x: 4 + column * (WIDE + ACROSS), y: free + row * (HIGH + DOWN) + DOWN / 2 });
  }));
  const width = layers.length * (WIDE + ACROSS) - ACROSS + 8;
  // A way back bends below its boxes.
  const deep = height + (graph.edges.some(([from, to]) => isBack(places.get(from), places.get(to))) ? 16 : 0);
  const picture = svg("svg", { width, height: deep, viewBox: `0 0 ${width} ${deep}`, role: "group", "aria-label": t("Lineage") },
    graph.edges.map(([from, to]) => link(places.get(from), places.get(to))),
    graph.nodes.map((node) => box(node, places.get(node.id), node.id === graph.here)));
  return h("div.lineage", { tabIndex: 0 }, picture, graph.left_out ? h("p.note.small", {}, t("{n} more are not shown", { n: graph.left_out })) : null);
}

/** Puts each node right of all that lead to it. A way back (a run that took up its own checkpoint) is no way. */
function layersOf(graph) {
  const before = new Map(graph.nodes.map((node) => [node.id, []]));
  for (const [from, to] of graph.edges) before.get(to)?.push(from);
  const depths = new Map(), on = new Set();
  const depthOf = (id) => {
    if (depths.has(id)) return depths.get(id);
    if (on.has(id)) return -1;
    on.add(id);
    const depth = 1 + Math.max(-1, ...before.get(id).map(depthOf));
    on.delete(id);
    depths.set(id, depth);
    return depth;
  };
  const layers = [];
  for (const node of graph.nodes) (layers[depthOf(node.id)] ??= []).push(node);
  return layers.filter(Boolean);
}

function isBack(from, to) {
  return from.x >= to.x;
}

function link(from, to) {
  const back = isBack(from, to);
  const start = [back ? from.x + WIDE / 2 : from.x + WIDE, back ? from.y + HIGH : from.y + HIGH / 2];
  const end = [back ? to.x + WIDE / 2 : to.x, back ? to.y + HIGH : to.y + HIGH / 2];
  const bend = back ? `${start[0]} ${start[1] + 26} ${end[0]} ${end[1] + 26}` : `${(start[0] + end[0]) / 2} ${start[1]} ${(start[0] + end[0]) / 2} ${end[1]}`;
  return svg("path", { class: back ? "link back" : "link", d: `M${start.join(" ")} C${bend} ${end.join(" ")}` });
}

function box(node, { x, y }, here) {
  const isRun = node.kind === "run";
  const [first, second] = isRun ? [node.name, `${t("run")} · ${t(node.state)}`] : splitVersion(node.name);
  const label = svg("title", {}, isRun ? node.key : node.name);
  const target = isRun ? ["run", ...split(node.key)] : ["artifacts", ...pathOf(node.name)];
  return svg("a", { href: address(target), class: `node ${node.kind}${here ? " here" : ""}` }, label,
    svg("rect", { x, y, width: WIDE, height: HIGH, rx: isRun ? HIGH / 2 : 6 }),
    svg("text", { x: x + 14, y: y + 16, class: "first" }, short(first)),
    svg("text", { x: x + 14, y: y + 30, class: "second" }, short(second)));
}

function split(key) {
  const cut = key.indexOf("/");
  return [key.slice(0, cut), key.slice(cut + 1)];
}

function pathOf(name) {
  const cut = name.lastIndexOf(":");
  return [...split(name.slice(0, cut)), name.slice(cut + 1)];
}

function splitVersion(name) {
  const [project, artifact, version] = pathOf(name);
  return [`${artifact}:${version}`, project];
}

function short(text) {
  const most = 21;
  return [...text].length > most ? `${[...text].slice(0, most - 1).join("")}…` : text;
}
