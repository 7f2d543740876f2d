// Parallel axes: a line for each run through its settings to its result, colored by the result.

import { fill, svg } from "../dom.js";
import { t } from "../i18n.js";
import { go } from "../router.js";
import { isDark } from "../view.js";
import { axisOf, shade } from "./axis.js";

const HEIGHT = 320, TOP = 34, BOTTOM = 18, SIDE = 70, LEAST = 130;

/** `columns` are {name, values}, one value a row; `onKept(many, narrowed)` tells what brushes leave. */
export function drawParallel(host, columns, rows, onKept) {
  const brushes = new Map();
  const width = Math.max(host.clientWidth || 900, columns.length * LEAST + 2 * SIDE);
  const xs = columns.map((_, at) => SIDE + (at * (width - 2 * SIDE)) / Math.max(1, columns.length - 1));
  const axes = columns.map((column) => axisOf(column.values, HEIGHT - BOTTOM, TOP));
  const result = axes[axes.length - 1];
  const lines = rows.map((row, at) => line(row, at));
  const picture = svg("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "group" },
    svg("g", { class: "lines" }, lines.map((each) => each?.element)),
    columns.map((column, at) => axis(column, at)));
  fill(host, picture);

  function line(row, at) {
    const points = columns.map((column, place) => [xs[place], axes[place].at(column.values[at])]).filter(([, y]) => y !== null);
    if (points.length < 2 || row.result === null) return null;
    const share = (HEIGHT - BOTTOM - result.at(row.result)) / (HEIGHT - BOTTOM - TOP);
    const element = svg("path", {
      d: `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`, stroke: shade(share, isDark()),
      onclick: () => go(["run", row.project, row.id]),
    }, svg("title", {}, `${row.name}: ${columns.map((column) => `${column.name} ${column.values[at] ?? "–"}`).join(", ")}`));
    return { element, at };
  }

  function axis(column, at) {
    const x = xs[at], made = axes[at];
    const mark = svg("rect", { class: "brush", x: x - 7, width: 14, y: 0, height: 0 });
    const reach = svg("rect", { class: "reach", x: x - 14, y: TOP - 4, width: 28, height: HEIGHT - TOP - BOTTOM + 8,
      tabindex: 0, role: "button", "aria-label": t("Keep runs by {name}: up and down move, with Shift they widen and narrow, 0 keeps all", { name: column.name }) });
    let from = null;
    reach.addEventListener("pointerdown", (event) => {
      from = yOf(event);
      reach.setPointerCapture(event.pointerId);
    });
    reach.addEventListener("pointermove", (event) => from !== null && paint(from, yOf(event)));
    reach.addEventListener("pointerup", (event) => {
      const to = yOf(event);
      if (Math.abs(to - from) < 4) brushes.delete(at), mark.setAttribute("height", 0);
      else brushes.set(at, [Math.min(from, to), Math.max(from, to)]);
      from = null;
      sift();
    });
    reach.addEventListener("keydown", (event) => {
      const [top, bottom] = brushes.get(at) ?? [TOP - 4, TOP - 4 + (HEIGHT - TOP - BOTTOM) / 4];
      const step = (HEIGHT - TOP - BOTTOM) / 16;
      const moved = {
        ArrowUp: event.shiftKey ? [top, bottom - step] : [top - step, bottom - step],
        ArrowDown: event.shiftKey ? [top, bottom + step] : brushes.has(at) ? [top + step, bottom + step] : [top, bottom],
        0: null,
      }[event.key];
      if (moved === undefined) return;
      event.preventDefault();
      if (moved === null || moved[1] - moved[0] < step / 2) brushes.delete(at), mark.setAttribute("height", 0);
      else brushes.set(at, moved), paint(...moved);
      sift();
    });
    const paint = (start, end) => {
      mark.setAttribute("y", Math.min(start, end));
      mark.setAttribute("height", Math.abs(end - start));
    };
    return svg("g", { class: "axis" },
      svg("text", { class: "name", x, y: 14, "text-anchor": "middle" }, short(column.name, 20), svg("title", {}, column.name)),
      svg("line", { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }),
      made.marks.slice(0, 24).map(([y, text]) => [svg("line", { x1: x - 4, x2: x, y1: y, y2: y }), svg("text", { x: x - 8, y: y + 4, "text-anchor": "end" }, short(text, 10), svg("title", {}, text))]),
      mark, reach);
  }

  function yOf(event) {
    return event.clientY - picture.getBoundingClientRect().top;
  }

  function sift() {
    let kept = 0;
    for (const each of lines) {
      if (!each) continue;
      const passes = [...brushes].every(([place, [low, high]]) => {
        const y = axes[place].at(columns[place].values[each.at]);
        return y !== null && y >= low && y <= high;
      });
      each.element.classList.toggle("out", !passes);
      if (passes) kept++;
    }
    onKept(kept, brushes.size > 0);
  }
}

function short(text, most) {
  return [...text].length > most ? `${[...text].slice(0, most - 1).join("")}…` : text;
}
