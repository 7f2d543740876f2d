// What a run printed: follows what is written, can be searched, with the colours of a terminal.

import { complain, fileUrl, get, runPath } from "../api.js";
import { fill, h, iconButton, later } from "../dom.js";
import { t } from "../i18n.js";
import { onLive } from "../live.js";
import { ansiSpans } from "../parts/ansi.js";

const MOST_LINES = 20000;

export async function show(host, run) {
  const lines = h("div.console-lines", { role: "log", tabIndex: 0, "aria-label": t("Console") });
  const search = h("input", { type: "search", placeholder: t("Search"), "aria-label": t("Search the console") });
  const tally = h("span.note.small");
  const follow = h("input", { type: "checkbox", checked: true });
  const earlier = h("button.quiet", { type: "button", hidden: true }, t("Earlier lines"));
  fill(host, h("div.bar", {}, search, tally, h("span.space"), earlier, h("label", {}, follow, " ", t("Follow")),
    h("a.button.quiet", { href: fileUrl(run.key, "output.log", { download: 1 }), download: "output.log" }, t("Download"))), lines);

  let start = 0, end = 0, rest = "", style = {}, all = [];

  function addText(text, { before = false } = {}) {
    const parts = text.split("\n");
    if (before) {
      const made = parts.map((line) => lineOf(line, {}).element);
      if (made.length) lines.prepend(...made);
      all = [...made, ...all];
    } else {
      parts[0] = rest + parts[0];
      rest = parts.pop();
      for (const line of parts) {
        const made = lineOf(line, style);
        style = made.style;
        lines.append(made.element);
        all.push(made.element);
      }
      while (all.length > MOST_LINES) all.shift().remove();
    }
    filter();
  }

  function lineOf(line, from) {
    // A progress bar that was drawn again and again is what it was in the end.
    const last = line.replace(/\r$/, "");
    const shown = last.slice(last.lastIndexOf("\r") + 1);
    const { spans, style: after } = ansiSpans(shown, from);
    return { element: h("div", { class: /^--- session \d+ ---$/.test(shown) ? "session" : "" }, spans), style: after };
  }

  function filter() {
    const wanted = search.value.toLowerCase();
    let found = 0;
    for (const line of all) {
      const fits = !wanted || line.textContent.toLowerCase().includes(wanted);
      line.hidden = !fits;
      found += fits;
    }
    tally.textContent = wanted ? t("{n} of {all} lines", { n: found, all: all.length }) : "";
  }

  async function more() {
    const piece = await get(`${runPath(run.key)}/console`, { start: end || undefined });
    if (!end) start = piece.start;
    if (piece.end < end || piece.size < end) {
      end = 0;
      rest = "";
      all = [];
      fill(lines);
      return more();
    }
    end = piece.end;
    earlier.hidden = start === 0;
    if (piece.text) addText(piece.text);
    if (!all.length && !rest) fill(lines, h("p.note", {}, t("Nothing was printed.")));
    if (follow.checked) lines.scrollTop = lines.scrollHeight;
    return piece.end < piece.size ? more() : undefined;
  }

  earlier.addEventListener("click", async () => {
    try {
      const from = Math.max(0, start - (256 << 10));
      const piece = await get(`${runPath(run.key)}/console`, { start: from });
      const bytes = start - from;
      const text = new TextDecoder().decode(new TextEncoder().encode(piece.text).slice(0, bytes));
      start = from;
      earlier.hidden = start === 0;
      const height = lines.scrollHeight;
      addText(text.replace(/\n$/, ""), { before: true });
      lines.scrollTop += lines.scrollHeight - height;
    } catch (error) {
      complain(error);
    }
  });
  search.addEventListener("input", later(120, filter));
  lines.addEventListener("wheel", () => {
    follow.checked = lines.scrollTop + lines.clientHeight > lines.scrollHeight - 40;
  }, { passive: true });
  await more();
  let busy = false;
  return onLive("grown", async (grown) => {
    if (!grown[run.key]?.includes("console") || busy) return;
    busy = true;
    await more().catch(complain);
    busy = false;
  });
}
