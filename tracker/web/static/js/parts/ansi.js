// The colours of a terminal. Every other control sequence is taken out.

import { h } from "../dom.js";

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
// Colours with their parameters, then whatever else a terminal would obey.
const SEQUENCE = /\u001b\[([0-9;]*)m|\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b.|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f]/g;

/** Returns the text as spans, and the style with which the next line begins. */
export function ansiSpans(text, from = {}) {
  const spans = [];
  let style = from, place = 0;
  for (const match of text.matchAll(SEQUENCE)) {
    push(spans, text.slice(place, match.index), style);
    place = match.index + match[0].length;
    if (match[1] !== undefined) style = changed(style, match[1].split(";").map(Number));
  }
  push(spans, text.slice(place), style);
  return { spans, style };
}

function push(spans, text, style) {
  if (!text) return;
  const classes = [style.color && `ansi-${style.color}`, style.bold && "ansi-bold", style.dim && "ansi-dim", style.italic && "ansi-italic", style.underline && "ansi-underline"].filter(Boolean);
  const span = classes.length || style.rgb ? h("span", { class: classes.join(" ") }, text) : document.createTextNode(text);
  if (style.rgb) span.style.color = style.rgb;
  spans.push(span);
}

function changed(style, codes) {
  let next = { ...style };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i];
    if (!code) next = {};
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 39) next.color = next.rgb = null;
    else if (code >= 30 && code <= 37) [next.color, next.rgb] = [NAMES[code - 30], null];
    else if (code >= 90 && code <= 97) [next.color, next.rgb] = [NAMES[code - 90], null];
    else if (code === 38 && codes[i + 1] === 5) i += setIndexed(next, codes[i + 2] ?? 0);
    else if (code === 38 && codes[i + 1] === 2) {
      next.rgb = `rgb(${codes.slice(i + 2, i + 5).map((part) => Math.min(255, part || 0)).join(",")})`;
      i += 4;
    } else if (code === 48) i += codes[i + 1] === 5 ? 2 : 4;
  }
  return next;
}

function setIndexed(style, index) {
  if (index < 16) [style.color, style.rgb] = [NAMES[index % 8], null];
  else if (index < 232) {
    const level = (part) => (part ? part * 40 + 55 : 0);
    const cube = index - 16;
    style.rgb = `rgb(${level(Math.floor(cube / 36))},${level(Math.floor(cube / 6) % 6)},${level(cube % 6)})`;
  } else style.rgb = `rgb(${Array(3).fill((index - 232) * 10 + 8).join(",")})`;
  return 2;
}
