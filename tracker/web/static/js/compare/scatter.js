// A dot for each run: a setting, or another result, against the result.

import { fill, h, svg } from "../dom.js";
import { address } from "../router.js";
import * as format from "../format.js";
import { runStyle } from "../view.js";
import { axisOf } from "./axis.js";

const HEIGHT = 300, LEFT = 64, RIGHT = 20, TOP = 14, BOTTOM = 40;

export function drawScatter(host, x, y, rows) {
  const width = Math.max(320, host.clientWidth || 760);
  const across = axisOf(x.values, LEFT, width - RIGHT);
  const up = axisOf(y.values, HEIGHT - BOTTOM, TOP);
  const dots = rows.map((row, at) => [across.at(x.values[at]), up.at(y.values[at]), row, at]).filter(([a, b]) => a !== null && b !== null);
  fill(host, h("div.scroll", {}, svg("svg", { class: "scatter", width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "group" },
    up.marks.map(([at, text]) => [svg("line", { class: "rule", x1: LEFT, x2: width - RIGHT, y1: at, y2: at }), svg("text", { x: LEFT - 8, y: at + 4, "text-anchor": "end" }, text)]),
    svg("line", { class: "base", x1: LEFT, x2: width - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }),
    across.marks.map(([at, text]) => svg("text", { x: at, y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" }, text)),
    svg("text", { class: "name", x: width - RIGHT, y: HEIGHT - 8, "text-anchor": "end" }, x.name + (across.log ? " (log)" : "")),
    dots.map(([a, b, row, at]) => svg("a", { href: address(["run", row.project, row.id]) },
      svg("circle", { cx: a.toFixed(1), cy: b.toFixed(1), r: 4.5, fill: runStyle(row).color },
        svg("title", {}, `${row.name}\n${x.name} ${format.value(x.values[at])}\n${y.name} ${format.value(y.values[at])}`)))))));
}
