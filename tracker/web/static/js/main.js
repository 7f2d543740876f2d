// The frame of the page: top bar, the page that the address names, theme, language, keys.

import { complain, get } from "./api.js";
import { fill, h, icon, iconButton } from "./dom.js";
import { chooseLanguage, currentLanguage, t } from "./i18n.js";
import { connect, onLive } from "./live.js";
import { PAGES } from "./pages/index.js";
import { address, go, here, onMove } from "./router.js";
import { changeView, completeAddress, isDark, view, viewParameters } from "./view.js";
import { showKeys } from "./parts/keys.js";

const main = document.getElementById("main");
let leave = null;
let shown = null; // before the first page; "" is the bare address
let about = null;

function chooseTheme(wanted) {
  const stored = localStorage.getItem("tracker.theme");
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.theme = wanted ?? stored ?? system;
  if (wanted) localStorage.setItem("tracker.theme", wanted);
}

async function move(place, again = false) {
  const name = place.path[0] ?? "runs";
  const page = PAGES.find((each) => each.name === name) ?? PAGES[0];
  const identity = place.path.join("/");
  if (page.keepsView) completeAddress();
  drawTop(page);
  if (identity === shown && !again && page.follows) {
    changeView({});
    return;
  }
  shown = identity;
  leave?.();
  leave = null;
  const host = h("div.page");
  fill(main, host);
  document.title = page.title ? `${t(page.title)} · tracker` : "tracker";
  try {
    const module = await page.load();
    if (shown !== identity) return;
    leave = (await module.show(host, place, { about })) ?? null;
  } catch (error) {
    fill(host, h("div.problem", { role: "alert" }, h("b", {}, error.message), error.hint ? h("div", {}, error.hint) : null));
    if (!error.status) console.error(error);
  }
}

function drawTop(page) {
  const links = PAGES.filter((each) => each.title).map((each) =>
    h("a", { href: address([each.name], viewParameters()), "aria-current": each === page ? "page" : null }, t(each.title)),
  );
  const projects = about?.projects ?? [];
  const picker = h("select", { "aria-label": t("Project"), onchange: () => changeView({ project: picker.value, selected: [], hidden: [], on: [], off: [] }) },
    h("option", { value: "" }, t("All projects")),
    projects.map((project) => h("option", { value: project.name, selected: project.name === view().project }, `${project.name} (${project.runs})`)),
  );
  const dark = isDark();
  fill(document.getElementById("top"),
    h("a.brand", { href: address(["runs"]) }, h("img", { src: "static/icon.svg", alt: "" }), h("span", {}, "tracker"), h("small", { title: about?.root }, about?.folder)),
    h("nav", { "aria-label": t("Pages") }, links),
    h("span.space"),
    h("span.live", { class: online ? "on" : "", title: online ? t("Follows the files on disk") : t("The server does not answer.") }, h("span", {}, online ? t("Live") : t("Offline"))),
    about?.read_only ? h("span.tag", {}, t("read only")) : null,
    page.keepsView && projects.length > 1 ? picker : null,
    h("button.quiet", { type: "button", title: t("Language"), "aria-label": currentLanguage() === "en" ? "中文" : "English", onclick: switchLanguage, lang: currentLanguage() === "en" ? "zh-CN" : "en" }, currentLanguage() === "en" ? "中文" : [h("span.wide-only", {}, "English"), h("span.narrow-only", { "aria-hidden": "true" }, "EN")]),
    iconButton(dark ? "sun" : "moon", dark ? t("Light colours") : t("Dark colours"), switchTheme),
    iconButton("help", t("Keys"), showKeys, { class: "wide-only" }),
  );
}

let online = true;

function switchLanguage() {
  chooseLanguage(currentLanguage() === "en" ? "zh" : "en");
  move(here(), true);
}

function switchTheme() {
  chooseTheme(isDark() ? "light" : "dark");
  move(here(), true);
}

function typing(event) {
  return event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
}

const SHORTCUTS = {
  "?": showKeys,
  "/": () => document.querySelector("[data-filter]")?.focus(),
  d: switchTheme,
  r: () => go(["runs"], viewParameters()),
  c: () => go(["curves"], viewParameters()),
  m: () => go(["compare"], viewParameters()),
  a: () => go(["artifacts"]),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event) || document.querySelector("dialog[open]")) return;
  const action = SHORTCUTS[event.key];
  if (action) {
    event.preventDefault();
    action();
  }
});

onLive("state", (now) => {
  if (now === online) return;
  online = now;
  drawTop(PAGES.find((each) => each.name === (here().path[0] ?? "runs")) ?? PAGES[0]);
});

let refreshing = 0;
onLive("runs", () => {
  clearTimeout(refreshing);
  refreshing = setTimeout(async () => {
    const before = JSON.stringify(about?.projects);
    about = await get("about").catch(() => about);
    if (before !== JSON.stringify(about?.projects)) drawTop(PAGES.find((each) => each.name === (here().path[0] ?? "runs")) ?? PAGES[0]);
  }, 500);
});

async function start() {
  chooseLanguage();
  chooseTheme();
  try {
    about = await get("about");
  } catch (error) {
    complain(error);
  }
  // Not before: a page that is shown without knowing of the project is not shown anew with it.
  onMove((place) => move(place));
  await move(here());
  connect(about?.version);
}

start();
