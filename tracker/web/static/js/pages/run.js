// The page of one run.

import { ask, complain, get, runPath } from "../api.js";
import { fill, h, within } from "../dom.js";
import { t } from "../i18n.js";
import { onLive, watch } from "../live.js";
import { address, change, here } from "../router.js";
import { stateMark } from "../parts/common.js";
import { TABS } from "../run/index.js";
import { onView } from "../view.js";

export async function show(host, place, { about }) {
  const key = place.path.slice(1).join("/");
  let run = await get(runPath(key));
  let leave = null;
  let tab = TABS.find((each) => each.name === place.query.get("tab")) ?? TABS[0];
  let keys = null;
  const listeners = new Set();
  const head = h("div.run-head");
  const tabs = h("div.tabs", { role: "tablist", "aria-label": t("Parts of the run") });
  const body = h("div.run-body", { role: "tabpanel" });
  fill(host, head, tabs, body);

  const offeredTabs = () => TABS.filter((each) => each === tab || (each.has?.(run) ?? true));
  let drawn = null;

  function drawHead() {
    const offered = offeredTabs();
    // A run in training is asked for again and again: neither the focus nor the scrolled place may be lost by it.
    const now = JSON.stringify([run.name, run.state, tab.name, offered.map((each) => each.name)]);
    if (now === drawn) return;
    drawn = now;
    const focused = tabs.contains(document.activeElement);
    document.title = `${run.name} · tracker`;
    fill(head,
      h("div.crumbs.small", {}, h("a", { href: address(["runs"], { project: run.project }) }, run.project), " / ", h("code", {}, run.id)),
      h("div.run-title", {}, h("h1", {}, run.name), stateMark(run.state)));
    fill(tabs, offered.map((each) => h("button", { type: "button", role: "tab", "aria-selected": String(each === tab), tabIndex: each === tab ? 0 : -1, onclick: () => open(each) }, t(each.title))));
    // On a phone not all of them have room.
    const selected = tabs.querySelector("[aria-selected=true]");
    selected.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (focused) selected.focus();
  }

  async function open(next) {
    leave?.();
    // A part of one axis is none of another.
    if (next !== tab) change({ range: null, rangeof: null, path: null });
    tab = next;
    change({ tab: next === TABS[0] ? null : next.name });
    drawHead();
    const inside = h("div.tab-inside", { class: `tab-${next.name}` });
    fill(body, inside);
    const module = await next.load();
    if (tab === next) leave = (await module.show(inside, run, { about, changed: reload, onReload })) ?? null;
  }

  async function reload() {
    run = Object.assign(run, await get(runPath(key)));
    drawHead();
    for (const listener of listeners) listener();
  }

  /** For parts that show more when more is known of the run. */
  function onReload(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  // What is logged for the first time may be of media or of the model: their parts appear by themselves.
  const lookForKeys = within(1500, async () => {
    const { metrics } = await ask("metrics", { runs: [key] }).catch(() => ({ metrics: null }));
    const found = metrics?.map((metric) => metric.key).join("\n") ?? keys;
    if (found === keys) return;
    keys = found;
    await reload().catch(() => {});
  });

  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const offered = offeredTabs();
    const next = offered[(offered.indexOf(tab) + step + offered.length) % offered.length];
    open(next).then(() => tabs.querySelector("[aria-selected=true]").focus());
  });
  const named = () => TABS.find((each) => each.name === here().query.get("tab")) ?? TABS[0];
  const stops = [
    // Links within the page of a run name another part of it.
    onView((now, changes) => !Object.keys(changes).length && named() !== tab && open(named()).catch(complain)),
    onLive("runs", () => reload().catch(() => {})),
    onLive("grown", (grown) => {
      if (grown[key]?.includes("record")) reload().catch(() => {});
      if (grown[key]?.includes("history") && run.state === "running") lookForKeys();
    }),
  ];
  watch("run", [key]);
  await open(tab);
  return () => {
    leave?.();
    stops.forEach((stop) => stop());
    watch("run", []);
  };
}
