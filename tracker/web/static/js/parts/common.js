// Small parts that several pages show.

import { get } from "../api.js";
import { h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { onLive } from "../live.js";
import { patchOf } from "../chart/draw.js";
import { toast } from "../toast.js";

export function stateMark(state) {
  return h("span.state", { class: state }, h("i"), t(state));
}

export function tagList(tags) {
  return tags.map((tag) => [h("span.tag", { title: tag }, tag), " "]);
}

/** A command that can be copied. */
export function command(text, label = t("Copy")) {
  return h("div.command-line", {},
    h("code", {}, text),
    h("button.icon.quiet", { type: "button", title: label, "aria-label": label, onclick: () => copy(text) }, icon("copy")),
  );
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("Copied."), { seconds: 2 });
  } catch {
    // Without https, or where it is not allowed, the old way.
    const area = h("textarea", { value: text });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    toast(done ? t("Copied.") : t("The browser does not let the page copy."), { seconds: 2, bad: !done });
  }
}

/** What a page says when there is nothing to show. */
export function empty(title, text, ...commands) {
  return h("div.empty", {}, h("h1", {}, title), h("p", {}, text), commands.map((each) => h("pre", {}, each)));
}

export function swatch(style) {
  return h("span.swatch", { style: { background: patchOf(style) } });
}

/** Loads the page anew with the first run of an empty folder. */
export function whenRunsAppear() {
  return onLive("runs", async () => {
    const now = await get("about");
    if (now.projects.some((project) => project.runs)) location.reload();
  });
}

/** Says how far the list of runs is while it is read for the first time; null when it is whole. */
export function readingNote(reading) {
  return reading ? t("Reading runs: {done} of {total}", { done: reading.done.toLocaleString(), total: reading.total.toLocaleString() }) : null;
}
