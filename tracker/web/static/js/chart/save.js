// A chart as a file: PNG, SVG, CSV.

import { CanvasPen, drawChart, layOut } from "./draw.js";

/** Writes what a pen draws as SVG. */
export class SvgPen {
  constructor() {
    this.parts = [];
    this.clips = 0;
  }

  clip(box) {
    const id = `clip${++this.clips}`;
    this.parts.push(`<clipPath id="${id}"><rect x="${box.left}" y="${box.top - 1}" width="${box.right - box.left}" height="${box.bottom - box.top + 2}"/></clipPath><g clip-path="url(#${id})">`);
  }

  unclip() {
    this.parts.push("</g>");
  }

  line(x1, y1, x2, y2, color, width, dash = []) {
    this.parts.push(`<line x1="${short(x1)}" y1="${short(y1)}" x2="${short(x2)}" y2="${short(y2)}" stroke="${color}" stroke-width="${width}"${dashes(dash)}/>`);
  }

  path(x, y, start, end, place, color, width, dash, opacity) {
    let text = "", gap = true;
    for (let i = start; i < end; i++) {
      if (!Number.isFinite(y[i])) {
        gap = true;
        continue;
      }
      text += `${gap ? "M" : "L"}${short(place.x(x[i]))} ${short(place.y(y[i]))}`;
      gap = false;
    }
    if (text) this.parts.push(`<path d="${text}" fill="none" stroke="${color}" stroke-width="${width}" stroke-linejoin="round" opacity="${opacity}"${dashes(dash)}/>`);
  }

  polygon(points, color, opacity) {
    this.parts.push(`<polygon points="${points.map(([x, y]) => `${short(x)},${short(y)}`).join(" ")}" fill="${color}" opacity="${opacity}"/>`);
  }

  dot(x, y, radius, color, opacity = 1) {
    this.parts.push(`<circle cx="${short(x)}" cy="${short(y)}" r="${radius}" fill="${color}" opacity="${opacity}"/>`);
  }

  text(text, x, y, color, size, anchor = "start", weight = 400) {
    this.parts.push(`<text x="${short(x)}" y="${short(y)}" fill="${color}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}">${escaped(text)}</text>`);
  }

  file(width, height, ground) {
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif"><rect width="100%" height="100%" fill="${ground}"/>${this.parts.join("")}</svg>`;
  }
}

function short(value) {
  return Number.isFinite(value) ? Number(value.toFixed(2)) : 0;
}

function dashes(dash) {
  return dash.length ? ` stroke-dasharray="${dash.join(" ")}"` : "";
}

function escaped(text) {
  return String(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "\ufffd");
}

const TITLE = 30, LEGEND_LINE = 18;

/** Draws title, chart and legend; returns how high it all is. A model with `draw(pen, width)` is drawn by itself. */
function drawPage(pen, model, width, height) {
  const { theme } = model;
  const named = model.curves.filter((curve) => curve.label && !curve.faint);
  pen.text(model.title ?? "", 14, 20, theme.strong, 14, "start", 600);
  const shifted = shiftedPen(pen, 0, TITLE);
  if (model.draw) model.draw(shifted, width);
  else drawChart(shifted, model, layOut(model, width, height));
  let x = 14, y = TITLE + height + 14;
  for (const curve of named.slice(0, 40)) {
    const room = 26 + String(curve.label).length * 6.6 + 12;
    if (x > 14 && x + room > width) {
      x = 14;
      y += LEGEND_LINE;
    }
    pen.line(x, y - 4, x + 20, y - 4, curve.color, 2, curve.dash ?? []);
    pen.text(curve.label, x + 26, y, theme.text, 11);
    x += room;
  }
  return y + 10;
}

function shiftedPen(pen, dx, dy) {
  const moved = Object.create(pen);
  moved.clip = (box) => pen.clip({ left: box.left + dx, right: box.right + dx, top: box.top + dy, bottom: box.bottom + dy });
  moved.line = (x1, y1, x2, y2, ...rest) => pen.line(x1 + dx, y1 + dy, x2 + dx, y2 + dy, ...rest);
  moved.path = (x, y, start, end, place, ...rest) =>
    pen.path(x, y, start, end, { ...place, x: (value) => place.x(value) + dx, y: (value) => place.y(value) + dy }, ...rest);
  moved.polygon = (points, ...rest) => pen.polygon(points.map(([x, y]) => [x + dx, y + dy]), ...rest);
  moved.dot = (x, y, ...rest) => pen.dot(x + dx, y + dy, ...rest);
  moved.text = (text, x, y, ...rest) => pen.text(text, x + dx, y + dy, ...rest);
  return moved;
}

/** The chart as the text of an SVG file. */
export function toSvg(model, width = 800, height = 420) {
  const pen = new SvgPen();
  const full = drawPage(pen, model, width, height);
  return pen.file(width, full, model.theme.ground);
}

/** The chart as a PNG of twice the size. */
export function toPng(model, width = 800, height = 420, ratio = 2) {
  const full = drawPage(new SvgPen(), model, width, height);
  const canvas = document.createElement("canvas");
  canvas.width = width * ratio;
  canvas.height = full * ratio;
  const pen = new CanvasPen(canvas.getContext("2d"), ratio);
  pen.clear(width, full, model.theme.ground);
  drawPage(pen, model, width, height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** A value as a cell of CSV; what a program could take for a formula is kept as text. */
export function csvCell(value) {
  const text = typeof value === "number" ? String(value) : String(value ?? "").replace(/^([=+\-@\t\r])/, "'$1");
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The points that are drawn, a line each. */
export function toCsv(model) {
  const lines = [["curve", model.xLabel ?? "x", model.title ?? "y"].map(csvCell).join(",")];
  for (const curve of model.curves) {
    if (curve.derived) continue;
    for (let i = 0; i < curve.x.length; i++) lines.push(`${csvCell(curve.label ?? curve.id)},${curve.x[i]},${curve.y[i]}`);
  }
  return lines.join("\n") + "\n";
}

/** Lets the browser keep a file. */
export function saveFile(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  link.download = name.replace(/[\\/:*?"<>|\s]+/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
